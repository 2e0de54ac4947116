"""Certificate of a banded system, and the route that refines it with residuals along the diagonals."""

from __future__ import annotations

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.banded_system_operator import operator_of, solver_of
from fsci.kernels.linalg.host.structured_operator import certify_operator, refined_attempt

__all__: list[str] = []


@register_check("banded_system", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify one solution; its normwise backward error was measured by the kernel."""
    a_priori = float(attempt.byproducts.get("residual", problem.unit_roundoff))
    return certify_operator(problem, attempt, policy, operator_of(problem), a_priori)


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if evidence.get("rcond") == 0.0:
        return Refusal("a pivot is exactly zero")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    rows, n = problem.operands[0].shape
    # The loop around it costs what some ten thousand operations do.
    return 1e4 + float(n) * rows * (rows + 200.0 * problem.operands[1].size / n)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    return refined_attempt(problem, operator_of(problem), solver_of(problem))


register(
    Kernel(
        name="refined",
        kind="banded_system",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="LAPACK gbtrf or pbtrf with extra-precise refinement (Demmel and others, 2006)",
        tags=frozenset({"repair"}),
    )
)
