"""Explicit Runge-Kutta pairs over many trajectories: eight at a time, in lanes, each with its own steps.

A lane holds one member with its own time, step size, acceptance and count; when a member ends, the lane takes the next
one of the queue. Nothing waits for the slowest of a group: what the lanes share is only the program. Step control is
that of Hairer, Norsett and Wanner (1993, section II.4), as in `explicit_loop`. A call makes at most so many rounds, and
the state lives in arrays, so that an interrupt is seen and the next call goes on.
"""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.integrate.ensemble_lanes import (
    ACCEPTED,
    ASKED,
    CALLBACK_FAILED,
    DONE,
    EMPTY,
    ERROR,
    FACTOR,
    HUNGRY,
    LAST,
    MEMBER,
    MOST_STEPS,
    NEXT,
    NFEV,
    REJECTED,
    RETRY,
    RUNNING,
    STATUS,
    STEP,
    STOP,
    T_NEW,
    TAKE,
    TOO_SMALL,
    WAITING,
    WRONG_LENGTH,
    H,
    T,
    finish_lane,
    lane_stages,
    start_lanes,
)
from fsci.kernels.integrate.explicit_loop import interpolate
from fsci.kernels.integrate.lane_callbacks import LANE_CALLBACK
from fsci.kernels.integrate.lane_pointers import address, load_at, power, store_at
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, magnitude, maximum, select_greater, splat

__all__ = ["advance_members"]

_SAFETY, _MIN_FACTOR, _MAX_FACTOR = 0.9, 0.2, 10.0

_VECTOR, _MATRIX, _BLOCK = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]
_COUNTS, _ROWS = numba.int64[::1], numba.int64[:, ::1]
_TABLE = numba.types.Tuple((_VECTOR, _COUNTS, _COUNTS, _VECTOR, _MATRIX, _MATRIX, numba.float64))


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
            member = lanes[MEMBER + k]
            if member < 0 and queue[NEXT] < queue[STOP]:
                member = queue[NEXT]
                queue[NEXT] += 1
                lanes[MEMBER + k], lanes[RETRY + k] = member, 0
                fresh |= 1 << k
                reals[T + k] = control[0]
                row = member if parameters.shape[0] > 1 else 0
                for j in range(parameters.shape[1]):
                    p[j * 8 + k] = parameters[row, j]
                row = member if tolerances.shape[0] > 1 else 0
                for i in range(n):
                    y[i * 8 + k] = y0[member, i]
                    atol[i * 8 + k] = tolerances[row, i]
            if member >= 0:
                running += 1
        if fresh != 0 and start_lanes(
            rhs, p, reals, lanes, y, f, atol, trial, slope, info, fresh, order, t_end, rtol, control[4], max_step
        ) < 0:  # fmt: skip
            return WRONG_LENGTH
        if running == 0:
            return EMPTY
        if running < 8 and queue[LAST] == 0:
            return HUNGRY
        for k in range(8):
            member, t, h_abs = lanes[MEMBER + k], reals[T + k], reals[H + k]
            reals[STEP + k] = 0.0
            if member < 0:
                continue
            spacing = 2.3e-15 * abs(t)  # at least ten times the spacing of numbers: look closely only when it matters
            if not h_abs > spacing or t == 0.0:
                spacing = 10.0 * abs(np.nextafter(t, direction * np.inf) - t)
            if lanes[RETRY + k] == 0:
                h_abs = max(min(h_abs, max_step), spacing)
            if info[member, STATUS] == WAITING and not h_abs >= spacing:
                info[member, STATUS] = TOO_SMALL
            elif info[member, STATUS] == WAITING and info[member, ACCEPTED] + info[member, REJECTED] >= most:
                info[member, STATUS] = MOST_STEPS
            if info[member, STATUS] != WAITING:
                finish_lane(k, member, n, reals, lanes, queue, y, t_out, y_out)
                continue
            t_new = t + h_abs * direction
            if direction * (t_new - t_end) > 0.0:
                t_new = t_end
            reals[T_NEW + k], reals[STEP + k], reals[H + k] = t_new, t_new - t, abs(t_new - t)
        for c in range(0, width, 8):
            store_at(at_K, c, load_at(at_f, c))
        failed = lane_stages(
            rhs, given, row_of, at_at, at_y, at_K, at_new, at_slope, width, coefficients, sources, starts, nodes, 1,
            stages + 1,
        )  # fmt: skip
        if failed < 0:
            return WRONG_LENGTH
        first, second, step = splat(0.0), splat(0.0), load_at(row_of, STEP)
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
        store_at(row_of, ERROR, squares)
        store_at(row_of, FACTOR, power(squares, exponent) * splat(_SAFETY))
        asked = 0
        for k in range(8):
            member = lanes[MEMBER + k]
            reals[TAKE + k] = 0.0
            if member < 0:
                continue
            info[member, NFEV] += stages
            if failed >> k & 1:
                info[member, STATUS] = CALLBACK_FAILED
                continue
            factor = reals[FACTOR + k]
            if not reals[ERROR + k] < 1.0:
                reals[H + k] *= factor if factor > _MIN_FACTOR else _MIN_FACTOR
                lanes[RETRY + k] = 1
                info[member, REJECTED] += 1
                continue
            info[member, ACCEPTED] += 1
            reals[TAKE + k] = 1.0
            factor = min(factor, 1.0 if lanes[RETRY + k] else _MAX_FACTOR)
            lanes[RETRY + k] = 0
            reals[H + k] *= factor
            place = info[member, ASKED]
            if place < t_eval.shape[0] and direction * (t_eval[place] - reals[T_NEW + k]) <= 0.0:
                asked |= 1 << k
        if asked != 0:
            if all_stages > stages + 1:
                missing = lane_stages(
                    rhs, given, row_of, at_at, at_y, at_K, at_trial, at_slope, width, coefficients, sources, starts,
                    nodes, stages + 1, all_stages,
                )  # fmt: skip
                for k in range(8):
                    if asked >> k & 1:
                        info[lanes[MEMBER + k], NFEV] += all_stages - stages - 1
                        if missing >> k & 1:
                            info[lanes[MEMBER + k], STATUS] = CALLBACK_FAILED
            for k in range(8):
                if asked >> k & 1 == 0 or info[lanes[MEMBER + k], STATUS] != WAITING:
                    continue
                member, t, h = lanes[MEMBER + k], reals[T + k], reals[STEP + k]
                for i in range(n):
                    one_y[i], one_new[i] = y[i * 8 + k], y_new[i * 8 + k]
                for s in range(all_stages):
                    for i in range(n):
                        one_K[s * n + i] = K[s * width + i * 8 + k]
                place = info[member, ASKED]
                while place < t_eval.shape[0] and direction * (t_eval[place] - reals[T_NEW + k]) <= 0.0:
                    theta = (t_eval[place] - t) / h
                    interpolate(theta, h, one_y, one_new, one_K, dense, stages, two, y_eval[member, place])
                    place += 1
                info[member, ASKED] = place
        take, half = load_at(row_of, TAKE), splat(0.5)
        store_at(row_of, T, select_greater(take, half, load_at(row_of, T_NEW), load_at(row_of, T)))
        for c in range(0, width, 8):
            store_at(at_y, c, select_greater(take, half, load_at(at_new, c), load_at(at_y, c)))
            store_at(at_f, c, select_greater(take, half, load_at(at_K, stages * width + c), load_at(at_f, c)))
        for k in range(8):
            member = lanes[MEMBER + k]
            if member < 0:
                continue
            if reals[TAKE + k] > 0.0 and direction * (reals[T + k] - t_end) >= 0.0 and info[member, STATUS] == WAITING:
                info[member, STATUS] = DONE
            if info[member, STATUS] != WAITING:
                finish_lane(k, member, n, reals, lanes, queue, y, t_out, y_out)
    return RUNNING
