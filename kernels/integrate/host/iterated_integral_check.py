"""Certificate of an iterated integral: the same integral by another rule, at two resolutions.

The bound is the difference from the finer of two trapezoidal sums in double-exponential variables, and the
difference of the two, which overrates the error of the finer; from four variables on of two Gauss rules in each.
A peak narrower than the distance of the points that one of them meets sets the two apart; one that none meets is
not excluded: rigour "estimated".
"""

from __future__ import annotations

import math

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.integrate.product_rule import MOST_LEVELS, POINTS, product_rule
from fsci.kernels.integrate.tensor_rule import points_for, tensor_rule

__all__: list[str] = []

SHIFT = 0.5 * (math.sqrt(5.0) - 1.0)  # nodes that no other rule has
# Of the two sums: halving the step squares the error, so that their difference is all that of the coarser.
COARSER = 0.75
# Of two Gauss rules the smaller, and how small the larger may be.
FEWER, LEAST_POINTS = 2, 5


@register_check("iterated_integral", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    function, ranges = problem.operands
    value = attempt.byproducts.get("result", math.nan)
    few = len(ranges) <= MOST_LEVELS
    examined = (few or points_for(len(ranges)) >= LEAST_POINTS) and not any(
        callable(o) or "weight" in o for o in problem.parameters["opts"]
    )
    if not (isinstance(value, float) and math.isfinite(value) and examined):
        detail = {"error_bound": math.inf, "examined": examined}
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail=detail)
    args = problem.parameters["args"]
    if few:
        points = POINTS[len(ranges)]
        coarse, fine = (product_rule(function, ranges, args, n, SHIFT) for n in (int(COARSER * points), points))
    else:
        points = points_for(len(ranges))
        coarse, fine = (tensor_rule(function, ranges, args, n) for n in (points - FEWER, points))
    second, magnitude = fine.value, fine.magnitude
    second_error = abs(second - coarse.value) + fine.tail
    u, size = problem.unit_roundoff, abs(value)
    bound = abs(value - second) + second_error + 4.0 * len(ranges) * points * u * magnitude
    bound = bound if math.isfinite(bound) else math.inf
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
            "second_rule": second,
            "second_rule_error": second_error,
            "estimate": attempt.byproducts.get("estimate", math.inf),
            "points_a_level": points,
        },
    )
