"""LU in working precision, refined with residual and iterate in doubled precision.

Gives a solution accurate to working precision up to a condition near 1/u (Demmel and
others, 2006), and a bound that is hardly larger than the error.
"""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import declared_matrix
from fsci.kernels.general import (
    beyond_unit_roundoff,
    extra_precise_attempt,
    factored_lu,
    needs_minimum_norm,
    one_matrix,
)

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return one_matrix(problem) or beyond_unit_roundoff(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    # Some 35 flops for each entry in a doubled residual, two to three of them for each column.
    return 2.0 / 3.0 * n**3 + 100.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    factored = factored_lu(a, bool(problem.parameters.get("transposed")), evidence.get("norm1"))
    if factored is None:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=not needs_minimum_norm(problem))
    return extra_precise_attempt(problem, a, factored.solve, factored.rcond)


register(
    Kernel(
        name="lu_extra_precise",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK getrf; extra-precise refinement after Demmel, Hida, Kahan, Li, Mukherjee and Riedy (2006)",
        tags=frozenset({"repair"}),
    )
)
