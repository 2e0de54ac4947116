"""The life of one member of an ensemble as one thread of a GPU: steps, error control and values at the times asked for.

The loop is that of `explicit_loop`: Hairer, Norsett and Wanner (1993, section II.4), as SciPy has it. All of it is one
kernel, compiled for one right-hand side, one number of equations and one pair; state and slopes lie in the thread's own
memory. A launch makes so many tries at the most, and leaves where it is, so that an interrupt is seen between two.
"""

from __future__ import annotations

import math
from typing import Any

from numba import cuda, float64

from fsci.kernels.integrate.tableaus import Tableau

__all__ = ["ACCEPTED", "ASKED", "FAILED", "INFO", "NFEV", "REJECTED", "RETRY", "RUNNING", "STATUS", "loop_of"]

# A row of what is known of a member; its status is SciPy's once it has ended.
STATUS, NFEV, ACCEPTED, REJECTED, ASKED, RETRY, INFO = range(7)
RUNNING, DONE, TOO_SMALL, MOST_STEPS, NONFINITE = 1, 0, -1, -2, -4
FAILED = (TOO_SMALL, MOST_STEPS, NONFINITE)

_SAFETY, _MIN_FACTOR, _MAX_FACTOR = 0.9, 0.2, 10.0


def loop_of(rhs: Any, n: int, pair: Tableau) -> Any:
    """The kernel for ``rhs(t, y, out, p, member)`` of `n` equations."""
    stages, every, order = pair.stages, pair.starts.size - 1, pair.order
    a, sources, starts, nodes, errors, dense = (
        pair.coefficients, pair.sources, pair.starts, pair.nodes, pair.errors, pair.dense,
    )  # fmt: skip
    two, rows, powers = errors.shape[0] == 2, dense.shape[0], dense.shape[1]
    exponent, size = -1.0 / (order + 1.0), every * n
    safety, least, largest = _SAFETY, _MIN_FACTOR, _MAX_FACTOR

    # Numba's own min and max of its later versions are none for devices.
    @cuda.jit(device=True)
    def smaller(x, y):  # type: ignore[no-untyped-def]
        return x if x < y else y

    @cuda.jit(device=True)
    def larger(x, y):  # type: ignore[no-untyped-def]
        return x if x > y else y

    @cuda.jit(device=True)
    def norm(values, y, atol, row, rtol):  # type: ignore[no-untyped-def]
        total = 0.0
        for i in range(n):
            total += (values[i] / (atol[row, i] + rtol * abs(y[i]))) ** 2
        return math.sqrt(total / n)

    @cuda.jit(device=True)
    def stage(s, t, h, y, K, trial, out, p, row):  # type: ignore[no-untyped-def]
        """Take stage `s`: the point into `trial`, the slope into K."""
        c, k, b, at = cuda.const.array_like(a), cuda.const.array_like(sources), cuda.const.array_like(starts), 0.0
        for i in range(n):
            at = 0.0
            for m in range(b[s], b[s + 1]):
                at += c[m] * K[k[m] * n + i]
            trial[i] = y[i] + h * at
        rhs(t + cuda.const.array_like(nodes)[s] * h, trial, out, p, row)
        for i in range(n):
            K[s * n + i] = out[i]

    @cuda.jit(device=True)
    def error_of(h, y, y_new, K, atol, row, rtol):  # type: ignore[no-untyped-def]
        e, first, second = cuda.const.array_like(errors), 0.0, 0.0
        for i in range(n):
            scale = atol[row, i] + rtol * larger(abs(y[i]), abs(y_new[i]))
            one, other = 0.0, 0.0
            for s in range(stages + 1):
                one += e[0, s] * K[s * n + i]
                if two:
                    other += e[1, s] * K[s * n + i]
            first += (one / scale) ** 2
            second += (other / scale) ** 2
        if two:
            both = first + 0.01 * second
            return abs(h) * first / math.sqrt(both * n) if both != 0.0 else first
        return abs(h) * math.sqrt(first / n)

    @cuda.jit(device=True)
    def dense_value(theta, h, y, y_new, K, i):  # type: ignore[no-untyped-def]
        d = cuda.const.array_like(dense)
        value = 0.0
        if two:
            delta = y_new[i] - y[i]
            for j in range(3, -1, -1):
                part = 0.0
                for s in range(powers):
                    part += d[j, s] * K[s * n + i]
                value = (value + h * part) * (theta if (3 - j) % 2 == 0 else 1.0 - theta)
            value = (value + (2.0 * delta - h * (K[stages * n + i] + K[i]))) * theta
            value = (value + (h * K[i] - delta)) * (1.0 - theta)
            return (value + delta) * theta + y[i]
        power = 1.0
        for j in range(powers):
            weight = 0.0
            for s in range(rows):
                weight += K[s * n + i] * d[s, j]
            power *= theta
            value += weight * power
        return h * value + y[i]

    @cuda.jit(device=True)
    def first_step(t, y, f, ahead, slope, p, row, atol, tol_row, rtol, t_end, max_step):  # type: ignore[no-untyped-def]
        interval, direction = abs(t_end - t), 1.0 if t_end >= t else -1.0
        d0, d1 = norm(y, y, atol, tol_row, rtol), norm(f, y, atol, tol_row, rtol)
        h0 = smaller(1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1, interval)
        if not h0 > 0.0:
            return 0.0
        for i in range(n):
            ahead[i] = y[i] + direction * h0 * f[i]
        rhs(t + direction * h0, ahead, slope, p, row)
        for i in range(n):
            slope[i] -= f[i]
        d2 = norm(slope, y, atol, tol_row, rtol) / h0
        flat = d1 <= 1e-15 and d2 <= 1e-15
        h1 = larger(1e-6, h0 * 1e-3) if flat else (0.01 / larger(d1, d2)) ** (1.0 / (order + 1.0))
        h = smaller(smaller(100.0 * h0, h1), smaller(interval, max_step))
        return h if h > 0.0 else h0

    @cuda.jit
    def members(p, y0, atol, control, t_eval, y_eval, t_out, h_out, y_out, f_out, info, rounds, most):  # type: ignore[no-untyped-def]
        member = cuda.grid(1)
        if member >= y0.shape[0] or info[member, STATUS] != RUNNING:
            return
        y, y_new, out, trial = (
            cuda.local.array(n, float64), cuda.local.array(n, float64), cuda.local.array(n, float64),
            cuda.local.array(n, float64),
        )  # fmt: skip
        K = cuda.local.array(size, float64)
        row, tol_row = (member if p.shape[1] > 1 else 0), (member if atol.shape[0] > 1 else 0)
        t_end, rtol, max_step = control[1], control[2], control[3]
        direction = 1.0 if t_end >= control[0] else -1.0
        if info[member, NFEV] == 0:
            t, finite = control[0], True
            for i in range(n):
                y[i] = y0[member, i]
            rhs(t, y, out, p, row)
            for i in range(n):
                K[i] = out[i]
                y_out[member, i] = y[i]
                finite = finite and math.isfinite(y[i]) and math.isfinite(out[i])
            info[member, NFEV] = 1
            if not finite:
                t_out[member], info[member, STATUS] = t, NONFINITE
                return
            h_abs = control[4]
            if not h_abs > 0.0:
                h_abs = first_step(t, y, K, trial, out, p, row, atol, tol_row, rtol, t_end, max_step)
                info[member, NFEV] += 1
        else:
            t, h_abs = t_out[member], h_out[member]
            for i in range(n):
                y[i], K[i] = y_out[member, i], f_out[member, i]
        status, retry = RUNNING, info[member, RETRY]
        for _ in range(rounds):
            if t == t_end:
                status = DONE
                break
            # Ten times the spacing of numbers at t.
            spacing = 10.0 * math.ldexp(1.0, int(larger(math.frexp(t)[1] - 53, -1074))) if t != 0.0 else 5e-323
            if retry == 0:
                h_abs = larger(smaller(h_abs, max_step), spacing)
            if not h_abs >= spacing:
                status = TOO_SMALL
                break
            if info[member, ACCEPTED] + info[member, REJECTED] >= most:
                status = MOST_STEPS
                break
            t_new = t + h_abs * direction
            if direction * (t_new - t_end) > 0.0:
                t_new = t_end
            h = t_new - t
            h_abs = abs(h)
            for s in range(1, stages + 1):
                stage(s, t, h, y, K, trial, out, p, row)
            for i in range(n):
                y_new[i] = trial[i]
            info[member, NFEV] += stages
            error = error_of(h, y, y_new, K, atol, tol_row, rtol)
            if not error < 1.0:
                factor = safety * error**exponent
                h_abs *= factor if factor > least else least
                retry = 1
                info[member, REJECTED] += 1
                continue
            factor = largest if error == 0.0 else smaller(largest, safety * error**exponent)
            h_abs *= smaller(1.0, factor) if retry == 1 else factor
            retry = 0
            info[member, ACCEPTED] += 1
            place = info[member, ASKED]
            if place < t_eval.shape[0] and direction * (t_eval[place] - t_new) <= 0.0:
                for s in range(stages + 1, every):
                    stage(s, t, h, y, K, trial, out, p, row)
                info[member, NFEV] += every - stages - 1
                while place < t_eval.shape[0] and direction * (t_eval[place] - t_new) <= 0.0:
                    for i in range(n):
                        y_eval[member, place, i] = dense_value((t_eval[place] - t) / h, h, y, y_new, K, i)
                    place += 1
                info[member, ASKED] = place
            t = t_new
            for i in range(n):
                y[i], K[i] = y_new[i], K[stages * n + i]
        t_out[member], h_out[member], info[member, RETRY], info[member, STATUS] = t, h_abs, retry, status
        for i in range(n):
            y_out[member, i], f_out[member, i] = y[i], K[i]

    return members
