"""SciPy's own matrix exponential, as the caller captured it before any patch: the answer of last resort."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if "scipy" in problem.parameters else Refusal("SciPy's function was not given")


def work(problem: Problem, evidence: Evidence) -> float:
    return 23.0 * problem.operands[0].size * problem.size + 10_000.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    x = problem.parameters["scipy"](problem.operands[0])
    return Attempt(x, status="ok" if np.isfinite(x).all() else "nonfinite")


register(
    Kernel(
        name="scipy",
        kind="matrix_exponential",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="scipy.linalg.expm (Al-Mohy and Higham, 2009)",
    )
)
