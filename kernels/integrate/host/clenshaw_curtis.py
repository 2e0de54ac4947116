"""Clenshaw-Curtis quadrature of doubled order: one Chebyshev interpolant over the whole range, for oscillations.

C. W. Clenshaw and A. R. Curtis (1960); nodes are nested, weights come from a cosine transform. A smooth integrand that
turns a thousand times takes some pi/2 points a turn, where panels halved one by one take ten times as many.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.integrate.host.probed_gauss_kronrod import only_on_request
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.samples_of import with_points

__all__: list[str] = []

FIRST, LARGEST = 32, 32768
_UNIT = 2.0**-53


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    _, a, b = problem.operands
    if not (-math.inf < a and b < math.inf):
        return Refusal("the range is infinite")
    if str(problem.parameters["weight"]).startswith("alg"):
        return Refusal("the weight is singular at an end")
    if evidence.get("shape") not in (None, "oscillating", "smooth"):
        return Refusal(f"the integrand is {evidence.get('shape')}")
    return only_on_request(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    return 600.0 if evidence.get("shape") == "oscillating" else 4000.0


@np.errstate(all="ignore")
def run(problem: Problem, evidence: Evidence) -> Attempt:
    function, a, b = problem.operands
    integrand = Integrand(function, a, b, problem.parameters)
    n = FIRST
    f = _at(integrand, np.arange(n + 1), n)
    value, change, before = _sum(f, integrand), math.inf, math.inf
    while n < LARGEST and np.isfinite(f).all():
        odd = _at(integrand, np.arange(1, 2 * n, 2), 2 * n)
        merged = np.empty(2 * n + 1)
        merged[::2], merged[1::2] = f, odd
        f, n = merged, 2 * n
        before, change, value = change, abs(_sum(f, integrand) - value), _sum(f, integrand)
        scale = float(np.mean(np.abs(f))) * (integrand.b - integrand.a)
        if max(change, before) <= 1e-13 * scale:
            break
    if not math.isfinite(value):
        return Attempt(None, status="nonfinite")
    scale = float(np.mean(np.abs(f))) * (integrand.b - integrand.a)
    estimate = change + 8.0 * _UNIT * scale
    value += integrand.constant
    status = "ok" if change <= 1e-8 * scale else "not_converged"
    # What these points have met, the certificates that follow must know.
    change = evidence.get("transformed")
    t = change.place_of(_points(integrand, np.arange(1, n), n)[0])
    met = with_points(change, evidence.get("samples"), t, f[1:-1] * change.points(t)[3])
    byproducts = {"result": value, "estimate": estimate}
    facts = {"samples": Fact(met, exact=False)}
    return Attempt((value, estimate, 0), status=status, byproducts=byproducts, facts=facts)


def _at(integrand: Integrand, index: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return integrand.weighted(*_points(integrand, index, n))


def _points(integrand: Integrand, index: NDArray[np.int64], n: int) -> tuple[NDArray[np.float64], ...]:
    """Chebyshev points, and their distances from both ends."""
    half = 0.5 * (integrand.b - integrand.a)
    # sin^2 of half the angle: the distance from an end, without cancellation.
    from_b = 2.0 * half * np.sin(0.5 * math.pi * index / n) ** 2
    from_a = 2.0 * half * np.cos(0.5 * math.pi * index / n) ** 2
    x = np.where(from_a < from_b, integrand.a + from_a, integrand.b - from_b)
    return x, from_a, from_b


def _sum(f: NDArray[np.float64], integrand: Integrand) -> float:
    n = f.size - 1
    coefficients = dct(f, type=1) / n
    coefficients[0] *= 0.5
    coefficients[-1] *= 0.5
    even = np.arange(0, n + 1, 2)
    return float(coefficients[::2] @ (2.0 / (1.0 - even.astype(float) ** 2))) * 0.5 * (integrand.b - integrand.a)


register(
    Kernel(
        name="clenshaw_curtis",
        kind="quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="C. W. Clenshaw and A. R. Curtis (1960), A method for numerical integration on an automatic computer",
    )
)
