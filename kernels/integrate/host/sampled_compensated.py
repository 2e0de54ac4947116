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
    terms = terms_of(problem.structure or "", y, x, problem.parameters["dx"], problem.parameters["axis"])
    if terms is None or not np.isfinite(terms).all():
        return Attempt(None, status="nonfinite")
    rows = terms.reshape(-1, terms.shape[-1])
    value: Any = np.array([math.fsum(row) for row in rows.tolist()]).reshape(terms.shape[:-1])
    return Attempt(value if value.ndim else value[()], byproducts={"roundings": ROUNDINGS})


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
