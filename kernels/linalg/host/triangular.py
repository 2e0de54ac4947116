"""Triangular systems: substitution by LAPACK's trtrs, on the matrix as it lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.factors import lapack_view, solver

__all__ = ["triangular_solver"]

Array = np.ndarray[Any, np.dtype[Any]]
Solve = Callable[..., Array]


def triangular_solver(a: Array, lower: bool) -> tuple[Solve, float]:
    """Solve with a triangular matrix of nonzero diagonal, and its reciprocal condition in the 1-norm."""
    view, flipped = lapack_view(a)
    trtrs, trcon = lapack.get_lapack_funcs(("trtrs", "trcon"), (view,))
    stored_lower = int(lower != flipped)

    def apply(rhs: Array, op: int) -> Array:
        return np.asarray(trtrs(view, rhs, lower=stored_lower, trans=op)[0])

    norm = "I" if flipped else "1"
    rcond = float(trcon(view, norm=norm, uplo="L" if stored_lower else "U")[0])
    return solver(apply, view.dtype, flipped), rcond


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if evidence.get("structure") in ("upper", "lower") else Refusal("not known to be triangular")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    if not a.diagonal().all():
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    solve, rcond = triangular_solver(a, evidence.get("structure") == "lower")
    return Attempt(solve(b), byproducts={"solve": solve, "rcond": rcond}, facts={"rcond": Fact(rcond, exact=False)})


register(
    Kernel(
        name="triangular",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK trtrs, trcon",
    )
)
