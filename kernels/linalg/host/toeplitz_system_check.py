"""Certificate of a Toeplitz system: what Levinson's recursion does not say, the residual does."""

from __future__ import annotations

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem
from fsci.kernels.linalg.host.structured_operator import certify_operator
from fsci.kernels.linalg.host.toeplitz_system_dense import operator_of

__all__: list[str] = []


@register_check("toeplitz_system", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify one solution; where the kernel has not measured the backward error, it is measured here."""
    operator = operator_of(problem)
    a_priori = attempt.byproducts.get("residual")
    if a_priori is None:
        x, b = (np.asarray(v).reshape(problem.size, -1) for v in (attempt.value, problem.operands[2]))
        a_priori = 0.0
        for k in range(x.shape[1]):
            r = np.abs(operator.residual(x[:, k], np.zeros_like(x[:, k]), b[:, k])).max(initial=0.0)
            scale = (operator.moduli(np.abs(x[:, k])) + np.abs(b[:, k])).max(initial=0.0)
            a_priori = max(a_priori, float(r / scale) if scale > 0.0 else 0.0)
    return certify_operator(problem, attempt, policy, operator, a_priori)
