"""What the kernels of a chosen preconditioner share: the method of the call, run around it, and what it left."""

from __future__ import annotations

from typing import Any

from fsci.core.types import Attempt, Evidence, Problem, Refusal
from fsci.kernels.sparse import krylov
from fsci.kernels.sparse.host.cg import conjugate_gradients
from fsci.kernels.sparse.host.csr_products import csr_matvec
from fsci.kernels.sparse.iteration import ended, starting_point, true_residual
from fsci.kernels.sparse.subspace import Vectors

__all__ = ["is_chosen", "iterated", "methods_refusal"]

# The rounding of the test itself.
_DRIFT = 1.0 + 1e-6


def is_chosen(problem: Problem) -> Refusal | None:
    """Refuse a call that leaves nothing to choose."""
    return None if problem.parameters["choose"] else Refusal("the call asks for no preconditioner")


def methods_refusal(problem: Problem, methods: tuple[str, ...]) -> Refusal | None:
    """Refuse a call that leaves nothing to choose, or asks for another method than these."""
    refusal = is_chosen(problem)
    if refusal is None and problem.parameters["method"] not in methods:
        return Refusal(f"the call asks for {problem.parameters['method']}")
    return refusal


def iterated(
    problem: Problem, evidence: Evidence, precondition: Any, limit: float, detail: dict[str, Any] | None = None
) -> Attempt:
    """Run the method of the call around ``precondition(r, z)``, at most `limit` iterations."""
    rows, x, r = starting_point(problem, evidence)
    a, b = problem.operands
    parameters = problem.parameters
    watch = krylov.Watch(parameters["atol"], limit)
    n, vectors = a.shape[0], Vectors(rows.bounds)

    def product(v: Any) -> Any:
        return csr_matvec(n, n, *rows.arrays, v)

    match parameters["method"]:
        case "gmres":
            done, _ = krylov.gmres(product, precondition, b, x, r, parameters["restart"], watch, vectors)
        case "bicgstab":
            done, _ = krylov.bicgstab(product, precondition, x, r, watch, vectors)
        case "minres":
            done, _ = krylov.minres(product, precondition, b, x, r, watch, vectors)
        case _:
            steps = int(min(limit, parameters["maxiter"]))
            callback = parameters["callback"]
            done, _ = conjugate_gradients(rows, x, r, parameters["atol"], steps, precondition, callback)
    # A recurrence may have drifted, and the last step of a loop is not looked at.
    r = true_residual(problem, x)
    size = vectors.norm(r)
    attempt = ended(problem, x, r, done, size <= parameters["atol"] * _DRIFT)
    # Only where it is nearer than where it began the next method begins there.
    begun = evidence.get("iterate")
    begun = parameters["x0"] if begun is None else begun
    facts = attempt.facts if size < vectors.norm(true_residual(problem, begun)) else {}
    return Attempt(attempt.value, attempt.status, {**attempt.byproducts, **(detail or {})}, facts, attempt.final)
