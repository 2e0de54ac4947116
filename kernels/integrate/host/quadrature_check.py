"""Certificate of an integral: an independent rule, on panels that samples from all over the range hold to account.

The value is compared with adaptive Gauss-Kronrod quadrature in the double-exponential variable: other nodes, another
variable, another rule for when to stop. The bound is the difference from it and the bound of its own error. A relative
change delta of the integrand changes the integral by at most delta times the integral of abs(w f): so that is what the
backward error is relative to, and its ratio to the integral's size is the condition.

Samples prove nothing: between two of them may stand a peak that neither sees. The rigour is "estimated": it vouches for
integrands that have no feature narrower than the widest gap between evaluations, but those that show at one, and
no more of them than are seen (`hidden`). The certificate says how many points were looked at, how wide the widest
gap is, and what may be lost in it.
"""

from __future__ import annotations

import math

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.integrate.double_exponential import resolvable, transformed
from fsci.kernels.integrate.examined import examined
from fsci.kernels.integrate.fourier import Fourier, decays, fourier_integral
from fsci.kernels.integrate.host.fourier_double_exponential import is_fourier
from fsci.kernels.integrate.host.levin_collocation import is_finite_wave
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.samples_of import sampled, with_points
from fsci.kernels.integrate.wave_check import Wave, wave_over_range

__all__: list[str] = []

SHARE = 0.01  # of the accuracy asked for, that the second rule may use up
SPLIT = math.sqrt(2.0) - 1.0  # where the second rule divides a panel: QUADPACK halves


# Resolutions of the second rule for waves: neither they nor their ratio belong to the kernel of that name.
COARSE, FINE = 57.0, 93.0


def _of_wave(problem: Problem, integrand: Integrand) -> tuple[Fourier, float] | None:
    """The integral of a wave over a half-line, by two resolutions; None where the integrand is not seen to decay."""
    weight, frequency = problem.parameters["weight"], float(problem.parameters["wvar"])
    if not decays(integrand, frequency):
        return None
    coarse, fine = (fourier_integral(integrand, weight, frequency, m) for m in (COARSE, FINE))
    rounding = 64.0 * problem.unit_roundoff * fine.magnitude
    return fine, abs(fine.value - coarse.value) + rounding


def _by_panels(problem: Problem, evidence: Evidence, target: float) -> Wave:
    """The integral by adaptive panels that samples hold to account; of a wave over a half-line by its own formula."""
    change, samples = evidence.get("transformed"), evidence.get("samples")
    if change is None:
        function, a, b = problem.operands
        change = transformed(Integrand(function, a, b, problem.parameters))
        samples = sampled(change)
        if "met" in evidence:  # QUADPACK's own points: it may have met what no sample has
            samples = with_points(change, samples, change.place_of(evidence.get("met")))
    wave = _of_wave(problem, change.integrand) if is_fourier(problem) else None
    if wave is not None:
        return Wave(wave[0].value, wave[1], wave[0].magnitude, 0.0, samples)
    seen = examined(change, samples, SHARE * target, "gk21", SPLIT, target)
    return Wave(seen.result.value, seen.error, seen.result.magnitude, seen.hidden.bound, seen.samples)


@register_check("quadrature", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    value = attempt.byproducts.get("result", math.nan)
    _, a, b = problem.operands
    if not math.isfinite(value) or not resolvable(a, b):
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"error_bound": math.inf})
    u = problem.unit_roundoff
    with np.errstate(all="ignore"):
        second = wave_over_range(problem, policy.target(u)) if is_finite_wave(problem) else None
        second = second or _by_panels(problem, evidence, policy.target(u))
    bound = abs(value - second.value) + second.error
    bound = bound if math.isfinite(bound) else math.inf
    size, magnitude = abs(value), second.magnitude
    backward = bound / magnitude if magnitude > 0.0 else math.inf
    forward = relative_to_truth(bound / size) if size > 0.0 else math.inf
    # A rule that has not converged is not the last to look: what the next ones meet, this certificate cannot know.
    last = attempt.status == "ok" or problem.structure is not None
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u) if last else "uncertified",
        backward_error=backward,
        condition=magnitude / size if size > 0.0 else math.inf,
        forward_error=forward,
        digits=int(digits_of(forward)),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail={
            "error_bound": bound,
            "second_rule": second.value,
            "second_rule_error": second.error,
            "may_hide": second.hidden,
            "estimate": attempt.byproducts.get("estimate", math.inf),
            "shape": second.samples.shape,
            "samples": int(second.samples.t.size),
            "widest_gap": second.samples.widest_gap,
        },
    )
