"""SuperLU with its own orderings: by columns for any pattern, of A + A.T with diagonal pivots for symmetric ones.

The other two are left out: on the matrices tried, minimum degree on A.T A gained nothing of note over COLAMD, and
columns as they stand won on a few, where the matching or the band mostly serves better still.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg._dsolve import _superlu

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.factored import SURELY_FITS, Reusable, available_bytes, refined

__all__ = ["superlu_answer", "superlu_solver"]

_COLAMD = {"ColPerm": "COLAMD"}
_ARRAYS_PER_ENTRY = 16.0  # value and index
_COLUMN_FILL = 4.0  # what a column ordering fills beyond a symmetric one, at the least


@dataclass(frozen=True, slots=True, repr=False)
class _Solver:
    """Factors of the stored columns. An object, not a closure that calls itself: a cycle would hold on to them."""

    factors: Any
    dtype: Any
    by_rows: bool

    def __call__(self, rhs: Any, adjoint: bool = False) -> Any:
        """``A^-1 @ rhs``, or ``A^-H @ rhs``."""
        if self.dtype.kind != "c" and np.iscomplexobj(rhs):
            return self(rhs.real, adjoint) + 1j * self(rhs.imag, adjoint)
        rhs = np.asarray(rhs, self.dtype)
        if not self.by_rows:
            return self.factors.solve(rhs, "H" if adjoint else "N")
        # The stored columns are those of the transpose: its adjoint is the conjugate.
        return self.factors.solve(rhs.conj(), "N").conj() if adjoint else self.factors.solve(rhs, "T")


def superlu_solver(a: Any, options: dict[str, Any]) -> Callable[..., Any]:
    """``solve(rhs, adjoint=False)`` with the factors of a CSC or CSR container; raises as SuperLU does."""
    indices, indptr = a.indices.astype(np.intc, copy=False), a.indptr.astype(np.intc, copy=False)
    factors = _superlu.gstrf(
        a.shape[0], a.nnz, a.data, indices, indptr, csc_construct_func=csc_array, ilu=False, options=options
    )
    return _Solver(factors, a.data.dtype, a.format == "csr")


def superlu_answer(a: Any, b: Any) -> tuple[Any, int]:
    """What SciPy's `spsolve` calls, factors and solution at once; and the first zero pivot, or n and the memory short.

    Columns are ordered by COLAMD.
    """
    indices, indptr = a.indices.astype(np.intc, copy=False), a.indptr.astype(np.intc, copy=False)
    x, info = _superlu.gssv(a.shape[0], a.nnz, a.data, indices, indptr, b, int(a.format == "csc"), options=_COLAMD)
    return x, int(info)


def _fits(problem: Problem, evidence: Evidence) -> Refusal | None:
    if "structure" not in evidence:
        return Refusal("nothing is known of the matrix yet")
    if evidence.get("malformed"):
        return Refusal("the matrix is malformed")
    if problem.operands[0].nnz >= 2**31 - 1:
        return Refusal("more entries than SuperLU's 32-bit indices can count")
    ordering = _predicted(evidence)
    if ordering is not None:
        if 2.0 * ordering.entries >= 2**31:
            return Refusal(f"about {2.0 * ordering.entries:.3g} entries in the factors: more than 32-bit indices count")
        predicted = 2.0 * ordering.entries * _ARRAYS_PER_ENTRY
        if predicted > SURELY_FITS and predicted > available_bytes():
            return Refusal(f"the factors take {predicted:.3g} bytes, and {available_bytes():.3g} are available")
    return None


def _predicted(evidence: Evidence) -> Any:
    """The ordering that tells most about the fill: a symmetric one, or that of the matched matrix; None without."""
    matching = evidence.get("matching")
    if matching is not None:
        return matching.ordering
    return evidence.get("ordering") or evidence.get("indefinite_ordering")


def symmetric_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if "ordering" not in evidence:
        return Refusal("the pattern is too far from symmetric, or pivots near the diagonal vanish")
    if evidence.get("restricted_pivots") is False:
        return Refusal("pivots near the diagonal were too small")
    return _fits(problem, evidence)


def column_work(problem: Problem, evidence: Evidence) -> float:
    ordering, nnz = _predicted(evidence), problem.operands[0].nnz
    return _COLUMN_FILL * 2.0 * ordering.flops + 100.0 * nnz if ordering is not None else 400.0 * nnz


def symmetric_work(problem: Problem, evidence: Evidence) -> float:
    return 2.0 * evidence.get("ordering").flops + 100.0 * problem.operands[0].nnz


def _run(options: dict[str, Any], final: bool) -> Callable[[Problem, Evidence], Attempt]:
    def run(problem: Problem, evidence: Evidence) -> Attempt:
        try:
            solve = superlu_solver(problem.operands[0], options)
        except RuntimeError as error:
            if "singular" in str(error):
                return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=final)
            return Attempt(None, status="stalled")
        x, measured = refined(problem, solve)
        kept = {"factors": Fact(Reusable(solve, f"SuperLU, {options['ColPerm']}"))}
        return Attempt(x, byproducts={"solve": solve, "measured": measured}, facts=kept)

    return run


register(
    Kernel(
        name="superlu",
        kind="sparse_linear_system",
        shelf="host",
        applies=_fits,
        work=column_work,
        run=_run(_COLAMD, True),
        safest=True,
        source="Demmel, Eisenstat, Gilbert, Li and Liu (1999): SuperLU, COLAMD",
    )
)
register(
    Kernel(
        name="superlu_symmetric",
        kind="sparse_linear_system",
        shelf="host",
        applies=symmetric_applies,
        work=symmetric_work,
        run=_run({"ColPerm": "MMD_AT_PLUS_A", "DiagPivotThresh": 0.01, "SymmetricMode": True}, False),
        source="Demmel, Eisenstat, Gilbert, Li and Liu (1999): SuperLU, symmetric mode",
    )
)
