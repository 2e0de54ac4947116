"""Adaptive Gauss-Kronrod quadrature of vector-valued functions that starts from many panels of irregular lengths.

For what two first panels step over; and, with other panels, the second rule of the certificate, which a random
combination of the components, sampled all over the range, holds to account.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of, relative_to_truth
from fsci.kernels.integrate.gauss_kronrod import RULES
from fsci.kernels.integrate.host.stacked_gauss_kronrod import CONVERGED, ROUNDING, Refinement, largest, refined
from fsci.kernels.integrate.projected import doubt_of

__all__: list[str] = []

# Panels of the kernel and of the check, and the irrational steps that place their borders.
PANELS, STEP = 34, 0.5 * (math.sqrt(5.0) - 1.0)
CHECK_PANELS, CHECK_STEP = 47, math.sqrt(2.0) - 1.0
TOLERANCE, LIMIT = 1e-10, 4000


def _irregular(borders: list[float], panels: int, step: float) -> list[float]:
    """Borders with `panels` - 1 more: multiples of an irrational step fill an interval evenly, but never regularly."""
    low, high = borders[0], borders[-1]
    inner = [low + (high - low) * ((i * step) % 1.0) for i in range(1, panels)]
    return sorted({*borders, *inner})


def _fine(problem: Problem, panels: int, step: float) -> Refinement:
    function, borders = problem.operands
    cache = problem.parameters["cache_size"]
    with np.errstate(all="ignore"):  # extra points must not warn the user
        return refined(
            function, _irregular(borders, panels, step), RULES["gk21"], largest, 1e-300, TOLERANCE, LIMIT, cache
        )


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not problem.parameters["hardened"]:
        return Refusal("strict mode takes SciPy's panels")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return float(PANELS)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    found = _fine(problem, PANELS, STEP)
    status = "ok" if found.status in (CONVERGED, ROUNDING) else "not_converged"
    return Attempt(found, status=status, byproducts={"result": found.value, "estimate": found.error + found.rounding})


@register_check("vector_quadrature", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    value = np.asarray(attempt.byproducts.get("result", math.nan))
    if not np.isfinite(value).all():
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"error_bound": math.inf})
    second = _fine(problem, CHECK_PANELS, CHECK_STEP)
    u = problem.unit_roundoff
    # The rounding estimate is 100 u times the magnitude of the integrand.
    magnitude = second.rounding / (100.0 * u)
    difference = float(np.max(np.abs(value - np.asarray(second.value)), initial=0.0))
    function, borders = problem.operands
    doubt = doubt_of(function, borders, value, policy.target(u))
    bound: Any = difference + second.error + second.rounding + doubt
    bound = bound if math.isfinite(bound) else math.inf
    size = float(np.max(np.abs(value), initial=0.0))
    forward = relative_to_truth(bound / size) if size > 0.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u),
        backward_error=bound / magnitude if magnitude > 0.0 else math.inf,
        condition=magnitude / size if size > 0.0 else math.inf,
        forward_error=forward,
        digits=int(digits_of(forward)),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail={
            "error_bound": bound,
            "second_rule_error": second.error,
            "doubt": doubt,
            "estimate": attempt.byproducts.get("estimate", math.inf),
            "evaluations": second.evaluations,
        },
    )


register(
    Kernel(
        name="fine_gauss_kronrod",
        kind="vector_quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Piessens and others (1983), QAG, from panels of irregular lengths",
    )
)
