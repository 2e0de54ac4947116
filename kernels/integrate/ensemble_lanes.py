"""What a lane of an ensemble does: a member begins, the stages of a step, a member ends; and the rows of its state."""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.integrate.callbacks import POINTER
from fsci.kernels.integrate.lane_callbacks import LANE_CALLBACK
from fsci.kernels.integrate.lane_pointers import load_at, store_at
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, splat

__all__ = [
    "ACCEPTED",
    "ASKED",
    "AT",
    "CALLBACK_FAILED",
    "DONE",
    "EMPTY",
    "ERROR",
    "FACTOR",
    "FINISHED",
    "HUNGRY",
    "INFO",
    "INTEGERS",
    "LAST",
    "MEMBER",
    "MOST_STEPS",
    "NEXT",
    "NFEV",
    "NONFINITE",
    "QUEUE",
    "REALS",
    "REJECTED",
    "RETRY",
    "RUNNING",
    "STATUS",
    "STEP",
    "STOP",
    "TAKE",
    "TOO_SMALL",
    "T_NEW",
    "WAITING",
    "WRONG_LENGTH",
    "H",
    "T",
    "finish_lane",
    "lane_stages",
    "start_lanes",
]  # fmt: skip

# How a member ended, and a row of what is reported of it.
WAITING, DONE, TOO_SMALL, MOST_STEPS, CALLBACK_FAILED, NONFINITE = range(6)
STATUS, NFEV, ACCEPTED, REJECTED, ASKED, INFO = range(6)
# How a call ended: rounds are used up; the queue is empty but lanes run; nothing runs; fun is at fault for all.
RUNNING, HUNGRY, EMPTY, WRONG_LENGTH = range(4)
# The queue, how many members ended, and whether nothing will follow.
NEXT, STOP, FINISHED, LAST, QUEUE = range(5)
# Rows of eight reals and of eight integers.
T, H, STEP, T_NEW, ERROR, FACTOR, TAKE, AT, REALS = range(0, 72, 8)
MEMBER, RETRY, INTEGERS = range(0, 24, 8)


_VECTOR, _MATRIX, _BLOCK = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]
_COUNTS, _ROWS = numba.int64[::1], numba.int64[:, ::1]
_WHOLE = numba.types.CPointer(numba.int64)


@jit([numba.int64(LANE_CALLBACK, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, numba.int64, POINTER,
                  _WHOLE, _WHOLE, POINTER, numba.int64, numba.int64)])  # fmt: skip
def lane_stages(  # type: ignore[no-untyped-def]
    rhs, p, reals, at, y, K, trial, slope, width, coefficients, sources, starts, nodes, start, stop
):  # fmt: skip
    """Rows `start` to `stop` of K in all lanes; `trial` is left at the point of the last. Gives lanes that failed."""
    failed = 0
    step, t = load_at(reals, STEP), load_at(reals, T)
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
def start_lanes(rhs, p, reals, lanes, y, f, atol, ahead, slope, info, fresh, order, t_end, rtol, first, max_step):  # type: ignore[no-untyped-def]
    """Slopes and first steps of the lanes in the mask `fresh`; gives -1 where the callback's length is wrong."""
    width = y.shape[0]
    failed = rhs(reals[T:].ctypes, y.ctypes, slope.ctypes, p.ctypes)
    if failed < 0:
        return failed
    for k in range(8):
        if fresh >> k & 1 == 0:
            reals[STEP + k] = 0.0
            for c in range(k, width, 8):
                ahead[c] = y[c]
            continue
        member = lanes[MEMBER + k]
        info[member, NFEV] += 1
        if failed >> k & 1:
            info[member, STATUS] = CALLBACK_FAILED
        for c in range(k, width, 8):
            f[c] = slope[c]
            if not (np.isfinite(y[c]) and np.isfinite(f[c])) and info[member, STATUS] == WAITING:
                info[member, STATUS] = NONFINITE
        interval = abs(t_end - reals[T + k])
        d0, d1 = _norm(y, y, atol, k, rtol), _norm(f, y, atol, k, rtol)
        h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
        h0 = min(h0, interval)
        reals[STEP + k] = h0 if t_end >= reals[T + k] else -h0
        for c in range(k, width, 8):
            ahead[c] = y[c] + reals[STEP + k] * f[c]
    if first > 0.0:
        for k in range(8):
            if fresh >> k & 1:
                reals[H + k] = first
        return 0
    for k in range(8):
        reals[AT + k] = reals[T + k] + reals[STEP + k]
    failed = rhs(reals[AT:].ctypes, ahead.ctypes, slope.ctypes, p.ctypes)
    if failed < 0:
        return failed
    for k in range(8):
        if fresh >> k & 1 == 0:
            continue
        member = lanes[MEMBER + k]
        info[member, NFEV] += 1
        if failed >> k & 1 and info[member, STATUS] == WAITING:
            info[member, STATUS] = CALLBACK_FAILED
        h0, interval = abs(reals[STEP + k]), abs(t_end - reals[T + k])
        d1 = _norm(f, y, atol, k, rtol)
        for c in range(k, width, 8):
            slope[c] -= f[c]
        d2 = _norm(slope, y, atol, k, rtol) / h0
        flat = d1 <= 1e-15 and d2 <= 1e-15
        h1 = max(1e-6, h0 * 1e-3) if flat else (0.01 / max(d1, d2)) ** (1.0 / (order + 1))
        reals[H + k] = min(100.0 * h0, h1, interval, max_step)
        if not reals[H + k] > 0.0:  # a slope that is not finite just ahead: the loop finds a shorter step
            reals[H + k] = h0
    return 0


@jit([numba.void(numba.int64, numba.int64, numba.int64, _VECTOR, _COUNTS, _COUNTS, _VECTOR, _VECTOR, _MATRIX)])
def finish_lane(lane, member, n, reals, lanes, queue, y, t_out, y_out):  # type: ignore[no-untyped-def]
    """Write down where the member of `lane` is, and free the lane."""
    t_out[member] = reals[T + lane]
    for i in range(n):
        y_out[member, i] = y[i * 8 + lane]
    lanes[MEMBER + lane] = -1
    reals[STEP + lane] = 0.0
    queue[FINISHED] += 1
