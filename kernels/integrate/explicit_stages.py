"""The stages of one step of an explicit pair, and the size of its error; compiled once for all pairs and callbacks.

All vectors are pointers: an array that is passed on, or bound to a name, is a reference counted, atomically, which
costs more than the arithmetic of a small step (measured for Lorenz by RK45: half of the time). Up to four equations
are four numbers, not a register: the callback reads and writes single numbers, and a processor that must join what was
just written apart, or part what was written as one, waits for it (measured for Lorenz by RK45: a quarter of the time).
"""

from __future__ import annotations

import numba

from fsci.kernels.integrate.code_addresses import POINTER, called, fused
from fsci.kernels.integrate.lane_pointers import load_at, shifted, store_at
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, magnitude, maximum, splat, total

__all__ = ["FEW", "errors_of", "stages_of"]

FEW = 4  # equations that are taken one by one

_WHOLE = numba.types.CPointer(numba.int64)


@jit(
    [
        numba.int64(
            numba.int64, POINTER, numba.float64, numba.float64, POINTER, POINTER, numba.int64, numba.int64, POINTER,
            POINTER, POINTER, _WHOLE, _WHOLE, POINTER,
        )
    ]
)  # fmt: skip
def _few_stages(  # type: ignore[no-untyped-def]
    rhs, p, t, h, y, K, start, stop, trial, before, coefficients, sources, starts, nodes
):  # fmt: skip
    """`stages_of` for up to four equations."""
    y0, y1, y2, y3 = y[0], y[1], y[2], y[3]
    a0, a1, a2, a3 = trial[0], trial[1], trial[2], trial[3]
    failed = 0
    for s in range(start, stop):
        before[0], before[1], before[2], before[3] = a0, a1, a2, a3
        a0, a1, a2, a3 = 0.0, 0.0, 0.0, 0.0
        for m in range(starts[s], starts[s + 1]):
            weight, row = coefficients[m], sources[m] * 8
            a0, a1 = fused(weight, K[row], a0), fused(weight, K[row + 1], a1)
            a2, a3 = fused(weight, K[row + 2], a2), fused(weight, K[row + 3], a3)
        a0, a1, a2, a3 = fused(a0, h, y0), fused(a1, h, y1), fused(a2, h, y2), fused(a3, h, y3)
        trial[0], trial[1], trial[2], trial[3] = a0, a1, a2, a3
        failed = called(rhs, t + nodes[s] * h, trial, shifted(K, s * 8), p)
        if failed != 0:
            break
    return failed


@jit(
    [
        numba.int64(
            numba.int64, POINTER, numba.float64, numba.float64, POINTER, numba.int64, numba.int64, POINTER, numba.int64,
            numba.int64, POINTER, POINTER, POINTER, _WHOLE, _WHOLE, POINTER,
        )
    ]
)  # fmt: skip
def stages_of(  # type: ignore[no-untyped-def]
    rhs, p, t, h, y, n, width, K, start, stop, trial, before, coefficients, sources, starts, nodes
):  # fmt: skip
    """Rows `start` to `stop` of K, each at the point that the tableau combines; gives the callback's status.

    `trial` is left at the point of the last, `before` at the one before it.
    """
    if n <= FEW:
        return _few_stages(
            rhs, p, t, h, y, K, start, stop, trial, before, coefficients, sources, starts, nodes
        )  # fmt: skip
    step = splat(h)
    for s in range(start, stop):
        first, last = starts[s], starts[s + 1]
        for c in range(0, width, 8):
            combined = splat(0.0)
            for m in range(first, last):
                combined = fma(splat(coefficients[m]), load_at(K, sources[m] * width + c), combined)
            store_at(before, c, load_at(trial, c))
            store_at(trial, c, fma(combined, step, load_at(y, c)))
        failed = called(rhs, t + nodes[s] * h, trial, shifted(K, s * width), p)
        if failed != 0:
            return failed
    return 0


@jit(inline=True)
def _unit(y, new, rtol, atol):  # type: ignore[no-untyped-def]
    """What an error is measured in; of two states the new one where one is NaN, so that it stays."""
    y, new = abs(y), abs(new)
    return fused(y if y > new else new, rtol, atol)


@jit(
    [
        numba.types.UniTuple(numba.float64, 2)(
            POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, numba.int64, numba.boolean, numba.float64,
            numba.float64,
        )
    ]
)  # fmt: skip
def _few_errors(y, new, K, atol, scale, weights, stages, two, h, rtol):  # type: ignore[no-untyped-def]
    """`errors_of` for up to four equations."""
    u0, u1 = _unit(y[0], new[0], rtol, atol[0]), _unit(y[1], new[1], rtol, atol[1])
    u2, u3 = _unit(y[2], new[2], rtol, atol[2]), _unit(y[3], new[3], rtol, atol[3])
    scale[0], scale[1], scale[2], scale[3] = u0, u1, u2, u3
    e0, e1, e2, e3 = 0.0, 0.0, 0.0, 0.0
    for s in range(stages + 1):
        weight, row = weights[s], s * 8
        e0, e1 = fused(weight, K[row], e0), fused(weight, K[row + 1], e1)
        e2, e3 = fused(weight, K[row + 2], e2), fused(weight, K[row + 3], e3)
    if not two:
        e0, e1, e2, e3 = e0 * h / u0, e1 * h / u1, e2 * h / u2, e3 * h / u3
        return (e0 * e0 + e2 * e2) + (e1 * e1 + e3 * e3), 0.0
    e0, e1, e2, e3 = e0 / u0, e1 / u1, e2 / u2, e3 / u3
    first = (e0 * e0 + e2 * e2) + (e1 * e1 + e3 * e3)
    e0, e1, e2, e3 = 0.0, 0.0, 0.0, 0.0
    for s in range(stages + 1):
        weight, row = weights[stages + 1 + s], s * 8
        e0, e1 = fused(weight, K[row], e0), fused(weight, K[row + 1], e1)
        e2, e3 = fused(weight, K[row + 2], e2), fused(weight, K[row + 3], e3)
    e0, e1, e2, e3 = e0 / u0, e1 / u1, e2 / u2, e3 / u3
    return first, (e0 * e0 + e2 * e2) + (e1 * e1 + e3 * e3)


@jit(
    [
        numba.types.UniTuple(numba.float64, 2)(
            POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, numba.int64, numba.int64, numba.int64, numba.boolean,
            numba.float64, numba.float64,
        )
    ]
)  # fmt: skip
def errors_of(y, new, K, atol, scale, weights, n, width, stages, two, h, rtol):  # type: ignore[no-untyped-def]
    """Sums of squares of the weighted slopes over `scale`, which is filled; a second one if `two` are combined.

    With one estimate the slopes are taken times h.
    """
    if n <= FEW:
        return _few_errors(y, new, K, atol, scale, weights, stages, two, h, rtol)
    first, second = splat(0.0), splat(0.0)
    for c in range(0, width, 8):
        # Of two the second where one is NaN, so that a NaN of the new state stays.
        unit = fma(maximum(magnitude(load_at(y, c)), magnitude(load_at(new, c))), splat(rtol), load_at(atol, c))
        store_at(scale, c, unit)
        one = splat(0.0)
        for s in range(stages + 1):
            one = fma(splat(weights[s]), load_at(K, s * width + c), one)
        one = one / unit if two else one * splat(h) / unit
        first = fma(one, one, first)
        if two:
            other = splat(0.0)
            for s in range(stages + 1):
                other = fma(splat(weights[stages + 1 + s]), load_at(K, s * width + c), other)
            other = other / unit
            second = fma(other, other, second)
    return total(first), total(second)
