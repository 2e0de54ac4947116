"""GMRES and BiCGSTAB with SuperLU's incomplete factorization: pivots, a drop tolerance, and a bound on the fill."""

from __future__ import annotations

from typing import Any

from scipy.sparse import csc_array
from scipy.sparse.linalg._dsolve import _superlu

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.chosen import iterated, methods_refusal
from fsci.kernels.sparse.work_limit import allowed, direct_work, work_of

__all__: list[str] = []

# At most so many entries for each of the matrix: this bounds what the factorization and the solves cost.
_FILL, _DROP = 10.0, 1e-3
_GAIN, _DEARER = 8.0, 12.0


def _setup(problem: Problem) -> float:
    a = problem.operands[0]
    per_row = float(a.nnz) / max(a.shape[0], 1)
    # A row of U is subtracted for each entry of L: twice the square of their number in a row.
    return 2.0 * float(a.nnz) * per_row * _FILL


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = methods_refusal(problem, ("gmres", "bicgstab"))
    if refusal is None and _setup(problem) > direct_work(problem, evidence):
        return Refusal("a complete factorization is expected to cost less")
    return refusal


def _work(problem: Problem, evidence: Evidence) -> float:
    return work_of(problem, evidence, _GAIN, _DEARER, 1.0) + _setup(problem)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    if not a.has_canonical_format:
        a = a.copy()
        a.sum_duplicates()
    options = {"ILU_DropTol": _DROP, "ILU_FillFactor": _FILL, "ColPerm": "COLAMD"}
    try:
        # Compressed rows are the columns of the transpose: no conversion, and the transposed solve.
        factors = _superlu.gstrf(
            a.shape[0], a.nnz, a.data, a.indices, a.indptr, csc_construct_func=csc_array, ilu=True, options=options
        )
    except RuntimeError:  # singular
        return Attempt(None, status="stalled")
    fill = float(factors.nnz) / max(a.nnz, 1)

    def precondition(r: Any, z: Any) -> None:
        z[:] = factors.solve(r, "T")

    return iterated(problem, evidence, precondition, allowed(problem, evidence, 1.0 + fill), {"fill": fill})


register(
    Kernel(
        name="krylov_threshold",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Saad (1994): ILUTP; Li and Shao (2011): SuperLU's",
    )
)
