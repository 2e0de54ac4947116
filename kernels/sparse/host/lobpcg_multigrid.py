"""LOBPCG for the lowest eigenvalues with a V-cycle of smoothed aggregation, where the caller left the choice open.

The iteration is SciPy's own, and stops where the caller says; what a bound on the values asks for beyond that is taken
from there, by the same iteration with a smaller tolerance.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.multigrid import Multigrid, build
from fsci.kernels.sparse.node_blocks import unknowns_of
from fsci.kernels.sparse.operator import RowsOperator
from fsci.kernels.sparse.pattern import scan

__all__: list[str] = []

# Iterations with the cycle, and what one takes in products: two smoothings on each of the levels, and their products.
_ITERATIONS, _DEARER = 12.0, 5.0


class _Cycle(LinearOperator):
    """One V-cycle for each column."""

    def __init__(self, cycle: Multigrid, n: int) -> None:
        super().__init__(np.dtype(np.float64), (n, n))
        self._cycle_of = cycle

    def _matvec(self, x: Any) -> Any:
        return self._matmat(np.asarray(x).reshape(-1, 1)).reshape(-1)

    def _matmat(self, x: Any) -> Any:
        z = np.empty((x.shape[1], x.shape[0]))
        for row, column in zip(z, x.T, strict=True):
            self._cycle_of(np.ascontiguousarray(column, np.float64), row)
        return z.T


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    p, a = problem.parameters, problem.operands[0]
    if not p["standard"] or p["options"]["M"] is not None:
        return Refusal("a generalized or constrained problem, or a preconditioner of the caller's")
    if not p["hardened"]:
        return Refusal("strict mode iterates as SciPy does")
    if p["which"] != "SA":
        return Refusal("an approximate inverse helps the lowest eigenvalues alone")
    return Refusal("aggregation is for real matrices") if a.dtype.kind != "f" else None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, x = problem.operands
    return _ITERATIONS * x.shape[1] * (_DEARER * 2.0 * a.nnz + 20.0 * a.shape[0])


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, x = problem.operands
    p = problem.parameters
    wide = a.astype(np.float64, copy=not a.has_canonical_format)
    wide.sum_duplicates()
    m = one_matrix(wide)
    shape = scan(m.n, m.indptr, m.indices, m.data)
    if not (shape.finite and shape.symmetric and shape.positive_diagonal):
        return Attempt(None, status="declined")
    unknowns = unknowns_of(wide.indptr, wide.indices, wide.data)
    cycle = build(wide.indptr, wide.indices, wide.data, wide.diagonal(), unknowns)
    if cycle is None:
        return Attempt(None, status="declined")
    options, operator = {**p["options"], "M": _Cycle(cycle, m.n)}, RowsOperator(a)
    found = p["original"](operator, x.copy(), **options)
    if len(found) == 2 and np.isfinite(found[0]).all():
        w, v = found
        size = float(np.linalg.norm(operator.matmat(v) - v * w, axis=0).max())
        # Values are wrong by about the square of the residual over a gap, which is seldom less than a share of them.
        enough = 0.125 * p["residual"] * float(np.abs(w).max())
        if size > enough > 0.0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the caller's own tolerance was met, or was warned of
                found = p["original"](operator, v, **{**options, "tol": enough})
    return Attempt(found, byproducts={"level_sizes": cycle.sizes})


register(
    Kernel(
        name="lobpcg_multigrid",
        kind="sparse_block_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Knyazev and Neymeyr (2003): multigrid in LOBPCG; Vanek, Mandel and Brezina (1996)",
    )
)
