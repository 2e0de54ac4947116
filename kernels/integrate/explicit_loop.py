"""The state of explicit Runge-Kutta pairs, their first step and their dense output; `explicit_steps` has the loop."""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.integrate.code_addresses import CALLBACK
from fsci.kernels.jit import jit

__all__ = ["COUNTS", "REALS", "first_step", "interpolate"]

# Places in the state: reals, and counts.
T, H, T_END, RTOL, MAX_STEP, DIRECTION, RATE, REALS = range(8)
NFEV, ACCEPTED, REJECTED, STIFF, LONGEST_STIFF, ASKED, CALLBACK_STATUS, RETRYING, STIFF_ENOUGH, COUNTS = range(10)

_VECTOR, _MATRIX, _INTEGERS = numba.float64[::1], numba.float64[:, ::1], numba.int64[::1]


@jit([numba.float64(_VECTOR, _VECTOR)])
def _rms(v, scale):  # type: ignore[no-untyped-def]
    """Root mean square of ``v / scale``."""
    total = 0.0
    for i in range(v.shape[0]):
        total += (v[i] / scale[i]) ** 2
    return np.sqrt(total) / np.sqrt(np.float64(v.shape[0]))


@jit(inline=True)
def _minimum(a, b):  # type: ignore[no-untyped-def]
    """Python's ``min(a, b)``: a NaN in second place is passed over."""
    return b if b < a else a


@jit([numba.int64(CALLBACK, _VECTOR, _VECTOR, _INTEGERS, _VECTOR, _VECTOR, _VECTOR, numba.int64)])
def first_step(rhs, p, reals, counts, y, f, atol, order):  # type: ignore[no-untyped-def]
    """``f``, and an initial step if ``reals[H]`` is zero (Hairer, Norsett and Wanner, 1993, section II.4).

    Gives the callback's status.
    """
    status = rhs(reals[T], y.ctypes, f.ctypes, p.ctypes)
    counts[NFEV] += 1
    if status != 0 or reals[H] > 0.0:
        return status
    n = f.shape[0]
    interval = abs(reals[T_END] - reals[T])
    scale, ahead, slope = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        scale[i] = atol[i] + abs(y[i]) * reals[RTOL]
    d0, d1 = _rms(y, scale), _rms(f, scale)
    h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    h0 = _minimum(h0, interval)
    for i in range(n):
        ahead[i] = y[i] + h0 * reals[DIRECTION] * f[i]
    status = rhs(reals[T] + h0 * reals[DIRECTION], ahead.ctypes, slope.ctypes, p.ctypes)
    counts[NFEV] += 1
    if status != 0:
        return status
    for i in range(n):
        slope[i] -= f[i]
    d2 = _rms(slope, scale) / h0
    if d1 <= 1e-15 and d2 <= 1e-15:
        h1 = h0 * 1e-3 if h0 * 1e-3 > 1e-6 else 1e-6
    else:
        h1 = (0.01 / (d2 if d2 > d1 else d1)) ** (1.0 / (order + 1))
    reals[H] = _minimum(_minimum(_minimum(100.0 * h0, h1), interval), reals[MAX_STEP])
    return 0


@jit(
    [numba.void(numba.float64, numba.float64, _VECTOR, _VECTOR, _VECTOR, _MATRIX, numba.int64, numba.boolean, _VECTOR)]
)
def interpolate(theta, h, y, y_new, K, dense, last, two, out):  # type: ignore[no-untyped-def]
    """The dense output at ``t + theta h``; `two` for DOP853's form, whose step ends with row `last` of K."""
    width = y.shape[0]
    if not two:
        for i in range(out.shape[0]):
            total, power = 0.0, 1.0
            for j in range(dense.shape[1]):
                weight = 0.0
                for s in range(dense.shape[0]):
                    weight += K[s * width + i] * dense[s, j]
                power *= theta
                total += weight * power
            out[i] = h * total + y[i]
        return
    for i in range(out.shape[0]):
        delta = y_new[i] - y[i]
        value = 0.0
        for j in range(3, -1, -1):
            part = 0.0
            for s in range(dense.shape[1]):
                part += dense[j, s] * K[s * width + i]
            value = (value + h * part) * (theta if (3 - j) % 2 == 0 else 1.0 - theta)
        value = (value + (2.0 * delta - h * (K[last * width + i] + K[i]))) * theta
        value = (value + (h * K[i] - delta)) * (1.0 - theta)
        out[i] = (value + delta) * theta + y[i]
