"""Thick-restart Lanczos (Wu and Simon, 2000): the basis kept orthogonal in one compiled pass a step.

ARPACK spends more time on its basis, and on waking the threads of BLAS for it, than on the products of a sparse
matrix. Here each step subtracts what the three-term recurrence says, and then, in one pass over the basis, what
rounding has left of the earlier vectors ("twice is enough", Kahan in Parlett, 1998). A restart keeps the best
Ritz vectors and the last residual; the projected matrix is then an arrow and a tridiagonal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.kernels.sparse.lanczos_spaces import Space
from fsci.kernels.sparse.selection import chosen

__all__ = ["Found", "restarted"]

_EPS = 2.0**-52


@dataclass(frozen=True, slots=True)
class Found:
    """Ritz values and vectors (in columns), products spent, and how many of the wanted ones converged."""

    values: Any
    vectors: Any
    products: int
    converged: int


def restarted(
    space: Space, k: int, which: str, size: int, restarts: int, tol: float, start: Any, fresh: Callable[[], Any]
) -> Found:
    """A few eigenvalues of a self-adjoint operator.

    Parameters
    ----------
    size : int
        Vectors of the basis, above k and at most the dimension.
    tol : float
        Of a residual, relative to its Ritz value, as ARPACK has it; no smaller than rounding leaves it.
    start : ndarray
        First vector.
    fresh : callable
        ``fresh()`` gives another vector, where an invariant space was found.
    """
    alphas, betas, arrow = np.zeros(size), np.zeros(size), np.zeros(size)
    space.begin(start)
    locked, spent = 0, 0
    kept = np.empty(0)
    for _ in range(restarts):
        at = locked
        h = np.zeros((size, size))
        h[range(locked), range(locked)] = kept
        while at < size:
            reached = space.advance(at, size, alphas, betas, arrow)
            spent += reached - at
            if at == locked and locked:
                h[:locked, locked] = h[locked, :locked] = arrow[:locked]
            at = reached
            if betas[at - 1] == 0.0 and at < size and not space.another(at, fresh):
                break
        filled = at
        inner = np.arange(locked, filled)
        h[inner, inner] = alphas[locked:filled]
        h[inner[:-1], inner[1:]] = h[inner[1:], inner[:-1]] = betas[locked : filled - 1]
        theta, turn, _ = lapack.dsyevd(h[:filled, :filled])
        last = betas[filled - 1]
        residual = np.abs(last * turn[filled - 1])
        wanted = chosen(theta, min(k, filled), which, None)
        # A product is wrong by the rounding of the largest values: no residual is smaller.
        least = np.maximum(tol * _EPS ** (2.0 / 3.0), 0.5 * _EPS * np.abs(theta).max())
        done = residual[wanted] <= np.maximum(tol * np.abs(theta[wanted]), least)
        if done.all() or filled < size:
            break
        more = min(k + int(done.sum()) // 2 + (size - k) * 2 // 5, size - 2)
        keep = chosen(theta, more, which, None)
        space.combine(size, turn[:, keep])
        space.move(size, keep.size)
        kept, locked = theta[keep], keep.size
        if last == 0.0 and not space.another(locked, fresh):
            break
    space.combine(filled, turn[:, wanted])
    return Found(theta[wanted], space.vectors(wanted.size), spent, int(done.sum()))
