"""The steps of an iteration over sparse rows, each on a range of rows: products and vector updates fused.

One thread runs them inside of compiled loops; several run them range by range, and the sums of
the ranges are added in order, so that the bits depend on the number of threads alone. Sums
are accumulated in double precision, in four strands. The index arrays were checked before.
"""

from __future__ import annotations

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import compressed_inside

__all__ = ["advance", "combine", "direct", "inner", "product_inner", "scale_inner", "sound"]

_KINDS = [(float64, float64), (complex128, complex128), (float32, float64), (complex64, complex128)]

# Entries whose update and inner product are done together, while they are in cache.
_BLOCK = 1024


@jit(inline=True)
def inner(a, b, start, stop):  # type: ignore[no-untyped-def]
    """Sum of ``conj(a[i]) b[i]``, accumulated in double precision."""
    double = np.float64(1.0)
    s0 = s1 = s2 = s3 = np.conj(a.dtype.type(0)) * double
    i, last = uint64(start), uint64(start) + (uint64(stop) - uint64(start)) // uint64(4) * uint64(4)
    while i < last:
        s0 += np.conj(a[i]) * double * b[i]
        s1 += np.conj(a[i + uint64(1)]) * double * b[i + uint64(1)]
        s2 += np.conj(a[i + uint64(2)]) * double * b[i + uint64(2)]
        s3 += np.conj(a[i + uint64(3)]) * double * b[i + uint64(3)]
        i += uint64(4)
    while i < uint64(stop):
        s0 += np.conj(a[i]) * double * b[i]
        i += uint64(1)
    return (s0 + s1) + (s2 + s3)


@jit([s(int32[::1], int32[::1], d[::1], d[::1], d[::1], d[::1], int64, int64) for d, s in _KINDS])
def product_inner(indptr, indices, data, p, left, q, start, stop):  # type: ignore[no-untyped-def]
    """Set q = A p on the rows; gives ``left* q`` over them."""
    total = np.conj(p.dtype.type(0)) * np.float64(1.0)
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        for i in range(uint64(first), uint64(last)):
            row = q.dtype.type(0)
            for k in range(uint64(indptr[i]), uint64(indptr[i + uint64(1)])):
                row += data[k] * p[uint64(indices[k])]
            q[i] = row
        total += inner(left, q, first, last)
    return total


@jit([float64(d, d[::1], d[::1], d[::1], d[::1], int64, int64) for d, _ in _KINDS])
def advance(alpha, p, q, x, r, start, stop):  # type: ignore[no-untyped-def]
    """Step x += alpha p, r -= alpha q; gives ``r* r``."""
    total = 0.0
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        for i in range(uint64(first), uint64(last)):
            x[i] += alpha * p[i]
            r[i] -= alpha * q[i]
        total += inner(r, r, first, last).real
    return total


@jit([s(d[::1], d[::1], d[::1], int64, int64) for d, s in _KINDS])
def scale_inner(factors, r, z, start, stop):  # type: ignore[no-untyped-def]
    """Set z = factors * r; gives ``r* z``."""
    total = np.conj(r.dtype.type(0)) * np.float64(1.0)
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        for i in range(uint64(first), uint64(last)):
            z[i] = factors[i] * r[i]
        total += inner(r, z, first, last)
    return total


@jit([int64(d, d[::1], d[::1], int64, int64) for d, _ in _KINDS])
def direct(beta, z, p, start, stop):  # type: ignore[no-untyped-def]
    """Set p = z + beta p."""
    for i in range(uint64(start), uint64(stop)):
        p[i] = z[i] + beta * p[i]
    return 0


@jit(
    [
        int64(int32[::1], int32[::1], d[::1], d[::1], d, d[::1], d, d[::1], d, d[::1], int64, int64)
        for d in (float32, float64)
    ]
)
def combine(indptr, indices, data, t, cu, u, cv, v, ct, out, start, stop):  # type: ignore[no-untyped-def]
    """``out = cu u + cv v + ct A t`` on the rows."""
    for i in range(uint64(start), uint64(stop)):
        row = out.dtype.type(0)
        for k in range(uint64(indptr[i]), uint64(indptr[i + uint64(1)])):
            row += data[k] * t[uint64(indices[k])]
        out[i] = cu * u[i] + cv * v[i] + ct * row
    return 0


@jit([int64(int32[::1], int32[::1], int64, int64)])
def sound(indptr, indices, stored, columns):  # type: ignore[no-untyped-def]
    """Whether every entry of a compressed matrix lies inside."""
    return int64(compressed_inside(indptr, indices, stored, columns, 0, indptr.size - 1))
