"""ARPACK's implicitly restarted Lanczos method over fsci's products, in SciPy's loop."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import ArpackError

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.host.eigsh_lanczos import COMPLEX, SLOWER
from fsci.kernels.sparse.operator import RowsOperator

__all__ = ["CALL"]

# Flops that one call of a product out of SciPy's loop is worth.
CALL = 3.0e5


def _expected_products(problem: Problem, evidence: Evidence) -> float:
    """Products until a few eigenvalues at an end of the spectrum have converged.

    Those of a mesh of diameter d lie closer than the spectrum is wide by d squared, and Lanczos takes in proportion
    to d; restarts multiply that (measured on Laplacians of 50 to 100 points an edge).
    """
    k = problem.parameters["k"]
    basis = float(problem.parameters["ncv"] or max(2 * k + 1, 20))
    return min(max(3.0 * basis, 8.0 * evidence.get("diameter", 10.0)), 10.0 * problem.size * basis)


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, p = problem.operands[0], problem.parameters
    basis = float(p["ncv"] or max(2 * p["k"] + 1, 20))
    products = _expected_products(problem, evidence)
    # Of complex matrices it builds the Hessenberg form of a general one.
    dearer = 2.0 * COMPLEX if a.dtype.kind == "c" else 1.0
    work = products * (dearer * SLOWER * (2.0 * a.nnz + 12.0 * a.shape[0] * basis) + CALL)
    if p["sigma"] is None and p["which"] == "SM":
        work *= 10.0  # inside of the spectrum, or at its flat end
    if p["sigma"] is not None and "ordering" in evidence:
        work += 8.0 * SLOWER * evidence.get("ordering").flops
    return work


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p = problem.parameters
    a = problem.operands[0]
    # SuperLU factors the container itself; everything else takes products.
    operator = RowsOperator(a) if p["sigma"] is None else a
    options = {name: p[name] for name in ("k", "sigma", "which", "v0", "ncv", "maxiter", "tol", "rng")}
    # Without a source of randomness of the caller's the same call gives the same bits.
    options["rng"] = np.random.default_rng(0) if p["rng"] is None else p["rng"]
    try:
        found = p["original"](operator, return_eigenvectors=p["vectors"], **options)
    except ArpackError as error:
        return Attempt(None, status="not_converged", byproducts={"error": error}, final=p["iterate"])
    except RuntimeError as error:  # the shifted matrix is singular
        return Attempt(None, status="singular", byproducts={"error": error}, final=True)
    return Attempt(found)


register(
    Kernel(
        name="arpack",
        kind="sparse_symmetric_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Sorensen (1992); Lehoucq, Sorensen and Yang (1998): ARPACK",
    )
)
