"""Adaptive quadrature whose bound includes what may hide between its evaluations; it samples again where that pays.

How many samples: what resolves the narrowest feature that was seen everywhere, if that is no more than the budget. A
jitted function may be called 131,072 times, a plain one once more as often as it has been already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fsci.kernels.integrate.adaptive import Result, integrate
from fsci.kernels.integrate.double_exponential import Transformed
from fsci.kernels.integrate.hidden import Hidden, hidden
from fsci.kernels.integrate.samples_of import Samples, with_more

__all__ = ["Examined", "examined"]

_COMPILED = 1 << 17
_ROOM = 2.0  # samples lie at random in the middle half of their parts: gaps are up to 1.5 of those


@dataclass(frozen=True, slots=True)
class Examined:
    """The integral by the rule, what may hide, and the samples that were taken."""

    result: Result
    hidden: Hidden
    samples: Samples

    @property
    def error(self) -> float:
        """Bound of the error of the result."""
        return self.result.error + self.hidden.bound


def examined(
    function: Transformed, samples: Samples, tolerance: float, rule: str = "gk15", split: float = 0.5,
    target: float = 1e-8,
) -> Examined:  # fmt: skip
    """Integrate, judge, and if need be sample again; arguments as those of `integrate`.

    `target` is the relative accuracy that is wanted of the whole.
    """
    result = integrate(function, samples, tolerance, rule, split)
    wanted = target * abs(result.value)
    lost = _judged(function, result, samples, wanted)
    width = max(lost.in_x, lost.in_t)
    if result.error < wanted < 2.0 * lost.bound and width < math.inf:
        budget = _COMPILED if function.integrand.compiled else function.integrand.calls
        if budget * width >= _ROOM:
            zone = lost.zone if lost.in_x == width else None
            samples = with_more(function, samples, math.ceil(_ROOM / width), zone)
            result = integrate(function, samples, tolerance, rule, split)
            lost = _judged(function, result, samples, target * abs(result.value))
    return Examined(result, lost, samples)


def _judged(function: Transformed, result: Result, samples: Samples, wanted: float) -> Hidden:
    # The result knows the samples too; of those that a rule has met elsewhere the gaps are none of ours.
    foreign = np.setdiff1d(samples.t, samples.own, assume_unique=True)
    return hidden(function, result.t, result.g, np.setdiff1d(result.t, foreign, assume_unique=True), wanted)
