"""Systems given by their factors, solved to working precision for the matrix that the factors stand for."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.factored_system_check import operator_of
from fsci.kernels.linalg.host.factored_system_operator import solver_of
from fsci.kernels.linalg.host.structured_operator import refined_attempt

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    # Three residuals through both factors, twenty operations for each of theirs.
    # The loop around them costs what some ten thousand operations do.
    return 1e4 + 120.0 * float(problem.size) * float(problem.operands[-1].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    return refined_attempt(problem, operator_of(problem), solver_of(problem))


register(
    Kernel(
        name="refined",
        kind="factored_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="extra-precise iterative refinement (Demmel and others, 2006)",
        tags=frozenset({"repair"}),
    )
)
