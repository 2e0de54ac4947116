"""Sparse triangular systems by SuperLU's own substitution, as SciPy calls it."""

from __future__ import annotations

from numpy.linalg import LinAlgError
from scipy.sparse.linalg import spsolve_triangular

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__: list[str] = []


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    return float((a.nnz + a.shape[0]) * b.shape[1])


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    try:
        x = spsolve_triangular(a, b, problem.parameters["lower"], unit_diagonal=problem.parameters["unit"])
    except LinAlgError:
        return Attempt(None, status="singular", final=True)
    return Attempt(x)


register(
    Kernel(
        name="superlu",
        kind="sparse_triangular",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="SuperLU's gstrs, Demmel and others (1999)",
    )
)
