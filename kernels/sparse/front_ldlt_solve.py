"""Solves with multifrontal LDL^T factors: down over the supernodes with the pivots, and up again."""

from __future__ import annotations

import numpy as np
from numba import boolean, complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit

__all__ = ["solve_ldlt"]

_KINDS = [(float64, int32), (complex128, int32)]


@jit(inline=True)
def _turned(v, hermitian):  # type: ignore[no-untyped-def]
    return np.conj(v) if hermitian else v


@jit(inline=True)
def _dot(a, at, t, start, stop, hermitian):  # type: ignore[no-untyped-def]
    """``sum(a[at + i] * t[i])``, or with the conjugates of a, in four sums: one alone waits for each addition."""
    zero = t.dtype.type(0)
    s0, s1, s2, s3 = zero, zero, zero, zero
    fours = stop - (stop - start) % 4
    for i in range(uint64(start), uint64(fours), uint64(4)):
        j = uint64(at) + i
        s0 += _turned(a[j], hermitian) * t[i]
        s1 += _turned(a[j + uint64(1)], hermitian) * t[i + uint64(1)]
        s2 += _turned(a[j + uint64(2)], hermitian) * t[i + uint64(2)]
        s3 += _turned(a[j + uint64(3)], hermitian) * t[i + uint64(3)]
    for i in range(uint64(fours), uint64(stop)):
        s0 += _turned(a[uint64(at) + i], hermitian) * t[i]
    return (s0 + s1) + (s2 + s3)


@jit([
    int64(
        int64, int64, int64[::1], i[::1], int64[::1], int64[::1], int64[::1], int64[::1], d[::1], int64[::1],
        d[::1], boolean, boolean,
    )
    for d, i in _KINDS
])  # fmt: skip
def solve_ldlt(  # type: ignore[no-untyped-def]
    low, high, pointers, rows, taken, waiting, vptr, nptr, values, names, x, up, hermitian
):  # fmt: skip
    """Overwrite x by what the supernodes `low` to `high` make of it, down with the pivots or `up`."""
    t = np.empty(x.size, x.dtype)
    one = x.dtype.type(1)
    for step in range(high - low):
        s = high - 1 - step if up else low + step
        e, k = taken[s], taken[s] + waiting[s]
        if e == 0:
            continue
        at, border, name = vptr[s], pointers[s] - k, nptr[s]
        m = pointers[s + 1] - border
        for q in range(k):
            t[q] = x[names[name + q]]
        for q in range(k, m):
            t[q] = x[rows[border + q]]
        if up:
            for p in range(e - 1, -1, -1):
                start = p + names[name + k + p] if names[name + k + p] > 0 else p + 1
                t[p] -= _dot(values, at + p * m, t, start, m, hermitian)
        else:
            p = 0
            while p < e:
                column = uint64(at + p * m)
                if names[name + k + p] == 1:
                    value = t[p]
                    for i in range(uint64(p + 1), uint64(m)):
                        t[i] -= values[column + i] * value
                    t[p] = value / values[column + uint64(p)]
                    p += 1
                    continue
                after = column + uint64(m)
                value, other = t[p], t[p + 1]
                for i in range(uint64(p + 2), uint64(m)):
                    t[i] -= values[column + i] * value + values[after + i] * other
                across = values[column + uint64(p + 1)]
                turned = _turned(across, hermitian)
                first, second = values[after + uint64(p + 1)] / across, values[column + uint64(p)] / turned
                scale = one / (first * second - one)
                value, other = value / turned, other / across
                t[p], t[p + 1] = scale * (first * value - other), scale * (second * other - value)
                p += 2
        for q in range(k if not up else e):
            x[names[name + q]] = t[q]
        if not up:
            for q in range(k, m):
                x[rows[border + q]] = t[q]
    return 0
