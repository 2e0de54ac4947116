"""Certificate of a determinant: how far the pivots' product can be from it, its logarithm, its sign.

With ``L U = P A + E``, ``|E| <= gamma_n |L| |U|`` (Higham, 2002, theorem 9.3) and ``det(P A + E) =
det(P A) det(I + F)``, ``F = A^-1 P^T E``: every term of the expansion of ``det(I + F) - 1`` is one of
the product of the row sums, so it is at most ``prod(1 + f_i) - 1 <= exp(sum f_i) - 1`` with f_i the row
sums of |F|. The inverse comes with its own proven error (``inverse_bounds``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of
from fsci.kernels.linalg.host.inverse_bounds import gamma, residual_norms
from fsci.kernels.linalg.host.inverse_check import plain, somebody_asks

__all__: list[str] = []


def _perturbation(a: Any, unit_roundoff: float) -> tuple[float, float]:
    """Bound of ``|det(L U) / det(A) - 1|``, and the condition: its growth with a relative change of the entries."""
    n = a.shape[0]
    getrf, getri = lapack.get_lapack_funcs(("getrf", "getri"), (a,))
    lu, pivots, info = getrf(a)
    if info != 0:
        return math.inf, math.inf
    inverse, info = getri(lu, pivots)
    if info != 0 or not np.isfinite(inverse).all():
        return math.inf, math.inf
    distance = float(min(residual_norms(a, inverse)))
    if not distance < 0.5:
        return math.inf, math.inf
    upper = np.abs(np.triu(lu)).astype(float)
    weights = np.tril(np.abs(lu), -1).astype(float) @ upper.sum(axis=1) + upper.sum(axis=1)
    # Rounding constant of the factorization, in the precision that it ran in.
    terms = float(4 * n + 8 if a.dtype.kind == "c" else n + 2)
    constant = terms * unit_roundoff / (1.0 - terms * unit_roundoff)
    for i in range(n - 1, -1, -1):
        weights[[i, pivots[i]]] = weights[[pivots[i], i]]
    moduli = np.abs(inverse).astype(float)

    def spread(d: Any) -> float:
        return float((moduli @ (d + distance / (1.0 - distance) * d.max(initial=0.0))).sum())

    total = constant * spread(weights) * (1.0 + 8.0 * gamma(n))
    return (math.expm1(total) if total < 700.0 else math.inf), spread(np.abs(a).astype(float).sum(axis=1))


def _bounds(a: Any, attempt: Attempt, unit_roundoff: float) -> tuple[float, float]:
    """Relative bound on the scaled product, and the condition of the determinant."""
    n = a.shape[0]
    # Each of the n products is rounded once, in double precision (complex: to sqrt(8) u).
    product = gamma(n, a.dtype.kind)
    if attempt.byproducts.get("products_only"):
        return product, float(n)
    drift, condition = _perturbation(a, unit_roundoff)
    return drift + product * (1.0 + drift), condition


@register_check("determinant", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify determinants; the bound is computed when somebody asks, the random check stands always."""
    by = attempt.byproducts
    backward = plain(by["residual"])
    if not somebody_asks(policy):
        return Certificate("uncertified", backward, algorithm=attempt.kernel)
    a, value = problem.operands[0], np.asarray(attempt.value)
    batch = a.shape[:-2]
    bound, condition = np.empty(batch), np.empty(batch)
    for index in np.ndindex(batch):
        bound[index], condition[index] = _bounds(a[index], attempt, problem.unit_roundoff)
    mantissa, exponent = np.asarray(by["mantissa"]), np.asarray(by["exponent"])
    exact_zero = (mantissa == 0) & bool(by.get("products_only"))
    # The value itself may have overflowed or underflowed where the scaled product did not.
    lost = ~np.isfinite(value) | ((np.abs(value) < 2.0**-1022) & (mantissa != 0))
    forward = np.where(exact_zero, 0.0, np.where(lost, np.inf, bound))
    with np.errstate(divide="ignore"):
        log_modulus = np.log(np.abs(mantissa)) + exponent * math.log(2.0)
    return Certificate(
        verdict=policy.verdict(plain(forward), "rigorous", problem.unit_roundoff),
        backward_error=backward,
        condition=plain(condition),
        forward_error=plain(forward),
        digits=digits_of(plain(forward)),
        rigor="rigorous",
        algorithm=attempt.kernel,
        detail={
            "log_modulus": plain(log_modulus),
            "log_error": plain(np.where(bound < 1.0, -np.log1p(-np.minimum(bound, 0.5) * 1.0) * 2.0, np.inf)),
            "sign_certain": bool(np.all(exact_zero | (bound < 1.0))),
        },
    )
