"""Multifrontal LU of the matrix that a matching permutes and scales, so that pivots are where they are expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.columns import moved_matrix
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.estimation import contracts
from fsci.kernels.sparse.factored import Reusable, ordering_fits, ordering_work, refined
from fsci.kernels.sparse.multifrontal import lu, supernodal

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    m = evidence.get("matching")
    if m is None:
        return Refusal("no matching is known")
    if m.blocks > 1:
        return Refusal("the diagonal blocks are small")
    if evidence.get("restricted_pivots") is False:
        return Refusal("pivots inside supernodes were too small")
    return ordering_fits(problem, m.ordering, 2.0)


def work(problem: Problem, evidence: Evidence) -> float:
    return ordering_work(problem, evidence.get("matching").ordering, 2.0)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, m = compressed(problem), evidence.get("matching")
    b = moved_matrix(a, m)
    factors = lu(supernodal(m.starts, m.lists, m.ordering), b.indptr, b.indices, b.data, False)

    def stored(rhs: Any, adjoint: bool) -> Any:
        """By the stored columns S, with ``B = (R S C)[rows]``: ``S^-1 rhs = C B^-1 (R rhs)[rows]``."""
        left, right = (
            (m.row_scale, m.column_scale) if rhs.ndim == 1 else (m.row_scale[:, None], m.column_scale[:, None])
        )
        if not adjoint:
            return right * factors.solve((left * rhs)[m.row_of], False)
        found = factors.solve(right * rhs, True)
        back = np.empty_like(found)
        back[m.row_of] = found
        return left * back

    def solve(rhs: Any, adjoint: bool = False) -> Any:
        # Stored rows are the columns of the transpose, whose adjoint is the conjugate.
        return stored(rhs.conj(), not adjoint).conj() if a.by_rows else stored(rhs, adjoint)

    if factors.replaced and not contracts(a, solve):
        return Attempt(None, status="stalled", facts={"restricted_pivots": Fact(False)})
    x, measured = refined(problem, solve)
    kept = {"factors": Fact(Reusable(solve, repr(factors)))}
    return Attempt(x, byproducts={"solve": solve, "measured": measured, "factors": factors}, facts=kept)


register(
    Kernel(
        name="lu_multifrontal_matched",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Duff and Koster (2001); Li and Demmel (1998); Duff and Reid (1984)",
    )
)
