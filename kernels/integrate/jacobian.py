"""Jacobians for compiled implicit loops: by grouped differences, as SciPy's ``num_jac`` takes them, or by a callback.

The increments adapt from one Jacobian to the next (Shampine and Reichelt, 1997; D. E. Salane, 1986): a column whose
largest difference drowns in rounding gets a larger increment. Columns of a band that share no row are
differenced together (Curtis, Powell and Reid, 1974).
"""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.integrate.callbacks import CALLBACK
from fsci.kernels.jit import jit

__all__ = [
    "CONSTANT", "DIFFERENCES", "FOUND", "GIVEN", "INCOMPLETE", "NONFINITE", "PATTERN", "centred", "differences",
    "jacobian_at", "missed",
]  # fmt: skip

# How Jacobians come: by differences with a pattern that is believed, by a callback, once for all, or by
# differences with a pattern that was found, and that is held against a random direction each time.
DIFFERENCES, GIVEN, CONSTANT, FOUND = range(4)
NONFINITE, INCOMPLETE = 3, 4  # beside the statuses of a callback

# Place of each unknown in the band; columns by groups, and where groups start; rows of each column.
PATTERN = numba.types.UniTuple(numba.int64[::1], 5)

# Increments are some 1e-8 of the state, so second-order terms are that much of the first-order ones; a row adds up
# the roundings of its few entries.
_DEVIATION, _ROUNDINGS = 1e-3, 256.0

_EPS = 2.0**-52
_REJECT, _SMALL, _BIG = _EPS**0.875, _EPS**0.75, _EPS**0.25
_LEAST = 1e3 * _EPS
_LONGER = _EPS ** (-1 / 6)  # from the square root of the rounding to its cube root

_VECTOR, _MATRIX = numba.float64[::1], numba.float64[:, ::1]
_SIZE = numba.int64


@jit(inline=True)
def _larger(a, b):  # type: ignore[no-untyped-def]
    """As ``np.maximum``: a NaN stays."""
    return a if a > b or a != a else b


@jit(
    [
        _SIZE(
            CALLBACK, _VECTOR, numba.float64, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _MATRIX, _SIZE, _SIZE, PATTERN,
            _VECTOR,
        )
    ]
)  # fmt: skip
def differences(  # type: ignore[no-untyped-def]
    rhs, p, t, y, f, threshold, factors, jacobian, lower, upper, pattern, h
):
    """Fill `jacobian` (laid out as in `newton`), adapt `factors`, leave the increments in `h`; the callback's status.

    Columns ``columns[starts[g]:starts[g + 1]]`` are differenced together; column j has entries in rows
    ``indices[indptr[j]:indptr[j + 1]]``. A dense one has neither.
    """
    n = y.shape[0]
    place, columns, starts, indptr, indices = pattern
    banded = lower >= 0
    point, slope = np.empty(n), np.empty(n)
    at, to, given = point.ctypes, slope.ctypes, p.ctypes
    scale, size, most, next_h = np.empty(n), np.empty(n), np.empty(n), np.zeros(n)
    for j in range(n):
        size[j] = _larger(threshold[j], abs(y[j])) * (1.0 if f[j] >= 0.0 else -1.0)
        h[j] = (y[j] + factors[j] * size[j]) - y[j]
        while h[j] == 0.0 and size[j] != 0.0 and factors[j] < 1e300:
            factors[j] *= 10.0
            h[j] = (y[j] + factors[j] * size[j]) - y[j]
    for group in range(starts.shape[0] - 1 if banded else n):
        first, last = (starts[group], starts[group + 1]) if banded else (group, group + 1)
        for attempt in range(2):
            # Once more, with larger increments, for columns whose change drowned in rounding.
            again = False
            for i in range(n):
                point[i] = y[i] + 0.0
            for c in range(first, last):
                j = columns[c] if banded else c
                if attempt == 0:
                    point[j] = y[j] + h[j]
                elif most[j] < _REJECT * scale[j]:
                    next_h[j] = (y[j] + 10.0 * factors[j] * size[j]) - y[j]
                    point[j] = y[j] + next_h[j]
            status = rhs(t, at, to, given)
            if status != 0:
                return status
            for c in range(first, last):
                j = columns[c] if banded else c
                if attempt == 1 and not most[j] < _REJECT * scale[j]:
                    continue
                # The first of the largest changes, or the first NaN; entries outside the pattern are zeros.
                row, worst, value = 0, 0.0, f[0]
                for e in range(indptr[j] if banded else 0, indptr[j + 1] if banded else n):
                    i = indices[e] if banded else e
                    change = abs(slope[i] - f[i])
                    if i == 0:
                        value = slope[0]
                    if worst == worst and (change > worst or change != change):
                        row, worst, value = i, change, slope[i]
                other = _larger(abs(f[row]), abs(value))
                if attempt == 1:
                    if not most[j] * other < worst * scale[j]:
                        continue
                    factors[j] *= 10.0
                    h[j] = next_h[j]
                most[j], scale[j] = worst, other
                if attempt == 0 and worst < _REJECT * other:
                    again = True
                for e in range(indptr[j] if banded else 0, indptr[j + 1] if banded else n):
                    i = indices[e] if banded else e
                    change = (slope[i] - f[i]) / h[j]
                    if banded:
                        jacobian[place[j], lower + upper + place[i] - place[j]] = change
                    else:
                        jacobian[j, i] = change
            if not again:
                break
    for j in range(n):
        if most[j] < _SMALL * scale[j]:
            factors[j] *= 10.0
        if most[j] > _BIG * scale[j]:
            factors[j] *= 0.1
        factors[j] = _larger(factors[j], _LEAST)
    return 0


@jit([_SIZE(CALLBACK, _VECTOR, numba.float64, _VECTOR, _VECTOR, _MATRIX, _SIZE, _SIZE, PATTERN)])
def centred(rhs, p, t, y, h, jacobian, lower, upper, pattern):  # type: ignore[no-untyped-def]
    """Fill `jacobian` by central differences, with the increments `h` of one-sided ones made that much longer."""
    n = y.shape[0]
    place, columns, starts, indptr, indices = pattern
    banded = lower >= 0
    point, up, down = np.empty(n), np.empty(n), np.empty(n)
    for group in range(starts.shape[0] - 1 if banded else n):
        first, last = (starts[group], starts[group + 1]) if banded else (group, group + 1)
        for side in range(2):
            for i in range(n):
                point[i] = y[i] + 0.0
            for c in range(first, last):
                j = columns[c] if banded else c
                point[j] = y[j] + (_LONGER * h[j] if side == 0 else -_LONGER * h[j])
            status = rhs(t, point.ctypes, up.ctypes if side == 0 else down.ctypes, p.ctypes)
            if status != 0:
                return status
        for c in range(first, last):
            j = columns[c] if banded else c
            apart = (y[j] + _LONGER * h[j]) - (y[j] - _LONGER * h[j])
            for e in range(indptr[j] if banded else 0, indptr[j + 1] if banded else n):
                i = indices[e] if banded else e
                change = (up[i] - down[i]) / apart
                if banded:
                    jacobian[place[j], lower + upper + place[i] - place[j]] = change
                else:
                    jacobian[j, i] = change
    return 0


@jit([_SIZE(CALLBACK, _VECTOR, numba.float64, _VECTOR, _VECTOR, _VECTOR, _MATRIX, _SIZE, _SIZE, PATTERN)])
def missed(rhs, p, t, y, f, h, jacobian, lower, upper, pattern):  # type: ignore[no-untyped-def]
    """INCOMPLETE if a difference in a random direction is not what the banded `jacobian` predicts, else 0.

    Each component moves by another part of its own `h`, so that an entry outside the pattern shows in its row: its
    column was differenced together with others, which took it for theirs, but now move by other parts. A row may
    deviate by what the differences themselves may be wrong.
    """
    n = y.shape[0]
    place, _, _, indptr, indices = pattern
    point, slope, predicted, size, noise = np.empty(n), np.empty(n), np.zeros(n), np.zeros(n), np.zeros(n)
    state = np.uint64(0x9E3779B97F4A7C15)
    for j in range(n):
        # Xorshift (Marsaglia, 2003).
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        point[j] = y[j] + h[j] * (2.0 * np.float64(state >> np.uint64(11)) * 2.0**-53 - 1.0)
        step = point[j] - y[j]
        for e in range(indptr[j], indptr[j + 1]):
            entry = jacobian[place[j], lower + upper + place[indices[e]] - place[j]]
            predicted[indices[e]] += entry * step
            size[indices[e]] += abs(entry * step)
            noise[indices[e]] += abs(entry * y[j])
    status = rhs(t, point.ctypes, slope.ctypes, p.ctypes)
    if status != 0:
        return status
    for i in range(n):
        room = _DEVIATION * size[i] + _ROUNDINGS * _EPS * (noise[i] + abs(f[i]))
        if not abs(slope[i] - f[i] - predicted[i]) <= room:
            return INCOMPLETE
    return 0


@jit(
    [
        _SIZE(
            CALLBACK, CALLBACK, _VECTOR, numba.float64, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _MATRIX, _SIZE, _SIZE,
            _SIZE, PATTERN, numba.boolean,
        )
    ]
)  # fmt: skip
def jacobian_at(  # type: ignore[no-untyped-def]
    rhs, jac, p, t, y, f, threshold, factors, jacobian, how, lower, upper, pattern, sharp
):
    """The Jacobian at ``(t, y)`` with `f` there, by `how`; 0, a callback's status, NONFINITE or INCOMPLETE.

    If `sharp`, differences are central: Rosenbrock methods need them where the tolerance is near what one-sided ones
    leave.
    """
    n = y.shape[0]
    h = np.empty(n)
    if how == GIVEN:
        rows = np.empty((n, n))
        status = jac(t, y.ctypes, rows.ctypes, p.ctypes)
        for j in range(n):
            for i in range(n):
                jacobian[j, i] = rows[i, j]
    else:
        status = differences(rhs, p, t, y, f, threshold, factors, jacobian, lower, upper, pattern, h)
        if sharp and status == 0:
            status = centred(rhs, p, t, y, h, jacobian, lower, upper, pattern)
    if status != 0:
        return status
    total = 0.0
    for j in range(n):
        for i in range(jacobian.shape[1]):
            total += 0.0 * jacobian[j, i]
    if total != 0.0:
        return NONFINITE
    return missed(rhs, p, t, y, f, h, jacobian, lower, upper, pattern) if how == FOUND else 0
