"""What the iterative kernels share: rows shared out to threads, the starting residual, what an iteration left."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.types import Attempt, Evidence, Fact, Problem, Refusal
from fsci.kernels.sparse.host.csr_products import csr_matvec
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["Rows", "ended", "expected_iterations", "starting_point", "true_residual", "wrong_method"]

_THREADS = Threads("csr_vector")


class Rows:
    """A matrix of compressed rows, cut into ranges for the threads that pay.

    Parameters
    ----------
    indptr, indices, data : ndarray
        Checked: every entry lies inside.
    """

    def __init__(self, indptr: Any, indices: Any, data: Any) -> None:
        self.arrays = indptr, indices, data
        self.count = indptr.size - 1
        self.bounds = by_entries(indptr, self.count, _THREADS.pieces(data.dtype, data.size + self.count))

    @property
    def alone(self) -> bool:
        """Whether one thread does it all."""
        return len(self.bounds) == 2

    def sum(self, task: Callable[[int, int], Any]) -> Any:
        """Run ``task(start, stop)`` on every range; the sum of what they give, in order."""
        return sum(spread(task, self.bounds))


def starting_point(problem: Problem, evidence: Evidence) -> tuple[Rows, Any, Any]:
    """Rows, x and ``r = b - A x``: from the iterate of a route that gave up, else from the guess of the call."""
    a, b = problem.operands
    x = evidence.get("iterate")
    x = problem.parameters["x0"].copy() if x is None else x.copy()
    rows = Rows(a.indptr, a.indices, a.data)
    r = b.copy()
    if x.any():
        r -= csr_matvec(a.shape[0], a.shape[1], *rows.arrays, x)
    return rows, x, r


def true_residual(problem: Problem, x: Any) -> Any:
    """``b - A x``."""
    a, b = problem.operands
    return b - csr_matvec(a.shape[0], a.shape[1], a.indptr, a.indices, a.data, x)


def ended(problem: Problem, x: Any, r: Any, done: int, converged: bool, info: int | None = None) -> Attempt:
    """What an iteration left: x, and SciPy's `info` among the by-products."""
    code = (0 if converged else problem.parameters["maxiter"]) if info is None else info
    finite = bool(np.isfinite(x).all())
    return Attempt(
        x,
        status="ok" if converged else "not_converged",
        byproducts={"info": code, "iterations": done, "recurrence_residual": r},
        facts={"iterate": Fact(x)} if finite and not converged else {},
        # Another method would meet the same tolerance: there is nothing to gain.
        final=converged,
    )


def wrong_method(problem: Problem, method: str, chosen: bool = False) -> Refusal | None:
    """Why a kernel of `method` does not serve; those that are `chosen` ask that a preconditioner may be."""
    if problem.parameters["method"] != method:
        return Refusal(f"the call asks for {problem.parameters['method']}")
    if chosen and not problem.parameters["choose"]:
        return Refusal("the call asks for no preconditioner")
    return None


def expected_iterations(problem: Problem, evidence: Evidence) -> float:
    """Iterations of diagonally scaled conjugate gradients, by Gershgorin's circles or for a Laplacian of that diameter.

    With a radius below one the condition of the scaled matrix is at most (1 + radius) / (1 - radius), and
    Chebyshev's bound gives the number. Else a mesh of the same diameter d is the model: the root of its
    condition is d / pi, in any dimension.
    """
    n, tolerance = max(problem.size, 1), problem.parameters["reduction"]
    digits = max(-math.log(min(max(tolerance, problem.unit_roundoff), 0.5)), 1.0) + math.log(2.0)
    radius = evidence.get("jacobi_radius", 1.0)
    model = 0.5 * evidence.get("diameter", 2.0 * math.sqrt(n)) / math.pi * digits
    if radius < 1.0:
        model = min(model, 0.5 * math.sqrt((1.0 + radius) / (1.0 - radius)) * digits)
    return float(min(max(model, 1.0), n, problem.parameters["maxiter"]))
