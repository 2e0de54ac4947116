"""Certificate of an inverse: residuals on both sides, exact condition, and a proven bound."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of
from fsci.kernels.linalg.host.inverse_bounds import norm_inf, residual_norms
from fsci.kernels.linalg.host.inverse_cholesky import hermitian_of

__all__ = ["matrix_of", "somebody_asks"]


def somebody_asks(policy: Policy) -> bool:
    """Whether what costs as much as the answer is to be computed: someone listens, or the policy accepts by it."""
    return FRAME.get().log is not None or policy.wants_forward or policy.record_all


def plain(number: Any) -> Any:
    """A Python float for one problem, an array for a stack."""
    return float(number) if np.ndim(number) == 0 else number


def matrix_of(problem: Problem) -> Any:
    """The matrix that the problem stands for, where only a part of the operand is read."""
    a = problem.operands[0]
    if problem.structure == "pos":
        return hermitian_of(a, bool(problem.parameters.get("lower")))
    if problem.structure == "lower triangular":
        return np.tril(a)
    return np.triu(a) if problem.structure == "upper triangular" else a


@register_check("inverse", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify an inverse; the bound is computed when somebody asks, the random check stands always."""
    with np.errstate(divide="ignore"):
        condition = plain(1.0 / np.asarray(attempt.byproducts["rcond"]))
    backward = plain(attempt.byproducts["residual"])
    if not somebody_asks(policy):
        return Certificate("uncertified", backward, condition, algorithm=attempt.kernel)
    a, x = matrix_of(problem), attempt.value
    right, left = residual_norms(a, x)
    nearest = np.minimum(right, left)
    with np.errstate(over="ignore", invalid="ignore"):
        size = norm_inf(a) * norm_inf(x)
        # ||A^-1|| is at most ||X|| / (1 - nearest).
        condition = np.where(nearest < 1.0, size / (1.0 - np.minimum(nearest, 0.5)), np.inf)
        backward = np.maximum(np.asarray(attempt.byproducts["residual"]), 0.0)
    # X = A^-1 (I - R), or (I - R) A^-1: the residual's norm bounds the error relative to A^-1 itself.
    bound = plain(np.where(nearest < 1.0, nearest, np.inf))
    return Certificate(
        verdict=policy.verdict(bound, "rigorous", problem.unit_roundoff),
        backward_error=plain(backward),
        condition=plain(condition),
        forward_error=bound,
        digits=digits_of(bound),
        rigor="rigorous",
        algorithm=attempt.kernel,
        detail={
            "right_residual": plain(right),
            "left_residual": plain(left),
            "rcond": plain(attempt.byproducts["rcond"]),
        },
    )
