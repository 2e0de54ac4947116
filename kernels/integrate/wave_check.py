"""What the certificate of a wave over a finite range rests on: a polynomial held to samples of f, and its moments.

The error of the integral is no more than the integral of the polynomial's: the wave is never larger than one. So f is
sampled all over the range without its wave, and what the polynomial misses of the samples makes the bound, besides
what may hide between them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fsci.core.types import Problem
from fsci.kernels.integrate.adaptive import BUDGET
from fsci.kernels.integrate.double_exponential import transformed
from fsci.kernels.integrate.hidden import hidden
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.samples_of import Samples, sampled
from fsci.kernels.integrate.waves import by_moments, legendre, legendre_values, part_of

__all__ = ["Wave", "turns_fit", "wave_over_range"]

_SIZES = (24, 48, 96, 192, 384)
_USELESS = 1e-3  # relative errors above that leave the integral to panels, if those can follow the wave
_SAFETY = 2.0  # the polynomial may miss more between samples than at them


@dataclass(frozen=True, slots=True)
class Wave:
    """The integral, a bound of its error, that of the magnitude, and what may hide."""

    value: float
    error: float
    magnitude: float
    hidden: float
    samples: Samples


@np.errstate(all="ignore")
def wave_over_range(problem: Problem, target: float) -> Wave | None:
    """The integral by moments; None where no polynomial fits f, and panels may do better."""
    function, a, b = problem.operands
    weight, frequency = problem.parameters["weight"], float(problem.parameters["wvar"])
    plain = Integrand(function, a, b, {**problem.parameters, "weight": None, "wvar": None})
    change = transformed(plain)
    samples = sampled(change)
    x, _, _, slope = change.points(samples.t)
    f = samples.g / slope
    if not np.isfinite(f).all():
        return None
    centre, half = 0.5 * (plain.a + plain.b), 0.5 * (plain.b - plain.a)
    best: Wave | None = None
    for n in _SIZES:
        nodes, to_coefficients = legendre(n)
        values = plain.values(centre + half * nodes)
        if not np.isfinite(values).all():
            return None
        whole, rounding = by_moments(values, centre, half, frequency)
        value = part_of(weight, whole)
        missed = np.abs(legendre_values(to_coefficients @ values, (x - centre) / half) - f)
        error = _SAFETY * float(np.trapezoid(missed, x)) + rounding
        if best is None or error < best.error:
            best = Wave(value, error, 2.0 * half * float(np.mean(np.abs(values))), 0.0, samples)
        if error <= 0.25 * target * abs(value):
            break
    if best is None or (best.error > _USELESS * abs(best.value) and turns_fit(problem)):
        return None
    lost = hidden(change, samples.t, samples.g, samples.own, target * abs(best.value)).bound
    return replace(best, error=best.error + lost, hidden=lost)


def turns_fit(problem: Problem) -> bool:
    """Whether panels can follow a wave over a finite range: an evaluation for each radian is within their budget."""
    _, a, b = problem.operands
    return abs(float(problem.parameters["wvar"])) * (float(b) - float(a)) <= BUDGET
