"""Trapezoidal rule in the double-exponential variable: tanh-sinh between finite limits, exp-sinh and sinh-sinh beyond.

H. Takahasi and M. Mori (1974). For integrands analytic inside the range, however singular at its ends: halving the step
doubles the number of correct digits. Two levels that agree to the square root of what is wanted end it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.integrate.double_exponential import transformed
from fsci.kernels.integrate.host.probed_gauss_kronrod import only_on_request
from fsci.kernels.integrate.samples_of import with_points

__all__: list[str] = []

Array = NDArray[np.float64]

FIRST, LEVELS = 24, 8
_UNIT = 2.0**-53
# What a narrow peak or a kink does to an evenly spaced rule: it converges slowly, or to what it has seen.
_SHAPES = {"peaked": "the integrand is concentrated", "nonfinite": "the integrand is not finite at some samples"}


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = only_on_request(problem, evidence)
    if refusal is None and evidence.get("shape") in _SHAPES:
        return Refusal(_SHAPES[evidence.get("shape")])
    return refusal


def work(problem: Problem, evidence: Evidence) -> float:
    return 400.0


@np.errstate(all="ignore")
def run(problem: Problem, evidence: Evidence) -> Attempt:
    # An evenly spaced rule needs the decay at both ends: it goes as near as x can be told from them.
    function = transformed(evidence.get("transformed").integrand, extrapolate=False)
    step = (function.stop - function.start) / FIRST
    inner = function.start + step * np.arange(1.0, FIRST)
    ends = 0.5 * math.fsum(_clean(function.values(np.array([function.start, function.stop]))))
    g = _clean(function.values(inner))
    met = [(inner, g)]
    total, magnitude = ends + math.fsum(g), math.fsum(np.abs(g))
    count = FIRST
    value, change = step * total, math.inf
    for _ in range(LEVELS):
        middle = function.start + step * (np.arange(0.0, count) + 0.5)
        count *= 2
        g = _clean(function.values(middle))
        met.append((middle, g))
        total, magnitude, step = total + math.fsum(g), magnitude + math.fsum(np.abs(g)), 0.5 * step
        before, change, value = change, abs(step * total - value), step * total
        # Quadratic convergence: the error of the last level is the square of its change, relative to the magnitude.
        scale = step * magnitude
        if change <= 1e-10 * scale or (change >= before and change <= 64.0 * _UNIT * scale):
            break
    if not math.isfinite(value):
        return Attempt(None, status="nonfinite")
    rest, beyond = function.beyond()
    value += function.integrand.constant + rest
    estimate = change + 8.0 * _UNIT * step * magnitude + beyond
    status = "ok" if change <= 1e-8 * step * magnitude else "not_converged"
    # What these points have met, the certificates that follow must know.
    t, g = (np.concatenate(column) for column in zip(*met, strict=True))
    samples = with_points(evidence.get("transformed"), evidence.get("samples"), t, g)
    byproducts = {"result": value, "estimate": estimate}
    facts = {"samples": Fact(samples, exact=False)}
    return Attempt((value, estimate, 0), status=status, byproducts=byproducts, facts=facts)


def _clean(g: Array) -> Array:
    """Where x or the weight has left the range of doubles, nothing is left of the integrand."""
    return np.where(np.isfinite(g), g, 0.0)


register(
    Kernel(
        name="double_exponential",
        kind="quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="H. Takahasi and M. Mori (1974), Double exponential formulas for numerical integration",
    )
)
