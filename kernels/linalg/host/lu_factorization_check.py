"""Certificates of factorizations: what the factors are worth as a stand-in for the inverse of the matrix.

The forward error bounds ``||(L U)^-1 P A - I||``: relative error of a solution by these factors, for the worst
right-hand side. ``||A^-1|| ||E||`` does, with ``|E| <= gamma_n |L| |U|`` (Higham, 2002, theorems 9.3 and 10.3) and
the norm of the inverse estimated through the factors. For a Cholesky factor half of it, to first order, bounds the
relative error of the factor itself in the 2-norm (Sun, 1991); the certificate keeps the larger number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of
from fsci.kernels.cholesky_solve import cholesky_solver
from fsci.kernels.condition import ESTIMATOR_SAFETY, inverse_weighted_norm
from fsci.kernels.linalg.host.inverse_check import somebody_asks

__all__ = ["certify_factors"]

Array = np.ndarray[Any, np.dtype[Any]]


def certify_factors(
    problem: Problem,
    attempt: Attempt,
    policy: Policy,
    solve: Callable[..., Array],
    rows: Array,
    norm: float,
    detail: dict[str, Any],
) -> Certificate:
    """Certify factors of A.

    Parameters
    ----------
    solve : callable
        ``solve(rhs, adjoint=False)`` by the factors.
    rows : (n,) ndarray
        Row sums of ``P^T |L| |U|``.
    norm : float
        Norm of A: the largest row sum.
    """
    n = problem.size
    terms = float(4 * n + 8 if problem.dtype is not None and problem.dtype.kind == "c" else n + 2)
    unit = problem.unit_roundoff
    with np.errstate(all="ignore"):
        skeel = inverse_weighted_norm(solve, rows) if np.isfinite(rows).all() else math.inf
        condition = norm * inverse_weighted_norm(solve, np.ones(n))
        distance = ESTIMATOR_SAFETY * skeel * terms * unit / (1.0 - terms * unit)
    # (L U)^-1 in place of A^-1: Banach's lemma.
    forward = distance / (1.0 - distance) if distance < 0.5 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "estimated", unit),
        backward_error=float(attempt.byproducts["residual"]),
        condition=float(condition),
        forward_error=forward,
        digits=digits_of(forward),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail={"rcond": 1.0 / condition if condition > 0.0 else 0.0, **detail},
    )


@register_check("lu_factorization", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify LU factors; rectangular ones by their backward error only."""
    lu, pivots = attempt.value
    backward, zero = float(attempt.byproducts["residual"]), attempt.byproducts["zero"]
    if not somebody_asks(policy):
        return Certificate("uncertified", backward, algorithm=attempt.kernel)
    a = problem.operands[0]
    m, n = lu.shape
    k = min(m, n)
    upper = np.abs(np.triu(lu[:k])).astype(float)
    largest = float(np.abs(a).max(initial=0.0))
    growth = float(upper.max(initial=0.0)) / largest if largest > 0.0 else 1.0
    if m != n or zero:
        detail = {"growth": growth, **({"zero_pivot": zero} if zero else {"rcond": math.nan})}
        return Certificate("uncertified", backward, algorithm=attempt.kernel, detail=detail)
    sums = upper.sum(axis=1)
    rows = np.tril(np.abs(lu), -1).astype(float) @ sums + sums
    for i in range(n - 1, -1, -1):
        rows[[i, pivots[i]]] = rows[[pivots[i], i]]
    getrs = lapack.get_lapack_funcs("getrs", dtype=problem.dtype)

    def solve(rhs: Array, adjoint: bool = False) -> Array:
        return getrs(lu, pivots, rhs, trans=2 if adjoint else 0)[0]

    norm = float(np.abs(a).astype(float).sum(axis=1).max(initial=0.0))
    return certify_factors(problem, attempt, policy, solve, rows, norm, {"growth": growth})


@register_check("cholesky", "host")
def check_cholesky(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify a Cholesky factor."""
    backward = float(attempt.byproducts["residual"])
    if not somebody_asks(policy):
        return Certificate("uncertified", backward, algorithm=attempt.kernel)
    c, lower = attempt.value, bool(problem.parameters["lower"])
    half = np.abs(np.tril(c) if lower else np.triu(c)).astype(float)
    left, right = (half, half.T) if lower else (half.T, half)
    rows = left @ right.sum(axis=1)
    a = problem.operands[0]
    full = np.abs(np.tril(a, -1) if lower else np.triu(a, 1)).astype(float)
    norm = float((full.sum(axis=0) + full.sum(axis=1) + np.abs(a.diagonal())).max(initial=0.0))
    once = cholesky_solver(c, lower)

    def solve(rhs: Array, adjoint: bool = False) -> Array:
        return once(rhs)

    return certify_factors(problem, attempt, policy, solve, rows, norm, {})
