"""Certificate of a sum of samples: how far rounding can have moved it; and what a coarser step says of the integral.

The bound is for the rule's sum of the samples as they are: nothing can be proven of what lies between them. The detail
has an estimate of that, from every second sample (L. F. Richardson, 1911).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.integrate.sampled_terms import ROUNDINGS, magnitude_of, terms_of

__all__: list[str] = []

# Order of the error of a rule that is halved: 2 for trapezoids, 4 for parabolas.
_ORDERS = {"trapezoid": 2, "cumulative_trapezoid": 2, "simpson": 4, "cumulative_simpson": 4, "romb": 4}
# Sums whose weights are exact multiples of the spacing, so that counting operations is a proof.
_PROVEN = ("trapezoid", "cumulative_trapezoid")


@register_check("sampled_integral", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    y, x = problem.operands
    rule, dx, axis = problem.structure or "", problem.parameters["dx"], problem.parameters["axis"]
    u, n = problem.unit_roundoff, y.shape[axis]
    value = np.asarray(attempt.value)
    running = rule.startswith("cumulative")
    with np.errstate(all="ignore"):
        magnitude = np.asarray(magnitude_of(rule, y, x, dx, axis))
        steps = attempt.byproducts.get("roundings", n + ROUNDINGS[rule])
        bound = steps * u / (1.0 - steps * u) * magnitude * (1.0 + 2.0 * n * u)
        by_value = attempt.byproducts.get("roundings_of_value")
        if by_value is not None:
            bound = np.minimum(bound, by_value * u * np.abs(value))
        bound = np.where(np.isfinite(bound), bound, np.inf) + _UNDERFLOW * steps * n
        size = np.abs(value).max(axis=axis, initial=0.0) if running else np.abs(value)
        size = np.where(np.isfinite(size), size, 0.0)
        relative = np.divide(bound, size, out=np.full(size.shape, np.inf), where=size > 0.0)
        forward: Any = relative_to_truth(relative)
        condition: Any = np.divide(magnitude, size, out=np.full(size.shape, np.inf), where=size > 0.0)
    rigor = "rigorous" if rule in _PROVEN else "estimated"
    backward: Any = np.full(size.shape, steps * u) if np.isfinite(bound).all() else np.full(size.shape, np.inf)
    if size.ndim == 0:
        forward, condition, backward = float(forward), float(condition), float(backward)
    return Certificate(
        verdict=policy.verdict(forward, rigor, u),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor=rigor,
        algorithm=attempt.kernel,
        detail={"rounding_bound": bound if bound.ndim else float(bound), **_truncation(rule, y, x, dx, axis)},
    )


_UNDERFLOW = 2.0**-1074  # what a product below the normal range may lose


def _truncation(rule: str, y: Any, x: Any, dx: Any, axis: int) -> dict[str, Any]:
    """Estimated difference from the integral of what was sampled; empty where every second sample is no rule."""
    base = "trapezoid" if "trapezoid" in rule else "simpson"
    panels = 2 if base == "trapezoid" else 4
    if y.shape[axis] < 2 * panels + 1 or (y.shape[axis] - 1) % panels:
        return {}
    every_second = [slice(None)] * y.ndim
    every_second[axis] = slice(None, None, 2)
    coarse_y = y[tuple(every_second)]
    coarse_x = None if x is None else x[::2] if x.ndim == 1 else x[tuple(every_second)]
    with np.errstate(all="ignore"):
        fine, coarse = terms_of(base, y, x, dx, axis), terms_of(base, coarse_y, coarse_x, 2.0 * dx, axis)
        if fine is None or coarse is None:
            return {}
        estimate = np.abs(fine.sum(axis=-1) - coarse.sum(axis=-1)) / (2.0 ** _ORDERS[base] - 1.0)
    return {"truncation_estimate": estimate if estimate.ndim else float(estimate)}
