"""Sums of samples without the errors of summing: every term rounded once, their sum exactly (`math.fsum`).

J. R. Shewchuk (1997), Adaptive precision floating-point arithmetic. For sums that cancel, where accuracy is asked for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.sampled_terms import ROUNDINGS, terms_of

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure not in ("trapezoid", "simpson"):
        return Refusal("running sums, and Romberg's, are not compensated")
    if problem.parameters["scipys_order"]:
        return Refusal("strict mode at standard accuracy takes the plain sum")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.operands[0].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    y, x = problem.operands
    rule, dx, axis = problem.structure or "", problem.parameters["dx"], problem.parameters["axis"]
    exact = _exactly_weighted(rule, np.moveaxis(y, axis, -1)) if x is None else None
    terms = terms_of(rule, y, x, dx, axis) if exact is None else exact
    if terms is None or not np.isfinite(terms).all():
        return Attempt(None, status="nonfinite")
    rows = terms.reshape(-1, terms.shape[-1])
    value: Any = np.array([math.fsum(row) for row in rows.tolist()]).reshape(terms.shape[:-1])
    byproducts = {"roundings": ROUNDINGS[rule] + 1.0}
    if exact is not None:
        value = value * (dx if rule == "trapezoid" else dx / 3.0)
        byproducts["roundings_of_value"] = 4.0  # the sum, the spacing's third, the product
    return Attempt(value if value.ndim else value[()], byproducts=byproducts)


def _exactly_weighted(rule: str, y: Any) -> Any:
    """The samples times their weights, where these are powers of two; None for others."""
    n = y.shape[-1]
    weights = np.ones(n)
    if rule == "trapezoid":
        weights[0] = weights[-1] = 0.5
    elif n % 2 == 0 or n < 3:
        return None
    else:
        weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    with np.errstate(all="ignore"):
        return y * weights


register(
    Kernel(
        name="sampled_compensated",
        kind="sampled_integral",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="J. R. Shewchuk (1997), Adaptive precision floating-point arithmetic",
    )
)
