"""Products of block rows with vectors: checked a few block rows at a time, and each row summed in stored order.

Blocks of two by two, three by three and rows in fours have loops of known length, in which the sums of neighbouring
rows do not wait for each other: SciPy's loop adds one row after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["VECTORS_THREADS", "block_rows_times_vector", "block_rows_times_vectors", "bsr_matmat_dense", "bsr_matvec"]

VECTORS_THREADS = Threads("bsr_vectors")
_KINDS = [(float64, int32), (complex128, int32), (float32, int32), (complex64, int32)]


@jit(inline=True)
def _two_by_two(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    zero, one, two = uint64(0), uint64(1), uint64(2)
    for block in range(uint64(start), uint64(stop)):
        upper = lower = y.dtype.type(0)
        for k in range(uint64(indptr[block]), uint64(indptr[block + one])):
            left = uint64(indices[k]) * two
            a, b = x[left], x[left + one]
            upper += data[k, zero, zero] * a
            upper += data[k, zero, one] * b
            lower += data[k, one, zero] * a
            lower += data[k, one, one] * b
        y[block * two] = upper
        y[block * two + one] = lower


@jit(inline=True)
def _by_rows(indptr, indices, data, x, y, start, stop, first, height, width):  # type: ignore[no-untyped-def]
    """Rows `first` to `height` of each block row, one after the other."""
    for block in range(uint64(start), uint64(stop)):
        begin, end = uint64(indptr[block]), uint64(indptr[block + uint64(1)])
        for r in range(first, height):
            total = y.dtype.type(0)
            for k in range(begin, end):
                left = uint64(indices[k]) * width
                for s in range(width):
                    total += data[k, r, s] * x[left + s]
            y[block * height + r] = total


@jit(inline=True)
def _by_fours(indptr, indices, data, x, y, start, stop, height, width):  # type: ignore[no-untyped-def]
    """The rows of each block row, as many as make fours, four at a time."""
    one, two, three = uint64(1), uint64(2), uint64(3)
    for block in range(uint64(start), uint64(stop)):
        begin, end = uint64(indptr[block]), uint64(indptr[block + one])
        for r in range(uint64(0), height - height % uint64(4), uint64(4)):
            t0 = t1 = t2 = t3 = y.dtype.type(0)
            for k in range(begin, end):
                left = uint64(indices[k]) * width
                for s in range(width):
                    factor = x[left + s]
                    t0 += data[k, r, s] * factor
                    t1 += data[k, r + one, s] * factor
                    t2 += data[k, r + two, s] * factor
                    t3 += data[k, r + three, s] * factor
            at = block * height + r
            y[at], y[at + one], y[at + two], y[at + three] = t0, t1, t2, t3


@jit([int64(i[::1], i[::1], d[:, :, ::1], d[::1], d[::1], int64, int64) for d, i in _KINDS])
def block_rows_times_vector(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """Block rows `start` to `stop` of A x into y; gives -1, or a block row near which A is malformed."""
    height, width = uint64(data.shape[1]), uint64(data.shape[2])
    stored = min(indices.size, data.shape[0])
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, x.size // data.shape[2], first, last):
            return first
        if height == uint64(2) and width == uint64(2):
            _two_by_two(indptr, indices, data, x, y, first, last)
        elif height == uint64(3) and width == uint64(3):
            _by_rows(indptr, indices, data, x, y, first, last, uint64(0), uint64(3), uint64(3))
        else:
            _by_fours(indptr, indices, data, x, y, first, last, height, width)
            _by_rows(indptr, indices, data, x, y, first, last, height - height % uint64(4), height, width)
    return -1


@jit([int64(i[::1], i[::1], d[:, :, ::1], d[:, ::1], d[:, ::1], int64, int64) for d, i in _KINDS])
def block_rows_times_vectors(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """As `block_rows_times_vector` for the columns of x."""
    height, width, vectors = uint64(data.shape[1]), uint64(data.shape[2]), uint64(x.shape[1])
    stored = min(indices.size, data.shape[0])
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, x.shape[0] // data.shape[2], first, last):
            return first
        for block in range(uint64(first), uint64(last)):
            for r in range(height):
                for c in range(vectors):
                    y[block * height + r, c] = 0
            for k in range(uint64(indptr[block]), uint64(indptr[block + uint64(1)])):
                left = uint64(indices[k]) * width
                for r in range(height):
                    for s in range(width):
                        a = data[k, r, s]
                        for c in range(vectors):
                            y[block * height + r, c] += a * x[left + s, c]
    return -1


def bsr_matvec(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A x for blocks ``data[k]``."""
    return _product(block_rows_times_vector, columns, indptr, indices, data, x, np.empty(rows, data.dtype))


def bsr_matmat_dense(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A X for blocks ``data[k]`` and X of C order."""
    y = np.empty((rows, x.shape[1]), data.dtype)
    return _product(block_rows_times_vectors, columns, indptr, indices, data, x, y)


def _product(multiply: Any, columns: int, indptr: Any, indices: Any, data: Any, x: Any, y: Any) -> Any:
    _, height, width = data.shape
    block_rows = len(y) // height
    parts = VECTORS_THREADS.pieces(data.dtype, (data.size * x.size) // (len(x) or 1) + y.size)
    if parts == 1:
        bad = multiply(indptr, indices, data, x, y, 0, block_rows)
    else:
        bounds = by_entries(indptr, block_rows, parts)
        bad = max(spread(lambda i, j: multiply(indptr, indices, data, x, y, i, j), bounds))
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.shape[0]), columns // width, block_rows)
    return y
