"""A few eigenvalues of a small sparse matrix, or many of a larger one, by a dense decomposition: it misses none."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.symmetric_eigen_drivers import decompose
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes
from fsci.kernels.sparse.selection import chosen, given_order

__all__ = ["dense_work"]

_LAPACK = {"f": lapack.ssyevr, "d": lapack.dsyevr}


def _part(problem: Problem) -> tuple[int, int] | None:
    """First and last index, where the wanted ones are neighbours at an end of the spectrum."""
    p, n = problem.parameters, problem.size
    if p["sigma"] is not None or p["which"] not in ("SA", "LA"):
        return None
    return (1, p["k"]) if p["which"] == "SA" else (n - p["k"] + 1, n)


def dense_work(problem: Problem) -> float:
    """Flops: the tridiagonal form, half of it at the speed of memory, and the vectors that are wanted."""
    n = float(problem.size)
    k = problem.parameters["k"] if _part(problem) else problem.size
    return 4.0 * n**3 + 4.0 * n * n * k * bool(problem.parameters["vectors"]) + 100.0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not (evidence.get("finite") and evidence.get("symmetric")):
        return Refusal("not symmetric, or not finite")
    if problem.parameters["iterate"]:
        return Refusal("the caller limits the iterations")
    needed = 3.0 * problem.size**2 * 8.0
    if needed > SURELY_FITS and needed > available_bytes():
        return Refusal(f"the dense matrix and its vectors take {needed:.3g} bytes")
    return None


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p = problem.parameters
    whole = problem.operands[0].toarray()
    part = _part(problem)
    if part is not None and p["vectors"]:
        w, v, found, _, info = _LAPACK[whole.dtype.char](whole, range="I", il=part[0], iu=part[1], lower=1)
        w, v = w[:found], v[:, :found]
    else:
        w, v, info = decompose(whole, True, bool(p["vectors"]))
    if info != 0 or w.size < p["k"]:
        return Attempt(None, status="not_converged")
    index = np.arange(p["k"]) if part is not None and p["vectors"] else chosen(w, p["k"], p["which"], p["sigma"])
    index = index[given_order(w[index], p["which"], p["sigma"], p["vectors"])]
    return Attempt((w[index], np.ascontiguousarray(v[:, index])) if p["vectors"] else w[index].copy())


def _work(problem: Problem, evidence: Evidence) -> float:
    return dense_work(problem)


register(
    Kernel(
        name="dense",
        kind="sparse_symmetric_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="LAPACK syevr, syevd",
    )
)
