"""1-norm estimation of operators that are only known by their products.

The block algorithm of Higham and Tisseur (2000), which contains Hager's (1984) and Higham's
(1988) for one column. Starting vectors are fixed, so that the same problem has the same estimate.
Every number that enters is a lower bound of the norm; in practice it is nearly always within a
factor of 3 of it (Higham, 2002, section 15.3), which is the safety factor that bounds must carry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["ESTIMATOR_SAFETY", "inverse_norm_1", "inverse_weighted_norm", "norm1est", "rcond_bound", "rcond_estimate"]

ESTIMATOR_SAFETY = 3.0

Vector = np.ndarray[Any, np.dtype[Any]]
Product = Callable[[Vector], Vector]


def _starts(n: int, columns: int) -> list[Vector]:
    """Vectors of 1-norm one: constant, Higham's alternating one, then alternating blocks."""
    index = np.arange(n)
    ramp = (1.0 + index / max(n - 1, 1)) * (1.0 - 2.0 * (index & 1))
    starts = [np.full(n, 1.0 / n), ramp / np.abs(ramp).sum()]
    while len(starts) < columns:
        bit = len(starts) - 1
        starts.append((1.0 - 2.0 * ((index >> bit) & 1)) / n)
    return starts[:columns]


def _signs(y: Vector) -> Vector:
    if np.iscomplexobj(y):
        size = np.abs(y)
        signs = np.ones_like(y)
        np.divide(y, size, out=signs, where=size > 0)
        return signs
    return np.where(y < 0, -1.0, 1.0)


def norm1est(product: Product, adjoint: Product, n: int, columns: int = 2, steps: int = 4) -> float:
    """Estimate the 1-norm of an n-by-n operator B, from below.

    Parameters
    ----------
    product, adjoint : callable
        ``B @ v`` and ``B.conj().T @ v`` for one vector.
    n : int
    columns : int
        Vectors that climb together: more is safer and dearer.
    steps : int
        At most so many climbs; two nearly always suffice.

    Returns
    -------
    float
        Infinity where a product overflows or is not a number.
    """
    if n == 0:
        return 0.0
    columns = min(columns, n)
    vectors = _starts(n, columns)
    names: list[int | None] = [None] * len(vectors)
    visited: set[int] = set()
    estimate = 0.0
    for _ in range(steps):
        images = [product(v) for v in vectors]
        sizes = [float(np.abs(y).sum()) for y in images]
        best = int(np.argmax(sizes))
        if not np.isfinite(sizes).all():
            return np.inf
        # Columns of B that were met are exact; a step that gains nothing ends the climb.
        if visited and sizes[best] <= estimate:
            break
        estimate = max(estimate, sizes[best])
        heights = np.zeros(n)
        for y in images:
            np.maximum(heights, np.abs(adjoint(_signs(y))), out=heights)
        top = float(heights.max())
        if not np.isfinite(top):
            return np.inf
        reached = names[best]
        estimate = max(estimate, top)  # |s^H B e_j| <= ||B e_j||_1 for entries of s of modulus one
        if reached is not None and top <= heights[reached] * (1.0 + 1e-12):
            break
        heights[list(visited)] = -1.0
        order = np.argsort(-heights, kind="stable")[:columns]
        fresh = [int(j) for j in order if heights[j] >= 0.0]
        if not fresh:
            break
        visited.update(fresh)
        names = list(fresh)
        vectors = []
        for j in fresh:
            unit = np.zeros(n)
            unit[j] = 1.0
            vectors.append(unit)
    if columns == 1:
        # Higham's alternating vector catches the cancellations that defeat a single climb.
        ramp = _starts(n, 2)[1]
        last = 2.0 / 3.0 * float(np.abs(product(ramp)).sum())
        estimate = last if not last <= estimate else estimate
    return estimate


def _columns(n: int) -> int:
    # A solve with one vector streams the factor once; two climbs where that is cheap. Not a tuning of results:
    # the safety factor covers either.
    return 2 if n <= 1024 else 1


def inverse_norm_1(solve: Callable[..., Vector], n: int, columns: int | None = None) -> float:
    """Estimate ``||A^-1||_1`` from ``solve(rhs, adjoint=False)``."""
    return norm1est(solve, lambda v: solve(v, adjoint=True), n, columns or _columns(n))


def inverse_weighted_norm(solve: Callable[..., Vector], weights: Vector, columns: int | None = None) -> float:
    """Estimate ``|| |A^-1| w ||_inf`` for ``w >= 0`` (Arioli, Demmel and Duff, 1989).

    It equals ``||A^-1 diag(w)||_inf``, the 1-norm of the adjoint of that product.
    """
    n = weights.shape[0]
    return norm1est(lambda v: weights * solve(v, adjoint=True), lambda v: solve(weights * v), n, columns or _columns(n))


# LAPACK's estimators (gecon, pocon) solve with scaled substitutions, column by column in one thread: from this order on
# they take twice the time of the estimator above over BLAS solves.
_FAST_SOLVES = 512
# Up to so many eps the estimate may decide about SciPy's warning, and must be the one that SciPy makes.
_DECISIVE = 2.0**14


def rcond_estimate(
    solve: Callable[..., Vector], n: int, norm_1: float, eps: float, lapack: Callable[[], float]
) -> float:
    """Reciprocal condition in the 1-norm: that of ``lapack()``, or a cheaper one where no decision hangs on it.

    `eps` is that of the precision of ``solve``.
    """
    if n < _FAST_SOLVES:
        return lapack()
    product = norm_1 * inverse_norm_1(solve, n, columns=1)
    rcond = 1.0 / product if product > 0.0 else 0.0
    return rcond if rcond > _DECISIVE * eps else lapack()


def rcond_bound(weights: Vector, norm_inf: float, skeel: float) -> float | None:
    """Safe lower bound of rcond in the 1-norm from ``skeel = || |A^-1| w ||``; None where it says too little.

    ``||A^-1||_inf <= || |A^-1| w ||_inf / min(w)``, and the 1- and infinity norms differ by n at most, each way.
    Too little: it would leave open whether rcond is below eps, which SciPy warns of.
    """
    n = weights.shape[0]
    if not norm_inf * skeel > 0.0:  # a zero right-hand side: the weights vanish and say nothing
        return None
    bound = float(weights.min()) / (norm_inf * skeel * ESTIMATOR_SAFETY * n * n)
    return bound if bound > 2.0**-50 else None
