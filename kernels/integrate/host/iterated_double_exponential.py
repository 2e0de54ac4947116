"""Iterated integrals by the trapezoidal rule in double-exponential variables, one for each level.

H. Takahasi and M. Mori (1974), iterated. For integrands that are analytic inside their range, however singular at its
border.
"""

from __future__ import annotations

import math

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.product_rule import MOST_LEVELS, POINTS, product_rule

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure is not None:
        return Refusal("strict mode gives QUADPACK's value")
    if len(problem.operands[1]) > MOST_LEVELS:
        return Refusal(f"there are more than {MOST_LEVELS} variables")
    if problem.parameters["full_output"] or any(callable(o) or "weight" in o for o in problem.parameters["opts"]):
        return Refusal("options of QUADPACK's own")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    levels = len(problem.operands[1])
    return float(POINTS[min(levels, MOST_LEVELS)]) ** levels


def run(problem: Problem, evidence: Evidence) -> Attempt:
    function, ranges = problem.operands
    args, points = problem.parameters["args"], POINTS[len(ranges)]
    coarse, fine = (product_rule(function, ranges, args, count) for count in (points // 2, points))
    value = fine.value
    if not math.isfinite(value):
        return Attempt(None, status="nonfinite")
    estimate = abs(value - coarse.value) + fine.tail
    status = "ok" if estimate <= 1e-6 * fine.magnitude else "not_converged"
    return Attempt((value, estimate), status=status, byproducts={"result": value, "estimate": estimate})


register(
    Kernel(
        name="iterated_double_exponential",
        kind="iterated_integral",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="H. Takahasi and M. Mori (1974), Double exponential formulas for numerical integration",
    )
)
