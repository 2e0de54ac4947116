"""Sparse LU column by column, in diagonal blocks: for circuits, power grids and plants, whose factors stay sparse."""

from __future__ import annotations

from typing import Any

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.columns import Matching, columns_of
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.factored import Reusable, ordering_fits, refined

__all__: list[str] = []

# Flops that the search for one entry of a factor, and its moves, are worth.
_PER_ENTRY = 40.0
# A factor this many times as full as predicted shows that the ordering does not fit the pivots.
_FULLER = 1.5


def _known(evidence: Evidence) -> tuple[Matching | None, Any]:
    m = evidence.get("matching")
    return (m, m.ordering) if m is not None else (None, evidence.get("ordering"))


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    _, ordering = _known(evidence)
    if ordering is None:
        return Refusal("neither a symmetric ordering nor a matching is known")
    return ordering_fits(problem, ordering, 2.0 * _FULLER)


def work(problem: Problem, evidence: Evidence) -> float:
    _, ordering = _known(evidence)
    a, b = problem.operands
    columns = b.shape[1] if b.ndim > 1 else 1
    return 2.0 * ordering.flops + (_PER_ENTRY + 4.0 * columns) * (ordering.entries + a.nnz)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    m, ordering = _known(evidence)
    a = compressed(problem)
    factors = columns_of(a, m, ordering, 2.0 * _FULLER * ordering.entries + 2.0 * a.n)
    if factors is None:
        return Attempt(None, status="stalled")
    x, measured = refined(problem, factors.solve)
    kept = {"factors": Fact(Reusable(factors.solve, repr(factors)))}
    return Attempt(x, byproducts={"solve": factors.solve, "measured": measured, "factors": factors}, facts=kept)


register(
    Kernel(
        name="lu_left_looking",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Gilbert and Peierls (1988); Eisenstat and Liu (1992); Davis and Palamadai Natarajan (2010)",
    )
)
