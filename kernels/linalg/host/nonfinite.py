"""Systems with infinities or NaN: no algorithm has an answer, and none should spend time to find that out."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if evidence.get("finite") is False else Refusal("for operands with infinities or NaN")


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    return Attempt(None, status="nonfinite", final=True)


register(
    Kernel(
        name="nonfinite",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="IEEE 754: the caller must judge what no arithmetic can",
    )
)
