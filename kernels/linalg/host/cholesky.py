"""Cholesky factorization of symmetric or Hermitian positive definite matrices: LAPACK's potrf."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import structure_of
from fsci.kernels.definite import definite_candidate, mirrored_norm, mirrored_solver, reads_lower
from fsci.kernels.factors import lapack_view

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return definite_candidate(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    return n**3 / 3.0 + 2.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    view, flipped = lapack_view(a)
    lower = reads_lower(problem, flipped)
    potrf, potrs, pocon = lapack.get_lapack_funcs(("potrf", "potrs", "pocon"), (view,))
    factor, info = potrf(view, lower=lower, clean=False)
    if info > 0:
        return Attempt(None, status="not_definite", final=structure_of(problem) == "positive definite")
    norm = mirrored_norm(view, lower)
    rcond = float(pocon(factor, norm, uplo="L" if lower else "U")[0]) if np.isfinite(norm) else 0.0
    solve = mirrored_solver(
        lambda rhs: potrs(factor, rhs, lower=lower)[0],
        view.dtype,
        flipped != bool(problem.parameters.get("transposed")),
        hermitian=True,
    )
    return Attempt(
        solve(b),
        byproducts={"factor": (factor, lower), "rcond": rcond, "solve": solve},
        facts={"rcond": Fact(rcond, exact=False)},
    )


register(
    Kernel(
        name="cholesky",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK potrf, potrs, pocon",
    )
)
