"""Double-exponential change of variable: any range to a finite one in t, where end-point singularities decay.

H. Takahasi and M. Mori (1974). tanh-sinh between finite limits, exp-sinh on a half-line, sinh-sinh on the line. The
distances from the ends come exactly from t, since x itself rounds them away. What lies
beyond the last t that a double can tell from the end is bounded by the decay that is seen there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.integrands import Integrand

__all__ = ["Transformed", "transformed"]

Array = NDArray[np.float64]

# Powers of ten that leave room for the squares and products of an integrand.
_NEAREST, _FARTHEST = 1e-290, 1e150
_LAST_PLACES = 4.0  # units in the last place of an end that a point must keep away from it
_HALF_PI = math.pi / 2


@dataclass(slots=True, repr=False)
class Transformed:
    """g(t) = w f dx/dt between `start` and `stop`.

    Attributes
    ----------
    integrand : Integrand
    start, stop : float
        Range of t.
    """

    integrand: Integrand
    start: float
    stop: float

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

    def place(self, x: Array) -> Array:
        """The t of the points x between finite limits."""
        a, b = self.integrand.a, self.integrand.b
        return np.arcsinh(0.5 * np.log((x - a) / (b - x)) / _HALF_PI)

    def values(self, t: Array) -> Array:
        """Values of g at `t`; 0 where x has come as near to the end as a double can, and the weight has underflowed."""
        x, from_a, to_b, slope = self.points(t)
        with np.errstate(all="ignore"):
            return self.integrand.weighted(x, from_a, to_b) * slope

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


def _end(distance: float) -> float:
    """|t| at which the distance from a finite end, relative to the scale of the range, is `distance`."""
    return math.asinh(abs(math.log(distance)) / _HALF_PI)


def _nearest(end: float, scale: float, least: float) -> float:
    return max(_LAST_PLACES * math.ulp(end) if end else 0.0, least * min(scale, 1.0), _NEAREST)


def transformed(integrand: Integrand, nearest: float = _NEAREST, farthest: float = _FARTHEST) -> Transformed:
    """The transformed integrand, with the range of t that doubles can resolve.

    Parameters
    ----------
    integrand : Integrand
    nearest, farthest : float
        How near to an end at zero, and how far out, x goes at the most.
    """
    a, b = integrand.a, integrand.b
    if a > -math.inf and b < math.inf:
        width = b - a
        # tanh-sinh comes as near as width exp(-2 s).
        left, right = (
            math.asinh(0.5 * math.log(max(width / _nearest(e, width, nearest), 2.0)) / _HALF_PI) for e in (a, b)
        )
        return Transformed(integrand, -left, right)
    far = _end(farthest)
    if a == -math.inf and b == math.inf:
        return Transformed(integrand, -far, far)
    near = _end(_nearest(a if a > -math.inf else b, 1.0, nearest))
    return Transformed(integrand, -near, far) if b == math.inf else Transformed(integrand, -far, near)
