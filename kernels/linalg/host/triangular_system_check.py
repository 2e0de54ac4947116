"""Certificate of a triangular system, and the route that refines it.

The comparison matrix M(T), with |t_ii| on the diagonal and -|t_ij| beside it, has ``|T^-1| <= M(T)^-1`` (Higham, 2002,
theorem 8.12); its solves add nothing but numbers of one sign, so that they prove a bound in O(n^2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal
from fsci.kernels.doubled import doubled_residual
from fsci.kernels.linalg.host.structured_operator import Operator, certify_operator, refined_attempt
from fsci.kernels.linalg.host.triangular_system_substitution import solver_of, triangle_of

__all__: list[str] = []


def operator_of(problem: Problem) -> Operator:
    """Residuals, moduli and the proven majorant of the inverse."""
    triangle = triangle_of(problem)
    trans = int(problem.parameters["trans"])
    matrix = triangle.conj() if trans == 2 else triangle
    size = np.abs(triangle).astype(float)
    comparison = np.asfortranarray(-size)
    np.fill_diagonal(comparison, size.diagonal())
    lower = bool(problem.parameters["lower"])

    def majorant(v: Any) -> Any:
        x, info = lapack.dtrtrs(comparison, v, lower=lower, trans=int(trans > 0))
        return x if info == 0 else np.full_like(v, np.inf)

    return Operator(
        residual=lambda x, low, b: doubled_residual(matrix, x, low, b, transposed=trans > 0),
        moduli=lambda v: (size.T if trans else size) @ v,
        majorant=majorant,
    )


@register_check("triangular_system", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify one solution."""
    # gamma_n of the theorem, statistically sqrt(n) instead of n (Higham and Mary, 2019).
    a_priori = 2.0 * problem.unit_roundoff * float(problem.size) ** 0.5
    return certify_operator(problem, attempt, policy, operator_of(problem), a_priori)


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if evidence.get("rcond") == 0.0:
        return Refusal("a diagonal entry is exactly zero")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    # The loop around it costs what some ten thousand operations do.
    return 1e4 + 60.0 * float(problem.size) * float(problem.operands[1].size)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    return refined_attempt(problem, operator_of(problem), solver_of(problem))


register(
    Kernel(
        name="refined",
        kind="triangular_system",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="substitution with extra-precise refinement (Demmel and others, 2006)",
        tags=frozenset({"repair"}),
    )
)
