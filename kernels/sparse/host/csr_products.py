"""Products of compressed rows with a vector and with several vectors, row by row.

The sum of each row is taken in stored order from zero, as SciPy's is, so that the
results are the same to the last bit for any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.eight import row_times_eight, row_times_some, written
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.prefetch import PREFETCH_AHEAD, STREAM_AHEAD, prefetch, scattered
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = [
    "VECTORS_THREADS",
    "VECTOR_THREADS",
    "csr_matmat_dense",
    "csr_matvec",
    "rows_times_real_vectors",
    "rows_times_vector",
    "rows_times_vectors",
]

VECTOR_THREADS = Threads("csr_vector")
VECTORS_THREADS = Threads("csr_vectors")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]

# The largest limit (glibc's M_MMAP_THRESHOLD) from which on every array is memory that no cache has seen; and more than
# a cache can hold for whoever reads it next.
_NEW_MEMORY = 2**25


@jit([int64(i[::1], i[::1], d[::1], d[::1], d[::1], int64, int64) for d, i in _KINDS])
def rows_times_vector(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """y[start:stop] = (A x)[start:stop]; gives -1, or a row near which A is malformed."""
    stored = min(indices.size, data.size)
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, x.size, first, last):
            return first
        end = uint64(indptr[first])
        if scattered(indices, int64(end), int64(indptr[last])):
            for i in range(uint64(first), uint64(last)):
                total = y.dtype.type(0)
                begin, end = end, uint64(indptr[i + uint64(1)])
                prefetch(data, begin + uint64(STREAM_AHEAD))
                for k in range(begin, end):
                    prefetch(x, uint64(indices[min(k + uint64(PREFETCH_AHEAD), uint64(stored) - uint64(1))]))
                    total += data[k] * x[uint64(indices[k])]
                y[i] = total
            continue
        for i in range(uint64(first), uint64(last)):
            total = y.dtype.type(0)
            begin, end = end, uint64(indptr[i + uint64(1)])
            prefetch(data, begin + uint64(STREAM_AHEAD))
            for k in range(begin, end):
                total += data[k] * x[uint64(indices[k])]
            y[i] = total
    return -1


@jit(
    [
        int64(i[::1], i[::1], d[::1], d[:, ::1], d[:, ::1], int64, int64)
        for d, i in _KINDS
        if d not in (float64, float32)
    ]
)
def rows_times_vectors(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """As `rows_times_vector` for the columns of x, eight at a time in registers."""
    stored = min(indices.size, data.size)
    columns = uint64(x.shape[1])
    eights = columns - columns % uint64(8)
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, x.shape[0], first, last):
            return first
        end = uint64(indptr[first])
        for i in range(uint64(first), uint64(last)):
            begin, end = end, uint64(indptr[i + uint64(1)])
            prefetch(data, begin + uint64(STREAM_AHEAD))
            for c in range(uint64(0), eights, uint64(8)):
                s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = y.dtype.type(0)
                for k in range(begin, end):
                    ahead = k + uint64(PREFETCH_AHEAD)
                    if ahead < uint64(stored):
                        prefetch(x, uint64(indices[ahead]) * columns + c)
                    a, j = data[k], uint64(indices[k])
                    s0 += a * x[j, c]
                    s1 += a * x[j, c + uint64(1)]
                    s2 += a * x[j, c + uint64(2)]
                    s3 += a * x[j, c + uint64(3)]
                    s4 += a * x[j, c + uint64(4)]
                    s5 += a * x[j, c + uint64(5)]
                    s6 += a * x[j, c + uint64(6)]
                    s7 += a * x[j, c + uint64(7)]
                y[i, c], y[i, c + uint64(1)], y[i, c + uint64(2)], y[i, c + uint64(3)] = s0, s1, s2, s3
                y[i, c + uint64(4)], y[i, c + uint64(5)], y[i, c + uint64(6)], y[i, c + uint64(7)] = s4, s5, s6, s7
            for c in range(eights, columns):
                total = y.dtype.type(0)
                for k in range(begin, end):
                    total += data[k] * x[uint64(indices[k]), c]
                y[i, c] = total
    return -1


@jit(
    [
        int64(i[::1], i[::1], d[::1], d[:, ::1], d[:, ::1], int64, int64, boolean)
        for d, i in _KINDS
        if d in (float64, float32)
    ]
)
def rows_times_real_vectors(indptr, indices, data, x, y, start, stop, past):  # type: ignore[no-untyped-def]
    """As `rows_times_vectors` for real numbers, eight columns or the rest of them in a vector register.

    With `past` the result is written past the caches: y lies on 16 bytes, and its columns are a multiple of eight.
    """
    stored = uint64(min(indices.size, data.size))
    columns = uint64(x.shape[1])
    eights = columns - columns % uint64(8)
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, int64(stored), x.shape[0], first, last):
            return first
        end = uint64(indptr[first])
        for i in range(uint64(first), uint64(last)):
            begin, end = end, uint64(indptr[i + uint64(1)])
            for c in range(uint64(0), eights, uint64(8)):
                row_times_eight(data, indices, x, y, begin, end, stored, columns, c, i * columns + c, past)
            if eights < columns:
                row_times_some(
                    data, indices, x, y, begin, end, stored, columns, eights, i * columns + eights, columns - eights
                )
    if past:
        written()
    return -1


def csr_matvec(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A x, for arrays of one dtype and one index dtype."""
    y = np.empty(rows, data.dtype)
    parts = VECTOR_THREADS.pieces(data.dtype, data.size + rows)
    if parts == 1:
        bad = rows_times_vector(indptr, indices, data, x, y, 0, rows)
    else:
        bounds = by_entries(indptr, rows, parts)
        bad = max(spread(lambda i, j: rows_times_vector(indptr, indices, data, x, y, i, j), bounds))
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.size), columns, rows)
    return y


def csr_matmat_dense(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A X, X of C order."""
    y = np.empty((rows, x.shape[1]), data.dtype)
    parts = VECTORS_THREADS.pieces(data.dtype, (data.size + rows) * x.shape[1])
    multiply: Any = rows_times_vectors
    how: tuple[bool, ...] = ()
    if data.dtype.kind == "f":
        past = y.nbytes > _NEW_MEMORY and x.shape[1] % 8 == 0 and y.ctypes.data % 16 == 0
        multiply, how = rows_times_real_vectors, (past,)
    if parts == 1:
        bad = multiply(indptr, indices, data, x, y, 0, rows, *how)
    else:
        bounds = by_entries(indptr, rows, parts)
        bad = max(spread(lambda i, j: multiply(indptr, indices, data, x, y, i, j, *how), bounds))
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.size), columns, rows)
    return y
