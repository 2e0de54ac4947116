"""LU with partial pivoting for orders up to a few hundred, in SIMD registers, and solves with its factors.

Vendor LAPACK is tuned for large matrices; below order 200 its calls cost more than the
arithmetic. Here the matrix lies in rows of a flat float64 array, `stride` apart, and is factored in
panels of eight columns: a panel is turned, so that pivot search and elimination run down
contiguous columns (right-looking, Golub and Van Loan 2013, algorithm 3.4.1), and the rest is updated
eight steps at a time. Padding columns must hold zeros.
"""

from __future__ import annotations

import numpy as np

from fsci.kernels.jit import jit
from fsci.kernels.lanes import fnma, largest, load, magnitude, maximum, splat, store, total

__all__ = ["factor", "irregular", "solve_adjoint_factored", "solve_factored", "stride_of", "weighted_inverse_norm"]

_FLAT = "float64[::1]"


@jit(inline=True)
def stride_of(n):  # type: ignore[no-untyped-def]
    """Distance of rows: a multiple of eight that is odd in eights, so that columns spread over cache sets."""
    return ((n + 7) // 8 | 1) * 8


@jit(inline=True)
def irregular(i):  # type: ignore[no-untyped-def]
    """Fixed numbers of either sign between 1/2 and 1: multiples of the golden section, modulo one."""
    part = (i + 1) * 0.6180339887498949
    part -= np.floor(part)
    return 0.5 + part if part < 0.5 else -part


@jit([f"int64({_FLAT}, int64, int64, int64[::1])"])
def factor(s, n, stride, order):  # type: ignore[no-untyped-def]
    """Factor in place; 0, or 1 at a zero pivot. Row i of the factors is row ``order[i]`` of the matrix."""
    t = np.zeros(8 * ((n + 7) // 8 * 8))
    for i in range(n):
        order[i] = i
    for k in range(0, n, 8):
        m = n - k
        tall = (m + 7) // 8 * 8
        steps = min(8, m)
        for i in range(m):
            row = (k + i) * stride + k
            for c in range(8):
                t[c * tall + i] = s[row + c]
        for c in range(8):
            for i in range(m, tall):
                t[c * tall + i] = 0.0
        for c in range(steps):
            column = c * tall
            peak = splat(0.0)
            for i in range(8, tall, 8):
                peak = maximum(magnitude(load(t, column + i)), peak)
            best = largest(peak)
            pivot = -1
            for i in range(c, steps):
                if abs(t[column + i]) >= best:
                    pivot, best = i, abs(t[column + i])
            if best == 0.0:
                return 1
            if pivot < 0:
                pivot = 8
                while abs(t[column + pivot]) != best:
                    pivot += 1
            if pivot != c:
                for j in range(8):
                    held = t[j * tall + c]
                    t[j * tall + c] = t[j * tall + pivot]
                    t[j * tall + pivot] = held
                one, other = (k + c) * stride, (k + pivot) * stride
                for j in range(0, stride, 8):
                    row_held = load(s, one + j)
                    store(s, one + j, load(s, other + j))
                    store(s, other + j, row_held)
                place = order[k + c]
                order[k + c] = order[k + pivot]
                order[k + pivot] = place
            scale = 1.0 / t[column + c]
            for i in range(c + 1, steps):
                t[column + i] *= scale
                for j in range(c + 1, steps):
                    t[j * tall + i] -= t[column + i] * t[j * tall + c]
            for i in range(8, tall, 8):
                multiplier = load(t, column + i) * splat(scale)
                store(t, column + i, multiplier)
                for j in range(c + 1, 8):
                    at = j * tall + i
                    store(t, at, fnma(multiplier, splat(t[j * tall + c]), load(t, at)))
        for i in range(m):
            row = (k + i) * stride + k
            for c in range(8):
                s[row + c] = t[c * tall + i]
        if m <= 8:
            break
        top = k * stride
        end = k + 8  # columns from here on are zero in this block of rows: banded and triangular matrices
        for c in range(k + 8, stride, 8):
            seen = magnitude(load(s, top + c))
            for i in range(1, 8):
                row = top + i * stride
                value = load(s, row + c)
                for j in range(i):
                    value = fnma(splat(s[row + k + j]), load(s, top + j * stride + c), value)
                store(s, row + c, value)
                seen = maximum(magnitude(value), seen)
            if largest(seen) > 0.0:
                end = c + 8
        i = k + 8
        while i + 3 < n:
            r0 = i * stride
            r1, r2, r3 = r0 + stride, r0 + 2 * stride, r0 + 3 * stride
            i += 4
            one = maximum(magnitude(load(s, r0 + k)), magnitude(load(s, r1 + k)))
            if largest(maximum(one, maximum(magnitude(load(s, r2 + k)), magnitude(load(s, r3 + k))))) == 0.0:
                continue
            for c in range(k + 8, end, 8):
                v0, v1, v2, v3 = load(s, r0 + c), load(s, r1 + c), load(s, r2 + c), load(s, r3 + c)
                for j in range(8):
                    u = load(s, top + j * stride + c)
                    v0 = fnma(splat(s[r0 + k + j]), u, v0)
                    v1 = fnma(splat(s[r1 + k + j]), u, v1)
                    v2 = fnma(splat(s[r2 + k + j]), u, v2)
                    v3 = fnma(splat(s[r3 + k + j]), u, v3)
                store(s, r0 + c, v0)
                store(s, r1 + c, v1)
                store(s, r2 + c, v2)
                store(s, r3 + c, v3)
        while i < n:
            r0 = i * stride
            for c in range(k + 8, end, 8):
                v0 = load(s, r0 + c)
                for j in range(8):
                    v0 = fnma(splat(s[r0 + k + j]), load(s, top + j * stride + c), v0)
                store(s, r0 + c, v0)
            i += 1
    return 0


@jit([f"void({_FLAT}, int64, int64, int64[::1], {_FLAT}, {_FLAT})"])
def solve_factored(s, n, stride, order, b, x):  # type: ignore[no-untyped-def]
    """``x = inv(A) @ b``; `x` is padded to the stride, its padding left at zero."""
    for i in range(n):
        x[i] = b[order[i]]
    for i in range(n, stride):
        x[i] = 0.0
    for k in range(0, n, 8):
        stop = min(k + 8, n)
        for i in range(k, stop):
            product = splat(0.0)
            for c in range(0, k, 8):
                product = fnma(load(s, i * stride + c), load(x, c), product)
            x[i] += total(product)
        for i in range(k + 1, stop):
            value = x[i]
            for j in range(k, i):
                value -= s[i * stride + j] * x[j]
            x[i] = value
    for k in range((n - 1) // 8 * 8, -1, -8):
        stop = min(k + 8, n)
        for i in range(k, stop):
            product = splat(0.0)
            for c in range(k + 8, stride, 8):
                product = fnma(load(s, i * stride + c), load(x, c), product)
            x[i] += total(product)
        for i in range(stop - 1, k - 1, -1):
            value = x[i]
            for j in range(i + 1, stop):
                value -= s[i * stride + j] * x[j]
            x[i] = value / s[i * stride + i]


@jit([f"void({_FLAT}, int64, int64, int64[::1], {_FLAT}, {_FLAT})"])
def solve_adjoint_factored(s, n, stride, order, c, x):  # type: ignore[no-untyped-def]
    """``x = inv(A).T @ c``; overwrites `c`, both padded to the stride."""
    for k in range(0, n, 8):
        stop = min(k + 8, n)
        for i in range(k, stop):
            value = c[i] / s[i * stride + i]
            c[i] = value
            for j in range(i + 1, stop):
                c[j] -= value * s[i * stride + j]
        for j in range(k + 8, stride, 8):
            value_lanes = load(c, j)
            for i in range(k, stop):
                value_lanes = fnma(splat(c[i]), load(s, i * stride + j), value_lanes)
            store(c, j, value_lanes)
    for k in range((n - 1) // 8 * 8, -1, -8):
        stop = min(k + 8, n)
        for i in range(stop - 1, k, -1):
            value = c[i]
            for j in range(k, i):
                c[j] -= value * s[i * stride + j]
        for j in range(0, k, 8):
            value_lanes = load(c, j)
            for i in range(k, stop):
                value_lanes = fnma(splat(c[i]), load(s, i * stride + j), value_lanes)
            store(c, j, value_lanes)
    for i in range(n):
        x[order[i]] = c[i]


@jit([f"float64({_FLAT}, int64, int64, int64[::1], {_FLAT}, boolean)"])
def weighted_inverse_norm(s, n, stride, order, w, turned):  # type: ignore[no-untyped-def]
    """Estimate of ``|| |inv(A)| w ||`` (infinity norm), from below, by three solves; of A.T where `turned`.

    Hager's (1984) climb on ``inv(A) @ diag(w)``, left after one step; what each solve shows is a
    lower bound, and the largest is given. It starts from an irregular vector: the usual one, all
    ones, is what simple matrices annihilate (Higham 2002, section 15.3, has the same remedy).
    """
    c, x, y = np.zeros(stride), np.zeros(stride), np.zeros(stride)
    best, peak, row = 0.0, 0.0, 0
    for step in range(3):
        if step == 0:
            for i in range(n):
                c[i] = irregular(i) / n
        elif step == 2:
            for i in range(stride):
                c[i] = 0.0
            c[row] = 1.0
        else:
            for i in range(n):
                c[i] = w[i] if x[i] >= 0.0 else -w[i]
        if turned == (step != 1):
            solve_factored(s, n, stride, order, c, x)
        else:
            for i in range(n):
                y[i] = c[i]
            for i in range(n, stride):
                y[i] = 0.0
            solve_adjoint_factored(s, n, stride, order, y, x)
        if step == 1:
            for i in range(n):
                if not abs(x[i]) <= peak:
                    row, peak = i, abs(x[i])
            best = max(best, peak)
        else:
            found = 0.0
            for i in range(n):
                found += w[i] * abs(x[i])
            best = max(best, found) if found == found else np.inf
    return best
