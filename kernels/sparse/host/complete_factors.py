"""Complete factors and refinement, for an iterative call: where no preconditioner suits, or none is cheaper."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.chosen import is_chosen
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.factored import available_bytes
from fsci.kernels.sparse.host.superlu import superlu_solver
from fsci.kernels.sparse.iteration import ended, starting_point, true_residual
from fsci.kernels.sparse.multifrontal import graph_of, lu, minimum_degree, supernodal
from fsci.kernels.sparse.pattern import scan
from fsci.kernels.sparse.work_limit import direct_work

__all__: list[str] = []

# The factors are the inverse up to rounding: a few steps are refinement, more say that they are not.
_STEPS = 5
# Bytes of an entry of L and of U, and what the stack adds.
_BYTES = 40.0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return is_chosen(problem)


def _work(problem: Problem, evidence: Evidence) -> float:
    return direct_work(problem, evidence)


def _factors(problem: Problem) -> Any:
    """``solve(rhs)``; None where the matrix is singular, or its factors do not fit into memory."""
    a = problem.operands[0]
    if not a.has_canonical_format:
        a = a.copy()
        a.sum_duplicates()
    stored = one_matrix(a)
    pattern = scan(stored.n, stored.indptr, stored.indices, stored.data)
    if pattern.malformed or not pattern.finite:
        return None
    if pattern.symmetric_order:
        starts, lists = graph_of(stored.n, stored.indptr, stored.indices)
        ordering = minimum_degree(starts, lists)
        if ordering.entries * _BYTES > available_bytes():
            return None
        found = lu(supernodal(starts, lists, ordering), stored.indptr, stored.indices, stored.data, stored.by_rows)
        if not found.replaced:
            return found.solve
    try:
        return superlu_solver(a, {"ColPerm": "COLAMD"})
    except RuntimeError:  # singular
        return None


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    _, x, r = starting_point(problem, evidence)
    done, target = 0, problem.parameters["atol"]
    with np.errstate(all="ignore"):
        solve = _factors(problem)
        if solve is None:
            return Attempt(None, status="stalled")
        size = float(np.linalg.norm(r))
        while size > target and done < _STEPS:
            better = (x + solve(r)).astype(x.dtype)
            done += 1
            r = true_residual(problem, better)
            before, size = size, float(np.linalg.norm(r))
            if not size < before:
                break
            x = better
    if problem.parameters["callback"] is not None:
        problem.parameters["callback"](x)
    attempt = ended(problem, x, r, done, size <= target)
    # What a stable solve leaves, no other method removes: then the tolerance is out of reach of this precision.
    final = attempt.final or _backward(problem, x, r) <= BACKWARD_SLACK * problem.unit_roundoff * x.size**0.5
    return Attempt(attempt.value, attempt.status, {**attempt.byproducts, "solve": solve}, attempt.facts, final)


def _backward(problem: Problem, x: Any, r: Any) -> float:
    """Normwise backward error (Rigal and Gaches, 1967)."""
    a, b = problem.operands
    moduli, sizes = np.abs(a.data), np.diff(a.indptr)
    norm = float(np.bincount(np.repeat(np.arange(a.shape[0]), sizes), moduli, a.shape[0]).max(initial=0.0))
    scale = norm * float(np.abs(x).max(initial=0.0)) + float(np.abs(b).max(initial=0.0))
    found = float(np.abs(r).max(initial=0.0)) / scale if scale > 0.0 else 0.0
    return found if found >= 0.0 else np.inf


register(
    Kernel(
        name="complete_factors",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Duff and Reid (1984); SuperLU; Wilkinson (1963)",
    )
)
