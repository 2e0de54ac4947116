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

from fsci.kernels.lanes import padded
from fsci.kernels.sparse.lanczos_steps import absorb, combine_rows, orthogonalize
from fsci.kernels.sparse.selection import chosen

__all__ = ["Found", "Steps", "lanczos", "operator_steps"]

_EPS = 2.0**-52


@dataclass(frozen=True, slots=True)
class Found:
    """Ritz values and vectors (in columns), products spent, and how many of the wanted ones converged."""

    values: Any
    vectors: Any
    products: int
    converged: int


Steps = Callable[[Any, int, int, int, Any, Any, Any], int]


def lanczos(
    steps: Steps, n: int, k: int, which: str, size: int, restarts: int, tol: float, start: Any, fresh: Any
) -> Found:
    """A few eigenvalues of a symmetric operator.

    Parameters
    ----------
    steps : callable
        ``steps(basis, ld, locked, stop, alphas, betas, arrow)`` runs Lanczos steps and gives the step after which
        nothing was left.
    size : int
        Vectors of the basis, above k and at most n.
    tol : float
        Of a residual, relative to its Ritz value, as ARPACK has it.
    start : ndarray
        First vector.
    fresh : callable
        ``fresh()`` gives another vector, where an invariant space was found.
    """
    ld = padded(n)
    basis = np.zeros((size + 1) * ld)
    alphas, betas, arrow = np.zeros(size), np.zeros(size), np.zeros(size)
    basis[:n] = start / np.linalg.norm(start)
    room, weights, ignored = np.empty(256 * (size + 1)), np.empty(size + 1), np.empty(size + 1)
    locked, spent = 0, 0
    kept = np.empty(0)
    for _ in range(restarts):
        at = locked
        breaks = []
        h = np.zeros((size, size))
        h[range(locked), range(locked)] = kept
        while at < size:
            reached = steps(basis, ld, at, size, alphas, betas, arrow)
            spent += reached - at
            if at == locked and locked:
                h[:locked, locked] = h[locked, :locked] = arrow[:locked]
            at = reached
            if betas[at - 1] == 0.0 and at < size:
                breaks.append(at)
                if not _restarted(basis, ld, n, at, fresh, weights, ignored):
                    break
        filled = at
        inner = np.arange(locked, filled)
        h[inner, inner] = alphas[locked:filled]
        h[inner[:-1], inner[1:]] = h[inner[1:], inner[:-1]] = betas[locked : filled - 1]
        theta, turn, _ = lapack.dsyevd(h[:filled, :filled])
        last = betas[filled - 1]
        residual = np.abs(last * turn[filled - 1])
        wanted = chosen(theta, min(k, filled), which, None)
        done = residual[wanted] <= tol * np.maximum(np.abs(theta[wanted]), _EPS ** (2.0 / 3.0))
        if done.all() or filled < size:
            break
        more = min(k + int(done.sum()) // 2 + (size - k) * 2 // 5, size - 2)
        keep = chosen(theta, more, which, None)
        combine_rows(basis, ld, size, np.ascontiguousarray(turn[:, keep]), room)
        basis[keep.size * ld : (keep.size + 1) * ld] = basis[size * ld :]
        kept, locked = theta[keep], keep.size
        if last == 0.0 and not _restarted(basis, ld, n, locked, fresh, weights, ignored):
            break
    combine_rows(basis, ld, filled, np.ascontiguousarray(turn[:, wanted]), room)
    vectors = basis[: wanted.size * ld].reshape(wanted.size, ld)[:, :n].T
    return Found(theta[wanted], vectors, spent, int(done.sum()))


def operator_steps(n: int, product: Callable[[Any], Any]) -> Steps:
    """Lanczos steps with any product."""
    w, weights = np.zeros(padded(n)), np.empty(n + 1)

    def steps(basis: Any, ld: int, locked: int, stop: int, alphas: Any, betas: Any, arrow: Any) -> int:
        removed = np.zeros(stop + 1)
        for j in range(locked, stop):
            w[:n] = product(basis[j * ld : j * ld + n])
            w[n:] = 0.0
            betas[j] = absorb(basis, ld, j, locked, w, betas[j - 1] if j > locked else 0.0, weights, removed)
            alphas[j] = removed[j]
            if j == locked:
                arrow[:locked] = removed[:locked]
            if betas[j] == 0.0:
                return j + 1
        return stop

    return steps


def _restarted(basis: Any, ld: int, n: int, at: int, fresh: Any, weights: Any, ignored: Any) -> bool:
    """Put a vector that is orthogonal to the rows before it at row `at`; False where there is none."""
    for _ in range(4):
        w = np.zeros(ld)
        w[:n] = fresh()
        w /= np.linalg.norm(w)
        for _ in range(2):
            squares = orthogonalize(basis, ld, at, w, weights, ignored)
        if squares > 1e-12:
            basis[at * ld : (at + 1) * ld] = w / np.sqrt(squares)
            return True
    return False
