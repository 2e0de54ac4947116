"""SciPy's own sums of samples: the spacings and layouts that the others leave."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.operands[0].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    y, x = problem.operands
    dx, axis = problem.parameters["dx"], problem.parameters["axis"]
    # SciPy's function as it was before any patch: this module may be imported under one.
    original = problem.parameters["original"]
    spacing = {} if problem.structure == "romb" else {"x": x}
    return Attempt(original(y, dx=dx, axis=axis, **spacing))


register(
    Kernel(
        name="sampled_scipy",
        kind="sampled_integral",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="SciPy",
    )
)
