"""Double-exponential change of variable: any range to a finite one in t, where end-point singularities decay.

H. Takahasi and M. Mori (1974). tanh-sinh between finite limits, exp-sinh on a half-line, sinh-sinh on the line. The
distances from the ends come exactly from t, since x itself rounds them away. What lies beyond the last t that a double
can tell from the end is bounded by the decay that is seen there. Before an end that is not zero the range stops where x
still has twenty bits of its distance, and the rest comes from the power of the distance that is seen at three points
whose distances are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.integrands import Integrand

__all__ = ["Transformed", "resolvable", "transformed"]

Array = NDArray[np.float64]

# Powers of ten that leave room for the squares and products of an integrand.
_NEAREST, _FARTHEST = 1e-290, 1e150
_SHORTEST, _LONGEST, _LARGEST_END, _FEWEST = 1e-270, 1e300, 1e100, 1024.0
_LAST_PLACES = 4.0  # units in the last place of an end that a point must keep away from it
_KEPT_BITS = 2.0**20  # the same, where the rest is extrapolated: x is exact to a millionth of its distance
_LEAST_POWER = -0.999  # of the distance from an end; below it the integral is not told from one that diverges
_HALF_PI = math.pi / 2


@dataclass(slots=True, repr=False)
class Transformed:
    """g(t) = w f dx/dt between `start` and `stop`.

    Attributes
    ----------
    integrand : Integrand
    start, stop : float
        Range of t.
    cut : (float, float)
        Distance from a and b at which the range stops, where the rest is extrapolated; else 0.
    """

    integrand: Integrand
    start: float
    stop: float
    cut: tuple[float, float] = (0.0, 0.0)

    def __repr__(self) -> str:
        return f"t from {self.start:.3g} to {self.stop:.3g}"

    def points(self, t: Array) -> tuple[Array, Array, Array, Array]:
        """x, its distances from a and b, and dx/dt."""
        a, b = self.integrand.a, self.integrand.b
        s, slope = _HALF_PI * np.sinh(t), _HALF_PI * np.cosh(t)
        far = np.full_like(t, math.inf)
        if a > -math.inf and b < math.inf:
            width, decay = b - a, np.exp(-2.0 * np.abs(s))
            near, other = width * decay / (1.0 + decay), width / (1.0 + decay)
            from_a, to_b = np.where(s < 0.0, near, other), np.where(s < 0.0, other, near)
            x = np.where(s < 0.0, a + from_a, b - to_b)
            return x, from_a, to_b, 2.0 * width * slope * decay / (1.0 + decay) ** 2
        if a > -math.inf:
            distance = np.exp(s)
            return a + distance, distance, far, slope * distance
        if b < math.inf:
            distance = np.exp(-s)
            return b - distance, far, distance, slope * distance
        return np.sinh(s), far, far, slope * np.cosh(s)

    def place(self, share: Array) -> Array:
        """The t of the points that are `share` of the way from a to b, both finite."""
        return np.arcsinh(0.5 * np.log(share / (1.0 - share)) / _HALF_PI)

    def place_of(self, x: Array) -> Array:
        """The t of points x inside the range."""
        a, b = self.integrand.a, self.integrand.b
        if -math.inf < a and b < math.inf:
            return self.place((x - a) / (b - a))
        if a == -math.inf and b == math.inf:
            return np.arcsinh(np.arcsinh(x) / _HALF_PI)
        return np.arcsinh((np.log(x - a) if a > -math.inf else -np.log(b - x)) / _HALF_PI)

    def values(self, t: Array) -> Array:
        """Values of g at `t`; 0 where x has come as near to the end as a double can, and the weight has underflowed."""
        x, from_a, to_b, slope = self.points(t)
        with np.errstate(all="ignore"):
            return self.integrand.weighted(x, from_a, to_b) * slope

    def beyond(self) -> tuple[float, float]:
        """What lies beyond the range of t at both ends: its value, where that can be told, and a bound of the error."""
        value = error = 0.0
        for place, (t, inward, cut) in enumerate(((self.start, 1.0, self.cut[0]), (self.stop, -1.0, self.cut[1]))):
            if cut:
                part, wrong = self._power(place, cut)
            else:
                part, wrong = 0.0, self.tail(t, inward)
            value, error = value + part, error + wrong
        return value, error

    def _power(self, place: int, cut: float) -> tuple[float, float]:
        """The integral over the last `cut` before a (place 0) or b (1), of C d**alpha through three points."""
        a, b = self.integrand.a, self.integrand.b
        near = cut * np.array([1.0, 2.0, 4.0])
        x = a + near if place == 0 else b - near
        far = b - x if place == 0 else x - a
        with np.errstate(all="ignore"):
            f = self.integrand.weighted(x, *((near, far) if place == 0 else (far, near))).tolist()
            if f[0] == 0.0:
                return 0.0, 0.0
            if not (f[1] / f[0] > 0.0 and f[2] / f[1] > 0.0 and all(map(math.isfinite, f))):
                largest = max(map(abs, f))
                return 0.0, 16.0 * largest * cut if math.isfinite(largest) else math.inf
            alpha, beside = math.log2(f[1] / f[0]), math.log2(f[2] / f[1])
        if min(alpha, beside) <= _LEAST_POWER:
            return 0.0, math.inf
        value, other = f[0] * cut / (1.0 + alpha), f[0] * cut / (1.0 + beside)
        # The two powers differ by what the integrand is not a power; t places the cut to some 1e-14.
        return value, 4.0 * abs(value - other) + 1e-13 * abs(value)

    def tail(self, t: float, inward: float) -> float:
        """Bound of what lies beyond the end `t`, by the decay over the last step; infinite where there is none."""
        step = 0.125 * inward
        end, before = (abs(float(v)) for v in self.values(np.array([t, t + step])))
        if end == 0.0:
            return 0.0
        if not (math.isfinite(end) and math.isfinite(before) and before > end):
            return math.inf
        # g decays faster than exponentially in t: what is beyond is less than g over the rate seen before it.
        return end * abs(step) / math.log(before / end)


def resolvable(a: float, b: float) -> bool:
    """Whether there is a range of t: enough doubles lie between the limits, and their distance is one."""
    ends = [abs(float(e)) for e in (a, b) if math.isfinite(e)]
    if len(ends) < 2:
        return max(ends, default=0.0) <= _LARGEST_END
    width = float(b) - float(a)
    return max(_SHORTEST, _FEWEST * math.ulp(max(ends))) <= width <= _LONGEST


def _end(distance: float) -> float:
    """|t| at which the distance from a finite end, relative to the scale of the range, is `distance`."""
    return math.asinh(abs(math.log(distance)) / _HALF_PI)


def _nearest(end: float, least: float) -> float:
    return max(_LAST_PLACES * math.ulp(end) if end else 0.0, least, _NEAREST)


def _cut(end: float, width: float) -> float:
    """Where the range stops before a finite end that is not zero; 0 for other ends, and where there is no room."""
    cut = _KEPT_BITS * math.ulp(end) if end and math.isfinite(end) else 0.0
    return cut if _NEAREST <= cut <= 1e-3 * width else 0.0


def transformed(
    integrand: Integrand, nearest: float = _NEAREST, farthest: float = _FARTHEST, extrapolate: bool = True
) -> Transformed:
    """The transformed integrand, with the range of t that doubles can resolve.

    Parameters
    ----------
    integrand : Integrand
    nearest, farthest : float
        How near to an end at zero, and how far out, x goes at the most.
    extrapolate : bool
        Stop before ends that are not zero, and take the rest from `Transformed.beyond`.
    """
    a, b = integrand.a, integrand.b
    if a > -math.inf and b < math.inf:
        width = b - a
        cut = (_cut(a, width), _cut(b, width)) if extrapolate else (0.0, 0.0)
        # tanh-sinh comes as near as width exp(-2 s) / (1 + exp(-2 s)).
        left, right = (
            math.asinh(0.5 * math.log(max(width / (c or _nearest(e, nearest * min(width, 1.0))) - 1.0, 2.0)) / _HALF_PI)
            for e, c in zip((a, b), cut, strict=True)
        )
        return Transformed(integrand, -left, right, cut)
    far = _end(farthest)
    if a == -math.inf and b == math.inf:
        return Transformed(integrand, -far, far)
    end = a if b == math.inf else b
    one = _cut(end, math.inf) if extrapolate else 0.0
    near = _end(one or _nearest(end, nearest))
    if b == math.inf:
        return Transformed(integrand, -near if one < 1.0 else near, far, (one, 0.0))
    return Transformed(integrand, -far, near if one < 1.0 else -near, (0.0, one))
