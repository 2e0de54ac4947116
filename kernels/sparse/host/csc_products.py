"""Products of compressed columns, and of compressed rows transposed, without conversion: scattered sums.

One thread adds in stored order, as SciPy does. Several take a range of columns each, into a
result of their own; those are added in the order of the ranges, so that the bits depend on
the number of threads alone. Several vectors are shared out by vector, and stay as SciPy's: of doubles eight at a
time in a register, of other dtypes by SciPy's own loop, which is as fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64
from scipy.sparse import _sparsetools

from fsci.kernels.jit import jit
from fsci.kernels.lanes import load, splat, store
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.prefetch import PREFETCH_AHEAD, STREAM_AHEAD, prefetch
from fsci.kernels.sparse.scattering import reach, scatter
from fsci.kernels.sparse.soundness import A_CALL, inside
from fsci.kernels.sparse.split import Threads, by_entries, evenly
from fsci.kernels.threads import spread

__all__ = [
    "VECTOR_THREADS",
    "columns_times_doubles",
    "columns_times_vector",
    "columns_times_vectors",
    "csc_matmat_dense",
    "csc_matvec",
]

VECTOR_THREADS = Threads("csc_vector")
_CSC_VECTORS_THREADS = Threads("csc_vectors")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]


@jit(inline=True)
def _smallest(indices, start, stop):  # type: ignore[no-untyped-def]
    smallest = int64(indices[start]) if stop > start else int64(0)
    for k in range(uint64(start), uint64(stop)):
        smallest = min(smallest, int64(indices[k]))
    return smallest


@jit([int64(i[::1], i[::1], d[::1], d[::1], d[::1], int64, int64, int64) for d, i in _KINDS])
def columns_times_vector(indptr, indices, data, x, y, low, start, stop):  # type: ignore[no-untyped-def]
    """Add A[:, start:stop] x[start:stop] to y, whose first entry is that of row `low`.

    Gives -1, or a column from which on nothing was added: near it A is malformed, or reaches outside of y.
    """
    stored = min(indices.size, data.size)
    if stop > x.size:
        return start
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, low + y.size, first, last):
            return first
        begin, end = int64(indptr[first]), int64(indptr[last])
        if low > 0 and end > begin and _smallest(indices, begin, end) < low:
            return first
        for j in range(uint64(first), uint64(last)):
            factor = x[j]
            begin_j = uint64(indptr[j])
            prefetch(data, begin_j + uint64(STREAM_AHEAD))
            for k in range(begin_j, uint64(indptr[j + uint64(1)])):
                y[uint64(indices[k]) - uint64(low)] += data[k] * factor
    return -1


@jit([int64(i[::1], i[::1], d[::1], d[:, ::1], d[:, ::1]) for d, i in _KINDS if d is not float64])
def columns_times_vectors(indptr, indices, data, x, y):  # type: ignore[no-untyped-def]
    """Y += A X; gives -1, or a column near which A is malformed."""
    stored = min(indices.size, data.size)
    columns, vectors = x.shape[0], uint64(x.shape[1])
    for first in range(0, columns, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, columns)
        if not compressed_inside(indptr, indices, stored, y.shape[0], first, last):
            return first
        for j in range(uint64(first), uint64(last)):
            for k in range(uint64(indptr[j]), uint64(indptr[j + uint64(1)])):
                a, i = data[k], uint64(indices[k])
                for c in range(vectors):
                    y[i, c] += a * x[j, c]
    return -1


@jit([int64(i[::1], i[::1], float64[::1], float64[:, ::1], float64[:, ::1], int64, int64) for i in (int32, int64)])
def columns_times_doubles(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """Y[:, start:stop] += A X[:, start:stop], eight vectors in a register; gives as `columns_times_vectors`."""
    stored = min(indices.size, data.size)
    columns, vectors = x.shape[0], uint64(x.shape[1])
    for first in range(0, columns, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, columns)
        if not compressed_inside(indptr, indices, stored, y.shape[0], first, last):
            return first
        for j in range(uint64(first), uint64(last)):
            begin, end = uint64(indptr[j]), uint64(indptr[j + uint64(1)])
            prefetch(data, begin + uint64(STREAM_AHEAD))
            prefetch(indices, begin + uint64(2 * STREAM_AHEAD))
            prefetch(x, (j + uint64(PREFETCH_AHEAD)) * vectors + uint64(start))
            for k in range(begin, end):
                ahead = min(k + uint64(2 * PREFETCH_AHEAD), uint64(stored) - uint64(1))
                prefetch(y, uint64(indices[ahead]) * vectors + uint64(start))
            c = uint64(start)
            while c + uint64(8) <= uint64(stop):
                factors = load(x, j * vectors + c)
                for k in range(begin, end):
                    at = uint64(indices[k]) * vectors + c
                    store(y, at, load(y, at) + splat(data[k]) * factors)
                c += uint64(8)
            while c < uint64(stop):
                factor = x[j, c]
                for k in range(begin, end):
                    y[uint64(indices[k]), c] += data[k] * factor
                c += uint64(1)
    return -1


def csc_matvec(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A x, for arrays of one dtype and one index dtype."""
    bounds = sorted({0, *by_entries(indptr, columns, VECTOR_THREADS(data.dtype, data.size + rows)), columns})
    y = np.zeros(rows, data.dtype)
    if len(bounds) <= 2:
        bad = columns_times_vector(indptr, indices, data, x, y, 0, 0, columns)
    else:
        bad = scatter(
            y,
            bounds,
            lambda i, j: reach(indices, int(indptr[i]), int(indptr[j]), rows),
            lambda own, low, i, j: columns_times_vector(indptr, indices, data, x, own, low, i, j),
        )
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.size), rows, columns)
    return y


def csc_matmat_dense(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A X, X of C order."""
    vectors = x.shape[1]
    y = np.zeros((rows, vectors), data.dtype)
    work = (data.size + rows) * vectors
    if data.dtype == np.float64:
        # A thread takes eight vectors or more: of fewer, two would write to the same lines of memory.
        parts = 1 if vectors < 16 else min(_CSC_VECTORS_THREADS(data.dtype, work), vectors // 8)
        bounds = [*(8 * g for g in evenly(vectors // 8, parts)[:-1]), vectors]
        bad = max(spread(lambda i, j: columns_times_doubles(indptr, indices, data, x, y, i, j), bounds))
    elif work < A_CALL:
        bad = columns_times_vectors(indptr, indices, data, x, y)
    else:
        bad = -int(inside(indptr, indices, min(indices.size, data.size), rows, columns))
        if bad:
            _sparsetools.csc_matvecs(rows, columns, vectors, indptr, indices, data, x.ravel(), y.ravel())
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.size), rows, columns)
    return y
