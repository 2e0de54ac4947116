"""Trapezoidal and Simpson sums of one row of samples, in as few NumPy calls as there can be.

SciPy's formulas without what they need for several axes: for short rows that is most of the time. Evenly spaced
trapezoidal sums of any length are a plain sum, corrected at the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__ = ["RULES"]

Array = NDArray[np.float64]


def trapezoid(y: Array, x: Array | None, dx: float) -> Any:
    """Trapezoidal sum; None where an intermediate is not finite, and SciPy's order may matter."""
    if x is None:
        total = (np.add.reduce(y[1:-1]) + 0.5 * (y[0] + y[-1])) * dx
    else:
        total = 0.5 * np.add.reduce((x[1:] - x[:-1]) * (y[1:] + y[:-1]))
    return total if math.isfinite(total) else None


def simpson(y: Array, x: Array | None, dx: float) -> Any:
    """Simpson's sum, with Cartwright's correction (2017) of the last interval for an even number of samples."""
    n = y.size
    if n < 3:
        return None
    last = n if n % 2 else n - 1  # samples of whole panels
    if x is None:
        inner = 4.0 * np.add.reduce(y[1:last:2]) + 2.0 * np.add.reduce(y[2 : last - 1 : 2])
        total = (inner + y[0] + y[last - 1]) * (dx / 3.0)
        if last < n:
            total += dx * (5.0 / 12.0 * y[-1] + 2.0 / 3.0 * y[-2] - y[-3] / 12.0)
        return total if math.isfinite(total) else None
    h = x[1:] - x[:-1]
    if not h.all():
        return None
    h0, h1 = h[: last - 1 : 2], h[1 : last - 1 : 2]
    both, ratio = h0 + h1, h0 / h1
    outer = y[: last - 2 : 2] * (2.0 - 1.0 / ratio) + y[2:last:2] * (2.0 - ratio)
    total = np.add.reduce(both * (outer + y[1:last:2] * (both * both / (h0 * h1)))) / 6.0
    if last < n:
        before, after = h[-2], h[-1]
        if before + after == 0.0:
            return None
        total += (2.0 * after * after + 3.0 * before * after) / (6.0 * (before + after)) * y[-1]
        total += (after * after + 3.0 * before * after) / (6.0 * before) * y[-2]
        total -= after**3 / (6.0 * before * (before + after)) * y[-3]
    return total if math.isfinite(total) else None


def cumulative_trapezoid(y: Array, x: Array | None, dx: float) -> Any:
    """Running trapezoidal sums, in the order of `numpy.cumsum`."""
    step = dx if x is None else x[1:] - x[:-1]
    return _finite(np.add.accumulate(step * (y[1:] + y[:-1]) / 2.0))


def _finite(running: Array) -> Array | None:
    """None where a sum has left the finite numbers: once there it stays, and SciPy warns as NumPy does."""
    return running if math.isfinite(running[-1]) else None


def cumulative_simpson(y: Array, x: Array | None, dx: float) -> Any:
    """Running Simpson sums: each interval from the parabola of its panel (SciPy's rule)."""
    n = y.size
    if n < 3:
        return None
    parts = np.empty(n - 1)
    f1, f2, f3 = y[:-2:2], y[1:-1:2], y[2::2]
    if x is None:
        third = dx / 3
        parts[:-1:2] = third * (5 * f1 / 4 + 2 * f2 - f3 / 4)
        parts[1::2] = third * (5 * f3 / 4 + 2 * f2 - f1 / 4)
        parts[-1] = third * (5 * y[-1] / 4 + 2 * y[-2] - y[-3] / 4)
        return _finite(np.add.accumulate(parts))
    h = x[1:] - x[:-1]
    if not (h > 0.0).all():
        return None
    h0, h1 = h[:-1:2], h[1::2]
    parts[:-1:2] = _one_interval(h0, h1, f1, f2, f3)
    parts[1::2] = _one_interval(h1, h0, f3, f2, f1)
    parts[-1] = _one_interval(h[-1], h[-2], y[-1], y[-2], y[-3])
    return _finite(np.add.accumulate(parts))


def _one_interval(near: Any, far: Any, f1: Any, f2: Any, f3: Any) -> Any:
    share = near / (near + far)
    product = near / far * share
    return near / 6 * ((3 - share) * f1 + (3 + product + share) * f2 - product * f3)


def romberg(y: Array, x: Array | None, dx: float) -> Any:
    """Romberg's extrapolation; None unless there are 2**k + 1 samples."""
    intervals = y.size - 1
    if intervals < 1 or intervals & (intervals - 1):
        return None
    step, width = intervals, intervals * float(dx)
    row = [0.5 * (y[0] + y[-1]) * width]
    while step > 1:
        # Half of the last sum and the samples between; then each extrapolation from its two neighbours.
        new = [0.5 * (row[0] + width * np.add.reduce(y[step // 2 :: step]))]
        step, width, power = step // 2, 0.5 * width, 1.0
        for before in row:
            power *= 4.0
            new.append(new[-1] + (new[-1] - before) / (power - 1.0))
        row = new
    return row[-1] if math.isfinite(row[-1]) else None


RULES: dict[str, Callable[[Array, Array | None, float], Any]] = {
    "trapezoid": trapezoid,
    "simpson": simpson,
    "cumulative_trapezoid": cumulative_trapezoid,
    "cumulative_simpson": cumulative_simpson,
    "romb": romberg,
}


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure not in RULES:
        return Refusal("the rule is another")
    if problem.operands[0].ndim != 1:
        return Refusal("there is more than one row of samples")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return _WORK[problem.structure or "", problem.operands[1] is not None] * float(problem.size)


# What an element costs, in passes of a plain sum over long rows (measured at a million samples).
_WORK = {
    ("trapezoid", False): 1.0,
    ("trapezoid", True): 18.0,
    ("simpson", False): 1.2,
    ("simpson", True): 90.0,
    ("cumulative_trapezoid", False): 33.0,
    ("cumulative_trapezoid", True): 46.0,
    ("cumulative_simpson", False): 80.0,
    ("cumulative_simpson", True): 240.0,
    ("romb", False): 1.3,
}


def run(problem: Problem, evidence: Evidence) -> Attempt:
    y, x = problem.operands
    value = fast(problem.structure or "", y, x, problem.parameters["dx"], problem.parameters["axis"])
    return Attempt(value, status="declined" if value is None else "ok")


def fast(rule: str, y: Any, x: Any, dx: Any, axis: int) -> Any:
    """The sum, or the running sums; None where SciPy must look."""
    with np.errstate(all="ignore"):
        return RULES[rule](y, x, dx)


register(
    Kernel(
        name="sampled_numpy",
        kind="sampled_integral",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="Cartwright (2017), Simpson's rule cumulative integration; pairwise summation by NumPy",
    )
)
