"""Matrices that are triangular after a permutation of rows and columns: permute, substitute, permute back."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.triangular import triangular_solver

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    known = evidence.get("structure") == "permuted_triangular" and "order" in evidence
    return None if known else Refusal("not known to be triangular after a permutation")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) * (problem.operands[1].size + problem.size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    rows, columns = evidence.get("order")
    upper = a[np.ix_(rows, columns)]
    if not upper.diagonal().all():
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    substitute, rcond = triangular_solver(upper, lower=False)

    def solve(rhs: Array, adjoint: bool = False) -> Array:
        """Solve with the matrix as given."""
        came, goes = (columns, rows) if adjoint else (rows, columns)
        inner = substitute(rhs[came], adjoint=adjoint)
        x = np.empty_like(inner)
        x[goes] = inner
        return x

    return Attempt(solve(b), byproducts={"solve": solve, "rcond": rcond}, facts={"rcond": Fact(rcond, exact=False)})


register(
    Kernel(
        name="permuted_triangular",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="substitution in elimination order, as MATLAB's mldivide; LAPACK trtrs",
    )
)
