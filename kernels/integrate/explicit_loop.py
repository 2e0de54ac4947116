"""The loop of explicit Runge-Kutta pairs, compiled once for all pairs and callbacks, and resumable.

Step control is SciPy's, operation by operation (Hairer, Norsett and Wanner, 1993, section II.4), so that steps and
counts agree. A call makes at most so many tries, or fills its buffers, and returns: the state lives in
arrays, so that an interrupt is seen, memory stays bounded, and the next call goes on.
"""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.integrate.callbacks import CALLBACK, POINTER
from fsci.kernels.integrate.lane_pointers import address, load_at, shifted, store_at
from fsci.kernels.integrate.status import CALLBACK_FAILED, DONE, MORE, TOO_SMALL
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, magnitude, maximum, splat, total

__all__ = ["COUNTS", "REALS", "advance", "first_step", "interpolate", "stages_of"]

# Places in the state: reals, and counts.
T, H, T_END, RTOL, MAX_STEP, DIRECTION, RATE, REALS = range(8)
NFEV, ACCEPTED, REJECTED, STIFF, LONGEST_STIFF, ASKED, CALLBACK_STATUS, RETRYING, STIFF_ENOUGH, COUNTS = range(10)

_SAFETY, _MIN_FACTOR, _MAX_FACTOR = 0.9, 0.2, 10.0
_SAMPLE = 4  # the rate is looked at in every fourth step: it changes slowly

_VECTOR, _MATRIX, _BLOCK = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]
_INTEGERS = numba.int64[::1]
_WHOLE = numba.types.CPointer(numba.int64)
# Coefficients, their sources, where each stage starts, abscissas, error weights, dense output, border of stability.
_TABLE = numba.types.Tuple((_VECTOR, _INTEGERS, _INTEGERS, _VECTOR, _MATRIX, _MATRIX, numba.float64))


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
    [
        numba.int64(
            CALLBACK, POINTER, numba.float64, numba.float64, POINTER, numba.int64, numba.int64, POINTER, numba.int64,
            numba.int64, POINTER, POINTER, POINTER, POINTER, _WHOLE, _WHOLE, POINTER,
        )
    ]
)  # fmt: skip
def stages_of(  # type: ignore[no-untyped-def]
    rhs, p, t, h, y, n, width, K, start, stop, trial, slope, before, coefficients, sources, starts, nodes
):  # fmt: skip
    """Rows `start` to `stop` of K, each at the point that the tableau combines; gives the callback's status.

    `trial` is left at the point of the last, `before` at the one before it. All vectors are pointers: an array that is
    passed on, or bound to a name, is a reference counted, atomically, which costs more than the arithmetic of a small
    step (measured for Lorenz by RK45: half of the time).
    """
    step = splat(h)
    for s in range(start, stop):
        first, last = starts[s], starts[s + 1]
        for c in range(0, width, 8):
            combined = splat(0.0)
            for m in range(first, last):
                combined = fma(splat(coefficients[m]), load_at(K, sources[m] * width + c), combined)
            store_at(before, c, load_at(trial, c))
            store_at(trial, c, fma(combined, step, load_at(y, c)))
        failed = rhs(t + nodes[s] * h, trial, slope, p)
        if failed != 0:
            return failed
        row = s * width
        if width == 8:
            store_at(K, row, load_at(slope, 0))
        else:
            for i in range(n):
                K[row + i] = slope[i]
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


@jit(
    [
        numba.types.UniTuple(numba.int64, 2)(
            CALLBACK, _VECTOR, _VECTOR, _INTEGERS, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _VECTOR, _TABLE, numba.int64,
            numba.int64, _VECTOR, _MATRIX, _VECTOR, _MATRIX, _INTEGERS, _BLOCK, numba.int64,
        )
    ]
)  # fmt: skip
def advance(  # type: ignore[no-untyped-def]
    rhs, p, reals, counts, y, f, K, atol, room, table, stages, order,
    t_eval, y_eval, times, states, evaluations, slopes, tries,
):  # fmt: skip
    """Make up to `tries` tries; gives MORE, DONE, TOO_SMALL or CALLBACK_FAILED, and the number of steps stored.

    Parameters
    ----------
    reals, counts, y, f, K
        The state, updated; y and f are padded with zeros to a multiple of eight, `atol` with ones, and K holds a row
        for each stage.
        The call also ends where ``counts[STIFF]`` reaches ``counts[STIFF_ENOUGH]``, if that is not zero.
    room : ndarray
        Five vectors as long as y, to work in.
    t_eval, y_eval : (m,), (m, n) ndarray
        Where the dense output is wanted, in the order of the integration; filled from ``counts[ASKED]`` on.
    times, states, evaluations : (c,), (c, n), (c,) ndarray
        Accepted times and states, and the count of evaluations after each; the call ends when they are full. Empty:
        nothing is stored.
    slopes : (c, stages, n) ndarray
        K of each stored step, with the extra stages if it has as many rows; empty if not wanted.
    """
    errors, dense, border = table[4], table[5], table[6]
    n, width = y_eval.shape[1], y.shape[0]
    t, h_abs, direction, rtol = reals[T], reals[H], reals[DIRECTION], reals[RTOL]
    exponent = -1.0 / (order + 1)
    # Pointers to what the caller holds; see `stages_of`.
    coefficients, sources, starts, nodes = address(table[0]), address(table[1]), address(table[2]), address(table[3])
    weights, given, at_y, at_f, at_K, at_atol = (
        address(errors), address(p), address(y), address(f), address(K), address(atol)
    )  # fmt: skip
    new = address(room)
    before, slope, scale, trial = (
        shifted(new, width),
        shifted(new, 2 * width),
        shifted(new, 3 * width),
        shifted(new, 4 * width),
    )
    two = errors.shape[0] == 2
    all_stages = table[2].shape[0] - 1
    keep = slopes.shape[0] > 0
    at_end = nodes[stages - 1] == 1.0
    stored, rejected, status = 0, counts[RETRYING] == 1, MORE
    for _ in range(tries):
        spacing = 10.0 * abs(np.nextafter(t, direction * np.inf) - t)
        if not rejected:
            if h_abs > reals[MAX_STEP]:
                h_abs = reals[MAX_STEP]
            elif h_abs < spacing:
                h_abs = spacing
        if not h_abs >= spacing:  # NaN, too, where SciPy tries for ever
            status = TOO_SMALL
            break
        t_new = t + h_abs * direction
        if direction * (t_new - reals[T_END]) > 0.0:
            t_new = reals[T_END]
        h = t_new - t
        h_abs = abs(h)
        for c in range(0, width, 8):
            store_at(at_K, c, load_at(at_f, c))
        sampled = at_end and counts[ACCEPTED] % _SAMPLE == 0
        failed = stages_of(
            rhs,
            given,
            t,
            h,
            at_y,
            n,
            width,
            at_K,
            1,
            stages + 1,
            new,
            slope,
            before,
            coefficients,
            sources,
            starts,
            nodes,
        )
        if failed != 0:
            counts[CALLBACK_STATUS] = failed
            status = CALLBACK_FAILED
            break
        counts[NFEV] += stages
        first, second = splat(0.0), splat(0.0)
        for c in range(0, width, 8):
            # Of two the second where one is NaN, so that a NaN of the new state stays.
            unit = fma(
                maximum(magnitude(load_at(at_y, c)), magnitude(load_at(new, c))), splat(rtol), load_at(at_atol, c)
            )
            store_at(scale, c, unit)
            one = splat(0.0)
            for s in range(stages + 1):
                one = fma(splat(weights[s]), load_at(at_K, s * width + c), one)
            one = one / unit if two else one * splat(h) / unit
            first = fma(one, one, first)
            if two:
                other = splat(0.0)
                for s in range(stages + 1):
                    other = fma(splat(weights[stages + 1 + s]), load_at(at_K, s * width + c), other)
                other = other / unit
                second = fma(other, other, second)
        error, rest = total(first), total(second)
        if not two:
            error = np.sqrt(error) / np.sqrt(np.float64(n))
        elif not (error == 0.0 and rest == 0.0):
            error = h_abs * error / np.sqrt((error + 0.01 * rest) * n)
        if not error < 1.0:
            factor = _SAFETY * error**exponent
            h_abs *= factor if factor > _MIN_FACTOR else _MIN_FACTOR
            rejected = True
            counts[REJECTED] += 1
            continue
        counts[ACCEPTED] += 1
        if sampled:
            # |lambda| by the last two stages, which lie at one abscissa (Hairer and Wanner, 1996, section IV.2).
            top, bottom = splat(0.0), splat(0.0)
            for c in range(0, width, 8):
                unit = load_at(scale, c)
                one = (load_at(at_K, stages * width + c) - load_at(at_K, (stages - 1) * width + c)) / unit
                other = (load_at(new, c) - load_at(before, c)) / unit
                top, bottom = fma(one, one, top), fma(other, other, bottom)
            if total(bottom) > 0.0:
                reals[RATE] = np.sqrt(total(top) / total(bottom))
                counts[STIFF] = counts[STIFF] + 1 if reals[RATE] * h_abs > border else 0
                counts[LONGEST_STIFF] = max(counts[LONGEST_STIFF], counts[STIFF])
        taken = h_abs
        factor = _MAX_FACTOR
        if error != 0.0:
            factor = _SAFETY * error**exponent
            factor = factor if factor < _MAX_FACTOR else _MAX_FACTOR
        if rejected and factor > 1.0:
            factor = 1.0
        rejected = False
        more = counts[ASKED] < t_eval.shape[0] and direction * (t_eval[counts[ASKED]] - t_new) <= 0.0
        if all_stages > stages + 1 and (more or (keep and slopes.shape[1] == all_stages)):
            failed = stages_of(
                rhs, given, t, h, at_y, n, width, at_K, stages + 1, all_stages, trial, slope, scale, coefficients,
                sources, starts, nodes,
            )  # fmt: skip
            counts[NFEV] += all_stages - stages - 1
            if failed != 0:
                counts[CALLBACK_STATUS] = failed
                status = CALLBACK_FAILED
                break
        while more:
            asked = counts[ASKED]
            interpolate((t_eval[asked] - t) / h, h, y, room[:width], K, dense, stages, two, y_eval[asked])
            counts[ASKED] += 1
            more = counts[ASKED] < t_eval.shape[0] and direction * (t_eval[counts[ASKED]] - t_new) <= 0.0
        if times.shape[0] > 0:
            times[stored] = t_new
            evaluations[stored] = counts[NFEV]
            for i in range(n):
                states[stored, i] = new[i]
            if keep:
                for s in range(slopes.shape[1]):
                    for i in range(n):
                        slopes[stored, s, i] = K[s * width + i]
            stored += 1
        t = t_new
        for c in range(0, width, 8):
            store_at(at_y, c, load_at(new, c))
            store_at(at_f, c, load_at(at_K, stages * width + c))
        h_abs = taken * factor
        if direction * (t - reals[T_END]) >= 0.0:
            status = DONE
            break
        if counts[STIFF_ENOUGH] > 0 and counts[STIFF] >= counts[STIFF_ENOUGH]:
            break
        if times.shape[0] > 0 and stored == times.shape[0]:
            break
    counts[RETRYING] = 1 if rejected else 0  # in the middle of a step the next call must not widen it
    reals[T], reals[H] = t, h_abs
    return status, stored
