"""Cholesky factorization of symmetric or Hermitian positive definite matrices: LAPACK's potrf."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.cholesky_solve import cholesky_solver
from fsci.kernels.condition import rcond_estimate
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
    potrf, pocon = lapack.get_lapack_funcs(("potrf", "pocon"), (view,))
    factor, info = potrf(view, lower=lower, clean=False)
    if info > 0:
        return Attempt(None, status="not_definite", final=structure_of(problem) == "positive definite")
    norm = mirrored_norm(view, lower)
    once = cholesky_solver(factor, lower)
    rcond = 0.0
    if np.isfinite(norm):
        of_view = mirrored_solver(once, view.dtype, False, hermitian=True)
        with np.errstate(all="ignore"):
            rcond = rcond_estimate(
                of_view,
                view.shape[0],
                norm,
                float(np.finfo(view.dtype).eps),
                lambda: float(pocon(factor, norm, uplo="L" if lower else "U")[0]),
            )
    solve = mirrored_solver(
        once,
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
        source="LAPACK potrf, trsv, pocon",
    )
)
