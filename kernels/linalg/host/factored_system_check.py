"""Certificate of a solution by given factors: it is about the matrix that the factors stand for.

That matrix is all there is: how far it is from the one that was factored is in the certificate of the factorization.
"""

from __future__ import annotations

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem
from fsci.kernels.linalg.host.factored_system_operator import moduli, residual, stages_of
from fsci.kernels.linalg.host.structured_operator import Operator, certify_operator

__all__ = ["operator_of"]


def operator_of(problem: Problem) -> Operator:
    """Products with the factors."""
    stages = stages_of(problem)
    return Operator(
        residual=lambda x, low, b: residual(stages, x, low, b),
        moduli=lambda v: moduli(stages, v),
    )


@register_check("factored_system", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify one solution; substitution in two triangles is backward stable to 3 n u (Higham, 2002, theorem 9.4)."""
    # In units of |L||U||x|, statistically sqrt(n) instead of n (Higham and Mary, 2019).
    return certify_operator(
        problem, attempt, policy, operator_of(problem), 3.0 * problem.unit_roundoff * float(problem.size) ** 0.5
    )
