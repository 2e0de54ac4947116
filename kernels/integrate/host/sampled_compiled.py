"""Trapezoidal and Simpson sums along any axis of an array, in one pass without temporaries.

The loops are imported with the first sum that wants them: short rows do without Numba.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__: list[str] = []

_RUNNING = ("cumulative_trapezoid", "cumulative_simpson")
_LEAST = {"trapezoid": 2, "simpson": 3, "cumulative_trapezoid": 2, "cumulative_simpson": 3}
_NONE = np.zeros((1, 1, 1))

Array = NDArray[np.float64]


@cache
def _loop(rule: str) -> Any:
    from fsci.kernels.integrate import sampled_loops

    return {
        "trapezoid": sampled_loops.trapezoid_sums,
        "simpson": sampled_loops.simpson_sums,
        "cumulative_trapezoid": sampled_loops.running_trapezoids,
        "cumulative_simpson": sampled_loops.running_simpsons,
    }[rule]


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
    if rule not in _RUNNING:
        sums = np.empty((samples.shape[0], samples.shape[2]))
        good = _loop(rule)(samples, places, float(dx) if x is None else 1.0, x is None, sums)
        if not good or not np.isfinite(sums).all():
            return None
        return sums.reshape(before + after) if len(shape) > 1 else sums[0, 0]
    running = np.empty((samples.shape[0], n - 1, samples.shape[2]))
    good = _loop(rule)(samples, places, float(dx) if x is None else 1.0, x is None, running)
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
