"""Looks at an integrand all over its range: where it is large, how often it turns, where it climbs.

Samples lie evenly in the double-exponential variable, which sees every scale near the ends and far out, and evenly in x
between finite limits, which sees the middle. Each is moved at random within half of its distance from the next, that no
regular pattern of the integrand falls in with them (the seed is fixed: a call gives the same twice). From each local
maximum that stands out the search then climbs: a peak much narrower than the gap between samples is found when its
flank reaches one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.double_exponential import Transformed

__all__ = ["Samples", "sampled", "with_more", "with_points"]

Array = NDArray[np.float64]

# Points of each of the two grids, and of the climb: what is looked at is said in the certificate, never hidden in it.
GRID, COMPILED = 2048, 8192
CLIMBS, STEPS, FAN = 16, 8, 9
_STANDS_OUT = 10.0  # a maximum this much above a neighbour is not yet resolved
_TURNS = 100  # more turns than this between the samples are called an oscillation
_SEED = 20


@dataclass(frozen=True, slots=True, repr=False)
class Samples:
    """g(t) at increasing t.

    Attributes
    ----------
    t, g : ndarray
    shape : str
        ``"smooth"``, ``"peaked"``, ``"oscillating"``, ``"singular"`` (at an end) or ``"nonfinite"``.
    own : ndarray
        The t that were chosen here; others were met by a rule on its way, and say nothing of the gaps.
    widest_gap : float
        Between neighbours in x, relative to the range; where that is infinite, to the distance from its end or centre.
    """

    t: Array
    g: Array
    shape: str
    widest_gap: float
    own: Array

    def __repr__(self) -> str:
        return f"{self.t.size} samples, {self.shape}, widest gap {self.widest_gap:.3g}"


def sampled(function: Transformed) -> Samples:
    """Sample the integrand, and climb."""
    start, stop = function.start, function.stop
    count = COMPILED if function.integrand.compiled else GRID
    rng = np.random.default_rng(_SEED)
    t = start + (stop - start) * _moved(count, rng)
    a, b = function.integrand.a, function.integrand.b
    finite = -np.inf < a and b < np.inf
    even = function.place(_moved(count, rng)) if finite else start + (stop - start) * _moved(count, rng)
    t = np.union1d(t, even)
    t = t[(t > start) & (t < stop)]
    g = function.values(t)
    shape, gap = _shape(t, g), _widest(function, t)
    t, g, climbed = _climbed(function, t, g)
    return Samples(t, g, "peaked" if climbed and shape == "smooth" else shape, gap, t)


def _moved(count: int, rng: np.random.Generator) -> Array:
    """One point in the middle half of each of `count` equal parts of [0, 1]."""
    return (np.arange(0.0, count) + rng.uniform(0.25, 0.75, count)) / count


def with_more(function: Transformed, samples: Samples, count: int, zone: tuple[float, float] | None) -> Samples:
    """`samples` and `count` more: evenly in x over `zone`, or in t."""
    places = _moved(count, np.random.default_rng([_SEED, count]))
    if zone is None:
        t = function.start + (function.stop - function.start) * places
    else:
        t = function.place_of(zone[0] + (zone[1] - zone[0]) * places)
    found = with_points(function, samples, t)
    return replace(found, own=found.t, widest_gap=_widest(function, found.t))


def with_points(function: Transformed, samples: Samples, t: Array, g: Array | None = None) -> Samples:
    """`samples` and those that a rule has met at `t`; their values may be known already."""
    inside = (t > function.start) & (t < function.stop)
    t = t[inside]
    g = function.values(t) if g is None else g[inside]
    every, index = np.unique(np.concatenate((samples.t, t)), return_index=True)
    return replace(samples, t=every, g=np.concatenate((samples.g, g))[index])


def _widest(function: Transformed, t: Array) -> float:
    a, b = function.integrand.a, function.integrand.b
    x = function.points(t)[0]
    finite = -np.inf < a and b < np.inf
    span = (b - a) if finite else np.maximum(np.abs(x[1:] - (a if a > -np.inf else b if b < np.inf else 0.0)), 1e-300)
    return float(np.max(np.diff(x) / span)) if t.size > 1 else np.inf


def _climbed(function: Transformed, t: Array, g: Array) -> tuple[Array, Array, bool]:
    """Samples with those of the search added, and whether a maximum rose above what the grid had seen."""
    size = np.nan_to_num(np.abs(g), nan=0.0, posinf=0.0)
    if t.size < 3:
        return t, g, False
    seen = float(size.max())
    inner = size[1:-1]
    peak = (inner >= size[:-2]) & (inner >= size[2:]) & (inner > _STANDS_OUT * np.minimum(size[:-2], size[2:]))
    places = np.flatnonzero(peak) + 1
    places = places[np.argsort(-size[places], kind="stable")][:CLIMBS]
    left, right, top = t[places - 1], t[places + 1], size[places]
    found_t, found_g = [t], [g]
    fan = (np.arange(FAN) + 1.0) / (FAN + 1.0)
    for _ in range(STEPS):
        if left.size == 0:
            break
        nodes = left[:, None] + (right - left)[:, None] * fan
        values = function.values(nodes)
        found_t.append(nodes.ravel())
        found_g.append(values.ravel())
        size = np.nan_to_num(np.abs(values), nan=0.0, posinf=0.0)
        best = size.argmax(axis=1)
        row = np.arange(best.size)
        reached = size[row, best]
        width = (right - left) / (FAN + 1.0)
        centre = nodes[row, best]
        # Resolved where the two neighbours are of the size of the maximum.
        beside = np.minimum(size[row, np.maximum(best - 1, 0)], size[row, np.minimum(best + 1, FAN - 1)])
        keep = (beside < 0.5 * reached) & (reached >= top)
        left, right, top = (centre - width)[keep], (centre + width)[keep], reached[keep]
    t, g = np.concatenate(found_t), np.concatenate(found_g)
    t, index = np.unique(t, return_index=True)
    g = g[index]
    highest = float(np.nan_to_num(np.abs(g), nan=0.0, posinf=0.0).max())
    return t, g, highest > 2.0 * seen


def _shape(t: Array, g: Array) -> str:
    """The class of the samples of the grid."""
    finite = np.isfinite(g)
    if not finite.all():
        return "nonfinite"
    size = np.abs(g)
    top = float(size.max())
    if top == 0.0:
        return "peaked"  # nothing is seen: if there is anything, it is narrow
    turns = np.diff(g)
    turns = np.sign(turns[np.abs(turns) > 1e-9 * top])
    if np.count_nonzero(turns[1:] != turns[:-1]) > _TURNS:
        return "oscillating"
    if max(size[0], size[-1]) > 1e-6 * top:
        return "singular"  # it has not decayed where x ends
    weight = 0.5 * (size[1:] + size[:-1]) * np.diff(t)
    order = np.sort(weight)[::-1]
    covered = np.searchsorted(np.cumsum(order), 0.99 * order.sum()) + 1
    return "peaked" if covered < 0.05 * weight.size else "smooth"
