"""SuperLU's factors in SciPy's object, and what can be vouched for in solves with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse as sp

from fsci.core.certificate import relative_to_truth
from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of
from fsci.kernels.condition import ESTIMATOR_SAFETY, norm1est

__all__: list[str] = []


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    return 400.0 * max(problem.operands[0].nnz, 1)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p = problem.parameters
    try:
        return Attempt(p["original"](problem.operands[0], **p["options"]), final=True)
    except RuntimeError as error:  # exactly singular
        return Attempt(None, status="singular", byproducts={"error": error}, final=True)


def _permuted(a: Any, factors: Any) -> Any:
    """The matrix that ``L U`` approximates: ``Pr A Pc``, as SciPy documents it."""
    n = a.shape[0]
    ones = np.ones(n)
    rows = sp.csc_array((ones, (factors.perm_r, np.arange(n))), shape=(n, n))
    columns = sp.csc_array((ones, (np.arange(n), factors.perm_c)), shape=(n, n))
    return rows @ a @ columns


@register_check("sparse_factors", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Backward error of the factors, growth, and the condition through them: the error of solves without refinement.

    With ``L U = A + E`` a solve is off by about ``||A^-1|| (||E|| + n_z u || |L| |U| ||)``, where n_z counts terms.
    """
    a, factors = problem.operands[0], attempt.value
    n, u = problem.size, problem.unit_roundoff
    wide = sp.csc_array(a).astype(np.complex128 if a.dtype.kind == "c" else np.float64)
    lower, upper = factors.L.astype(wide.dtype), factors.U.astype(wide.dtype)
    ones = np.ones(n)
    norm = float((np.abs(wide).T @ ones).max(initial=0.0))
    error = float((np.abs(_permuted(wide, factors) - lower @ upper).T @ ones).max(initial=0.0))
    product = float((np.abs(upper).T @ (np.abs(lower).T @ ones)).max(initial=0.0))
    largest = float(np.abs(wide.data).max(initial=0.0))
    growth = float(np.abs(upper.data).max(initial=0.0)) / largest if largest > 0.0 else math.inf
    inverse = norm1est(
        lambda x: factors.solve(x.astype(a.dtype, copy=False)),
        lambda x: factors.solve(x.astype(a.dtype, copy=False), "H"),
        n,
    )
    condition = norm * inverse
    lost = ESTIMATOR_SAFETY * inverse * (error + 3.0 * math.sqrt(n) * u * product)
    forward = float(relative_to_truth(lost)) if math.isfinite(lost) else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u),
        backward_error=error / norm if norm > 0.0 else math.inf,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
        detail={
            "growth": growth,
            "rcond": 1.0 / condition if condition > 0.0 else 0.0,
            "entries": int(lower.nnz + upper.nnz),
            "forward_error_of": "solves without refinement, in the 1-norm",
        },
    )


register(
    Kernel(
        name="superlu",
        kind="sparse_factors",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="Demmel, Eisenstat, Gilbert, Li and Liu (1999): SuperLU",
    )
)
