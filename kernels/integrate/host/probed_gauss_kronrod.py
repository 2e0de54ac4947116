"""Gauss-Kronrod quadrature that refines where samples from all over the range ask for it.

In the double-exponential variable, for what QUADPACK steps over: peaks narrower than its first panel. Of the same
family as the rule that the check uses, but with other nodes and another division of the panels.
"""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.examined import examined
from fsci.kernels.integrate.wave_check import turns_fit

__all__ = ["only_on_request"]

TOLERANCE = 1e-12


def only_on_request(problem: Problem, evidence: Evidence) -> Refusal | None:
    """Why no rule but QUADPACK's answers: its value is the contract, or nothing is known of the integrand."""
    if problem.structure is not None:
        return Refusal("strict mode gives QUADPACK's value")
    if problem.parameters["full_output"]:
        return Refusal("the output asked for is that of QUADPACK's own intervals")
    if evidence.get("samples") is None:
        return Refusal("no samples")
    _, a, b = problem.operands
    wave = problem.parameters["weight"] in ("cos", "sin") and math.isfinite(a) and math.isfinite(b)
    if wave and not turns_fit(problem):
        return Refusal("the wave turns too often")
    return None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return only_on_request(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    return 3000.0


@np.errstate(all="ignore")
def run(problem: Problem, evidence: Evidence) -> Attempt:
    found = examined(evidence.get("transformed"), evidence.get("samples"), TOLERANCE).result
    if not math.isfinite(found.value):
        return Attempt(None, status="nonfinite")
    status = "ok" if math.isfinite(found.error) else "not_converged"
    value = (found.value, found.error, 0)
    return Attempt(value, status=status, byproducts={"result": found.value, "estimate": found.error})


register(
    Kernel(
        name="probed_gauss_kronrod",
        kind="quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="A. S. Kronrod (1965); H. Takahasi and M. Mori (1974), change of variable",
    )
)
