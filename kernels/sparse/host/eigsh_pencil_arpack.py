"""A few eigenvalues of a sparse pencil (A, M) by ARPACK with SuperLU's factors, in SciPy's loop."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import ArpackError

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.host.eigsh_arpack import CALL
from fsci.kernels.sparse.host.eigsh_lanczos import SLOWER

__all__: list[str] = []


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, p = problem.operands[0], problem.parameters
    basis = float(p["ncv"] or max(2 * p["k"] + 1, 20))
    products = 3.0 * basis * (1.0 if p["sigma"] is not None else 10.0 if p["which"] == "SM" else 3.0)
    entries = 4.0 * a.nnz if "ordering" not in evidence else evidence.get("ordering").entries
    work = products * (SLOWER * (8.0 * entries + 12.0 * a.shape[0] * basis) + 2.0 * CALL)
    return work + (8.0 * SLOWER * evidence.get("ordering").flops if "ordering" in evidence else 0.0)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p = problem.parameters
    options = {name: p[name] for name in ("k", "sigma", "which", "v0", "ncv", "maxiter", "tol", "rng")}
    # Without a source of randomness of the caller's the same call gives the same bits.
    options["rng"] = np.random.default_rng(0) if p["rng"] is None else p["rng"]
    a, m = problem.operands
    try:
        found = p["original"](a, M=m, return_eigenvectors=p["vectors"], **options)
    except ArpackError as error:
        return Attempt(None, status="not_converged", byproducts={"error": error}, final=True)
    except RuntimeError as error:  # M, or the shifted matrix, is singular
        return Attempt(None, status="singular", byproducts={"error": error}, final=True)
    return Attempt(found)


register(
    Kernel(
        name="arpack",
        kind="sparse_pencil_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Sorensen (1992); Lehoucq, Sorensen and Yang (1998): ARPACK",
    )
)
