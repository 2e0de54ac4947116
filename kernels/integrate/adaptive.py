"""Adaptive Gauss-Kronrod quadrature in the double-exponential variable, held to samples that it did not choose.

The error of a panel is the largest of three. The plain difference of its two rules, which overrates that of the
better one. Its part of what dividing its parent changed: two rules may agree by chance at a kink or a jump, and do, but
not at both levels. And what its polynomial misses of the samples that lie in it: where it misses one, something narrow
is in there, whatever the rules say. Where the polynomials of two neighbours do not meet, something hides at the border.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.double_exponential import Transformed
from fsci.kernels.integrate.gauss_kronrod import RULES, Rule
from fsci.kernels.integrate.samples_of import Samples

__all__ = ["BUDGET", "Result", "integrate"]

Array = NDArray[np.float64]

UNIT = 2.0**-53
BUDGET = 60_000  # evaluations: after them the error is as large as it is
# By how much the error may exceed the sum of all that is seen of it: over 12,000 integrands with kinks and jumps at
# random places, held to no samples, it was 32 at the most, and above 4 for 33 of them.
SAFETY = 40.0


@dataclass(frozen=True, slots=True)
class Result:
    """The integral, a bound of its error as far as samples tell, and the integral of |w f|.

    `t` and `g` are the samples and all nodes, and the values there, in order.
    """

    value: float
    error: float
    magnitude: float
    t: Array
    g: Array


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
    borders = _first_panels(function, split)
    known, past = (samples.t, samples.g), [(np.zeros(0), np.zeros(0))]
    panels = _panels(function, known, rule, borders[:-1], borders[1:])
    panels[ERROR] = math.inf  # no panel is trusted before it was divided once
    spent = 0
    while True:
        panels = panels[:, np.argsort(panels[LEFT])]
        error = panels[ERROR] + _jumps(panels, rule)
        total, magnitude = math.fsum(panels[VALUE]), math.fsum(panels[SIZE])
        wanted = max(tolerance * abs(total), 8.0 * UNIT * magnitude)
        if not math.fsum(error) > wanted or spent > BUDGET:
            if len(past) == 1:
                break
            # What panels met that have been divided since, the final ones must account for too.
            known, past = _merged(known, past), past[:1]
            panels[ERROR] = np.maximum(panels[ERROR], _by_samples(known, rule, panels))
            if spent > BUDGET:
                error = panels[ERROR] + _jumps(panels, rule)
                break
            continue
        # The smallest set of panels whose errors are more than what may stay, the worst first.
        order = np.argsort(error)
        stay = np.searchsorted(np.cumsum(error[order]), 0.5 * wanted)
        chosen = order[stay:][::-1][: max(1, (BUDGET - spent) // (2 * rule.nodes.size) + 1)]
        left, right = panels[LEFT, chosen], panels[RIGHT, chosen]
        wide = right - left > 64.0 * UNIT * np.maximum(np.abs(left), np.abs(right))
        if not wide.any():
            known = _merged(known, past)
            error = np.maximum(error, _by_samples(known, rule, panels))
            break
        chosen, left, right = chosen[wide], left[wide], right[wide]
        past.append((_nodes(panels[:, chosen], rule), panels[NODES:, chosen].T.ravel()))
        middle = left + split * (right - left)
        halves = _panels(function, known, rule, np.concatenate((left, middle)), np.concatenate((middle, right)))
        halves[ERROR] = _inherited(halves, panels[:, chosen])
        spent += halves.shape[1] * rule.nodes.size
        panels = np.concatenate((np.delete(panels, chosen, axis=1), halves), axis=1)
    rest, tails = function.beyond()
    # A sum of n products is off by at most (n + 1) u times that of their magnitudes (Higham, 2002); fsum rounds once.
    rounding = (rule.nodes.size + 3.0) * UNIT * magnitude
    bound = SAFETY * math.fsum(error) + tails + rounding
    constant = function.integrand.constant + rest
    total += constant
    error_bound = bound if math.isfinite(total) else math.inf
    t, g = _merged(known, [(_nodes(panels, rule), panels[NODES:].T.ravel())])
    return Result(total, error_bound, magnitude + abs(constant), t, g)


# Rows of the table of panels; AT_LEFT and AT_RIGHT are what the polynomial has at the borders, from NODES on is g.
LEFT, RIGHT, VALUE, ERROR, SIZE, AT_LEFT, AT_RIGHT, NODES = range(8)


def _jumps(panels: Array, rule: Rule) -> Array:
    """What may hide between the last nodes on both sides of a border, where the two polynomials do not meet."""
    gap = 0.5 * (panels[RIGHT] - panels[LEFT]) * (1.0 - rule.nodes[-1])
    with np.errstate(all="ignore"):
        jump = np.abs(panels[AT_RIGHT, :-1] - panels[AT_LEFT, 1:]) * (gap[:-1] + gap[1:])
    jump[np.isnan(jump)] = math.inf
    found = np.zeros(gap.size)
    found[:-1] += 0.5 * jump
    found[1:] += 0.5 * jump
    return found


def _inherited(halves: Array, parents: Array) -> Array:
    """Errors of the two halves of each panel, which together are no less than what dividing it changed."""
    lower, upper = np.split(halves[ERROR], 2)
    changed = np.abs(parents[VALUE] - sum(np.split(halves[VALUE], 2)))
    changed[parents[SIZE] < 0.0] = math.inf
    with np.errstate(all="ignore"):
        share = np.nan_to_num(lower / (lower + upper), nan=0.5)
        return np.concatenate((np.maximum(lower, changed * share), np.maximum(upper, changed * (1.0 - share))))


def _first_panels(function: Transformed, split: float) -> Array:
    """A few panels of the same length, but for the first and the last."""
    count = 12
    borders = function.start + (function.stop - function.start) * (np.arange(count + 1) / count)
    borders[1:-1] += (split - 0.5) * (function.stop - function.start) / count
    return borders


Pairs = tuple[Array, Array]


def _nodes(panels: Array, rule: Rule) -> Array:
    """The nodes of panels, in a row."""
    half = 0.5 * (panels[RIGHT] - panels[LEFT])
    return ((panels[LEFT] + half)[:, None] + half[:, None] * rule.nodes).ravel()


def _merged(known: Pairs, more: list[Pairs]) -> Pairs:
    """Places and values, in order, each place once."""
    t, index = np.unique(np.concatenate([known[0], *(m[0] for m in more)]), return_index=True)
    return t, np.concatenate([known[1], *(m[1] for m in more)])[index]


def _by_samples(samples: Pairs, rule: Rule, panels: Array) -> Array:
    """What the panels miss of samples, over their widths."""
    with np.errstate(all="ignore"):
        missed = _missed(samples, rule, panels[LEFT], panels[RIGHT], panels[NODES:].T)
    return np.asarray((panels[RIGHT] - panels[LEFT]) * missed)


def _panels(function: Transformed, samples: Pairs, rule: Rule, left: Array, right: Array) -> Array:
    """The table of the panels between `left` and `right`."""
    half = 0.5 * (right - left)
    nodes = (left + half)[:, None] + half[:, None] * rule.nodes
    g = function.values(nodes)
    with np.errstate(all="ignore"):
        value = half * (g @ rule.kronrod)
        size = half * (np.abs(g) @ rule.kronrod)
        error = np.abs(value - half * (g @ rule.gauss))
        error = np.maximum(error, (right - left) * _missed(samples, rule, left, right, g))
        at_left, at_right = g @ rule.at_left, g @ rule.at_left[::-1]
    lost = ~np.isfinite(value)
    # A negative magnitude marks a panel of which nothing is known: nor do its halves inherit anything.
    value[lost], size[lost], error[lost] = 0.0, -math.ulp(0.0), math.inf
    error[np.isnan(error)] = math.inf
    return np.concatenate((np.array([left, right, value, error, size, at_left, at_right]), g.T))


def _missed(samples: Pairs, rule: Rule, left: Array, right: Array, g: Array) -> Array:
    """By how much the polynomial of each panel misses the samples inside it, at the most."""
    low, high = np.searchsorted(samples[0], left, "right"), np.searchsorted(samples[0], right, "left")
    missed = np.zeros(left.size)
    counts = high - low
    panel = np.repeat(np.arange(left.size), counts)
    if panel.size == 0:
        return missed
    index = np.arange(panel.size) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    half = 0.5 * (right - left)
    z = (samples[0][index] - (left + half)[panel]) / half[panel]
    difference = z[:, None] - rule.nodes
    difference[difference == 0.0] = 1e-300  # at a node the interpolant is the value there
    weights = rule.barycentric / difference
    interpolant = (weights * g[panel]).sum(axis=1) / weights.sum(axis=1)
    gap = np.abs(interpolant - samples[1][index])
    np.maximum.at(missed, panel, np.where(np.isnan(gap), math.inf, gap))
    return missed
