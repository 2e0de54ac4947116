"""Explicit Runge-Kutta pairs over many trajectories: eight at a time, in lanes, each with its own steps.

A lane holds one member with its own time, step size, acceptance and count; when a member ends, the lane takes the next
one of the queue. Nothing waits for the slowest of a group: what the lanes share is only the program. Step control is
that of Hairer, Norsett and Wanner (1993, section II.4), as in `explicit_loop`. A call makes at most so many rounds, and
the state lives in arrays, so that an interrupt is seen and the next call goes on.
"""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.integrate.callbacks import POINTER
from fsci.kernels.integrate.explicit_loop import interpolate
from fsci.kernels.integrate.lane_callbacks import LANE_CALLBACK
from fsci.kernels.integrate.lane_pointers import address, load_at, power, store_at
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, magnitude, maximum, select_greater, splat

__all__ = [
    "ACCEPTED", "CALLBACK_FAILED", "DONE", "EMPTY", "FINISHED", "HUNGRY", "INFO", "INTEGERS", "LAST", "MOST_STEPS",
    "NEXT", "NFEV", "NONFINITE", "QUEUE", "REALS", "REJECTED", "RUNNING", "STATUS", "STOP", "TOO_SMALL", "WAITING",
    "WRONG_LENGTH", "advance_members",
]  # fmt: skip

# How a member ended, and a row of what is reported of it.
WAITING, DONE, TOO_SMALL, MOST_STEPS, CALLBACK_FAILED, NONFINITE = range(6)
STATUS, NFEV, ACCEPTED, REJECTED, ASKED, INFO = range(6)
# How a call ended: rounds are used up; the queue is empty but lanes run; nothing runs; fun is at fault for all.
RUNNING, HUNGRY, EMPTY, WRONG_LENGTH = range(4)
# The queue, how many members ended, and whether nothing will follow.
NEXT, STOP, FINISHED, LAST, QUEUE = range(5)
# Rows of eight reals and of eight integers.
_T, _H, _STEP, _T_NEW, _ERROR, _FACTOR, _TAKE, _AT, REALS = range(0, 72, 8)
_MEMBER, _RETRY, INTEGERS = range(0, 24, 8)

_SAFETY, _MIN_FACTOR, _MAX_FACTOR = 0.9, 0.2, 10.0

_VECTOR, _MATRIX, _BLOCK = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]
_COUNTS, _ROWS = numba.int64[::1], numba.int64[:, ::1]
_WHOLE = numba.types.CPointer(numba.int64)
_TABLE = numba.types.Tuple((_VECTOR, _COUNTS, _COUNTS, _VECTOR, _MATRIX, _MATRIX, numba.float64))


@jit([numba.int64(LANE_CALLBACK, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, numba.int64, POINTER,
                  _WHOLE, _WHOLE, POINTER, numba.int64, numba.int64)])  # fmt: skip
def _stages(  # type: ignore[no-untyped-def]
    rhs, p, reals, at, y, K, trial, slope, width, coefficients, sources, starts, nodes, start, stop
):  # fmt: skip
    """Rows `start` to `stop` of K in all lanes; `trial` is left at the point of the last. Gives lanes that failed."""
    failed = 0
    step, t = load_at(reals, _STEP), load_at(reals, _T)
    for s in range(start, stop):
        first, last = starts[s], starts[s + 1]
        for c in range(0, width, 8):
            combined = splat(0.0)
            for m in range(first, last):
                combined = fma(splat(coefficients[m]), load_at(K, sources[m] * width + c), combined)
            store_at(trial, c, fma(combined, step, load_at(y, c)))
        store_at(at, 0, fma(splat(nodes[s]), step, t))
        status = rhs(at, trial, slope, p)
        if status < 0:
            return status
        failed |= status
        for c in range(0, width, 8):
            store_at(K, s * width + c, load_at(slope, c))
    return failed


@jit([numba.float64(_VECTOR, _VECTOR, _VECTOR, numba.int64, numba.float64)])
def _norm(values, y, atol, lane, rtol):  # type: ignore[no-untyped-def]
    """Root mean square of a lane of `values`, in units of its tolerance at y divided by `rtol` and `atol`."""
    total = 0.0
    for c in range(lane, values.shape[0], 8):
        total += (values[c] / (atol[c] + rtol * abs(y[c]))) ** 2
    return np.sqrt(total * 8.0 / values.shape[0])


@jit([numba.int64(LANE_CALLBACK, _VECTOR, _VECTOR, _COUNTS, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _ROWS,
                  numba.int64, numba.int64, numba.float64, numba.float64, numba.float64, numba.float64)])  # fmt: skip
def _start(rhs, p, reals, lanes, y, f, atol, ahead, slope, info, fresh, order, t_end, rtol, first, max_step):  # type: ignore[no-untyped-def]
    """Slopes and first steps of the lanes in the mask `fresh`; gives -1 where the callback's length is wrong."""
    width = y.shape[0]
    failed = rhs(reals[_T:].ctypes, y.ctypes, slope.ctypes, p.ctypes)
    if failed < 0:
        return failed
    for k in range(8):
        if fresh >> k & 1 == 0:
            reals[_STEP + k] = 0.0
            for c in range(k, width, 8):
                ahead[c] = y[c]
            continue
        member = lanes[_MEMBER + k]
        info[member, NFEV] += 1
        if failed >> k & 1:
            info[member, STATUS] = CALLBACK_FAILED
        for c in range(k, width, 8):
            f[c] = slope[c]
            if not (np.isfinite(y[c]) and np.isfinite(f[c])) and info[member, STATUS] == WAITING:
                info[member, STATUS] = NONFINITE
        interval = abs(t_end - reals[_T + k])
        d0, d1 = _norm(y, y, atol, k, rtol), _norm(f, y, atol, k, rtol)
        h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
        h0 = min(h0, interval)
        reals[_STEP + k] = h0 if t_end >= reals[_T + k] else -h0
        for c in range(k, width, 8):
            ahead[c] = y[c] + reals[_STEP + k] * f[c]
    if first > 0.0:
        for k in range(8):
            if fresh >> k & 1:
                reals[_H + k] = first
        return 0
    for k in range(8):
        reals[_AT + k] = reals[_T + k] + reals[_STEP + k]
    failed = rhs(reals[_AT:].ctypes, ahead.ctypes, slope.ctypes, p.ctypes)
    if failed < 0:
        return failed
    for k in range(8):
        if fresh >> k & 1 == 0:
            continue
        member = lanes[_MEMBER + k]
        info[member, NFEV] += 1
        if failed >> k & 1 and info[member, STATUS] == WAITING:
            info[member, STATUS] = CALLBACK_FAILED
        h0, interval = abs(reals[_STEP + k]), abs(t_end - reals[_T + k])
        d1 = _norm(f, y, atol, k, rtol)
        for c in range(k, width, 8):
            slope[c] -= f[c]
        d2 = _norm(slope, y, atol, k, rtol) / h0
        flat = d1 <= 1e-15 and d2 <= 1e-15
        h1 = max(1e-6, h0 * 1e-3) if flat else (0.01 / max(d1, d2)) ** (1.0 / (order + 1))
        reals[_H + k] = min(100.0 * h0, h1, interval, max_step)
        if not reals[_H + k] > 0.0:  # a slope that is not finite just ahead: the loop finds a shorter step
            reals[_H + k] = h0
    return 0


@jit([numba.void(numba.int64, numba.int64, numba.int64, _VECTOR, _COUNTS, _COUNTS, _VECTOR, _VECTOR, _MATRIX)])
def _finish(lane, member, n, reals, lanes, queue, y, t_out, y_out):  # type: ignore[no-untyped-def]
    """Write down where the member of `lane` is, and free the lane."""
    t_out[member] = reals[_T + lane]
    for i in range(n):
        y_out[member, i] = y[i * 8 + lane]
    lanes[_MEMBER + lane] = -1
    reals[_STEP + lane] = 0.0
    queue[FINISHED] += 1


@jit([numba.int64(LANE_CALLBACK, _MATRIX, _MATRIX, _MATRIX, _VECTOR, _VECTOR, _COUNTS, _COUNTS, _VECTOR, _VECTOR,
                  _VECTOR, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _TABLE, numba.int64, numba.int64,
                  _VECTOR, _BLOCK, _VECTOR, _MATRIX, _ROWS, numba.int64, numba.int64)])  # fmt: skip
def advance_members(  # type: ignore[no-untyped-def]
    rhs, parameters, y0, tolerances, control, reals, lanes, queue, p, y, f, y_new, trial, slope, atol, at, K, table,
    stages, order, t_eval, y_eval, t_out, y_out, info, rounds, most,
):  # fmt: skip
    """Make up to `rounds` tries in each lane; gives RUNNING, HUNGRY, EMPTY or WRONG_LENGTH.

    Parameters
    ----------
    parameters : (N or 1, m) ndarray
    y0, y_out : (N, n) ndarray
    tolerances : (N or 1, n) ndarray
        Absolute tolerances.
    control : (5,) ndarray
        t0, t_end, rtol, max_step, and the first step or 0.
    reals, lanes, queue, p, y, f, K
        The state of the eight lanes, updated; vectors hold eight numbers for each entry.
    y_new, trial, slope, atol, at
        Room to work in, as long as y; `at` holds eight.
    t_eval, y_eval : (q,), (N, q, n) ndarray
        Where values are wanted.
    t_out, info : (N,), (N, INFO) ndarray
        Where each member ended and how.
    most : int
        Tries of a member.
    """
    errors, dense = table[4], table[5]
    t_end, rtol, max_step = control[1], control[2], control[3]
    direction = 1.0 if t_end >= control[0] else -1.0
    n, width, all_stages = y0.shape[1], y.shape[0], table[2].shape[0] - 1
    exponent = splat(-0.5 / (order + 1))
    two = errors.shape[0] == 2
    one_y, one_new, one_K = np.empty(n), np.empty(n), np.empty(all_stages * n)
    # Pointers to what the caller holds; see `lane_pointers`.
    coefficients, sources, starts, nodes = address(table[0]), address(table[1]), address(table[2]), address(table[3])
    weights, given, row_of = address(errors), address(p), address(reals)
    at_y, at_f, at_new, at_trial = address(y), address(f), address(y_new), address(trial)
    at_slope, at_atol, at_at, at_K = address(slope), address(atol), address(at), address(K)
    for _ in range(rounds):
        fresh, running = 0, 0
        for k in range(8):
            member = lanes[_MEMBER + k]
            if member < 0 and queue[NEXT] < queue[STOP]:
                member = queue[NEXT]
                queue[NEXT] += 1
                lanes[_MEMBER + k], lanes[_RETRY + k] = member, 0
                fresh |= 1 << k
                reals[_T + k] = control[0]
                row = member if parameters.shape[0] > 1 else 0
                for j in range(parameters.shape[1]):
                    p[j * 8 + k] = parameters[row, j]
                row = member if tolerances.shape[0] > 1 else 0
                for i in range(n):
                    y[i * 8 + k] = y0[member, i]
                    atol[i * 8 + k] = tolerances[row, i]
            if member >= 0:
                running += 1
        if fresh != 0 and _start(
            rhs, p, reals, lanes, y, f, atol, trial, slope, info, fresh, order, t_end, rtol, control[4], max_step
        ) < 0:  # fmt: skip
            return WRONG_LENGTH
        if running == 0:
            return EMPTY
        if running < 8 and queue[LAST] == 0:
            return HUNGRY
        for k in range(8):
            member, t, h_abs = lanes[_MEMBER + k], reals[_T + k], reals[_H + k]
            reals[_STEP + k] = 0.0
            if member < 0:
                continue
            spacing = 2.3e-15 * abs(t)  # at least ten times the spacing of numbers: look closely only when it matters
            if not h_abs > spacing or t == 0.0:
                spacing = 10.0 * abs(np.nextafter(t, direction * np.inf) - t)
            if lanes[_RETRY + k] == 0:
                h_abs = max(min(h_abs, max_step), spacing)
            if info[member, STATUS] == WAITING and not h_abs >= spacing:
                info[member, STATUS] = TOO_SMALL
            elif info[member, STATUS] == WAITING and info[member, ACCEPTED] + info[member, REJECTED] >= most:
                info[member, STATUS] = MOST_STEPS
            if info[member, STATUS] != WAITING:
                _finish(k, member, n, reals, lanes, queue, y, t_out, y_out)
                continue
            t_new = t + h_abs * direction
            if direction * (t_new - t_end) > 0.0:
                t_new = t_end
            reals[_T_NEW + k], reals[_STEP + k], reals[_H + k] = t_new, t_new - t, abs(t_new - t)
        for c in range(0, width, 8):
            store_at(at_K, c, load_at(at_f, c))
        failed = _stages(
            rhs, given, row_of, at_at, at_y, at_K, at_new, at_slope, width, coefficients, sources, starts, nodes, 1,
            stages + 1,
        )  # fmt: skip
        if failed < 0:
            return WRONG_LENGTH
        first, second, step = splat(0.0), splat(0.0), load_at(row_of, _STEP)
        for c in range(0, width, 8):
            largest = maximum(magnitude(load_at(at_y, c)), magnitude(load_at(at_new, c)))
            unit = splat(1.0) / fma(largest, splat(rtol), load_at(at_atol, c))
            one = splat(0.0)
            for s in range(stages + 1):
                one = fma(splat(weights[s]), load_at(at_K, s * width + c), one)
            one = one * unit if two else one * step * unit
            first = fma(one, one, first)
            if two:
                other = splat(0.0)
                for s in range(stages + 1):
                    other = fma(splat(weights[stages + 1 + s]), load_at(at_K, s * width + c), other)
                other = other * unit
                second = fma(other, other, second)
        if two:
            both = fma(splat(0.01), second, first) * splat(np.float64(n))
            scaled = step * first
            # Where there is no error at all, none.
            squares = select_greater(both, splat(0.0), scaled * scaled / both, first)
        else:
            squares = first / splat(np.float64(n))
        store_at(row_of, _ERROR, squares)
        store_at(row_of, _FACTOR, power(squares, exponent) * splat(_SAFETY))
        asked = 0
        for k in range(8):
            member = lanes[_MEMBER + k]
            reals[_TAKE + k] = 0.0
            if member < 0:
                continue
            info[member, NFEV] += stages
            if failed >> k & 1:
                info[member, STATUS] = CALLBACK_FAILED
                continue
            factor = reals[_FACTOR + k]
            if not reals[_ERROR + k] < 1.0:
                reals[_H + k] *= factor if factor > _MIN_FACTOR else _MIN_FACTOR
                lanes[_RETRY + k] = 1
                info[member, REJECTED] += 1
                continue
            info[member, ACCEPTED] += 1
            reals[_TAKE + k] = 1.0
            factor = min(factor, 1.0 if lanes[_RETRY + k] else _MAX_FACTOR)
            lanes[_RETRY + k] = 0
            reals[_H + k] *= factor
            place = info[member, ASKED]
            if place < t_eval.shape[0] and direction * (t_eval[place] - reals[_T_NEW + k]) <= 0.0:
                asked |= 1 << k
        if asked != 0:
            if all_stages > stages + 1:
                missing = _stages(
                    rhs, given, row_of, at_at, at_y, at_K, at_trial, at_slope, width, coefficients, sources, starts,
                    nodes, stages + 1, all_stages,
                )  # fmt: skip
                for k in range(8):
                    if asked >> k & 1:
                        info[lanes[_MEMBER + k], NFEV] += all_stages - stages - 1
                        if missing >> k & 1:
                            info[lanes[_MEMBER + k], STATUS] = CALLBACK_FAILED
            for k in range(8):
                if asked >> k & 1 == 0 or info[lanes[_MEMBER + k], STATUS] != WAITING:
                    continue
                member, t, h = lanes[_MEMBER + k], reals[_T + k], reals[_STEP + k]
                for i in range(n):
                    one_y[i], one_new[i] = y[i * 8 + k], y_new[i * 8 + k]
                for s in range(all_stages):
                    for i in range(n):
                        one_K[s * n + i] = K[s * width + i * 8 + k]
                place = info[member, ASKED]
                while place < t_eval.shape[0] and direction * (t_eval[place] - reals[_T_NEW + k]) <= 0.0:
                    theta = (t_eval[place] - t) / h
                    interpolate(theta, h, one_y, one_new, one_K, dense, stages, two, y_eval[member, place])
                    place += 1
                info[member, ASKED] = place
        take, half = load_at(row_of, _TAKE), splat(0.5)
        store_at(row_of, _T, select_greater(take, half, load_at(row_of, _T_NEW), load_at(row_of, _T)))
        for c in range(0, width, 8):
            store_at(at_y, c, select_greater(take, half, load_at(at_new, c), load_at(at_y, c)))
            store_at(at_f, c, select_greater(take, half, load_at(at_K, stages * width + c), load_at(at_f, c)))
        for k in range(8):
            member = lanes[_MEMBER + k]
            if member < 0:
                continue
            if (
                reals[_TAKE + k] > 0.0
                and direction * (reals[_T + k] - t_end) >= 0.0
                and info[member, STATUS] == WAITING
            ):
                info[member, STATUS] = DONE
            if info[member, STATUS] != WAITING:
                _finish(k, member, n, reals, lanes, queue, y, t_out, y_out)
    return RUNNING
