"""What the mixed-precision routes share: when they are hopeless, and refinement to a double-precision attempt."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.types import Attempt, Evidence, Fact, Problem, Refusal
from fsci.kernels.condition import inverse_weighted_norm, rcond_bound
from fsci.kernels.factors import Solve
from fsci.kernels.refinement import measured, refine

__all__ = ["SINGLE_UNIT", "refined_attempt", "too_ill_conditioned"]

Array = np.ndarray[Any, np.dtype[Any]]
SINGLE_UNIT = 2.0**-24


def too_ill_conditioned(problem: Problem, evidence: Evidence) -> Refusal | None:
    """Refuse where single-precision factors cannot be a contraction."""
    rcond = evidence.get("rcond", evidence.get("rcond_at_most"))
    if rcond is not None and rcond <= SINGLE_UNIT * float(max(problem.size, 1)) ** 0.5:
        return Refusal(f"condition {1.0 / rcond if rcond else np.inf:.0e} is beyond factors in single precision")
    expected = evidence.get("rcond_expected")
    if rcond is None and expected is not None and expected <= SINGLE_UNIT * float(problem.size) ** 0.5:
        return Refusal(f"a condition of about {1.0 / expected if expected else np.inf:.0e} is to be expected")
    return None


def refined_attempt(problem: Problem, a: Array, solve: Solve) -> Attempt:
    """First solution, refinement and by-products from single-precision factors."""
    b = problem.operands[1]
    transposed = bool(problem.parameters.get("transposed"))
    unit, n = problem.unit_roundoff, a.shape[0]
    with np.errstate(all="ignore"):
        x = solve(b)
        if not np.isfinite(x).all():
            return Attempt(None, status="stalled", facts={"rcond_at_most": Fact(SINGLE_UNIT, exact=False)})
        refined = refine(a, b, transposed, solve, x, SINGLE_UNIT, unit)
        if not refined.converged:
            # The rate is about sqrt(n) * cond * u of the factors, and says no more once it reaches one.
            guess = SINGLE_UNIT * n**0.5 / max(min(refined.rate, 1.0), SINGLE_UNIT)
            return Attempt(None, status="stalled", facts={"rcond_at_most": Fact(min(guess, 1.0), exact=False)})
        seen = measured(a, refined.x, b, transposed)
        if not seen.backward_error <= BACKWARD_SLACK * unit * n**0.5:
            return Attempt(None, status="stalled", facts={"rcond_at_most": Fact(SINGLE_UNIT * n**0.5, exact=False)})
        skeel = inverse_weighted_norm(solve, seen.w)
        rcond = rcond_bound(seen.w, seen.norm_inf, skeel)
    extra: dict[str, Any] = {
        "solve": solve,
        "measured": seen,
        "skeel": skeel,
        "rate": refined.rate,
        "factor_unit": SINGLE_UNIT,
    }
    facts = {}
    if rcond is not None:
        extra["rcond_at_least"] = rcond
        facts["rcond"] = Fact(rcond, exact=False)
    return Attempt(refined.x, byproducts=extra, facts=facts)
