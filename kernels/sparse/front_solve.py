"""Solves with the factors of a multifrontal factorization, for one and for many right-hand sides.

Both sweeps run over the supernodes with vectors in the permuted order: the columns of a supernode are
one contiguous piece, its border is gathered and scattered. The adjoint and the transpose use the same
blocks the other way round. A factor of Cholesky is its own upper border.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.lapack import letter, routine

__all__ = ["solve_cholesky", "solve_lu"]

_trsm = routine("trsm", "cccciixxixi")  # side uplo transa diag m n alpha a lda b ldb
_N, _T, _C, _L, _U = letter("N"), letter("T"), letter("C"), letter("L"), letter("U")
_KINDS = [(float64, int32), (complex128, int32)]


@jit(inline=True)
def _away(t, a, at, length, value):  # type: ignore[no-untyped-def]
    """``t[:length] += value * a[at : at + length]``."""
    s = uint64(at)
    for i in range(uint64(length)):
        t[i] += value * a[s + i]


@jit(inline=True)
def _dot(a, at, t, length):  # type: ignore[no-untyped-def]
    """``a[at : at + length] . t[:length]``, in four sums: one alone waits for each addition."""
    s = uint64(at)
    fours = uint64(length) - uint64(length) % uint64(4)
    zero = t.dtype.type(0)
    s0, s1, s2, s3 = zero, zero, zero, zero
    for i in range(uint64(0), fours, uint64(4)):
        s0 += a[s + i] * t[i]
        s1 += a[s + i + uint64(1)] * t[i + uint64(1)]
        s2 += a[s + i + uint64(2)] * t[i + uint64(2)]
        s3 += a[s + i + uint64(3)] * t[i + uint64(3)]
    for i in range(fours, uint64(length)):
        s0 += a[s + i] * t[i]
    return (s0 + s1) + (s2 + s3)


@jit([
    int64(int64, i[::1], int64[::1], i[::1], d[::1], int64[::1], d[::1], int64[::1], int64[::1], d[::1], boolean)
    for d, i in _KINDS
])  # fmt: skip
def solve_lu(count, first, pointers, rows, lower, lptr, upper, uptr, swaps, x, transposed):  # type: ignore[no-untyped-def]
    """Overwrite x, in the permuted order, with the solution for the factored matrix or its transpose."""
    n = first[count]
    t = np.empty(n, x.dtype)
    zero = x.dtype.type(0)
    for s in range(count):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a, u = k + r, lptr[s], uptr[s]
        if not transposed:
            for p in range(k):
                best = swaps[begin + p]
                if best != p:
                    held = x[begin + p]
                    x[begin + p] = x[begin + best]
                    x[begin + best] = held
        for q in range(r):
            t[q] = zero
        for p in range(k):
            value = x[begin + p]
            if transposed:
                # Rows of U are the columns of its transpose: substitute with U^T.
                for c in range(p):
                    value -= lower[a + p * m + c] * x[begin + c]
                value /= lower[a + p * m + p]
                x[begin + p] = value
                _away(t, upper, u + p * r, r, value)
            else:
                for c in range(p + 1, k):
                    x[begin + c] -= lower[a + p * m + c] * value
                _away(t, lower, a + p * m + k, r, value)
        for q in range(r):
            x[rows[border + q]] -= t[q]
    for s in range(count - 1, -1, -1):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a, u = k + r, lptr[s], uptr[s]
        for q in range(r):
            t[q] = x[rows[border + q]]
        for p in range(k - 1, -1, -1):
            if transposed:
                value = x[begin + p] - _dot(lower, a + p * m + k, t, r)
                for c in range(p + 1, k):
                    value -= lower[a + p * m + c] * x[begin + c]
                x[begin + p] = value
            else:
                value = x[begin + p] - _dot(upper, u + p * r, t, r)
                x[begin + p] = value
        if transposed:
            for p in range(k - 1, -1, -1):
                best = swaps[begin + p]
                if best != p:
                    held = x[begin + p]
                    x[begin + p] = x[begin + best]
                    x[begin + best] = held
        else:
            for p in range(k - 1, -1, -1):
                value = x[begin + p] / lower[a + p * m + p]
                x[begin + p] = value
                for c in range(p):
                    x[begin + c] -= lower[a + p * m + c] * value
    return 0


@jit([int64(int64, i[::1], int64[::1], i[::1], d[::1], int64[::1], d[::1]) for d, i in _KINDS])
def solve_cholesky(count, first, pointers, rows, lower, lptr, x):  # type: ignore[no-untyped-def]
    """Overwrite x, in the permuted order, with the solution for ``L L^H``."""
    n = first[count]
    t = np.empty(n, x.dtype)
    zero = x.dtype.type(0)
    for s in range(count):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a = k + r, lptr[s]
        for q in range(r):
            t[q] = zero
        for p in range(k):
            value = x[begin + p] / lower[a + p * m + p]
            x[begin + p] = value
            for c in range(p + 1, k):
                x[begin + c] -= lower[a + p * m + c] * value
            _away(t, lower, a + p * m + k, r, value)
        for q in range(r):
            x[rows[border + q]] -= t[q]
    for s in range(count - 1, -1, -1):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a = k + r, lptr[s]
        for q in range(r):
            t[q] = np.conj(x[rows[border + q]])
        for p in range(k - 1, -1, -1):
            total = _dot(lower, a + p * m + k, t, r)
            for c in range(p + 1, k):
                total += lower[a + p * m + c] * np.conj(x[begin + c])
            x[begin + p] = (x[begin + p] - np.conj(total)) / np.conj(lower[a + p * m + p])
    return 0
