"""The loop of BDF with modified coefficients (NDF, orders 1 to 5), compiled once for all callbacks, and resumable.

Step and order control are SciPy's, operation by operation (Shampine and Reichelt, 1997; Byrne and Hindmarsh, 1975), so
that steps and counts agree. A call makes at most so many steps, or fills its buffers, and returns; the state
lives in arrays. What SciPy words by an exception, such as a singular Newton matrix, ends the call with a status.
"""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.integrate.callbacks import CALLBACK
from fsci.kernels.integrate.implicit_state import (
    ACCEPTED,
    ASKED,
    CALLBACK_FAILED,
    CALLBACK_STATUS,
    CONSTANT,
    DIRECTION,
    DONE,
    EQUAL_STEPS,
    FACTORED,
    GIVEN,
    HOW,
    LOWER,
    MAX_STEP,
    MORE,
    NEWTON_FAILURES,
    NEWTON_TOLERANCE,
    NFEV,
    NJEV,
    NLU,
    ORDER,
    REJECTED,
    RTOL,
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

__all__ = ["ROWS", "advance", "first_differences", "interpolate"]

ROWS = 8  # backward differences kept: order 5 and three beyond
_MAX_ORDER, _NEWTON, _MIN_FACTOR, _MAX_FACTOR = 5, 4, 0.2, 10.0
_KAPPA = np.array([0, -0.1850, -1 / 9, -0.0823, -0.0415, 0])
_GAMMA = np.hstack((0, np.cumsum(1 / np.arange(1, _MAX_ORDER + 1))))
_ALPHA = (1 - _KAPPA) * _GAMMA
_ERROR = _KAPPA * _GAMMA + 1 / np.arange(1, _MAX_ORDER + 2)

_VECTOR, _MATRIX, _BLOCK = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]
_INTEGERS, _TABLE = numba.int64[::1], numba.int64[:, ::1]
_SIZE = numba.int64


@jit([numba.void(_MATRIX, _SIZE, numba.float64)])
def rescaled(D, order, ratio):  # type: ignore[no-untyped-def]
    """Change the differences `D` to a step `ratio` times as long."""
    n = D.shape[1]
    R, U = np.zeros((6, 6)), np.zeros((6, 6))
    for j in range(order + 1):
        R[0, j] = U[0, j] = 1.0
    for i in range(1, order + 1):
        for j in range(1, order + 1):
            R[i, j] = R[i - 1, j] * ((i - 1 - ratio * j) / i)
            U[i, j] = U[i - 1, j] * ((i - 1 - 1.0 * j) / i)
    both, column = np.empty((6, 6)), np.empty(6)
    for i in range(order + 1):
        for j in range(order + 1):
            total = 0.0
            for k in range(order + 1):
                total += R[i, k] * U[k, j]
            both[i, j] = total
    for c in range(n):
        for j in range(order + 1):
            column[j] = D[j, c]
        for j in range(order + 1):
            total = 0.0
            for i in range(order + 1):
                total += both[i, j] * column[i]
            D[j, c] = total


@jit([numba.void(numba.float64, numba.float64, numba.float64, _SIZE, _MATRIX, _VECTOR)])
def interpolate(at, t, h, order, D, out):  # type: ignore[no-untyped-def]
    """The dense output at time `at` of a step that ended at `t`; `h` and `D` as they are after the step."""
    for i in range(out.shape[0]):
        out[i] = 0.0
    product = 1.0
    for k in range(order):
        product *= (at - (t - h * k)) / (h * (1 + k))
        for i in range(out.shape[0]):
            out[i] += D[k + 1, i] * product
    for i in range(out.shape[0]):
        out[i] += D[0, i]


@jit([numba.void(_MATRIX, _VECTOR, _VECTOR, _VECTOR, _INTEGERS)])
def first_differences(D, y, f, reals, counts):  # type: ignore[no-untyped-def]
    """The state at the start: order 1."""
    for i in range(y.shape[0]):
        D[0, i] = y[i]
        D[1, i] = f[i] * reals[H] * reals[DIRECTION]
    counts[ORDER], counts[EQUAL_STEPS], counts[FACTORED] = 1, 0, 0


@jit(inline=True)
def _norm(v, weight, scale):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(v.shape[0]):
        total += (weight * v[i] / scale[i]) ** 2
    return np.sqrt(total) / np.sqrt(np.float64(v.shape[0]))


@jit(
    [
        numba.types.UniTuple(_SIZE, 2)(
            CALLBACK, CALLBACK, _VECTOR, _VECTOR, _INTEGERS, _VECTOR, _VECTOR, _MATRIX, _MATRIX, _MATRIX,
            numba.int32[::1], _VECTOR, PATTERN, _VECTOR, _MATRIX, _VECTOR, _MATRIX, _TABLE, _BLOCK, _MATRIX, _SIZE,
        )
    ]
)  # fmt: skip
def advance(  # type: ignore[no-untyped-def]
    rhs, jac, p, reals, counts, y, f, D, jacobian, lu, pivots, factors, pattern, atol,
    y_eval, t_eval, states, evaluations, dense, orders, steps,
):  # fmt: skip
    """Make up to `steps` steps; gives a status and the number of steps stored.

    Parameters
    ----------
    reals, counts, y, D, jacobian, lu, pivots, factors
        The state, updated; `f` is scratch.
    pattern
        Of the Jacobian, as `jacobian.differences` takes it.
    t_eval, y_eval : (m,), (m, n) ndarray
        Where the dense output is wanted, in the order of the integration; filled from ``counts[ASKED]`` on.
    states, evaluations : (c, n), (c, 3) ndarray
        Accepted states, and NFEV, NJEV and NLU after each; the call ends when they are full. No rows: nothing is
        stored.
    dense, orders : (c, ROWS, n), (c, 3) ndarray
        Differences after each stored step, and its time, order and next step; no slices in `dense` if not wanted.
    """
    n, place = y.shape[0], pattern[0]
    t, h_abs, direction, rtol = reals[T], reals[H], reals[DIRECTION], reals[RTOL]
    max_step, t_end, tol = reals[MAX_STEP], reals[T_END], reals[NEWTON_TOLERANCE]
    order, lower, upper, how = counts[ORDER], counts[LOWER], counts[UPPER], counts[HOW]
    y_new, predicted, d, dy = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    psi, scale = np.empty(n), np.empty(n)
    at, to, given, ahead = y_new.ctypes, f.ctypes, p.ctypes, predicted.ctypes
    stored, status = 0, MORE
    for _ in range(steps):
        spacing = 10.0 * abs(np.nextafter(t, direction * np.inf) - t)
        if h_abs > max_step:
            rescaled(D, order, max_step / h_abs)
            h_abs = max_step
            counts[EQUAL_STEPS] = 0
        elif h_abs < spacing:
            rescaled(D, order, spacing / h_abs)
            h_abs = spacing
            counts[EQUAL_STEPS] = 0
        current = how == CONSTANT
        t_new, error_norm, safety = t, 0.0, 0.0
        while True:
            if h_abs < spacing:
                status = TOO_SMALL
                break
            t_new = t + h_abs * direction
            if direction * (t_new - t_end) > 0.0:
                t_new = t_end
                rescaled(D, order, abs(t_new - t) / h_abs)
                counts[EQUAL_STEPS] = 0
                counts[FACTORED] = 0
            h = t_new - t
            h_abs = abs(h)
            for i in range(n):
                total = D[0, i]
                for k in range(1, order + 1):
                    total += D[k, i]
                predicted[i] = total
                scale[i] = atol[i] + rtol * abs(total)
                total = 0.0
                for k in range(1, order + 1):
                    total += D[k, i] * _GAMMA[k]
                psi[i] = total / _ALPHA[order]
            c = h / _ALPHA[order]
            converged, iterations = False, 0
            while True:
                if counts[FACTORED] == 0:
                    shifted(jacobian, 1.0, -c, lu, lower, upper)
                    counts[NLU] += 1
                    if factor(lu, pivots, lower, upper) != 0:
                        status = UNFACTORABLE
                        break
                    counts[FACTORED] = 1
                # Newton's iteration from the prediction.
                for i in range(n):
                    y_new[i] = predicted[i]
                    d[i] = 0.0
                before, rate = -1.0, -1.0
                for k in range(_NEWTON):
                    iterations = k + 1
                    counts[NFEV] += 1
                    failed = rhs(t_new, at, to, given)
                    if failed != 0:
                        counts[CALLBACK_STATUS] = failed
                        status = CALLBACK_FAILED
                        break
                    finite = True
                    for i in range(n):
                        finite = finite and np.isfinite(f[i])
                        dy[i] = c * f[i] - psi[i] - d[i]
                    if not finite:
                        break
                    solve(lu, pivots, dy, lower, upper, place)
                    norm = _norm(dy, 1.0, scale)
                    if before >= 0.0:
                        rate = norm / before
                        if rate >= 1.0 or rate ** (_NEWTON - k) / (1.0 - rate) * norm > tol:
                            break
                    for i in range(n):
                        y_new[i] += dy[i]
                        d[i] += dy[i]
                    if norm == 0.0 or (before >= 0.0 and rate / (1.0 - rate) * norm < tol):
                        converged = True
                        break
                    before = norm
                if converged or status != MORE or current:
                    break
                failed = rhs(t_new, ahead, to, given) if how != GIVEN else 0
                if failed == 0:
                    failed = jacobian_at(
                        rhs, jac, p, t_new, predicted, f, atol, factors, jacobian, how, lower, upper, pattern, False
                    )
                counts[NJEV] += 1
                if failed != 0:
                    counts[CALLBACK_STATUS] = failed
                    status = CALLBACK_FAILED
                    break
                counts[FACTORED] = 0
                current = True
            if status != MORE:
                break
            if not converged:
                counts[NEWTON_FAILURES] += 1
                h_abs *= 0.5
                rescaled(D, order, 0.5)
                counts[EQUAL_STEPS] = 0
                counts[FACTORED] = 0
                continue
            safety = 0.9 * (2 * _NEWTON + 1) / (2 * _NEWTON + iterations)
            for i in range(n):
                scale[i] = atol[i] + rtol * abs(y_new[i])
            error_norm = _norm(d, _ERROR[order], scale)
            if not error_norm > 1.0:
                break
            counts[REJECTED] += 1
            ratio = safety * error_norm ** (-1.0 / (order + 1))
            ratio = ratio if ratio > _MIN_FACTOR else _MIN_FACTOR
            h_abs *= ratio
            rescaled(D, order, ratio)
            counts[EQUAL_STEPS] = 0
        if status != MORE:
            break
        counts[ACCEPTED] += 1
        counts[EQUAL_STEPS] += 1
        t = t_new
        for i in range(n):
            y[i] = y_new[i]
            D[order + 2, i] = d[i] - D[order + 1, i]
            D[order + 1, i] = d[i]
            for k in range(order, -1, -1):
                D[k, i] += D[k + 1, i]
        if counts[EQUAL_STEPS] >= order + 1:
            best, taken = 0.0, 0
            for k in range(3):
                measure = error_norm
                if k == 0:
                    measure = _norm(D[order], _ERROR[order - 1], scale) if order > 1 else np.inf
                elif k == 2:
                    measure = _norm(D[order + 2], _ERROR[order + 1], scale) if order < _MAX_ORDER else np.inf
                gain = measure ** (-1.0 / (order + k))
                if k == 0 or gain > best or (gain != gain and best == best):
                    best, taken = gain, k
            order += taken - 1
            ratio = safety * best
            ratio = ratio if ratio < _MAX_FACTOR else _MAX_FACTOR
            h_abs *= ratio
            rescaled(D, order, ratio)
            counts[EQUAL_STEPS] = 0
            counts[FACTORED] = 0
        while counts[ASKED] < t_eval.shape[0] and direction * (t_eval[counts[ASKED]] - t) <= 0.0:
            interpolate(t_eval[counts[ASKED]], t, h_abs * direction, order, D, y_eval[counts[ASKED]])
            counts[ASKED] += 1
        if orders.shape[0] > 0:
            orders[stored, 0], orders[stored, 1], orders[stored, 2] = t, order, h_abs
            evaluations[stored, 0] = counts[NFEV]
            evaluations[stored, 1] = counts[NJEV]
            evaluations[stored, 2] = counts[NLU]
            for i in range(n):
                states[stored, i] = y[i]
            if dense.shape[0] > 0:
                for k in range(ROWS):
                    for i in range(n):
                        dense[stored, k, i] = D[k, i]
            stored += 1
        if direction * (t - t_end) >= 0.0:
            status = DONE
            break
        if orders.shape[0] > 0 and stored == orders.shape[0]:
            break
    reals[T], reals[H] = t, h_abs
    counts[ORDER] = order
    return status, stored
