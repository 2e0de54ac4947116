"""Symmetric indefinite factorization with Bunch-Kaufman pivoting: LAPACK's sytrf and hetrf."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import structure_of
from fsci.kernels.definite import mirrored_norm, mirrored_solver, reads_lower
from fsci.kernels.factors import lapack_view
from fsci.kernels.general import needs_minimum_norm

__all__: list[str] = []


def _is_hermitian(problem: Problem, evidence: Evidence) -> bool | None:
    """True for Hermitian, False for (complex) symmetric, None where neither is known."""
    declared = structure_of(problem)
    if problem.operands[0].dtype.kind != "c":
        known = evidence.get("symmetric") or evidence.get("hermitian")
        return False if declared in ("symmetric", "hermitian") or (declared == "general" and known) else None
    if declared != "general":
        return {"hermitian": True, "symmetric": False}.get(declared)
    return True if evidence.get("hermitian") else (False if evidence.get("symmetric") else None)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[0].ndim != 2:
        return Refusal("for one matrix, not a batch")
    if _is_hermitian(problem, evidence) is None:
        return Refusal("not known to be symmetric or Hermitian")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    return n**3 / 3.0 + 2.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    hermitian = bool(_is_hermitian(problem, evidence))
    view, flipped = lapack_view(a)
    lower = reads_lower(problem, flipped)
    names = ("hetrf", "hetrs", "hecon", "hetrf_lwork") if hermitian else ("sytrf", "sytrs", "sycon", "sytrf_lwork")
    factorize, back, con, query = lapack.get_lapack_funcs(names, (view,))
    lwork = int(np.real(query(view.shape[0], lower=lower)[0]))
    factor, pivots, info = factorize(view, lower=lower, lwork=max(lwork, 1))
    if info > 0:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=not needs_minimum_norm(problem))
    norm = mirrored_norm(view, lower)
    rcond = float(con(factor, pivots, norm, lower=lower)[0]) if np.isfinite(norm) else 0.0
    solve = mirrored_solver(
        lambda rhs: back(factor, pivots, rhs, lower=lower)[0],
        view.dtype,
        flipped != bool(problem.parameters.get("transposed")),
        hermitian,
    )
    return Attempt(
        solve(b),
        byproducts={"factor": (factor, pivots, lower), "rcond": rcond, "solve": solve},
        facts={"rcond": Fact(rcond, exact=False)},
    )


register(
    Kernel(
        name="ldlt",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Bunch and Kaufman (1977); LAPACK sytrf, hetrf",
    )
)
