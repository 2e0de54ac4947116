"""Batches of general eigenproblems, slice by slice: Hermitian ones as such, the others by geev."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host import general_eigen_geev, general_eigen_hermitian
from fsci.kernels.linalg.host.structure_hermitian import is_hermitian

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if problem.operands[0].ndim > 2 else Refusal("for a batch")


def work(problem: Problem, evidence: Evidence) -> float:
    return max(1.0, 25.0 * float(problem.operands[0].size) * problem.size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    stacked = problem.operands[0]
    shape = stacked.shape[:-2]
    answers = []
    for index in np.ndindex(*shape):
        a = stacked[index]
        one = Problem(problem.kind, (a,), problem.parameters, problem.backend, problem.dtype, None, problem.size)
        solver = general_eigen_hermitian if is_hermitian(a) else general_eigen_geev
        attempt = solver.run(one, evidence)
        if attempt.value is None:
            return attempt
        answers.append(attempt.value)
    parts = [None if p[0] is None else np.stack(p).reshape(*shape, *p[0].shape) for p in zip(*answers, strict=True)]
    return Attempt(tuple(parts))


register(
    Kernel(
        name="batch",
        kind="general_eigen",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK geev and syevd over slices",
    )
)
