"""Certificate of a root in a bracket: does the function really cross zero here?

A change of sign proves a root only for a continuous function: Brent's method converges to
the pole of 1/x and says that it converged. So the function is looked at on both sides,
at two distances from the root. With d the distance:

* opposite signs at -d and +d enclose the root within d (the forward bound);
* across a root the difference f(+d) - f(-d) grows with d, across a jump
  it stays, across a pole it shrinks.

The signs are those of computed values, so the rigour is "estimated".
"""

from __future__ import annotations

import math
from typing import Any

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth

__all__: list[str] = []

# The wider look is this much wider. A zero of multiplicity m (odd) makes the difference grow by
# WIDER**m, and a root of |x|**(1/3) kind by WIDER**(1/3) = 2; a jump leaves it at 1.
WIDER = 8.0
LEAST_GROWTH = 1.5


def _value(function: Any, x: float, args: tuple[Any, ...]) -> float:
    try:
        return float(function(x, *args))
    except (ArithmeticError, ValueError):
        return math.nan


@register_check("root_scalar", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    function, a, b = problem.operands
    options = problem.parameters
    args = options["args"]
    root = attempt.byproducts.get("root", math.nan)
    if attempt.status != "ok" or not math.isfinite(root):
        return Certificate(verdict="uncertified", algorithm=attempt.kernel)
    # Brent (1973): the iteration stops within xtol + rtol |x| of a change of sign; the last
    # evaluations may have been rounded, hence one unit in the last place more.
    distance = options["xtol"] + (options["rtol"] + 2 * problem.unit_roundoff) * abs(root)
    look = [_value(function, root + step * distance, args) for step in (-WIDER, -1.0, 0.0, 1.0, WIDER)]
    far_left, left, here, right, far_right = look
    ends = max(abs(_value(function, a, args)), abs(_value(function, b, args)))
    crossing = left * right < 0.0 and math.copysign(1.0, far_left) == math.copysign(1.0, left) and far_right * right > 0
    jump, wide = abs(right - left), abs(far_right - far_left)
    continuous = crossing and wide >= LEAST_GROWTH * jump and abs(here) <= max(abs(left), abs(right))
    backward = abs(here) / ends if ends > 0.0 else (0.0 if here == 0.0 else math.inf)
    slope = wide / (2.0 * WIDER * distance)
    condition = ends / (abs(root) * slope) if slope > 0.0 and root != 0.0 else math.inf
    scale = abs(root)
    forward = relative_to_truth(distance / scale) if continuous and scale > 0.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward if continuous else math.inf,
        condition=condition,
        forward_error=forward,
        digits=int(digits_of(forward)),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail={
            "enclosure": (root - distance, root + distance) if crossing else (-math.inf, math.inf),
            "crossing": crossing,
            "continuous": continuous,
            "residual": here,
        },
    )
