"""Eigenproblems posed as general whose matrix is exactly Hermitian: divide and conquer, orthonormal vectors.

The eigenvalues come in ascending order; the general problem promises none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.random_checks import passes_hermitian, passes_trace
from fsci.kernels.linalg.host.symmetric_eigen_drivers import decompose

__all__ = ["answer"]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[0].ndim > 2:
        return Refusal("for one matrix, not a batch")
    return None if evidence.get("hermitian") else Refusal("not known to be Hermitian")


def work(problem: Problem, evidence: Evidence) -> float:
    vectors = bool(problem.parameters.get("right", True)) or bool(problem.parameters.get("left", False))
    return max(1.0, (4.5 if vectors else 4.0 / 3.0) * float(problem.size) ** 3)


def answer(a: np.ndarray, left: bool, right: bool) -> Any:
    """Values (complex, as the general problem has them) and vectors; None where the check fails."""
    w, v, info = decompose(a, True, left or right)
    if info != 0 or not (passes_hermitian(a, True, w, v) if left or right else passes_trace(a, w)):
        return None
    values = w.astype("F" if a.dtype.char in "fF" else "D")
    return values, v.copy(order="F") if left and right else v if left else None, v if right else None


def run(problem: Problem, evidence: Evidence) -> Attempt:
    left, right = bool(problem.parameters.get("left", False)), bool(problem.parameters.get("right", True))
    value = answer(problem.operands[0], left, right)
    return Attempt(value, status="ok" if value is not None else "not_converged")


register(
    Kernel(
        name="hermitian",
        kind="general_eigen",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK syevd/heevd",
    )
)
