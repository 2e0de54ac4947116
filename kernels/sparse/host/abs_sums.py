"""Sums of moduli and of their squares in compressed matrices: what the norms are made of.

Accumulated in double precision, without a copy of the moduli.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import complex64, complex128, float32, float64, int32, int64, types, uint64
from numba.extending import intrinsic
from scipy.linalg import blas

from fsci.kernels.jit import jit
from fsci.kernels.lanes import WIDTH, fma, lanes, load, splat, total
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["across", "along", "squares", "squares_widened", "sum_of_squares"]

_THREADS = Threads("row_sums")
_KINDS = [(float64, int32), (float32, int32), (complex128, int32), (complex64, int32), (float64, int64)]

# BLAS counts in 32 bits.
_AT_ONCE = 2**30

# Doubles that the cache of one core holds, a megabyte: it adds them as soon as two do. BLAS wakes threads from ten
# thousand on, and waits a scheduler's turn for one that gets no core.
_ONE_CORE = 2**17


@intrinsic
def load_wide(typing_context: Any, array: Any, offset: Any) -> Any:
    """Eight numbers of a contiguous float32 array from `offset` on, in double precision."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, values[0])
        narrow, wide = (ir.VectorType(kind, WIDTH) for kind in (ir.FloatType(), ir.DoubleType()))
        address = builder.bitcast(builder.gep(view.data, [values[1]]), narrow.as_pointer())
        return builder.fpext(builder.load(address, align=4), wide)

    return lanes(array, types.intp), generate


@jit([float64(float64[::1])])
def squares(data):  # type: ignore[no-untyped-def]
    """Sum of squares, in SIMD registers."""
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


@jit([float64(float32[::1])])
def squares_widened(data):  # type: ignore[no-untyped-def]
    """The same of single precision, in double precision: none overflows or vanishes."""
    n = data.size
    s, t, u, v = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    k = 0
    while k + 32 <= n:
        a, b, c, d = load_wide(data, k), load_wide(data, k + 8), load_wide(data, k + 16), load_wide(data, k + 24)
        s, t, u, v = fma(a, a, s), fma(b, b, t), fma(c, c, u), fma(d, d, v)
        k += 32
    rest = 0.0
    while k < n:
        rest += float64(data[k]) * float64(data[k])
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


def sum_of_squares(numbers: Any) -> float:
    """Of contiguous real numbers, in double precision; of many doubles by BLAS, whose threads begin at once."""
    if numbers.dtype.itemsize < 8:
        return float(squares_widened(numbers))
    if numbers.size <= _ONE_CORE:
        return float(squares(numbers))
    if numbers.size <= _AT_ONCE:
        return float(blas.ddot(numbers, numbers))
    parts = (numbers[k : k + _AT_ONCE] for k in range(0, numbers.size, _AT_ONCE))
    return sum(float(blas.ddot(part, part)) for part in parts)


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
