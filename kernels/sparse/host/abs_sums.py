"""Sums of moduli and of their squares in compressed matrices: what the norms are made of.

Accumulated in double precision, without a copy of the moduli.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, load, splat, total
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["across", "along", "squares", "squares_in_lanes"]

_THREADS = Threads("row_sums")
_KINDS = [(float64, int32), (float32, int32), (complex128, int32), (complex64, int32), (float64, int64)]


@jit([float64(float32[::1]), float64(float64[::1])])
def squares(data):  # type: ignore[no-untyped-def]
    """Sum of squares, in double precision."""
    n = data.size
    k, rest = 0, 0.0
    s0 = s1 = s2 = s3 = 0.0
    while k + 4 <= n:
        a, b, c, d = float64(data[k]), float64(data[k + 1]), float64(data[k + 2]), float64(data[k + 3])
        s0 += a * a
        s1 += b * b
        s2 += c * c
        s3 += d * d
        k += 4
    while k < n:
        rest += float64(data[k]) * float64(data[k])
        k += 1
    return rest + ((s0 + s1) + (s2 + s3))


@jit([float64(float64[::1])])
def squares_in_lanes(data):  # type: ignore[no-untyped-def]
    """The same for many numbers, in SIMD registers."""
    n = data.size
    s, t, u, v = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    k = 0
    while k + 32 <= n:
        a, b, c, d = load(data, k), load(data, k + 8), load(data, k + 16), load(data, k + 24)
        s, t, u, v = fma(a, a, s), fma(b, b, t), fma(c, c, u), fma(d, d, v)
        k += 32
    rest = 0.0
    while k < n:
        rest += data[k] * data[k]
        k += 1
    return total((s + t) + (u + v)) + rest


@jit([int64(i[::1], d[::1], float64[::1], int64, int64, int64) for d, i in _KINDS])
def sum_along(indptr, data, sums, squared, start, stop):  # type: ignore[no-untyped-def]
    """Sums of the moduli (`squared`: of their squares) of the rows; gives -1, or a row outside of the data."""
    for i in range(uint64(start), uint64(stop)):
        begin, end = int64(indptr[i]), int64(indptr[i + uint64(1)])
        if begin < 0 or end > data.size or end < begin:
            return int64(i)
        moduli = 0.0
        if squared == 1:
            for k in range(uint64(begin), uint64(end)):
                re, im = float64(data[k].real), float64(data[k].imag)
                moduli += re * re + im * im
        else:
            for k in range(uint64(begin), uint64(end)):
                moduli += abs(data[k])
        sums[i] = moduli
    return -1


@jit([int64(i[::1], i[::1], d[::1], float64[::1], int64, int64, int64) for d, i in _KINDS])
def sum_across(indptr, indices, data, sums, squared, start, stop):  # type: ignore[no-untyped-def]
    """Add the moduli of the rows to the sums of their columns; gives -1, or a row near which an index is wrong."""
    stored = min(indices.size, data.size)
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, sums.size, first, last):
            return first
        for k in range(uint64(indptr[first]), uint64(indptr[last])):
            if squared == 1:
                re, im = float64(data[k].real), float64(data[k].imag)
                sums[uint64(indices[k])] += re * re + im * im
            else:
                sums[uint64(indices[k])] += abs(data[k])
    return -1


def along(rows: int, columns: int, indptr: Any, indices: Any, data: Any, squared: bool = False) -> Any:
    """The sum of moduli of each compressed row."""
    sums = np.empty(rows)
    parts = _THREADS.pieces(data.dtype, data.size + rows)
    bounds = by_entries(indptr, rows, parts)
    if parts == 1:
        bad = sum_along(indptr, data, sums, int(squared), 0, rows)
    else:
        bad = max(spread(lambda i, j: sum_along(indptr, data, sums, int(squared), i, j), bounds))
    if bad >= 0:
        raise malformed(indptr, indices, data.size, columns, rows)
    return sums


def across(rows: int, columns: int, indptr: Any, indices: Any, data: Any, squared: bool = False) -> Any:
    """The sum of moduli of each column of a matrix of compressed rows."""
    sums = np.zeros(columns)
    bad = sum_across(indptr, indices, data, sums, int(squared), 0, rows)
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.size), columns, rows)
    return sums
