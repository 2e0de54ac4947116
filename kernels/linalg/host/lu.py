"""LU with partial pivoting: LAPACK's getrf."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import declared_matrix
from fsci.kernels.general import factored_lu, needs_minimum_norm, one_matrix

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return one_matrix(problem)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    return 2.0 / 3.0 * n**3 + 2.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    factored = factored_lu(a, bool(problem.parameters.get("transposed")), evidence.get("norm1"))
    if factored is None:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=not needs_minimum_norm(problem))
    return Attempt(
        factored.solve(problem.operands[1]),
        byproducts={"factor": factored.factor, "rcond": factored.rcond, "solve": factored.solve},
        facts={"rcond": Fact(factored.rcond, exact=False)},
    )


register(
    Kernel(
        name="lu",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="LAPACK getrf, getrs, gecon",
    )
)
