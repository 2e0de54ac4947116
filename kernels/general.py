"""What the routes for one general matrix share: their refusal, the LU factorization, extra-precise attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.types import Attempt, Evidence, Fact, Problem, Refusal
from fsci.kernels.condition import rcond_estimate
from fsci.kernels.factors import Solve, lapack_view, solver
from fsci.kernels.refinement import refine_doubled

__all__ = [
    "FactoredLU",
    "beyond_unit_roundoff",
    "extra_precise_attempt",
    "factored_lu",
    "needs_minimum_norm",
    "one_matrix",
]

Array = np.ndarray[Any, np.dtype[Any]]


def one_matrix(problem: Problem) -> Refusal | None:
    """Refuse batches."""
    return None if problem.operands[0].ndim == 2 else Refusal("for one matrix, not a batch")


def needs_minimum_norm(problem: Problem) -> bool:
    """The policy lets a singular system be answered by its minimum norm solution."""
    return bool(problem.parameters.get("minimum_norm"))


def beyond_unit_roundoff(problem: Problem, evidence: Evidence) -> Refusal | None:
    """Refuse where factors in working precision cannot be a contraction."""
    rcond = evidence.get("rcond")
    # An estimated rcond below u / 8 may still belong to a system that refinement solves.
    if rcond is not None and rcond < problem.unit_roundoff / 8.0:
        return Refusal("the matrix is singular to working precision")
    return None


@dataclass(frozen=True, slots=True)
class FactoredLU:
    """LU factors of a matrix or its transpose, with the solve and the reciprocal condition."""

    factor: tuple[Array, Array]
    solve: Solve
    rcond: float


def factored_lu(a: Array, transposed: bool, norm1: float | None = None) -> FactoredLU | None:
    """Factor `a` by partial pivoting; None if a pivot is exactly zero.

    Parameters
    ----------
    a : (n, n) ndarray
    transposed : bool
        The solve is for ``a.T``.
    norm1 : float, optional
        1-norm of `a`, where it is known.
    """
    view, flipped = lapack_view(a)
    getrf, getrs, gecon, lange = lapack.get_lapack_funcs(("getrf", "getrs", "gecon", "lange"), (view,))
    which = "I" if flipped else "1"  # the norm of the view that is the 1-norm of a
    norm = float(lange(which, view)) if norm1 is None else norm1
    factor, pivots, info = getrf(view)
    if info > 0:
        return None

    def substitute(rhs: Array, op: int) -> Array:
        return np.asarray(getrs(factor, pivots, rhs, trans=op)[0])

    rcond = 0.0
    if np.isfinite(norm):
        of_a = solver(substitute, view.dtype, flipped)
        with np.errstate(all="ignore"):
            rcond = rcond_estimate(
                of_a,
                view.shape[0],
                norm,
                float(np.finfo(view.dtype).eps),
                lambda: float(gecon(factor, norm, norm=which)[0]),
            )
    solve = solver(substitute, view.dtype, flipped != transposed)
    return FactoredLU((factor, pivots), solve, rcond)


def extra_precise_attempt(problem: Problem, a: Array, solve: Solve, rcond: float | None) -> Attempt:
    """Solution refined in doubled precision, with its low-order part."""
    b = problem.operands[1]
    transposed = bool(problem.parameters.get("transposed"))
    facts = {} if rcond is None else {"rcond": Fact(rcond, exact=False)}
    with np.errstate(all="ignore"):
        x = solve(b)
        if not np.isfinite(x).all():
            return Attempt(None, status="nonfinite", facts=facts)
        refined = refine_doubled(a, b, transposed, solve, x, problem.unit_roundoff)
        value = refined.x.astype(problem.dtype if problem.dtype is not None else b.dtype)
        low = (refined.x - value) + refined.low
    extra: dict[str, Any] = {"solve": solve, "correction": low, "rate": refined.rate, "steps": refined.steps}
    if rcond is not None:
        extra["rcond"] = rcond
    if not refined.converged:
        # The last iterate is no worse than the factors alone, but nothing vouches for it.
        return Attempt(
            x, status="stalled", byproducts={"solve": solve} | ({} if rcond is None else {"rcond": rcond}), facts=facts
        )
    return Attempt(value, byproducts=extra, facts=facts)
