"""Solves with multifrontal factors for eight right-hand sides at a time, which lie beside one another in memory.

As `front_solve`; the innermost loops run over the right-hand sides, so that each entry of the
factors is read once for all of them, and every loop is one vector operation.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit

__all__ = ["WIDTH", "solve_cholesky_block", "solve_lu_block"]

WIDTH = 8
_KINDS = [(float64, int32), (complex128, int32)]


@jit(inline=True)
def _add(t, i, value, x, j):  # type: ignore[no-untyped-def]
    """``t[i] += value * x[j]``, row by row."""
    # All is read before anything is written: t and x may be one array, and the compiler cannot tell.
    a, b = uint64(i), uint64(j)
    x0, x1, x2, x3 = x[b, 0], x[b, 1], x[b, 2], x[b, 3]
    x4, x5, x6, x7 = x[b, 4], x[b, 5], x[b, 6], x[b, 7]
    t0, t1, t2, t3 = t[a, 0], t[a, 1], t[a, 2], t[a, 3]
    t4, t5, t6, t7 = t[a, 4], t[a, 5], t[a, 6], t[a, 7]
    t[a, 0], t[a, 1], t[a, 2], t[a, 3] = t0 + value * x0, t1 + value * x1, t2 + value * x2, t3 + value * x3
    t[a, 4], t[a, 5], t[a, 6], t[a, 7] = t4 + value * x4, t5 + value * x5, t6 + value * x6, t7 + value * x7


@jit(inline=True)
def _swap(x, i, j):  # type: ignore[no-untyped-def]
    for c in range(WIDTH):
        held = x[i, c]
        x[i, c] = x[j, c]
        x[j, c] = held


@jit([
    int64(int64, i[::1], int64[::1], i[::1], d[::1], int64[::1], d[::1], int64[::1], int64[::1], d[:, ::1], boolean)
    for d, i in _KINDS
])  # fmt: skip
def solve_lu_block(count, first, pointers, rows, lower, lptr, upper, uptr, swaps, x, transposed):  # type: ignore[no-untyped-def]
    """Overwrite x, in the permuted order, with the solutions for the factored matrix or its transpose."""
    most = 0
    for s in range(count):
        most = max(most, pointers[s + 1] - pointers[s])
    t = np.empty((most, WIDTH), x.dtype)
    for s in range(count):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a, u = k + r, lptr[s], uptr[s]
        t[:r] = 0
        for p in range(k):
            if not transposed and swaps[begin + p] != p:
                _swap(x, begin + p, begin + swaps[begin + p])
        for p in range(k):
            if transposed:
                for c in range(p):
                    _add(x, begin + p, -lower[a + p * m + c], x, begin + c)
                scale = x.dtype.type(1) / lower[a + p * m + p]
                for c in range(WIDTH):
                    x[begin + p, c] *= scale
                for q in range(r):
                    _add(t, q, upper[u + p * r + q], x, begin + p)
            else:
                for c in range(p + 1, k):
                    _add(x, begin + c, -lower[a + p * m + c], x, begin + p)
                for q in range(r):
                    _add(t, q, lower[a + p * m + k + q], x, begin + p)
        for q in range(r):
            i = rows[border + q]
            for c in range(WIDTH):
                x[i, c] -= t[q, c]
    for s in range(count - 1, -1, -1):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a, u = k + r, lptr[s], uptr[s]
        for q in range(r):
            i = rows[border + q]
            for c in range(WIDTH):
                t[q, c] = x[i, c]
        for p in range(k - 1, -1, -1):
            if transposed:
                for q in range(r):
                    _add(x, begin + p, -lower[a + p * m + k + q], t, q)
                for c in range(p + 1, k):
                    _add(x, begin + p, -lower[a + p * m + c], x, begin + c)
            else:
                for q in range(r):
                    _add(x, begin + p, -upper[u + p * r + q], t, q)
                for c in range(p + 1, k):
                    _add(x, begin + p, -lower[a + c * m + p], x, begin + c)
                scale = x.dtype.type(1) / lower[a + p * m + p]
                for c in range(WIDTH):
                    x[begin + p, c] *= scale
        for p in range(k - 1, -1, -1):
            if transposed and swaps[begin + p] != p:
                _swap(x, begin + p, begin + swaps[begin + p])
    return 0


@jit([int64(int64, i[::1], int64[::1], i[::1], d[::1], int64[::1], d[:, ::1]) for d, i in _KINDS])
def solve_cholesky_block(count, first, pointers, rows, lower, lptr, x):  # type: ignore[no-untyped-def]
    """Overwrite x, in the permuted order, with the solutions for ``L L^H``."""
    most = 0
    for s in range(count):
        most = max(most, pointers[s + 1] - pointers[s])
    t = np.empty((most, WIDTH), x.dtype)
    for s in range(count):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a = k + r, lptr[s]
        t[:r] = 0
        for p in range(k):
            scale = x.dtype.type(1) / lower[a + p * m + p]
            for c in range(WIDTH):
                x[begin + p, c] *= scale
            for c in range(p + 1, k):
                _add(x, begin + c, -lower[a + p * m + c], x, begin + p)
            for q in range(r):
                _add(t, q, lower[a + p * m + k + q], x, begin + p)
        for q in range(r):
            i = rows[border + q]
            for c in range(WIDTH):
                x[i, c] -= t[q, c]
    for s in range(count - 1, -1, -1):
        begin, k = first[s], first[s + 1] - first[s]
        border, r = pointers[s], pointers[s + 1] - pointers[s]
        m, a = k + r, lptr[s]
        for q in range(r):
            i = rows[border + q]
            for c in range(WIDTH):
                t[q, c] = x[i, c]
        for p in range(k - 1, -1, -1):
            for q in range(r):
                _add(x, begin + p, -np.conj(lower[a + p * m + k + q]), t, q)
            for c in range(p + 1, k):
                _add(x, begin + p, -np.conj(lower[a + p * m + c]), x, begin + c)
            scale = x.dtype.type(1) / np.conj(lower[a + p * m + p])
            for c in range(WIDTH):
                x[begin + p, c] *= scale
    return 0
