"""A few eigenvalues of a small sparse matrix, or many of a larger one, by a dense decomposition: it misses none."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.symmetric_eigen_drivers import decompose
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes
from fsci.kernels.sparse.host.eigsh_lanczos import one_end
from fsci.kernels.sparse.selection import chosen, given_order

__all__ = ["dense_work"]

_LAPACK = {"f": lapack.ssyevr, "d": lapack.dsyevr, "F": lapack.cheevr, "D": lapack.zheevr}


def _neighbours(problem: Problem, which: str) -> str:
    """``"end"`` where the wanted values are the first or last, ``"inside"`` where they are neighbours; else empty."""
    if problem.parameters["sigma"] is None and which in ("SA", "LA"):
        return "end"
    return "inside" if which == ("SM" if problem.parameters["sigma"] is None else "LM") else ""


def dense_work(problem: Problem) -> float:
    """Flops: the tridiagonal form, half of it at the speed of memory, and the vectors that are wanted."""
    n = float(problem.size)
    near = _neighbours(problem, problem.parameters["which"])
    k = problem.parameters["k"] if near else problem.size
    # Which values are inside shows after a first reduction; the vectors take another.
    times = 2.0 if near == "inside" and problem.parameters["vectors"] else 1.0
    complex_flops = 4.0 if problem.operands[0].dtype.kind == "c" else 1.0
    return complex_flops * (4.0 * times * n**3 + 4.0 * n * n * k * bool(problem.parameters["vectors"])) + 100.0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not (evidence.get("finite") and evidence.get("symmetric")):
        return Refusal("not symmetric, or not finite")
    if problem.parameters["iterate"]:
        return Refusal("the caller limits the iterations")
    needed = 3.0 * problem.size**2 * problem.operands[0].dtype.itemsize
    if needed > SURELY_FITS and needed > available_bytes():
        return Refusal(f"the dense matrix and its vectors take {needed:.3g} bytes")
    return None


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p = problem.parameters
    whole = problem.operands[0].toarray()
    which = one_end(problem, evidence)
    near = _neighbours(problem, which)
    if near and p["vectors"]:
        # Bisection for so many vectors: divide and conquer computes all, and wakes the threads of BLAS for it.
        place = _window(problem, whole, which)
        w, v, found, _, info = _LAPACK[whole.dtype.char](whole, range="I", il=place[0] + 1, iu=place[1], lower=1)
        w, v = w[:found], v[:, :found]
        index = np.arange(p["k"])
    else:
        w, v, info = decompose(whole, True, bool(p["vectors"]))
        index = chosen(w, p["k"], p["which"], p["sigma"])
    if info != 0 or w.size < p["k"]:
        return Attempt(None, status="not_converged")
    index = index[given_order(w[index], p["which"], p["sigma"], p["vectors"], whole.dtype.kind == "c")]
    return Attempt((w[index], np.ascontiguousarray(v[:, index])) if p["vectors"] else w[index].copy())


def _window(problem: Problem, whole: Any, which: str) -> tuple[int, int]:
    """First index of the wanted eigenvalues, and the one behind the last."""
    p, n = problem.parameters, problem.size
    if _neighbours(problem, which) == "end":
        return (0, p["k"]) if which == "SA" else (n - p["k"], n)
    every, _, _ = decompose(whole, True, False)
    first = int(chosen(every, p["k"], which, p["sigma"]).min())
    return first, first + p["k"]


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
