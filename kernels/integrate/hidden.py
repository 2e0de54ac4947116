"""What may hide between samples, judged by what is seen: an integrand that has one narrow feature may have another.

No rule that samples can exclude a peak that no sample comes near (J. N. Lyness, 1983). But where one is seen, the
function says something of itself. For every maximum and minimum, and every front, that is narrower than the widest gap
between evaluations, and whose like in the middle of that gap would show at no border of it, as much may be lost as has
its height and the width of the gap. That is added to the bound. What shows from afar, as algebraic singularities and
kinks do, needs nothing added; nor does what is as wide as the gap.

"Narrow" is against the gaps in x and in the double-exponential variable t, whichever sees more: structure on all scales
near an end is one of ends, and says nothing of the middle. On an infinite range it is against those in x as far as
thirty times the distance of the furthest extremum that matters, but for structure on all scales of the distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.double_exponential import Transformed

__all__ = ["Hidden", "hidden"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_LEVELS = (0.5, 0.05)  # of the height, where the width is measured
_BODY = 1.5  # widths at half of the height within which a sample notices
_CONTRAST, _BEND = 1.5, 4.5  # a shadow this much deeper than that of a straight slope, or of a parabola, shows
_REACH = 30.0  # times the distance of the furthest extremum: on an infinite range there is always more beyond
_FURTHEST = 1e-3  # of the largest area: extrema below that do not extend the zone
_SCALES = 60.0  # gaps in t are half of a scale of the distance
_CLEAR = 4.0  # so many times the change of slope beside it, a change is a front
_SHARE = 1e-2  # of the accuracy wanted, that may hide unexamined
_MOST = 4000  # features looked at for each size of ten: the largest


@dataclass(frozen=True, slots=True)
class Hidden:
    """What may hide.

    Attributes
    ----------
    bound : float
        Of its integral.
    in_t, in_x : float
        The least width of a narrow feature, as a part of the range; infinite where there is none,
        0 where samples in t do not help.
    zone : (float, float)
        The range of x.
    """

    bound: float
    in_t: float = math.inf
    in_x: float = math.inf
    zone: tuple[float, float] = (0.0, 0.0)


def hidden(function: Transformed, t: Array, g: Array, own: Array, wanted: float) -> Hidden:
    """Judge the evaluations g(t), t increasing; what is less than `wanted` in all need not be found.

    `own` are those t whose gaps count.
    """
    keep = np.isfinite(g)
    t, g = t[keep], g[keep]
    if t.size < 3 or not g.any():
        return Hidden(math.inf)
    gap_t, own_x = float(np.max(np.diff(own))), function.points(own)[0]
    a, b = function.integrand.a, function.integrand.b
    x, _, _, slope = function.points(t)
    finite = -math.inf < a and b < math.inf
    least = max(_SHARE * wanted / gap_t, 64.0 * 2.0**-53 * float(np.max(np.abs(g))))
    places, heights, left, right, scale = _features(t, g, least)
    width = _BODY * scale * (t[right] - t[left])
    areas = heights * width
    zone = (a, b) if finite else _zone(function, x[places[areas > _FURTHEST * np.max(areas, initial=0.0)]])
    # The widest gap in x, as it would be in t at each place.
    inside = (own_x[1:] <= zone[1]) & (own_x[:-1] >= zone[0])
    in_x = float(np.max(np.diff(own_x)[inside], initial=0.0)) / slope[places]
    seen = (width >= in_x) | (width >= (gap_t if finite else _SCALES * gap_t))
    gaps = np.minimum(gap_t, in_x) if finite else in_x
    narrow = ~seen & ~_shows(t, g, t[places], 0.5 * gaps) & (heights * gaps > _SHARE * wanted)
    least_gaps = np.minimum(gap_t, float(np.max(np.diff(own_x))) / slope) if finite else np.full(t.size, gap_t)
    # Of what was found for several sizes the largest.
    lost = np.zeros(t.size)
    np.maximum.at(lost, places[narrow], (heights * gaps)[narrow])
    bound = float(np.sum(lost)) + _fronts(t, g, least_gaps, least)
    if not narrow.any():
        return Hidden(bound)
    least_x = _BODY * float(np.min((scale * (x[right] - x[left]))[narrow])) / (zone[1] - zone[0])
    least_t = float(np.min(width[narrow])) / (function.stop - function.start) if finite else 0.0
    return Hidden(bound, least_t, least_x, zone)


def _zone(function: Transformed, x: Array) -> tuple[float, float]:
    """The part of an infinite range where what is seen may stand again; empty where there is no extremum."""
    a, b = function.integrand.a, function.integrand.b
    if x.size == 0:
        return 0.0, 0.0
    start = a if a > -math.inf else b if b < math.inf else 0.0
    reach = _REACH * float(np.max(np.abs(x - start)))
    return (start if a > -math.inf else start - reach), (start if b < math.inf else start + reach)


def _features(t: Array, g: Array, least: float) -> tuple[Index, Array, Index, Index, Array]:
    """Inner extrema that stand out by `least` or more: where, by how much, and where they have fallen by a half.

    Each once for every size of ten of what is smoothed away, and again with a tenth of its height, since a narrow peak
    may stand on top of a wide one. The last is how many widths of a parabola at half of the height that width is.
    """
    steps = np.sign(np.diff(g))
    moving = np.flatnonzero(steps)
    turns = moving[1:][steps[moving[1:]] != steps[moving[:-1]]]
    line: list[int] = [0, *turns.tolist(), t.size - 1]
    found: list[tuple[int, float, int, int, float]] = []
    while True:
        line = _zigzag(line, g, least)
        if len(line) < 3:
            break
        swing = np.abs(np.diff(g[np.array(line)]))
        height = np.minimum(swing[:-1], swing[1:])
        for k in np.argsort(-height)[:_MOST].tolist():
            p, before, after = line[k + 1], line[k], line[k + 2]
            down, up = np.abs(g[before : p + 1] - g[p]), np.abs(g[p : after + 1] - g[p])
            for part in _LEVELS:
                deep = part * float(height[k])
                left, right = before + np.flatnonzero(down >= deep)[-1], p + np.flatnonzero(up >= deep)[0]
                found.append((p, 2.0 * deep, int(left), int(right), (0.5 / part) ** 0.5))
        least *= 10.0
    if not found:
        none = np.zeros(0, np.int64)
        return none, np.zeros(0), none, none, np.zeros(0)
    p, h, left, right, scale = (np.array(column) for column in zip(*sorted(set(found)), strict=True))
    return p, h, left, right, scale


def _zigzag(line: list[int], g: Array, least: float) -> list[int]:
    """The turning points left when swings smaller than `least` are smoothed away."""
    values = g[line].tolist()
    kept = [0]
    best, direction = 0, 0  # the furthest point of the present swing
    for i, value in enumerate(values):
        if direction == 0:
            if abs(value - values[0]) >= least:
                direction, best = (1 if value > values[0] else -1), i
        elif direction * (value - values[best]) >= 0.0:
            best = i
        elif direction * (values[best] - value) >= least:
            kept.append(best)
            best, direction = i, -direction
    if direction:
        kept.append(best)
    return [line[i] for i in kept]


def _shows(t: Array, g: Array, centre: Array, r: Array) -> NDArray[np.bool_]:
    """Whether something at `centre` would be noticed at distance `r` on both sides: no smooth curve is there."""
    values = [np.interp(centre + k * r, t, g) for k in (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)]
    left, right = (values[1] - values[0], values[2] - values[1]), (values[4] - values[3], values[5] - values[4])
    level = 1e-9 * np.abs(np.interp(centre, t, g))
    deep = [np.abs(near) > np.maximum(_CONTRAST * np.abs(far), level) for far, near in (left, right[::-1])]
    # Of a parabola the slopes on both sides differ by three times what they change on each.
    change, bend = np.abs(right[0] - left[1]), np.maximum(np.abs(left[1] - left[0]), np.abs(right[1] - right[0]))
    return np.asarray((deep[0] & deep[1]) | (change > np.maximum(_BEND * bend, level)))


def _fronts(t: Array, g: Array, gaps: Array, least: float) -> float:
    """What may hide between two fronts: for every jump that is seen, its height times the gap."""
    if not np.any(np.abs(np.diff(g)) > least):
        return 0.0
    # Steps of a quarter of the gap, which differs along t: equal steps of the running count of gaps.
    count = np.concatenate(([0.0], np.cumsum(2.0 * np.diff(t) / (gaps[1:] + gaps[:-1]))))
    even = np.interp(np.arange(0.0, count[-1], 0.25), count, t)
    d = np.diff(np.interp(even, t, g))
    if d.size < 8:
        return 0.0
    # The change over two steps, less the slope on both sides, against the change of that slope.
    before, after, within = d[1:-4], d[4:-1], d[2:-3] + d[3:-2]
    jump = np.abs(within - (before + after))
    bend = 2.0 * np.abs(before - after) + np.abs(before - d[:-5]) + np.abs(after - d[5:])
    steep = np.flatnonzero((jump > least) & (jump > _CLEAR * bend))
    # Of a front nearly all the change is within a sixteenth of those two steps.
    fine = even[steep + 2, None] + (even[steep + 4] - even[steep + 2])[:, None] * np.linspace(0.0, 1.0, 33)
    level = np.interp(fine, t, g)
    trend = (before + after)[steep, None] / 16.0
    sudden = np.max(np.abs(level[:, 2:] - level[:, :-2] - trend), axis=1, initial=0.0) > 0.7 * jump[steep]
    heights = np.zeros(jump.size)
    heights[steep[sudden]] = jump[steep[sudden]]
    # One front shows at two places of the grid: the higher counts.
    heights[1:-1] *= (heights[1:-1] >= heights[:-2]) & (heights[1:-1] > heights[2:])
    return float(np.sum(heights * np.interp(even[3:-3], t, gaps)))
