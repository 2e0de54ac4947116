"""A few eigenvalues of a small sparse pencil (A, M) by its dense decomposition: it misses none."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes
from fsci.kernels.sparse.selection import chosen, given_order

__all__ = ["pencil_dense_work"]

_LAPACK = {"f": lapack.ssygvd, "d": lapack.dsygvd}


def pencil_dense_work(problem: Problem) -> float:
    """Flops: two triangular reductions, the tridiagonal form, and all vectors."""
    return 14.0 * float(problem.size) ** 3 + 1000.0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not (evidence.get("finite") and evidence.get("symmetric")):
        return Refusal("not symmetric, or not finite")
    if not evidence.get("positive_diagonal"):
        return Refusal("M is not positive definite")
    if problem.parameters["iterate"]:
        return Refusal("the caller limits the iterations")
    needed = 4.0 * problem.size**2 * 8.0
    if needed > SURELY_FITS and needed > available_bytes():
        return Refusal(f"the dense matrices and vectors take {needed:.3g} bytes")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    return pencil_dense_work(problem)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p = problem.parameters
    a, m = (x.toarray(order="F") for x in problem.operands)
    w, v, info = _LAPACK[a.dtype.char](a, m, overwrite_a=1, overwrite_b=1)
    if info != 0:
        return Attempt(None, status="not_definite" if info > problem.size else "not_converged")
    index = chosen(w, p["k"], p["which"], p["sigma"])
    index = index[given_order(w[index], p["which"], p["sigma"], p["vectors"])]
    found = np.ascontiguousarray(v[:, index])
    return Attempt((w[index], found) if p["vectors"] else w[index].copy(), byproducts={"basis": found})


register(
    Kernel(
        name="dense",
        kind="sparse_pencil_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="LAPACK sygvd",
    )
)
