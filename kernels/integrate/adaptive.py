"""Adaptive Gauss-Kronrod quadrature in the double-exponential variable, held to samples that it did not choose.

The error of a panel is the plain difference of its two rules, which overrates that of the better one; and its
polynomial must go through the samples that lie in the panel: where it misses one, something narrow is in there,
whatever the two rules say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.double_exponential import Transformed
from fsci.kernels.integrate.gauss_kronrod import RULES, Rule
from fsci.kernels.integrate.samples_of import Samples

__all__ = ["Result", "integrate"]

Array = NDArray[np.float64]

UNIT = 2.0**-53
BUDGET = 60_000  # evaluations: after them the error is as large as it is


@dataclass(frozen=True, slots=True)
class Result:
    """The integral, a bound of its error as far as samples tell, and the integral of |w f|."""

    value: float
    error: float
    magnitude: float


def integrate(
    function: Transformed, samples: Samples, tolerance: float, rule_name: str = "gk15", split: float = 0.5
) -> Result:
    """Integrate until the error is below `tolerance` relative to the value, or at the level of rounding.

    Parameters
    ----------
    function : Transformed
    samples : Samples
    tolerance : float
    rule_name : {"gk15", "gk21"}
    split : float
        Where a panel is divided. Another rule and another division have no node in common.
    """
    rule = RULES[rule_name]
    first = _first_panels(function, split)
    left, right = first[:-1], first[1:]
    value, error, size = _panels(function, samples, rule, left, right)
    spent = 0
    while True:
        total, uncertain = math.fsum(value), math.fsum(error)
        magnitude = math.fsum(size)
        wanted = max(tolerance * abs(total), 8.0 * UNIT * magnitude)
        if not uncertain > wanted or spent > BUDGET:
            break
        # The smallest set of panels whose errors are more than what may stay.
        order = np.argsort(error)
        stay = np.searchsorted(np.cumsum(error[order]), 0.5 * wanted)
        chosen = order[stay:]
        room = max(1, (BUDGET - spent) // (2 * rule.nodes.size) + 1)
        chosen = chosen[::-1][:room]
        narrow = right[chosen] - left[chosen] <= 64.0 * UNIT * np.maximum(np.abs(left[chosen]), np.abs(right[chosen]))
        if narrow.all():
            break
        chosen = chosen[~narrow]
        middle = left[chosen] + split * (right[chosen] - left[chosen])
        new_left, new_right = np.concatenate((left[chosen], middle)), np.concatenate((middle, right[chosen]))
        found = _panels(function, samples, rule, new_left, new_right)
        spent += new_left.size * rule.nodes.size
        rest = np.ones(left.size, dtype=bool)
        rest[chosen] = False
        left, right = np.concatenate((left[rest], new_left)), np.concatenate((right[rest], new_right))
        value, error, size = (
            np.concatenate((kept[rest], new)) for kept, new in zip((value, error, size), found, strict=True)
        )
    total, magnitude = math.fsum(value), math.fsum(size)
    tails = function.tail(function.start, 1.0) + function.tail(function.stop, -1.0)
    # A sum of n products is off by at most (n + 1) u times that of their magnitudes (Higham, 2002); fsum rounds once.
    rounding = (rule.nodes.size + 3.0) * UNIT * magnitude
    bound = math.fsum(error) + tails + rounding
    constant = function.integrand.constant
    total += constant
    return Result(total, bound if math.isfinite(total) else math.inf, magnitude + abs(constant))


def _first_panels(function: Transformed, split: float) -> Array:
    """A few panels of the same length, but for the first and the last."""
    count = 12
    borders = function.start + (function.stop - function.start) * (np.arange(count + 1) / count)
    borders[1:-1] += (split - 0.5) * (function.stop - function.start) / count
    return borders


def _panels(
    function: Transformed, samples: Samples, rule: Rule, left: Array, right: Array
) -> tuple[Array, Array, Array]:
    """Value, error and magnitude of each panel."""
    half = 0.5 * (right - left)
    nodes = (left + half)[:, None] + half[:, None] * rule.nodes
    g = function.values(nodes)
    with np.errstate(all="ignore"):
        value = half * (g @ rule.kronrod)
        size = half * (np.abs(g) @ rule.kronrod)
        error = np.abs(value - half * (g @ rule.gauss))
        error = np.maximum(error, (right - left) * _missed(samples, rule, left, right, g))
    lost = ~np.isfinite(value)
    value[lost], size[lost], error[lost] = 0.0, 0.0, math.inf
    error[np.isnan(error)] = math.inf
    return value, error, size


def _missed(samples: Samples, rule: Rule, left: Array, right: Array, g: Array) -> Array:
    """By how much the polynomial of each panel misses the samples inside it, at the most."""
    low, high = np.searchsorted(samples.t, left, "right"), np.searchsorted(samples.t, right, "left")
    missed = np.zeros(left.size)
    counts = high - low
    panel = np.repeat(np.arange(left.size), counts)
    if panel.size == 0:
        return missed
    index = np.arange(panel.size) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    half = 0.5 * (right - left)
    z = (samples.t[index] - (left + half)[panel]) / half[panel]
    difference = z[:, None] - rule.nodes
    difference[difference == 0.0] = 1e-300  # at a node the interpolant is the value there
    weights = rule.barycentric / difference
    interpolant = (weights * g[panel]).sum(axis=1) / weights.sum(axis=1)
    gap = np.abs(interpolant - samples.g[index])
    np.maximum.at(missed, panel, np.where(np.isnan(gap), math.inf, gap))
    return missed
