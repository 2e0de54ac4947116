"""Sparse triangular systems by substitution, rows or columns in their stored order; right-hand sides shared to threads.

No levels are scheduled (Anderson and Saad, 1989): finding them reads the pattern, which is a third of the matrix
and on one core takes half as long as the substitution, so that two cores cannot gain, and rows taken by levels are
no longer read as they lie (Laplacians of 1e6 rows: 1.6 to 3 times as long on two threads, the levels known). Several
right-hand sides need none: each thread takes some of them, four at a time, in memory of its own.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import boolean, complex64, complex128, float32, float64, int32, int64

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.sparse.split import Threads, evenly
from fsci.kernels.threads import spread

__all__ = ["solve_column", "solve_columns", "solve_row", "solve_rows"]

_THREADS = Threads("csr_vectors")
_KINDS = (float64, complex128, float32, complex64)
_ONE = [int64(int32[::1], int32[::1], d[::1], boolean, boolean, d[::1]) for d in _KINDS]
_FOUR = [int64(int32[::1], int32[::1], d[::1], boolean, boolean, d[:, ::1]) for d in _KINDS]
_WIDTH = 4


@jit(_ONE)
def solve_row(indptr, indices, data, lower, unit, x):  # type: ignore[no-untyped-def]
    """Solve in place, from compressed rows; gives -1, or the row whose pivot is zero.

    -2 is for an entry on the wrong side of the diagonal.
    """
    n = indptr.size - 1
    for step in range(n):
        i = step if lower else n - 1 - step
        pivot, total = data.dtype.type(0), x[i]
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            if j == i:
                pivot += data[k]
            elif (j > i) == lower:
                return -2
            else:
                total -= data[k] * x[j]
        if not unit:
            if pivot == 0:
                return i
            total /= pivot
        x[i] = total
    return -1


@jit(_FOUR)
def solve_rows(indptr, indices, data, lower, unit, x):  # type: ignore[no-untyped-def]
    """As `solve_row`, four right-hand sides at a time."""
    n = indptr.size - 1
    for step in range(n):
        i = step if lower else n - 1 - step
        pivot, t0, t1, t2, t3 = data.dtype.type(0), x[i, 0], x[i, 1], x[i, 2], x[i, 3]
        for k in range(indptr[i], indptr[i + 1]):
            j, factor = indices[k], data[k]
            if j == i:
                pivot += factor
            elif (j > i) == lower:
                return -2
            else:
                t0 -= factor * x[j, 0]
                t1 -= factor * x[j, 1]
                t2 -= factor * x[j, 2]
                t3 -= factor * x[j, 3]
        if not unit:
            if pivot == 0:
                return i
            t0 /= pivot
            t1 /= pivot
            t2 /= pivot
            t3 /= pivot
        x[i, 0], x[i, 1], x[i, 2], x[i, 3] = t0, t1, t2, t3
    return -1


@jit(inline=True)
def _pivot(indptr, indices, data, j):  # type: ignore[no-untyped-def]
    total = data.dtype.type(0)
    for k in range(indptr[j], indptr[j + 1]):
        if indices[k] == j:
            total += data[k]
    return total


@jit(_ONE)
def solve_column(indptr, indices, data, lower, unit, x):  # type: ignore[no-untyped-def]
    """As `solve_row`, from compressed columns."""
    n = indptr.size - 1
    for step in range(n):
        j = step if lower else n - 1 - step
        if not unit:
            pivot = _pivot(indptr, indices, data, j)
            if pivot == 0:
                return j
            x[j] /= pivot
        own = x[j]
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            if i == j:
                continue
            if (i < j) == lower:
                return -2
            x[i] -= data[k] * own
    return -1


@jit(_FOUR)
def solve_columns(indptr, indices, data, lower, unit, x):  # type: ignore[no-untyped-def]
    """As `solve_column`, four right-hand sides at a time."""
    n = indptr.size - 1
    for step in range(n):
        j = step if lower else n - 1 - step
        if not unit:
            pivot = _pivot(indptr, indices, data, j)
            if pivot == 0:
                return j
            for c in range(4):
                x[j, c] /= pivot
        x0, x1, x2, x3 = x[j, 0], x[j, 1], x[j, 2], x[j, 3]
        for k in range(indptr[j], indptr[j + 1]):
            i, factor = indices[k], data[k]
            if i == j:
                continue
            if (i < j) == lower:
                return -2
            x[i, 0] -= factor * x0
            x[i, 1] -= factor * x1
            x[i, 2] -= factor * x2
            x[i, 3] -= factor * x3
    return -1


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    return float((a.nnz + a.shape[0]) * b.shape[1])


def _solve(problem: Problem, x: Any, start: int, stop: int) -> int:
    """The columns `start` to `stop` of x, at most four; gives the kernel's code."""
    a = problem.operands[0]
    arrays = a.indptr, a.indices, a.data, problem.parameters["lower"], problem.parameters["unit"]
    by_rows, count = a.format == "csr", stop - start
    if count == 1:
        # A thread writes to memory of its own: two that write to one cache line wait for each other.
        column = np.ascontiguousarray(x[:, start])
        code = int((solve_row if by_rows else solve_column)(*arrays, column))
        if x.shape[1] > 1:
            x[:, start] = column
        return code
    block = np.zeros((x.shape[0], _WIDTH), x.dtype)
    block[:, :count] = x[:, start:stop]
    code = int((solve_rows if by_rows else solve_columns)(*arrays, block))
    x[:, start:stop] = block[:, :count]
    return code


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    x = problem.operands[1].copy()
    columns = x.shape[1]
    threads = _THREADS(x.dtype, _work(problem, evidence))
    bounds = evenly(columns, max(min(threads, columns), -(-columns // _WIDTH)))
    if threads == 1:
        codes = [_solve(problem, x, i, j) for i, j in pairwise(bounds)]
    else:
        codes = spread(lambda i, j: _solve(problem, x, i, j), bounds)
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
