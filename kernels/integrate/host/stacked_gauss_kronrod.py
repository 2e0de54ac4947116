"""Adaptive Gauss-Kronrod quadrature of vector-valued functions, the values of a panel in one array.

SciPy's `quad_vec`, step for step: the same panels, error estimates and order of refinement; but the sums of a panel are
products of the weights with all its values at once, instead of a few array operations for each node.
"""

from __future__ import annotations

import copy
import heapq
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.gauss_kronrod import RULES, Rule

__all__ = ["refined"]

Array = NDArray[np.float64]

_EPS, _TINY = sys.float_info.epsilon, sys.float_info.min
# Beyond this many numbers in a panel (128 KiB) the copy into one array costs more than the calls that it saves.
_STACKED = 1 << 14
# Nodes from the right, as SciPy takes them, and weights, as Python floats.
_LISTS = {id(r): (r.nodes[::-1].tolist(), r.kronrod.tolist(), r.gauss[1::2].tolist()) for r in RULES.values()}
_TOGETHER = 128  # panels that SciPy divides before it looks at the error again
CONVERGED, NOT_CONVERGED, ROUNDING, NOT_A_NUMBER = range(4)


@dataclass(slots=True)
class Refinement:
    """What the adaptive loop leaves: integral, error, evaluations, status and panels with their integrals."""

    value: Any
    error: float
    rounding: float
    evaluations: int
    status: int
    panels: list[tuple[float, float, float]]
    integrals: dict[tuple[float, float], Any]


def _panel(function: Any, low: float, high: float, rule: Rule, norm: Callable[[Any], Any]) -> tuple[Any, float, float]:
    """Integral, error and rounding error of one panel (Piessens and others' estimate, in the norm)."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    nodes, weights, smaller = _LISTS[id(rule)]
    values = [function(centre + half * x) for x in nodes]
    first = values[0]
    if isinstance(first, np.ndarray) and first.ndim and first.size * len(values) <= _STACKED:
        rows = np.array(values)
        shape, rows = rows.shape[1:], rows.reshape(len(values), -1)
        weighted = rule.kronrod @ rows
        absolute = (rule.kronrod @ np.abs(rows)).reshape(shape)
        difference = (weighted - rule.gauss @ rows).reshape(shape)
        deviation = (rule.kronrod @ np.abs(rows - 0.5 * weighted)).reshape(shape)
        integral = weighted.reshape(shape)
    else:
        integral = absolute = gauss = deviation = 0.0
        for weight, value in zip(weights, values):  # noqa: B905 (as many as there are nodes; the check costs)
            integral += weight * value
            absolute += weight * abs(value)
        for weight, value in zip(smaller, values[1::2]):  # noqa: B905
            gauss += weight * value
        mean = integral / 2.0
        for weight, value in zip(weights, values):  # noqa: B905
            deviation += weight * abs(value - mean)
        difference = integral - gauss
    error, spread = float(norm(difference * half)), float(norm(deviation * half))
    if spread != 0.0 and error != 0.0:
        error = spread * min(1.0, (200.0 * error / spread) ** 1.5)
    rounding = float(norm(50.0 * _EPS * half * absolute))
    return half * integral, max(error, rounding) if rounding > _TINY else error, rounding


def refined(
    function: Any, borders: list[float], rule: Rule, norm: Any, epsabs: float, epsrel: float, limit: int, cache: float
) -> Refinement:
    """Refine the panels between `borders` until the error is an eighth of what is asked for."""
    value: Any = None
    error = rounding = 0.0
    evaluations, panels = 0, []
    integrals: dict[tuple[float, float], Any] = {}
    kept = 0
    for low, high in pairwise(borders):
        part, wrong, rounded = _panel(function, low, high, rule, norm)
        evaluations += rule.nodes.size
        if value is None:
            if isinstance(part, (float, complex)) and norm in (np.linalg.norm, largest):
                norm = abs
            value, kept = part, int(cache // max(sys.getsizeof(part), 1))
        else:
            value = value + part
        error, rounding = error + wrong, rounding + rounded
        _keep(integrals, (low, high), copy.copy(part), kept)
        panels.append((-wrong, low, high))
    heapq.heapify(panels)
    value, status = copy.copy(value), NOT_CONVERGED
    while panels and len(panels) < limit:
        wanted = max(epsabs, epsrel * float(norm(value)))
        chosen: list[tuple[float, float, float]] = []
        sum_of_errors = 0.0
        while panels and len(chosen) < _TOGETHER and not (chosen and sum_of_errors > error - wanted / 8):
            chosen.append(heapq.heappop(panels))
            sum_of_errors -= chosen[-1][0]
        for negative, low, high in chosen:
            middle = 0.5 * (low + high)
            left, right = (_panel(function, *pair, rule, norm) for pair in ((low, middle), (middle, high)))
            evaluations += 2 * rule.nodes.size
            old = integrals.pop((low, high), None)
            if old is None:
                old = _panel(function, low, high, rule, norm)[0]
                evaluations += rule.nodes.size
            value = value + (left[0] + right[0] - old)
            error += left[1] + right[1] + negative
            rounding += left[2] + right[2]
            for part, pair in ((left, (low, middle)), (right, (middle, high))):
                _keep(integrals, pair, part[0], kept)
                heapq.heappush(panels, (-part[1], *pair))
        if len(panels) >= 2:
            if error < max(epsabs, epsrel * float(norm(value))) / 8:
                status = CONVERGED
                break
            if error < rounding:
                status = ROUNDING
                break
        if not (math.isfinite(error) and math.isfinite(rounding)):
            status = NOT_A_NUMBER
            break
    return Refinement(value, error, rounding, evaluations, status, panels, integrals)


def largest(x: Any) -> Any:
    """SciPy's maximum norm."""
    return np.amax(abs(x))


def _keep(integrals: dict[tuple[float, float], Any], pair: tuple[float, float], part: Any, room: int) -> None:
    """Keep the integral of a panel, and forget the oldest where there is no more room."""
    integrals[pair] = part
    if len(integrals) > room:
        del integrals[next(iter(integrals))]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure not in RULES:
        return Refusal("the rule is another")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    found = fast(problem)
    status = "ok" if found.status in (CONVERGED, ROUNDING) else "not_converged"
    return Attempt(found, status=status, byproducts={"result": found.value, "estimate": found.error + found.rounding})


def fast(problem: Problem) -> Refinement:
    """The refinement itself: there is nothing to decline."""
    function, borders = problem.operands
    options = problem.parameters
    rule = RULES[problem.structure or "gk15"]
    tolerances = options["epsabs"], options["epsrel"], options["limit"], options["cache_size"]
    return refined(function, borders, rule, options["norm"], *tolerances)


register(
    Kernel(
        name="stacked_gauss_kronrod",
        kind="vector_quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        safest=True,
        source="Piessens and others (1983), QAG; P. Virtanen, SciPy's quad_vec",
    )
)
