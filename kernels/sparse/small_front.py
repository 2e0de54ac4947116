"""Elimination of small real fronts, four columns at a time, in whole SIMD registers.

A front's columns are padded to eights, so that each group of eight rows is one register and no loop has a
remainder. The multipliers of a column are kept beside the front with zeros above: what is taken away from a column
may then begin with the group that the pivot stands in. Larger fronts, which leave the second cache, and complex ones
are eliminated panel by panel (`front_lu`, `front_cholesky`).
"""

from __future__ import annotations

import numba
import numpy as np
from numba import float64, int64
from numba.extending import overload

from fsci.kernels.jit import jit
from fsci.kernels.lanes import fnma, largest, load, magnitude, maximum, select_greater, splat, store

__all__ = ["SMALL_FRONT", "small_cholesky", "small_lu", "workspace"]

# Rows of a front of 512 KiB: half of a second cache. Measured on fronts of real matrices, up to there four columns at a
# time beat the panels, by three times at ten rows and a tenth at two hundred.
SMALL_FRONT = 256


def workspace(f):  # type: ignore[no-untyped-def]
    """Room for the multipliers, and the numbers 0 to 7."""
    raise NotImplementedError


def _room(f):  # type: ignore[no-untyped-def]
    w = np.zeros(4 * SMALL_FRONT + 16)
    for i in range(8):
        w[4 * SMALL_FRONT + i] = i
    return w


@overload(workspace)
def _typed_workspace(f):  # type: ignore[no-untyped-def]
    return _room


@jit([int64(float64[::1], float64[::1], int64, int64, int64, int64[::1], int64, float64, float64)])
def _lu(f, w, ld, m, k, swaps, at, size_of_matrix, share):  # type: ignore[no-untyped-def]
    replaced = 0
    last = (m + 7) // 8 * 8
    iota = load(w, 4 * SMALL_FRONT)
    zero = splat(0.0)
    for p0 in range(0, k, 4):
        p1 = min(p0 + 4, k)
        group = p0 // 8 * 8
        for p in range(p0, p1):
            column = p * ld
            best, peak = p, abs(f[column + p])
            for i in range(p + 1, k):
                size = abs(f[column + i])
                if size > peak:
                    best, peak = i, size
            swaps[at + p] = best
            if best != p:
                for c in range(m):
                    held = f[c * ld + p]
                    f[c * ld + p] = f[c * ld + best]
                    f[c * ld + best] = held
                for q in range(0, (p - p0) * SMALL_FRONT, SMALL_FRONT):
                    held = w[q + p]
                    w[q + p] = w[q + best]
                    w[q + best] = held
            scale = 1.0 / f[column + p] if peak > 0.0 else 0.0
            mults = (p - p0) * SMALL_FRONT
            below = splat(float(p - group))
            largest_one = zero
            for i in range(group, last, 8):
                v = load(f, column + i)
                scaled = v * splat(scale)
                keep = select_greater(iota, below, scaled, zero)
                store(w, mults + i, keep)
                store(f, column + i, select_greater(iota, below, scaled, v))
                largest_one = maximum(magnitude(keep), largest_one)
                below = splat(-1.0)
            if not (peak > 0.0 and largest(largest_one) * share < 1.0):
                # Too small against its column: restored, and replaced.
                top = peak
                if peak > 0.0:
                    for i in range(p + 1, m):
                        f[column + i] *= f[column + p]
                for i in range(p + 1, m):
                    top = max(top, abs(f[column + i]))
                # Of a column of zeros nothing is known but the size of the matrix.
                f[column + p] = share * (top if top > 0.0 else size_of_matrix)
                replaced += 1
                scale = 1.0 / f[column + p]
                for i in range(p + 1, m):
                    f[column + i] *= scale
                    w[mults + i] = f[column + i]
            for c in range(p + 1, p1):
                u = splat(f[c * ld + p])
                for i in range(group, last, 8):
                    store(f, c * ld + i, fnma(load(w, mults + i), u, load(f, c * ld + i)))
        if p1 - p0 == 4:
            a10, a20, a30 = f[p0 * ld + p0 + 1], f[p0 * ld + p0 + 2], f[p0 * ld + p0 + 3]
            a21, a31 = f[(p0 + 1) * ld + p0 + 2], f[(p0 + 1) * ld + p0 + 3]
            a32 = f[(p0 + 2) * ld + p0 + 3]
            c = p1
            while c + 2 <= m:
                one, two = c * ld, c * ld + ld
                x0, y0 = f[one + p0], f[two + p0]
                x1, y1 = f[one + p0 + 1] - a10 * x0, f[two + p0 + 1] - a10 * y0
                x2, y2 = f[one + p0 + 2] - a20 * x0 - a21 * x1, f[two + p0 + 2] - a20 * y0 - a21 * y1
                x3 = f[one + p0 + 3] - a30 * x0 - a31 * x1 - a32 * x2
                y3 = f[two + p0 + 3] - a30 * y0 - a31 * y1 - a32 * y2
                u0, u1, u2, u3 = splat(x0), splat(x1), splat(x2), splat(x3)
                v0, v1, v2, v3 = splat(y0), splat(y1), splat(y2), splat(y3)
                for i in range(group, last, 8):
                    lower = load(w, i)
                    a, b = fnma(lower, u0, load(f, one + i)), fnma(lower, v0, load(f, two + i))
                    lower = load(w, SMALL_FRONT + i)
                    a, b = fnma(lower, u1, a), fnma(lower, v1, b)
                    lower = load(w, 2 * SMALL_FRONT + i)
                    a, b = fnma(lower, u2, a), fnma(lower, v2, b)
                    lower = load(w, 3 * SMALL_FRONT + i)
                    store(f, one + i, fnma(lower, u3, a))
                    store(f, two + i, fnma(lower, v3, b))
                c += 2
            if c < m:
                column = c * ld
                x0 = f[column + p0]
                x1 = f[column + p0 + 1] - a10 * x0
                x2 = f[column + p0 + 2] - a20 * x0 - a21 * x1
                x3 = f[column + p0 + 3] - a30 * x0 - a31 * x1 - a32 * x2
                u0, u1, u2, u3 = splat(x0), splat(x1), splat(x2), splat(x3)
                for i in range(group, last, 8):
                    v = fnma(load(w, i), u0, load(f, column + i))
                    v = fnma(load(w, SMALL_FRONT + i), u1, v)
                    v = fnma(load(w, 2 * SMALL_FRONT + i), u2, v)
                    store(f, column + i, fnma(load(w, 3 * SMALL_FRONT + i), u3, v))
        else:
            for p in range(p0, p1):
                mults = (p - p0) * SMALL_FRONT
                for c in range(p1, m):
                    u = splat(f[c * ld + p])
                    for i in range(group, last, 8):
                        store(f, c * ld + i, fnma(load(w, mults + i), u, load(f, c * ld + i)))
    return replaced


def small_lu(f, w, ld, m, k, swaps, at, size_of_matrix, share):  # type: ignore[no-untyped-def]
    """Eliminate k columns of an m-by-m front; gives how many pivots were replaced, -1 if it is not done here."""
    raise NotImplementedError


@overload(small_lu, inline="never")
def _typed_lu(f, w, ld, m, k, swaps, at, size_of_matrix, share):  # type: ignore[no-untyped-def]
    if isinstance(f.dtype, numba.types.Complex):
        return lambda f, w, ld, m, k, swaps, at, size_of_matrix, share: -1

    def call(f, w, ld, m, k, swaps, at, size_of_matrix, share):  # type: ignore[no-untyped-def]
        return _lu(f, w, ld, m, k, swaps, at, size_of_matrix, share) if m <= SMALL_FRONT else -1

    return call


@jit([int64(float64[::1], float64[::1], int64, int64, int64)])
def _cholesky(f, w, ld, m, k):  # type: ignore[no-untyped-def]
    last = (m + 7) // 8 * 8
    for p0 in range(0, k, 4):
        p1 = min(p0 + 4, k)
        for p in range(p0, p1):
            column = p * ld
            pivot = f[column + p]
            if not pivot > 0.0:
                return p
            root = np.sqrt(pivot)
            scale = splat(1.0 / root)
            mults = (p - p0) * SMALL_FRONT
            # What stands above the diagonal is not read again: no row is left out.
            for i in range(p // 8 * 8, last, 8):
                v = load(f, column + i) * scale
                store(f, column + i, v)
                store(w, mults + i, v)
            f[column + p] = root
            for c in range(p + 1, p1):
                u = splat(w[mults + c])
                for i in range(c // 8 * 8, last, 8):
                    store(f, c * ld + i, fnma(load(w, mults + i), u, load(f, c * ld + i)))
        if p1 - p0 == 4:
            for c in range(p1, m):
                column = c * ld
                u0, u1 = splat(w[c]), splat(w[SMALL_FRONT + c])
                u2, u3 = splat(w[2 * SMALL_FRONT + c]), splat(w[3 * SMALL_FRONT + c])
                for i in range(c // 8 * 8, last, 8):
                    v = fnma(load(w, i), u0, load(f, column + i))
                    v = fnma(load(w, SMALL_FRONT + i), u1, v)
                    v = fnma(load(w, 2 * SMALL_FRONT + i), u2, v)
                    store(f, column + i, fnma(load(w, 3 * SMALL_FRONT + i), u3, v))
        else:
            for p in range(p0, p1):
                mults = (p - p0) * SMALL_FRONT
                for c in range(p1, m):
                    u = splat(w[mults + c])
                    for i in range(c // 8 * 8, last, 8):
                        store(f, c * ld + i, fnma(load(w, mults + i), u, load(f, c * ld + i)))
    return -1


def small_cholesky(f, w, ld, m, k):  # type: ignore[no-untyped-def]
    """Factor k columns of an m-by-m front, lower triangle; -1, a column that is not positive, or -2: not done here."""
    raise NotImplementedError


@overload(small_cholesky, inline="never")
def _typed_cholesky(f, w, ld, m, k):  # type: ignore[no-untyped-def]
    if isinstance(f.dtype, numba.types.Complex):
        return lambda f, w, ld, m, k: -2

    def call(f, w, ld, m, k):  # type: ignore[no-untyped-def]
        return _cholesky(f, w, ld, m, k) if m <= SMALL_FRONT else -2

    return call
