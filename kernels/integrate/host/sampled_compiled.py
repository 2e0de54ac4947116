"""Trapezoidal and Simpson sums along any axis of an array, in one pass without temporaries.

The samples are seen as (rows, n, columns); along the last axis the sum runs in eight lanes, that are added at the end,
along another one in as many as there are columns. Running sums add in the order of `numpy.cumsum`.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit

__all__: list[str] = []

_A3 = numba.float64[:, :, ::1]
_A2 = numba.float64[:, ::1]
_SUM = numba.boolean(_A3, _A3, numba.float64, numba.boolean, _A2)
_RUNNING = numba.boolean(_A3, _A3, numba.float64, numba.boolean, _A3)

# Of the abscissae, (rows, n, columns) or 1 where they are shared.


@jit([_SUM])
def trapezoid_sums(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    lanes = np.zeros(8)
    for r in range(rows):
        if columns == 1:
            lanes[:] = 0.0
            whole = (n - 1) // 8 * 8
            if even:
                for i in range(0, whole, 8):
                    for k in range(8):
                        lanes[k] += y[r, i + k, 0] + y[r, i + k + 1, 0]
                for i in range(whole, n - 1):
                    lanes[0] += y[r, i, 0] + y[r, i + 1, 0]
            else:
                q = r * by_row
                for i in range(0, whole, 8):
                    for k in range(8):
                        j = i + k
                        lanes[k] += (x[q, j + 1, 0] - x[q, j, 0]) * (y[r, j, 0] + y[r, j + 1, 0])
                for j in range(whole, n - 1):
                    lanes[0] += (x[q, j + 1, 0] - x[q, j, 0]) * (y[r, j, 0] + y[r, j + 1, 0])
            total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
            out[r, 0] = 0.5 * total * dx
        else:
            out[r, :] = 0.0
            for i in range(n - 1):
                for c in range(columns):
                    step = dx if even else x[r * by_row, i + 1, c * by_column] - x[r * by_row, i, c * by_column]
                    out[r, c] += 0.5 * step * (y[r, i, c] + y[r, i + 1, c])
    return True


@jit([_SUM])
def simpson_sums(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    last = n if n % 2 == 1 else n - 1
    panels = (last - 1) // 2
    lanes = np.zeros(4)
    good = True
    for r in range(rows):
        q = r * by_row
        if columns == 1:
            lanes[:] = 0.0
            if even:
                whole = panels // 4 * 4
                for p in range(0, whole, 4):
                    for k in range(4):
                        i = 2 * (p + k)
                        lanes[k] += y[r, i, 0] + 4.0 * y[r, i + 1, 0] + y[r, i + 2, 0]
                for p in range(whole, panels):
                    lanes[0] += y[r, 2 * p, 0] + 4.0 * y[r, 2 * p + 1, 0] + y[r, 2 * p + 2, 0]
                out[r, 0] = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) * (dx / 3.0)
            else:
                for p in range(panels):
                    i = 2 * p
                    h0, h1 = x[q, i + 1, 0] - x[q, i, 0], x[q, i + 2, 0] - x[q, i + 1, 0]
                    good &= h0 != 0.0 and h1 != 0.0
                    both = h0 + h1
                    outer = y[r, i, 0] * (2.0 - h1 / h0) + y[r, i + 2, 0] * (2.0 - h0 / h1)
                    lanes[p % 4] += both * (outer + y[r, i + 1, 0] * (both * both / (h0 * h1)))
                out[r, 0] = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) / 6.0
        else:
            out[r, :] = 0.0
            for p in range(panels):
                i = 2 * p
                for c in range(columns):
                    s = c * by_column
                    if even:
                        out[r, c] += (y[r, i, c] + 4.0 * y[r, i + 1, c] + y[r, i + 2, c]) * (dx / 3.0)
                    else:
                        h0, h1 = x[q, i + 1, s] - x[q, i, s], x[q, i + 2, s] - x[q, i + 1, s]
                        good &= h0 != 0.0 and h1 != 0.0
                        both = h0 + h1
                        outer = y[r, i, c] * (2.0 - h1 / h0) + y[r, i + 2, c] * (2.0 - h0 / h1)
                        out[r, c] += both / 6.0 * (outer + y[r, i + 1, c] * (both * both / (h0 * h1)))
        if last < n:
            for c in range(columns):
                s = c * by_column
                h0, h1 = dx, dx
                if not even:
                    h0, h1 = x[q, n - 2, s] - x[q, n - 3, s], x[q, n - 1, s] - x[q, n - 2, s]
                    good &= h0 != 0.0 and h0 + h1 != 0.0
                if h0 != 0.0:
                    out[r, c] += (
                        (2.0 * h1 * h1 + 3.0 * h0 * h1) / (6.0 * (h0 + h1)) * y[r, n - 1, c]
                        + (h1 * h1 + 3.0 * h0 * h1) / (6.0 * h0) * y[r, n - 2, c]
                        - h1 * h1 * h1 / (6.0 * h0 * (h0 + h1)) * y[r, n - 3, c]
                    )
    return good


@jit([_RUNNING])
def running_trapezoids(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    for r in range(rows):
        q = r * by_row
        for i in range(n - 1):
            for c in range(columns):
                s = c * by_column
                step = dx if even else x[q, i + 1, s] - x[q, i, s]
                part = step * (y[r, i + 1, c] + y[r, i, c]) / 2.0
                out[r, i, c] = part if i == 0 else out[r, i - 1, c] + part
    return True


@jit([_RUNNING])
def running_simpsons(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    good = True
    for r in range(rows):
        q = r * by_row
        for i in range(n - 1):
            # The parabola through three samples, of which the first two (or the last two) bound the interval.
            first = i % 2 == 0 and i < n - 2
            a, b, e = (i, i + 1, i + 2) if first else (i + 1, i, i - 1)
            for c in range(columns):
                f1, f2, f3 = y[r, a, c], y[r, b, c], y[r, e, c]
                if even:
                    part = dx / 3 * (5 * f1 / 4 + 2 * f2 - f3 / 4)
                else:
                    s = c * by_column
                    near, far = x[q, i + 1, s] - x[q, i, s], abs(x[q, e, s] - x[q, b, s])
                    good &= near > 0.0
                    share = near / (near + far)
                    product = share * (near / far)
                    part = near / 6 * ((3 - share) * f1 + (3 + product + share) * f2 - product * f3)
                out[r, i, c] = part if i == 0 else out[r, i - 1, c] + part
    return good


_SUMS: dict[str, Any] = {"trapezoid": trapezoid_sums, "simpson": simpson_sums}
_RUNNING_SUMS: dict[str, Any] = {"cumulative_trapezoid": running_trapezoids, "cumulative_simpson": running_simpsons}
_LEAST = {"trapezoid": 2, "simpson": 3, "cumulative_trapezoid": 2, "cumulative_simpson": 3}
_NONE = np.zeros((1, 1, 1))

Array = NDArray[np.float64]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    y, x = problem.operands
    if problem.structure not in _LEAST:
        return Refusal("the rule is another")
    if not _plain(y) or not (x is None or _plain(x)):
        return Refusal("the samples are not a C-ordered array of doubles")
    if y.shape[problem.parameters["axis"]] < _LEAST[problem.structure]:
        return Refusal("there are too few samples")
    return None


def _plain(array: Any) -> bool:
    return bool(array.dtype.char == "d" and array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative)


# As in `sampled_numpy`: passes of a plain sum, measured at a million samples. The profile spreads over ten thousand
# calls what it takes to load Numba: a process that sums ten samples once must not wait for it.
_WORK = {
    ("trapezoid", False): 1.8,
    ("trapezoid", True): 3.0,
    ("simpson", False): 1.3,
    ("simpson", True): 8.5,
    ("cumulative_trapezoid", False): 23.0,
    ("cumulative_trapezoid", True): 24.0,
    ("cumulative_simpson", False): 27.0,
    ("cumulative_simpson", True): 32.0,
}


def work(problem: Problem, evidence: Evidence) -> float:
    return _WORK[problem.structure or "", problem.operands[1] is not None] * float(problem.operands[0].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    y, x = problem.operands
    value = fast(problem.structure or "", y, x, problem.parameters["dx"], problem.parameters["axis"])
    return Attempt(value, status="declined" if value is None else "ok")


def fast(rule: str, y: Any, x: Any, dx: Any, axis: int) -> Any:
    """The sums of all rows; None where SciPy must look."""
    shape = y.shape
    if not _plain(y) or shape[axis] < _LEAST[rule]:
        return None
    axis %= len(shape)
    n, before, after = shape[axis], shape[:axis], shape[axis + 1 :]
    samples = y.reshape(math.prod(before), n, math.prod(after))
    if x is None:
        places = _NONE
    elif not _plain(x):
        return None
    else:
        places = x.reshape(1, n, 1) if x.ndim == 1 else x.reshape(samples.shape)
    if rule in _SUMS:
        sums = np.empty((samples.shape[0], samples.shape[2]))
        good = _SUMS[rule](samples, places, float(dx) if x is None else 1.0, x is None, sums)
        if not good or not np.isfinite(sums).all():
            return None
        return sums.reshape(before + after) if len(shape) > 1 else sums[0, 0]
    running = np.empty((samples.shape[0], n - 1, samples.shape[2]))
    good = _RUNNING_SUMS[rule](samples, places, float(dx) if x is None else 1.0, x is None, running)
    if not good or not np.isfinite(running[:, -1]).all():
        return None
    return running.reshape(*before, n - 1, *after)


register(
    Kernel(
        name="sampled_compiled",
        kind="sampled_integral",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="Cartwright (2017), Simpson's rule cumulative integration; sums in eight lanes",
    )
)
