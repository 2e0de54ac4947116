"""A few eigenvalues at the ends of the spectrum by fsci's own thick-restart Lanczos on compressed rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.lanes import padded
from fsci.kernels.sparse.host.csr_products import csr_matvec
from fsci.kernels.sparse.lanczos import restarted
from fsci.kernels.sparse.lanczos_spaces import InnerSpace, RealSpace, Space, Steps, operator_steps
from fsci.kernels.sparse.lanczos_steps import product_steps
from fsci.kernels.sparse.selection import given_order
from fsci.kernels.sparse.split import Threads

__all__ = ["COMPLEX", "SLOWER", "basis_size", "one_end", "started"]

_THREADS = Threads("csr_vector")
# Restarts after which it is ARPACK's turn: four times what a mesh of a million points takes.
_RESTARTS = 1000
# Flops of a dense decomposition that go by in the time of one here: those of vectors wait for memory.
SLOWER = 3.0
COMPLEX = 6.0  # real flops of a complex operation, and its vectors pass twice
_LEAST = 40  # vectors of a basis that is not prescribed: below, restarts cost more than orthogonality (measured)


def basis_size(problem: Problem) -> int:
    """Vectors of the basis."""
    p = problem.parameters
    return int(p["ncv"]) if p["ncv"] is not None else min(problem.size, max(2 * p["k"] + 28, _LEAST))


def one_end(problem: Problem, evidence: Evidence) -> str:
    """The selection in terms of the ends of the spectrum: in an interval of one sign the moduli are at one end."""
    which = str(problem.parameters["which"])
    if problem.parameters["sigma"] is None and which in ("LM", "SM"):
        if evidence.get("low") >= 0.0:
            return "LA" if which == "LM" else "SA"
        if evidence.get("high") <= 0.0:
            return "SA" if which == "LM" else "LA"
    return which


def started(problem: Problem) -> tuple[Any, Any]:
    """First vector of the caller's, or random; and a source of more."""
    p, n = problem.parameters, problem.size
    # Without a source of randomness of the caller's the same call gives the same bits.
    rng = np.random.default_rng(0 if p["rng"] is None else p["rng"])

    dtype = np.result_type(problem.dtype, np.float64)

    def fresh() -> Any:
        real = rng.uniform(-1.0, 1.0, n)
        return real if dtype.kind == "f" else real + 1j * rng.uniform(-1.0, 1.0, n)

    v0 = None if p["v0"] is None else np.asarray(p["v0"], dtype).reshape(-1)
    usable = v0 is not None and 0.0 < float(np.linalg.norm(v0)) < np.inf
    return v0 if usable else fresh(), fresh


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    p = problem.parameters
    if not (evidence.get("finite") and evidence.get("symmetric")):
        return Refusal("not symmetric, or not finite")
    if p["iterate"]:
        return Refusal("the caller limits the iterations")
    if p["sigma"] is not None:
        return Refusal("a shift asks for a factorization")
    if one_end(problem, evidence) == "SM":
        return Refusal("the wanted values may be inside of the spectrum")
    if basis_size(problem) < p["k"] + 3:
        return Refusal("the basis has no room to restart")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, size = problem.operands[0], basis_size(problem)
    # In proportion to the diameter of a mesh: 160, 443 and 986 products on Laplacians of 15, 45 and 100 points an edge.
    products = max(2.0 * size, 5.0 * evidence.get("diameter", 10.0))
    flops = COMPLEX if a.dtype.kind == "c" else 1.0
    return SLOWER * flops * products * (2.0 * a.nnz + 4.0 * problem.size * size)


def _steps(a: Any) -> Steps:
    n = a.shape[0]
    indptr, indices, data = a.indptr, a.indices, a.data
    if _THREADS(data.dtype, data.size + n) > 1:
        return operator_steps(n, lambda v: csr_matvec(n, n, indptr, indices, data, v))
    w, weights = np.empty(padded(n)), np.empty(n + 1)

    def steps(basis: Any, ld: int, locked: int, stop: int, alphas: Any, betas: Any, arrow: Any) -> int:
        return int(product_steps(indptr, indices, data, n, basis, ld, locked, stop, alphas, betas, arrow, w, weights))

    return steps


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p, n = problem.parameters, problem.size
    a = problem.operands[0]
    wide = a.astype(np.result_type(a.dtype, np.float64), copy=False)
    tol, size = max(float(p["tol"]), 2.0 * problem.unit_roundoff), basis_size(problem)
    space: Space
    if a.dtype.kind == "c":
        arrays = wide.indptr, wide.indices, wide.data
        space = InnerSpace(lambda v, _: csr_matvec(n, n, *arrays, v), None, n, size, wide.dtype)
    else:
        space = RealSpace(_steps(wide), n, size)
    found = restarted(space, p["k"], one_end(problem, evidence), size, _RESTARTS, tol, *started(problem))
    byproducts = {"products": found.products, "basis": found.vectors}
    if found.converged < p["k"] or not np.isfinite(found.values).all():
        return Attempt(None, status="not_converged", byproducts=byproducts)
    order = given_order(found.values, p["which"], None, p["vectors"], a.dtype.kind == "c")
    w, v = found.values[order].astype(np.finfo(a.dtype).dtype), found.vectors[:, order]
    byproducts["basis"] = v
    return Attempt((w, np.ascontiguousarray(v, a.dtype)) if p["vectors"] else w, byproducts=byproducts)


register(
    Kernel(
        name="lanczos",
        kind="sparse_symmetric_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Wu and Simon (2000): thick restarts",
    )
)
