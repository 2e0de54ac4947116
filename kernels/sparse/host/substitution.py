"""Sparse triangular systems by substitution, rows or columns in their stored order; right-hand sides shared to threads.

No levels are scheduled: finding them reads the matrix once, which is what a substitution costs, and on
one right-hand side the dependent additions of a level are fewer than a barrier is worth on a few cores. Several
right-hand sides need none: each thread takes some of them.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, complex64, complex128, float32, float64, int32, int64

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.sparse.split import Threads, evenly
from fsci.kernels.threads import spread

__all__ = ["solve_columns", "solve_rows"]

_THREADS = Threads("csr_vectors")
_SIGNATURES = [
    int64(int32[::1], int32[::1], d[::1], boolean, boolean, d[:, ::1], int64, int64)
    for d in (float64, complex128, float32, complex64)
]


@jit(_SIGNATURES)
def solve_rows(indptr, indices, data, lower, unit, x, start, stop):  # type: ignore[no-untyped-def]
    """The columns `start` to `stop` of x, in place; gives -1, or the row whose pivot is zero.

    -2 is for an entry on the wrong side of the diagonal.
    """
    n = indptr.size - 1
    for step in range(n):
        i = step if lower else n - 1 - step
        pivot = data.dtype.type(0)
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            if j == i:
                pivot += data[k]
            elif (j > i) == lower:
                return -2
            else:
                for c in range(start, stop):
                    x[i, c] -= data[k] * x[j, c]
        if not unit:
            if pivot == 0:
                return i
            for c in range(start, stop):
                x[i, c] /= pivot
    return -1


@jit(_SIGNATURES)
def solve_columns(indptr, indices, data, lower, unit, x, start, stop):  # type: ignore[no-untyped-def]
    """As `solve_rows`, for compressed columns."""
    n = indptr.size - 1
    for step in range(n):
        j = step if lower else n - 1 - step
        if not unit:
            pivot = data.dtype.type(0)
            for k in range(indptr[j], indptr[j + 1]):
                if indices[k] == j:
                    pivot += data[k]
            if pivot == 0:
                return j
            for c in range(start, stop):
                x[j, c] /= pivot
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            if i == j:
                continue
            if (i < j) == lower:
                return -2
            for c in range(start, stop):
                x[i, c] -= data[k] * x[j, c]
    return -1


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    return float((a.nnz + a.shape[0]) * b.shape[1])


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    lower, unit = problem.parameters["lower"], problem.parameters["unit"]
    solve = solve_rows if a.format == "csr" else solve_columns
    x = b.copy()
    parts = min(_THREADS(x.dtype, _work(problem, evidence)), max(x.shape[1], 1))
    codes = spread(
        lambda i, j: int(solve(a.indptr, a.indices, a.data, lower, unit, x, i, j)), evenly(x.shape[1], parts)
    )
    code = max(codes) if max(codes) >= 0 else min(codes)
    if code == -2:
        return Attempt(None, status="declined")
    if code >= 0:
        return Attempt(None, status="singular", byproducts={"zero_pivot": code}, final=True)
    finite = bool(np.isfinite(x).all())
    return Attempt(x, status="ok", byproducts={"finite": finite})


register(
    Kernel(
        name="substitution",
        kind="sparse_triangular",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="substitution; backward stable row by row: Higham (2002), theorem 8.5",
    )
)
