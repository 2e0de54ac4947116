"""The loop of Rodas5P (Steinebach, 2023), compiled once for all callbacks, and resumable.

A stiffly accurate Rosenbrock method of order 5 with an embedded one of order 4 and dense output of order 4: eight
linear systems with one matrix a step, no iteration. Form and step control are those of Hairer and Wanner (1996,
sections IV.7 and IV.8).
"""

from __future__ import annotations

from typing import Any

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
    ERROR_BEFORE,
    H_BEFORE,
    HOW,
    LOWER,
    MAX_STEP,
    MORE,
    NFEV,
    NJEV,
    NLU,
    REJECTED,
    RTOL,
    T_END,
    TOO_SMALL,
    UPPER,
    H,
    T,
)  # fmt: skip
from fsci.kernels.integrate.jacobian import PATTERN, jacobian_at
from fsci.kernels.integrate.newton import factor, shifted, solve
from fsci.kernels.jit import jit

__all__ = ["DENSE", "GAMMA", "NODES", "ROWS", "STAGES", "SUMS", "TIME", "advance", "interpolate"]

GAMMA = 0.21193756319429014
_LAST = (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946)


def _lower(*rows: tuple[float, ...]) -> np.ndarray[Any, Any]:
    filled = np.zeros((8, 8))
    for i, row in enumerate(rows):
        filled[i, : len(row)] = row
    return filled


# Stage i is taken at y + STAGES[i] @ u, and SUMS[i] @ u / h is added to the slope; u are the solutions of the systems.
STAGES = _lower(
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    _LAST,
    (*_LAST, 1.0),
    (*_LAST, 1.0, 1.0),
)
SUMS = _lower(
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
    (
        30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623,
        -28.087943162872662,
    ),
    (
        37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002,
        -54.66780262877968, -9.48861652309627,
    ),
)  # fmt: skip
NODES = np.array([0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0])
# Of the derivative with respect to time.
TIME = np.array(
    [GAMMA, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069, 0.0, 0.0, 0.0]
)
DENSE = np.array(
    [
        [
            25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204, 0.524948541321073,
            1.1241088310450404, 0.4272876194431874, -0.17202221070155493,
        ],
        [
            -9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796, 20.176138334709044,
            15.98066361424651, -6.789040303419874, -6.710236069923372,
        ],
        [
            11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643, -52.072871366152654,
            -59.78993625266729, -0.15582684282751913, 4.883087185713722,
        ],
    ]
)  # fmt: skip

ROWS = 5  # of the dense output: both states, and three coefficients
_SAFETY, _MIN_FACTOR, _MAX_FACTOR = 0.9, 0.2, 6.0
_LATER = 1e-7  # of the step: the increment of time; truncation and rounding are both far below the step's error
_SHARP = 10.0 * 2.0**-26  # relative tolerance below which what one-sided differences leave shows in the step's error

_VECTOR, _MATRIX, _BLOCK = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]
_INTEGERS, _TABLE = numba.int64[::1], numba.int64[:, ::1]
_SIZE = numba.int64


@jit([numba.void(numba.float64, _MATRIX, _VECTOR)])
def interpolate(theta, dense, out):  # type: ignore[no-untyped-def]
    """The dense output at the part `theta` of a step."""
    rest = 1.0 - theta
    for i in range(out.shape[0]):
        bend = dense[2, i] + theta * (dense[3, i] + theta * dense[4, i])
        out[i] = rest * dense[0, i] + theta * (dense[1, i] + rest * bend)


@jit(
    [
        numba.types.UniTuple(_SIZE, 2)(
            CALLBACK, CALLBACK, _VECTOR, _VECTOR, _INTEGERS, _VECTOR, _VECTOR, _MATRIX, _MATRIX,
            numba.int32[::1], _VECTOR, PATTERN, _VECTOR, _MATRIX, _VECTOR, _MATRIX, _TABLE, _BLOCK, _MATRIX, _SIZE,
        )
    ]
)  # fmt: skip
def advance(  # type: ignore[no-untyped-def]
    rhs, jac, p, reals, counts, y, f, jacobian, lu, pivots, factors, pattern, atol,
    y_eval, t_eval, states, evaluations, denses, times, steps,
):  # fmt: skip
    """Make up to `steps` steps; gives a status and the number of steps stored.

    Parameters
    ----------
    reals, counts, y, f, jacobian, lu, pivots, factors
        The state, updated.
    pattern
        Of the Jacobian, as `jacobian.differences` takes it.
    t_eval, y_eval : (m,), (m, n) ndarray
        Where the dense output is wanted, in the order of the integration; filled from ``counts[ASKED]`` on.
    states, evaluations : (c, n), (c, 3) ndarray
        Accepted states, and NFEV, NJEV and NLU after each; the call ends when they are full. No rows: nothing is
        stored.
    denses, times : (c, 5, n), (c, 3) ndarray
        Dense output of each stored step, and its time, next step and error norm; no slices in `denses` if not wanted.
    """
    n, place = y.shape[0], pattern[0]
    t, h_abs, direction, rtol = reals[T], reals[H], reals[DIRECTION], reals[RTOL]
    t_end, lower, upper, how = reals[T_END], counts[LOWER], counts[UPPER], counts[HOW]
    y_new, slope, later, right = np.empty(n), np.empty(n), np.zeros(n), np.empty(n)
    u, dense = np.empty((8, n)), np.empty((ROWS, n))
    at, to, given, ahead = y_new.ctypes, slope.ctypes, p.ctypes, y.ctypes
    stored, status, sharp = 0, MORE, rtol < _SHARP
    for _ in range(steps):
        spacing = 10.0 * abs(np.nextafter(t, direction * np.inf) - t)
        h_abs = max(min(h_abs, reals[MAX_STEP]), spacing)
        failed = 0
        if how != CONSTANT:
            failed = jacobian_at(rhs, jac, p, t, y, f, atol, factors, jacobian, how, lower, upper, pattern, sharp)
            counts[NJEV] += 1
        reach = min(h_abs, abs(t_end - t))
        moment = t + direction * max(_LATER * reach, 0.1 * spacing)
        if failed == 0:
            failed = rhs(moment, ahead, to, given)
            counts[NFEV] += 1
        if failed != 0:
            counts[CALLBACK_STATUS] = failed
            status = CALLBACK_FAILED
            break
        for i in range(n):
            later[i] = (slope[i] - f[i]) / (moment - t)
        rejected = False
        t_new, error, h = t, 0.0, 0.0
        while True:
            if h_abs < spacing:
                status = TOO_SMALL
                break
            t_new = t + h_abs * direction
            if direction * (t_new - t_end) > 0.0:
                t_new = t_end
            h = t_new - t
            h_abs = abs(h)
            shifted(jacobian, 1.0 / (GAMMA * h), -1.0, lu, lower, upper)
            counts[NLU] += 1
            if factor(lu, pivots, lower, upper) != 0:
                h_abs *= 0.5
                rejected = True
                continue
            for s in range(8):
                if s > 0:
                    for i in range(n):
                        total = y[i]
                        for m in range(s):
                            total += STAGES[s, m] * u[m, i]
                        y_new[i] = total
                    failed = rhs(t + NODES[s] * h, at, to, given)
                    counts[NFEV] += 1
                    if failed != 0:
                        break
                for i in range(n):
                    total = 0.0
                    for m in range(s):
                        total += SUMS[s, m] * u[m, i]
                    right[i] = (slope[i] if s > 0 else f[i]) + total / h + h * TIME[s] * later[i]
                solve(lu, pivots, right, lower, upper, place)
                for i in range(n):
                    u[s, i] = right[i]
            if failed != 0:
                counts[CALLBACK_STATUS] = failed
                status = CALLBACK_FAILED
                break
            error = 0.0
            for i in range(n):
                y_new[i] += u[7, i]
                error += (u[7, i] / (atol[i] + rtol * max(abs(y[i]), abs(y_new[i])))) ** 2
            error = np.sqrt(error) / np.sqrt(np.float64(n))
            if error <= 1.0:
                failed = rhs(t_new, at, to, given)
                counts[NFEV] += 1
                finite = True
                for i in range(n):
                    finite = finite and np.isfinite(slope[i])
                if failed != 0:
                    counts[CALLBACK_STATUS] = failed
                    status = CALLBACK_FAILED
                    break
                if finite:
                    break
                error = np.inf
            counts[REJECTED] += 1
            rejected = True
            ratio = _SAFETY * error**-0.2
            h_abs *= ratio if ratio > _MIN_FACTOR else _MIN_FACTOR
        if status != MORE:
            break
        counts[ACCEPTED] += 1
        ratio = _SAFETY * max(error, 1e-10) ** -0.2
        if reals[H_BEFORE] > 0.0:
            ratio = min(ratio, ratio * h_abs / reals[H_BEFORE] * (reals[ERROR_BEFORE] / max(error, 1e-10)) ** 0.2)
        ratio = max(min(ratio, 1.0 if rejected else _MAX_FACTOR), _MIN_FACTOR)
        reals[H_BEFORE], reals[ERROR_BEFORE] = h_abs, max(error, 1e-2)
        more = counts[ASKED] < t_eval.shape[0] and direction * (t_eval[counts[ASKED]] - t_new) <= 0.0
        if more or denses.shape[0] > 0:
            for i in range(n):
                dense[0, i], dense[1, i] = y[i], y_new[i]
                for r in range(3):
                    total = 0.0
                    for s in range(8):
                        total += DENSE[r, s] * u[s, i]
                    dense[2 + r, i] = total
        while more:
            interpolate((t_eval[counts[ASKED]] - t) / h, dense, y_eval[counts[ASKED]])
            counts[ASKED] += 1
            more = counts[ASKED] < t_eval.shape[0] and direction * (t_eval[counts[ASKED]] - t_new) <= 0.0
        t = t_new
        h_abs *= ratio
        for i in range(n):
            y[i], f[i] = y_new[i], slope[i]
        if times.shape[0] > 0:
            times[stored, 0], times[stored, 1], times[stored, 2] = t, h_abs, error
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
