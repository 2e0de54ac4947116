"""QR of tall well-conditioned matrices by repeated Cholesky-QR, with the signs that LAPACK would give.

A QR factorization of full rank is unique up to signs; those of Householder's method are recovered, so
that the factors agree with SciPy's to rounding.
"""

from __future__ import annotations

import math

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.tall import cholesky_qr, condition_of, householder_signs, scaled_rows

__all__ = ["refusal"]


def refusal(problem: Problem, evidence: Evidence) -> Refusal | None:
    """Why Cholesky-QR does not serve the first operand, or None."""
    m, n = problem.operands[0].shape
    if not evidence.get("comfortable", False):
        return Refusal("for finite entries whose squares neither overflow nor underflow")
    if m < 2 * n:
        return Refusal("for tall matrices, at least twice as many rows as columns")
    if evidence.get("condition", 1.0) * math.sqrt(8.0 * m * problem.unit_roundoff) >= 1.0:
        return Refusal("the condition number is too large for the Gram matrix")
    return None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.parameters["pivoting"] or problem.parameters["mode"] != "economic":
        return Refusal("for mode='economic' without pivoting")
    return refusal(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = problem.operands[0].shape
    return 2.0 * m * n * n


def run(problem: Problem, evidence: Evidence) -> Attempt:
    (a,) = problem.operands
    n = a.shape[1]
    factors = cholesky_qr(a, problem.unit_roundoff * math.sqrt(problem.size))
    if factors is None:
        return Attempt(None, status="declined", facts={"condition": Fact(math.inf, exact=False)})
    signs = householder_signs(factors.q[:n])
    q = factors.q
    q *= signs.astype(q.real.dtype)
    facts = {"condition": Fact(condition_of(factors.r), exact=False)}
    return Attempt((q, scaled_rows(signs, factors.r)), facts=facts)


register(
    Kernel(
        name="cholesky_qr",
        kind="qr_factorization",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Yamamoto et al. (2015); signs after Ballard et al. (2014)",
    )
)
