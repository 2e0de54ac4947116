"""Products of compressed columns, and of compressed rows transposed, without conversion: scattered sums.

One thread adds in stored order, as SciPy does. Several take a range of columns each, into a
result of their own; those are added in the order of the ranges, so that the bits depend on
the number of threads alone. Several vectors are shared out by vector, and stay as SciPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64
from scipy.sparse import _sparsetools

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.soundness import A_CALL, inside
from fsci.kernels.sparse.split import Threads, add_all, by_entries, evenly
from fsci.kernels.threads import spread

__all__ = ["VECTOR_THREADS", "columns_times_vector", "columns_times_vectors", "csc_matmat_dense", "csc_matvec"]

VECTOR_THREADS = Threads("csc_vector")
_CSC_VECTORS_THREADS = Threads("csc_vectors")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]


@jit([int64(i[::1], i[::1], d[::1], d[::1], d[::1], int64, int64) for d, i in _KINDS])
def columns_times_vector(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """Y += A[:, start:stop] x[start:stop]; gives -1, or a column near which A is malformed."""
    stored = min(indices.size, data.size)
    if stop > x.size:
        return start
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, y.size, first, last):
            return first
        for j in range(uint64(first), uint64(last)):
            factor = x[j]
            for k in range(uint64(indptr[j]), uint64(indptr[j + uint64(1)])):
                y[uint64(indices[k])] += data[k] * factor
    return -1


@jit([int64(i[::1], i[::1], d[::1], d[:, ::1], d[:, ::1], int64, int64) for d, i in _KINDS])
def columns_times_vectors(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """Y[:, start:stop] += A X[:, start:stop]; gives -1, or a column near which A is malformed."""
    stored = min(indices.size, data.size)
    columns = x.shape[0]
    for first in range(0, columns, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, columns)
        if not compressed_inside(indptr, indices, stored, y.shape[0], first, last):
            return first
        fours = uint64(stop) - (uint64(stop) - uint64(start)) % uint64(4)
        for j in range(uint64(first), uint64(last)):
            begin, end = uint64(indptr[j]), uint64(indptr[j + uint64(1)])
            for c in range(uint64(start), fours, uint64(4)):
                d, e, f = c + uint64(1), c + uint64(2), c + uint64(3)
                x0, x1, x2, x3 = x[j, c], x[j, d], x[j, e], x[j, f]
                for k in range(begin, end):
                    a, i = data[k], uint64(indices[k])
                    y[i, c] += a * x0
                    y[i, d] += a * x1
                    y[i, e] += a * x2
                    y[i, f] += a * x3
            for c in range(fours, uint64(stop)):
                x0 = x[j, c]
                for k in range(begin, end):
                    y[uint64(indices[k]), c] += data[k] * x0
    return -1


def csc_matvec(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A x, for arrays of one dtype and one index dtype."""
    parts = VECTOR_THREADS(data.dtype, data.size + rows)
    if parts == 1:
        y = np.zeros(rows, data.dtype)
        bad = columns_times_vector(indptr, indices, data, x, y, 0, columns)
    else:
        bounds = by_entries(indptr, columns, parts)
        own = {start: np.zeros(rows, data.dtype) for start in bounds[:-1]}
        bounds = [*own, columns]  # two equal bounds are one
        bad = max(spread(lambda i, j: columns_times_vector(indptr, indices, data, x, own[i], i, j), bounds))
        y, *others = own.values()
        add_all(y, others, parts)
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.size), rows, columns)
    return y


def csc_matmat_dense(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A X, X of C order."""
    vectors = x.shape[1]
    y = np.zeros((rows, vectors), data.dtype)
    work = (data.size + rows) * vectors
    parts = _CSC_VECTORS_THREADS(data.dtype, work)
    if work < A_CALL:
        bad = columns_times_vectors(indptr, indices, data, x, y, 0, vectors)
    elif parts == 1 or vectors < 2:
        # SciPy's loop, which runs along the vectors, is the faster one on one thread.
        bad = -int(inside(indptr, indices, min(indices.size, data.size), rows, columns))
        if bad:
            _sparsetools.csc_matvecs(rows, columns, vectors, indptr, indices, data, x.ravel(), y.ravel())
    else:
        bounds = evenly(vectors, min(parts, vectors))
        bad = max(spread(lambda i, j: columns_times_vectors(indptr, indices, data, x, y, i, j), bounds))
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.size), rows, columns)
    return y
