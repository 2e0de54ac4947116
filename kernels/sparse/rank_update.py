"""``C -= A B`` inside one front, in SIMD registers: what multifrontal factorizations spend their time in.

Vendor BLAS is made for large matrices, and wakes its threads for products of a few microseconds, which on a
busy machine costs more than they do; most fronts have order 10 to 200. Tiles of 24 rows by 4 columns
keep twelve accumulators in registers, and read A and B where they lie. Complex products go to
BLAS, in pieces below the size at which it wakes threads.
"""

from __future__ import annotations

import numba
from numba import float64, int32, int64, void
from numba.extending import overload

from fsci.kernels.jit import jit
from fsci.kernels.lanes import fnma, load, splat, store
from fsci.kernels.lapack import byref, gemm, letter

__all__ = ["leading_dimension", "subtract_product"]

_N, _T, _C = letter("N"), letter("T"), letter("C")
# OpenBLAS (interface/gemm.c) runs complex products up to this M N K on the calling thread.
UNTHREADED = 2**15


@jit(inline=True)
def leading_dimension(m):  # type: ignore[no-untyped-def]
    """Distance of columns: a multiple of eight, odd in eights for large fronts: columns spread over cache sets."""
    groups = (m + 7) // 8
    return 8 * (groups if groups < 8 else groups | 1)


@jit([void(float64[::1], int64, int64, int64, int64, int64, int64, int64, int64, int64)])
def _real(f, ld, to, rows, columns, left, right, along, across, inner):  # type: ignore[no-untyped-def]
    """``f[to + i + c ld] -= sum_p f[left + i + p ld] f[right + p along + c across]``."""
    spare = f.size - 8  # where the rows of a last, partial group of eight are put together
    c = 0
    while c + 4 <= columns:
        b0 = right + c * across
        b1, b2, b3 = b0 + across, b0 + 2 * across, b0 + 3 * across
        t0 = to + c * ld
        t1, t2, t3 = t0 + ld, t0 + 2 * ld, t0 + 3 * ld
        i = 0
        while i + 24 <= rows:
            u0, u1, u2 = load(f, t0 + i), load(f, t0 + i + 8), load(f, t0 + i + 16)
            v0, v1, v2 = load(f, t1 + i), load(f, t1 + i + 8), load(f, t1 + i + 16)
            w0, w1, w2 = load(f, t2 + i), load(f, t2 + i + 8), load(f, t2 + i + 16)
            x0, x1, x2 = load(f, t3 + i), load(f, t3 + i + 8), load(f, t3 + i + 16)
            a = left + i
            q = 0
            for _ in range(inner):
                a0, a1, a2 = load(f, a), load(f, a + 8), load(f, a + 16)
                b = splat(f[b0 + q])
                u0, u1, u2 = fnma(a0, b, u0), fnma(a1, b, u1), fnma(a2, b, u2)
                b = splat(f[b1 + q])
                v0, v1, v2 = fnma(a0, b, v0), fnma(a1, b, v1), fnma(a2, b, v2)
                b = splat(f[b2 + q])
                w0, w1, w2 = fnma(a0, b, w0), fnma(a1, b, w1), fnma(a2, b, w2)
                b = splat(f[b3 + q])
                x0, x1, x2 = fnma(a0, b, x0), fnma(a1, b, x1), fnma(a2, b, x2)
                a += ld
                q += along
            store(f, t0 + i, u0)
            store(f, t0 + i + 8, u1)
            store(f, t0 + i + 16, u2)
            store(f, t1 + i, v0)
            store(f, t1 + i + 8, v1)
            store(f, t1 + i + 16, v2)
            store(f, t2 + i, w0)
            store(f, t2 + i + 8, w1)
            store(f, t2 + i + 16, w2)
            store(f, t3 + i, x0)
            store(f, t3 + i + 8, x1)
            store(f, t3 + i + 16, x2)
            i += 24
        while i < rows:
            u0, v0, w0, x0 = load(f, t0 + i), load(f, t1 + i), load(f, t2 + i), load(f, t3 + i)
            a = left + i
            q = 0
            for _ in range(inner):
                a0 = load(f, a)
                u0 = fnma(a0, splat(f[b0 + q]), u0)
                v0 = fnma(a0, splat(f[b1 + q]), v0)
                w0 = fnma(a0, splat(f[b2 + q]), w0)
                x0 = fnma(a0, splat(f[b3 + q]), x0)
                a += ld
                q += along
            if i + 8 <= rows:
                store(f, t0 + i, u0)
                store(f, t1 + i, v0)
                store(f, t2 + i, w0)
                store(f, t3 + i, x0)
            else:
                store(f, spare, u0)
                for k in range(rows - i):
                    f[t0 + i + k] = f[spare + k]
                store(f, spare, v0)
                for k in range(rows - i):
                    f[t1 + i + k] = f[spare + k]
                store(f, spare, w0)
                for k in range(rows - i):
                    f[t2 + i + k] = f[spare + k]
                store(f, spare, x0)
                for k in range(rows - i):
                    f[t3 + i + k] = f[spare + k]
            i += 8
        c += 4
    while c < columns:
        b0, t0 = right + c * across, to + c * ld
        i = 0
        while i < rows:
            u0 = load(f, t0 + i)
            a = left + i
            q = 0
            for _ in range(inner):
                u0 = fnma(load(f, a), splat(f[b0 + q]), u0)
                a += ld
                q += along
            if i + 8 <= rows:
                store(f, t0 + i, u0)
            else:
                store(f, spare, u0)
                for k in range(rows - i):
                    f[t0 + i + k] = f[spare + k]
            i += 8
        c += 1


def _by_blas(f, ld, to, rows, columns, left, right, along, across, inner, mirror):  # type: ignore[no-untyped-def]
    """The same by gemm; B lies by columns (`along` = 1), or by rows and is conjugated if `mirror`."""
    one, minus = f.dtype.type(1), f.dtype.type(-1)
    m, k, lda = int32(rows), int32(inner), int32(ld)
    step = max(int64(1), UNTHREADED // max(rows * inner, int64(1)))
    turned = _N if along == 1 else _C if mirror else _T
    c = 0
    while c < columns:
        w = min(step, columns - c)
        n = int32(w)
        gemm(
            f, byref(_N), byref(turned), byref(m), byref(n), byref(k), byref(minus), f[left:].ctypes, byref(lda),
            f[right + c * across :].ctypes, byref(lda), byref(one), f[to + c * ld :].ctypes, byref(lda),
        )  # fmt: skip
        c += w


_blas = jit()(_by_blas)


def subtract_product(f, ld, to, rows, columns, left, right, along, across, inner, mirror):  # type: ignore[no-untyped-def]
    """Update the block at `to` of a front; `f` has eight numbers to spare at its end."""
    raise NotImplementedError


@overload(subtract_product, inline="never")
def _typed(f, ld, to, rows, columns, left, right, along, across, inner, mirror):  # type: ignore[no-untyped-def]
    if isinstance(f.dtype, numba.types.Complex):

        def call(f, ld, to, rows, columns, left, right, along, across, inner, mirror):  # type: ignore[no-untyped-def]
            _blas(f, ld, to, rows, columns, left, right, along, across, inner, mirror)

        return call

    def call_real(f, ld, to, rows, columns, left, right, along, across, inner, mirror):  # type: ignore[no-untyped-def]
        _real(f, ld, to, rows, columns, left, right, along, across, inner)

    return call_real
