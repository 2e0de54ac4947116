"""The loop of Radau IIA of order 5, compiled once for all callbacks, and resumable.

Step control is SciPy's, operation by operation (Hairer and Wanner, 1996, section IV.8), so that steps and counts
agree. The three stages are decoupled into one real and one complex system of order n. A call makes at most so
many steps, or fills its buffers, and returns; the state lives in arrays.
"""

from __future__ import annotations

import numba
import numpy as np
from scipy.integrate._ivp import radau

from fsci.kernels.integrate.callbacks import CALLBACK
from fsci.kernels.integrate.implicit_state import (
    ACCEPTED,
    ASKED,
    CALLBACK_FAILED,
    CALLBACK_STATUS,
    CONSTANT,
    CURRENT,
    DIRECTION,
    DONE,
    ERROR_BEFORE,
    FACTORED,
    H_BEFORE,
    HOW,
    INTERPOLATES,
    LOWER,
    MAX_STEP,
    MORE,
    NEWTON_FAILURES,
    NEWTON_TOLERANCE,
    NFEV,
    NJEV,
    NLU,
    REJECTED,
    RTOL,
    T_BEFORE,
    T_END,
    TOO_SMALL,
    UNFACTORABLE,
    UPPER,
    H,
    T,
)  # fmt: skip
from fsci.kernels.integrate.jacobian import PATTERN, jacobian_at
from fsci.kernels.integrate.newton import factor, shifted, solve
from fsci.kernels.jit import jit

__all__ = ["ROWS", "advance", "interpolate"]

ROWS = 4  # of the dense output: three coefficients of its powers, and the state that they are added to
_NEWTON, _MIN_FACTOR, _MAX_FACTOR = 6, 0.2, 10.0
_REAL, _COMPLEX = float(radau.MU_REAL), complex(radau.MU_COMPLEX)
_NODES, _ERROR, _TO, _FROM, _DENSE = radau.C, radau.E, radau.T, radau.TI, radau.P

_VECTOR, _MATRIX, _BLOCK = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]
_INTEGERS, _TABLE, _PIVOTS = numba.int64[::1], numba.int64[:, ::1], numba.int32[::1]
_SIZE = numba.int64


@jit([numba.void(numba.float64, numba.float64, numba.float64, _MATRIX, _VECTOR)])
def interpolate(at, t_old, t, dense, out):  # type: ignore[no-untyped-def]
    """The dense output at time `at` of the step from `t_old` to `t`."""
    x = (at - t_old) / (t - t_old)
    square = x * x
    cube = square * x
    for i in range(out.shape[0]):
        out[i] = (dense[0, i] * x + dense[1, i] * square + dense[2, i] * cube) + dense[3, i]


@jit(inline=True)
def _norm(v, scale):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(v.shape[0]):
        total += (v[i] / scale[i]) ** 2
    return np.sqrt(total) / np.sqrt(np.float64(v.shape[0]))


@jit([numba.float64(numba.float64, numba.float64, numba.float64, numba.float64)])
def _gain(h_abs, h_before, error, error_before):  # type: ignore[no-untyped-def]
    """By which factor the step may change (Gustafsson, 1991); a negative earlier value says that there is none."""
    multiplier = 1.0
    if error_before >= 0.0 and h_before >= 0.0 and error != 0.0:
        multiplier = h_abs / h_before * (error_before / error) ** 0.25
    return (multiplier if multiplier < 1.0 else 1.0) * error**-0.25


@jit(
    [
        numba.types.UniTuple(_SIZE, 2)(
            CALLBACK, CALLBACK, _VECTOR, _VECTOR, _INTEGERS, _VECTOR, _VECTOR, _MATRIX, _MATRIX, _MATRIX,
            numba.complex128[:, ::1], numba.int32[:, ::1], _VECTOR, PATTERN, _VECTOR, _MATRIX, _VECTOR, _MATRIX, _TABLE,
            _BLOCK, _MATRIX, _SIZE,
        )
    ]
)  # fmt: skip
def advance(  # type: ignore[no-untyped-def]
    rhs, jac, p, reals, counts, y, f, dense, jacobian, lu, complex_lu, pivots, factors, pattern, atol,
    y_eval, t_eval, states, evaluations, denses, times, steps,
):  # fmt: skip
    """Make up to `steps` steps; gives a status and the number of steps stored.

    Parameters
    ----------
    reals, counts, y, f, dense, jacobian, lu, complex_lu, pivots, factors
        The state, updated.
    pattern
        Of the Jacobian, as `jacobian.differences` takes it.
    t_eval, y_eval : (m,), (m, n) ndarray
        Where the dense output is wanted, in the order of the integration; filled from ``counts[ASKED]`` on.
    states, evaluations : (c, n), (c, 3) ndarray
        Accepted states, and NFEV, NJEV and NLU after each; the call ends when they are full. No rows: nothing is
        stored.
    denses, times : (c, 4, n), (c, 3) ndarray
        Dense output of each stored step, and its time, next step and error norm; no slices in `denses` if not wanted.
    """
    n, place = y.shape[0], pattern[0]
    t, h_abs, direction, rtol = reals[T], reals[H], reals[DIRECTION], reals[RTOL]
    max_step, t_end, tol = reals[MAX_STEP], reals[T_END], reals[NEWTON_TOLERANCE]
    lower, upper, how = counts[LOWER], counts[UPPER], counts[HOW]
    y_new, slope, error, scale = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    real, mixed, rest = np.empty(n), np.empty(n, np.complex128), np.empty(n)
    F, W, Z = np.empty((3, n)), np.empty((3, n)), np.empty((3, n))
    real_pivots, complex_pivots = pivots[0], pivots[1]
    at, to, given = y_new.ctypes, slope.ctypes, p.ctypes
    stored, status = 0, MORE
    for _ in range(steps):
        spacing = 10.0 * abs(np.nextafter(t, direction * np.inf) - t)
        started = h_abs
        h_before, error_before = reals[H_BEFORE], reals[ERROR_BEFORE]
        if h_abs > max_step:
            h_abs, h_before, error_before = max_step, -1.0, -1.0
        elif h_abs < spacing:
            h_abs, h_before, error_before = spacing, -1.0, -1.0
        rejected = False
        t_new, error_norm, safety, rate, iterations = t, 0.0, 0.0, -1.0, 0
        while True:
            if h_abs < spacing:
                status = TOO_SMALL
                break
            t_new = t + h_abs * direction
            if direction * (t_new - t_end) > 0.0:
                t_new = t_end
            h = t_new - t
            h_abs = abs(h)
            for i in range(n):
                scale[i] = atol[i] + abs(y[i]) * rtol
            converged = False
            real_shift, complex_shift = _REAL / h, _COMPLEX / h
            while True:
                if counts[FACTORED] == 0:
                    shifted(jacobian, real_shift, -1.0, lu, lower, upper)
                    shifted(jacobian, complex_shift, -1.0, complex_lu, lower, upper)
                    counts[NLU] += 2
                    if factor(lu, real_pivots, lower, upper) + factor(complex_lu, complex_pivots, lower, upper) != 0:
                        status = UNFACTORABLE
                        break
                    counts[FACTORED] = 1
                # Start from the last step's polynomial.
                for s in range(3):
                    if counts[INTERPOLATES] == 1:
                        interpolate(t + h * _NODES[s], reals[T_BEFORE], t, dense, Z[s])
                        for i in range(n):
                            Z[s, i] -= y[i]
                    else:
                        for i in range(n):
                            Z[s, i] = 0.0
                for i in range(n):
                    for s in range(3):
                        W[s, i] = _FROM[s, 0] * Z[0, i] + _FROM[s, 1] * Z[1, i] + _FROM[s, 2] * Z[2, i]
                before = -1.0
                rate = -1.0
                for k in range(_NEWTON):
                    iterations = k + 1
                    finite = True
                    for s in range(3):
                        for i in range(n):
                            y_new[i] = y[i] + Z[s, i]
                        counts[NFEV] += 1
                        failed = rhs(t + h * _NODES[s], at, to, given)
                        if failed != 0:
                            counts[CALLBACK_STATUS] = failed
                            status = CALLBACK_FAILED
                            break
                        for i in range(n):
                            F[s, i] = slope[i]
                            finite = finite and np.isfinite(slope[i])
                    if status != MORE or not finite:
                        break
                    for i in range(n):
                        a, b, c = F[0, i], F[1, i], F[2, i]
                        real[i] = (a * _FROM[0, 0] + b * _FROM[0, 1] + c * _FROM[0, 2]) - real_shift * W[0, i]
                        one = a * _FROM[1, 0] + b * _FROM[1, 1] + c * _FROM[1, 2]
                        two = a * _FROM[2, 0] + b * _FROM[2, 1] + c * _FROM[2, 2]
                        mixed[i] = complex(
                            one - (complex_shift.real * W[1, i] - complex_shift.imag * W[2, i]),
                            two - (complex_shift.real * W[2, i] + complex_shift.imag * W[1, i]),
                        )
                    solve(lu, real_pivots, real, lower, upper, place)
                    solve(complex_lu, complex_pivots, mixed, lower, upper, place)
                    total = 0.0
                    for i in range(n):
                        total += (real[i] / scale[i]) ** 2
                        total += (mixed[i].real / scale[i]) ** 2 + (mixed[i].imag / scale[i]) ** 2
                    norm = np.sqrt(total) / np.sqrt(3.0 * n)
                    if before >= 0.0:
                        rate = norm / before
                        if rate >= 1.0 or rate ** (_NEWTON - k) / (1.0 - rate) * norm > tol:
                            break
                    for i in range(n):
                        W[0, i] += real[i]
                        W[1, i] += mixed[i].real
                        W[2, i] += mixed[i].imag
                        for s in range(3):
                            Z[s, i] = _TO[s, 0] * W[0, i] + _TO[s, 1] * W[1, i] + _TO[s, 2] * W[2, i]
                    if norm == 0.0 or (before >= 0.0 and rate / (1.0 - rate) * norm < tol):
                        converged = True
                        break
                    before = norm
                if converged or status != MORE or counts[CURRENT] == 1:
                    break
                failed = jacobian_at(rhs, jac, p, t, y, f, atol, factors, jacobian, how, lower, upper, pattern, False)
                counts[NJEV] += 1
                if failed != 0:
                    counts[CALLBACK_STATUS] = failed
                    status = CALLBACK_FAILED
                    break
                counts[CURRENT] = 1
                counts[FACTORED] = 0
            if status != MORE:
                break
            if not converged:
                counts[NEWTON_FAILURES] += 1
                h_abs *= 0.5
                counts[FACTORED] = 0
                continue
            for i in range(n):
                rest[i] = (Z[0, i] * _ERROR[0] + Z[1, i] * _ERROR[1] + Z[2, i] * _ERROR[2]) / h
                error[i] = f[i] + rest[i]
                top, other = abs(y[i]), abs(y[i] + Z[2, i])
                scale[i] = atol[i] + (top if top > other or top != top else other) * rtol
            solve(lu, real_pivots, error, lower, upper, place)
            error_norm = _norm(error, scale)
            safety = 0.9 * (2 * _NEWTON + 1) / (2 * _NEWTON + iterations)
            if rejected and error_norm > 1.0:
                for i in range(n):
                    y_new[i] = y[i] + error[i]
                counts[NFEV] += 1
                failed = rhs(t, at, to, given)
                if failed != 0:
                    counts[CALLBACK_STATUS] = failed
                    status = CALLBACK_FAILED
                    break
                for i in range(n):
                    error[i] = slope[i] + rest[i]
                solve(lu, real_pivots, error, lower, upper, place)
                error_norm = _norm(error, scale)
            if not error_norm > 1.0:
                break
            counts[REJECTED] += 1
            ratio = safety * _gain(h_abs, h_before, error_norm, error_before)
            h_abs *= ratio if ratio > _MIN_FACTOR else _MIN_FACTOR
            counts[FACTORED] = 0
            rejected = True
        if status != MORE:
            break
        again = how != CONSTANT and iterations > 2 and rate > 1e-3
        ratio = safety * _gain(h_abs, h_before, error_norm, error_before)
        ratio = ratio if ratio < _MAX_FACTOR else _MAX_FACTOR
        if not again and ratio < 1.2:
            ratio = 1.0
        else:
            counts[FACTORED] = 0
        for i in range(n):
            y_new[i] = y[i] + Z[2, i]
        counts[NFEV] += 1
        failed = rhs(t_new, at, to, given)
        if failed == 0 and again:
            failed = jacobian_at(
                rhs, jac, p, t_new, y_new, slope, atol, factors, jacobian, how, lower, upper, pattern, False
            )
            counts[NJEV] += 1
        if failed != 0:
            counts[CALLBACK_STATUS] = failed
            status = CALLBACK_FAILED
            break
        if again:
            counts[CURRENT] = 1
        elif how != CONSTANT:
            counts[CURRENT] = 0
        counts[ACCEPTED] += 1
        reals[H_BEFORE], reals[ERROR_BEFORE], reals[T_BEFORE] = started, error_norm, t
        counts[INTERPOLATES] = 1
        for i in range(n):
            for j in range(3):
                dense[j, i] = Z[0, i] * _DENSE[0, j] + Z[1, i] * _DENSE[1, j] + Z[2, i] * _DENSE[2, j]
            dense[3, i] = y[i]
            y[i], f[i] = y_new[i], slope[i]
        while counts[ASKED] < t_eval.shape[0] and direction * (t_eval[counts[ASKED]] - t_new) <= 0.0:
            interpolate(t_eval[counts[ASKED]], t, t_new, dense, y_eval[counts[ASKED]])
            counts[ASKED] += 1
        t = t_new
        h_abs *= ratio
        if times.shape[0] > 0:
            times[stored, 0], times[stored, 1], times[stored, 2] = t, h_abs, error_norm
            evaluations[stored, 0] = counts[NFEV]
            evaluations[stored, 1] = counts[NJEV]
            evaluations[stored, 2] = counts[NLU]
            for i in range(n):
                states[stored, i] = y[i]
            if denses.shape[0] > 0:
                for k in range(ROWS):
                    for i in range(n):
                        denses[stored, k, i] = dense[k, i]
            stored += 1
        if direction * (t - t_end) >= 0.0:
            status = DONE
            break
        if times.shape[0] > 0 and stored == times.shape[0]:
            break
    reals[T], reals[H] = t, h_abs
    return status, stored
