"""A few eigenvalues of a sparse pencil (A, M) by Lanczos in the inner product of M, with own factors.

Next to a shift the operator is ``(A - s M)^-1 M``, at an end of the spectrum ``M^-1 A``; both are
self-adjoint in ``x^T M y`` (Ericsson and Ruhe, 1980). The lowest values of a definite A, as of stiffness
and mass, are those next to zero. Values are Rayleigh quotients with A and M themselves, and their residuals must be
those of a stable method: else another kernel has its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_array

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.factored import ordering_fits
from fsci.kernels.sparse.host.csr_products import csr_matmat_dense, csr_matvec
from fsci.kernels.sparse.host.eigsh_arpack import CALL
from fsci.kernels.sparse.host.eigsh_lanczos import SLOWER, started
from fsci.kernels.sparse.host.eigsh_shift_invert import purified
from fsci.kernels.sparse.lanczos import restarted
from fsci.kernels.sparse.lanczos_spaces import InnerSpace
from fsci.kernels.sparse.multifrontal import Factors, Graph, Ordering, cholesky, lu, supernodal
from fsci.kernels.sparse.repeated_solve import repeated_solver
from fsci.kernels.sparse.selection import given_order

__all__: list[str] = []

_ASIDE = 2.0**-24  # how far a shift is moved, relative to the sizes of A and M, where a pivot vanishes at it
_RESTARTS = 300
_SOLVES = 2.0  # times the basis: what Lanczos on the inverse takes
_SETTING_UP = 1.0e7  # adding and analysing two matrices: about a millisecond

Product = Callable[[Any], Any]


def _size(problem: Problem) -> int:
    p = problem.parameters
    return int(p["ncv"]) if p["ncv"] is not None else min(problem.size, max(2 * p["k"] + 8, 20))


def _shift(problem: Problem) -> float | None:
    """The shift next to which the values are wanted, zero for the least moduli; none at the ends."""
    p = problem.parameters
    if p["sigma"] is not None:
        return float(p["sigma"])
    return 0.0 if p["which"] == "SM" else None


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    p = problem.parameters
    if not (evidence.get("finite") and evidence.get("symmetric")):
        return Refusal("not symmetric, or not finite")
    if not evidence.get("positive_diagonal"):
        return Refusal("M is not positive definite")
    if p["iterate"]:
        return Refusal("the caller limits the iterations")
    if "ordering" not in evidence:
        return Refusal("too small for a sparse factorization to pay")
    if p["sigma"] is not None and p["which"] == "SM":
        return Refusal("the values far from a shift are at the ends of the spectrum")
    if p["which"] == "BE":
        return Refusal("small values beside large ones converge to no accuracy of their own")
    if _size(problem) < p["k"] + 3:
        return Refusal("the basis has no room to restart")
    return ordering_fits(problem, evidence.get("ordering"), 2.0)


def _work(problem: Problem, evidence: Evidence) -> float:
    (a, m), size = problem.operands, _size(problem)
    near = _shift(problem) is not None or problem.parameters["which"] == "SA"
    ordering = evidence.get("ordering" if near else "metric_ordering")
    sides, products = (2.0, _SOLVES * size) if near else (1.0, 8.0 * size)
    each = 8.0 * sides * ordering.entries + 2.0 * (a.nnz + m.nnz) + 8.0 * problem.size * size
    factor = sides * (ordering.flops + 8.0 * ordering.entries)
    return SLOWER * (factor + products * each) + 2.0 * products * CALL + _SETTING_UP


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p, n = problem.parameters, problem.size
    a, m = (x.astype(np.float64, copy=False) for x in problem.operands)
    metric = _product(m)
    operator, which = _operator(problem, evidence, a, m)
    if operator is None:
        return Attempt(None, status="not_definite")
    space = InnerSpace(operator, metric, n, _size(problem), np.float64)
    tol = max(float(p["tol"]), 2.0 * problem.unit_roundoff)
    found = restarted(space, p["k"], which, _size(problem), _RESTARTS, tol, *started(problem))
    if not space.definite:
        return Attempt(None, status="not_definite")
    if found.converged < p["k"] or not np.isfinite(found.vectors).all():
        return Attempt(None, status="not_converged", byproducts={"products": found.products})
    x = found.vectors
    for _ in range(2):
        ritz = _rayleigh_ritz(a, m, x)
        if ritz is None:
            return Attempt(None, status="not_definite")
        w, x, residuals = ritz
        size = evidence.get("norm_inf") + np.abs(w) * evidence.get("metric_norm")
        # What a backward stable method leaves, or what the caller asks for.
        allowed = max(16.0 * problem.unit_roundoff * n**0.5, float(p["tol"])) * size * np.linalg.norm(x, axis=0)
        if (residuals <= allowed).all():
            break
        x = purified(lambda v: operator(v, metric(v)), x)
    order = given_order(w, p["which"], p["sigma"], p["vectors"])
    dtype = problem.operands[0].dtype
    value, basis = w[order].astype(dtype), np.ascontiguousarray(x[:, order])
    return Attempt(
        (value, basis.astype(dtype, copy=False)) if p["vectors"] else value,
        "ok" if (residuals <= allowed).all() else "stalled",
        byproducts={"basis": basis, "products": found.products},
    )


def _product(a: Any) -> Product:
    n, arrays = a.shape[0], (a.indptr, a.indices, a.data)
    return lambda v: csr_matvec(n, n, *arrays, v)


def _factors(graph: Graph, ordering: Ordering, a: Any, factor: Callable[..., Factors | None]) -> Factors | None:
    m = one_matrix(a)
    found = factor(supernodal(graph.starts, graph.lists, ordering), m.indptr, m.indices, m.data, False)
    return None if found is None or found.replaced else found


def _operator(problem: Problem, evidence: Evidence, a: Any, m: Any) -> tuple[Any, str]:
    """The operator and what is wanted of it; none where no factorization serves."""
    p = problem.parameters
    graph, ordering, shift = evidence.get("graph"), evidence.get("ordering"), _shift(problem)
    if shift is None and p["which"] == "SA":
        factors = _factors(graph, ordering, a, cholesky)
        if factors is not None:
            solve = repeated_solver(factors)
            return (lambda _, mv: solve(mv)), "LM"
    if shift is None:
        factors = _factors(evidence.get("metric_graph"), evidence.get("metric_ordering"), m, cholesky)
        if factors is None:
            return None, ""
        invert, product = repeated_solver(factors), _product(a)
        return (lambda v, _: invert(product(v))), p["which"]
    which = "LM" if p["sigma"] is None else p["which"]
    factors = _factors(graph, ordering, a, cholesky) if shift == 0.0 else None
    width = evidence.get("norm_inf") / max(evidence.get("metric_norm"), np.finfo(float).tiny) + abs(shift)
    # A pivot may vanish at one shift: next to it, it does not.
    for move in (0.0, _ASIDE, -_ASIDE):
        if factors is None:
            shifted = csr_array(a - (shift + move * width) * m)
            shifted.sort_indices()
            factors = _factors(graph, ordering, shifted, lu)
    if factors is None:
        return None, ""
    solve = repeated_solver(factors)
    return (lambda _, mv: solve(mv)), which


def _rayleigh_ritz(a: Any, m: Any, v: Any) -> tuple[Any, Any, Any] | None:
    """Ritz values and vectors on the span of `v`, and residual norms; None where M is not definite."""
    q = np.ascontiguousarray(v)
    n = a.shape[0]
    image, mass = (csr_matmat_dense(n, n, x.indptr, x.indices, x.data, q) for x in (a, m))
    w, turn, info = lapack.dsygvd(q.T @ image, q.T @ mass)
    if info != 0:
        return None
    return w, q @ turn, np.linalg.norm(image @ turn - (mass @ turn) * w, axis=0)


register(
    Kernel(
        name="inner_lanczos",
        kind="sparse_pencil_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Ericsson and Ruhe (1980); Grimes, Lewis and Simon (1994); Wu and Simon (2000)",
    )
)
