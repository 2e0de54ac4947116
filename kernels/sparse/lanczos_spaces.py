"""What a restarted Lanczos method works in: vectors, an inner product, and the steps that keep them orthonormal.

A self-adjoint operator has a real projected matrix whatever its vectors are made of (Paige, 1971), so that
one loop serves real vectors in a compiled pass, complex ones, and those of an inner product ``x* M y``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from fsci.kernels.lanes import padded
from fsci.kernels.sparse.lanczos_steps import absorb, combine_rows, orthogonalize
from fsci.kernels.sparse.subspace import Vectors

__all__ = ["InnerSpace", "RealSpace", "Space", "Steps", "operator_steps"]

_EPS = 2.0**-52

Steps = Callable[[Any, int, int, int, Any, Any, Any], int]


class Space(Protocol):
    """A basis of orthonormal vectors that grows by products with an operator."""

    def begin(self, start: Any) -> None:
        """Put a first vector, scaled."""

    def advance(self, at: int, stop: int, alphas: Any, betas: Any, arrow: Any) -> int:
        """Lanczos steps; gives the step after which nothing was left. The first one leaves its arrow."""

    def another(self, at: int, fresh: Callable[[], Any]) -> bool:
        """Put a vector that is orthogonal to the ones before it at place `at`; False where there is none."""

    def combine(self, count: int, turn: Any) -> None:
        """Replace the first vectors by combinations of `count` of them, the columns of `turn`."""

    def move(self, source: int, to: int) -> None:
        """Copy a vector to another place."""

    def vectors(self, count: int) -> Any:
        """The first vectors, in columns."""


class RealSpace:
    """Real vectors, and steps that are compiled or go through `absorb`."""

    def __init__(self, steps: Steps, n: int, size: int) -> None:
        self.steps, self.n, self.ld = steps, n, padded(n)
        self.basis = np.zeros((size + 1) * self.ld)
        self._room, self._weights, self._ignored = np.empty(256 * (size + 1)), np.empty(size + 1), np.empty(size + 1)

    def begin(self, start: Any) -> None:
        """As `Space.begin`."""
        self.basis[: self.n] = start / np.linalg.norm(start)

    def advance(self, at: int, stop: int, alphas: Any, betas: Any, arrow: Any) -> int:
        """As `Space.advance`."""
        return self.steps(self.basis, self.ld, at, stop, alphas, betas, arrow)

    def another(self, at: int, fresh: Callable[[], Any]) -> bool:
        """As `Space.another`."""
        for _ in range(4):
            w = np.zeros(self.ld)
            w[: self.n] = fresh()
            w /= np.linalg.norm(w)
            for _ in range(2):
                squares = orthogonalize(self.basis, self.ld, at, w, self._weights, self._ignored)
            if squares > 1e-12:
                self.basis[at * self.ld : (at + 1) * self.ld] = w / np.sqrt(squares)
                return True
        return False

    def combine(self, count: int, turn: Any) -> None:
        """As `Space.combine`."""
        combine_rows(self.basis, self.ld, count, np.ascontiguousarray(turn), self._room)

    def move(self, source: int, to: int) -> None:
        """As `Space.move`."""
        ld = self.ld
        self.basis[to * ld : (to + 1) * ld] = self.basis[source * ld : (source + 1) * ld]

    def vectors(self, count: int) -> Any:
        """As `Space.vectors`."""
        return self.basis[: count * self.ld].reshape(count, self.ld)[:, : self.n].T


def operator_steps(n: int, product: Callable[[Any], Any]) -> Steps:
    """Steps in real vectors with any product."""
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


class InnerSpace:
    """Real or complex vectors, orthonormal in ``x* M y``; `product` is given a vector v and ``M v``.

    Parameters
    ----------
    product : callable
        ``product(v, mv)``, self-adjoint in the inner product.
    metric : callable, optional
        ``metric(v)``: product with M, Hermitian and positive definite; none for the identity.
    """

    def __init__(
        self,
        product: Callable[[Any, Any], Any],
        metric: Callable[[Any], Any] | None,
        n: int,
        size: int,
        dtype: Any,
    ) -> None:
        self.product, self.metric, self.n = product, metric, n
        self.v = np.zeros((size + 1, padded(n)), dtype)
        self.mv = self.v if metric is None else np.zeros_like(self.v)
        self.definite = True
        self._operations = Vectors([0, n])
        self._room = np.empty(256 * (size + 1))

    def _place(self, at: int, w: Any, mw: Any, norm: float) -> None:
        self.v[at, : self.n] = w / norm
        if self.metric is not None:
            self.mv[at, : self.n] = mw / norm

    def _measured(self, w: Any) -> tuple[Any, float]:
        """M w, and the norm of w; NaN where M is shown not to be definite, or a number is not finite."""
        mw = w if self.metric is None else self.metric(w)
        square = float(np.real(self._operations.dot(w, mw)))
        self.definite &= square >= 0.0
        return mw, float(np.sqrt(square)) if square >= 0.0 else np.nan

    def _subtract(self, first: int, w: Any, removed: Any) -> None:
        """Subtract from w its parts along the vectors from `first` to as many as `removed` has, and add those to it."""
        weights = self._operations.project(self.mv[first:], removed.size - first, w)
        self._operations.add(self.v[first:], -weights, w)
        removed[first:] += weights

    def begin(self, start: Any) -> None:
        """As `Space.begin`."""
        w = np.array(start, self.v.dtype)
        self._place(0, w, *self._measured(w))

    def advance(self, at: int, stop: int, alphas: Any, betas: Any, arrow: Any) -> int:
        """As `Space.advance`."""
        for j in range(at, stop):
            w = np.array(self.product(self.v[j, : self.n], self.mv[j, : self.n]), self.v.dtype)
            removed = np.zeros(j + 1, self.v.dtype)
            if j > at:  # what the recurrence says, so that one pass over the basis is left
                self._subtract(j - 1, w, removed)
            self._subtract(0, w, removed)
            mw, norm = self._measured(w)
            if j == at or not norm > 1e-4 * float(np.linalg.norm(removed)):
                self._subtract(0, w, removed)
                mw, norm = self._measured(w)
            alphas[j] = removed[j].real
            if j == at:
                arrow[:at] = removed[:at].real
            if not norm > 4.0 * _EPS * (float(np.linalg.norm(removed)) + norm):
                betas[j] = 0.0
                return j + 1
            betas[j] = norm
            self._place(j + 1, w, mw, norm)
        return stop

    def another(self, at: int, fresh: Callable[[], Any]) -> bool:
        """As `Space.another`."""
        for _ in range(4):
            w = np.array(fresh(), self.v.dtype)
            w /= self._measured(w)[1]
            for _ in range(2):
                self._subtract(0, w, np.zeros(at, self.v.dtype))
            mw, norm = self._measured(w)
            if norm > 1e-6:
                self._place(at, w, mw, norm)
                return True
        return False

    def combine(self, count: int, turn: Any) -> None:
        """As `Space.combine`."""
        turn = np.ascontiguousarray(turn)
        for basis in (self.v,) if self.metric is None else (self.v, self.mv):
            flat = basis.reshape(-1).view(np.float64)
            combine_rows(flat, flat.size // basis.shape[0], count, turn, self._room)

    def move(self, source: int, to: int) -> None:
        """As `Space.move`."""
        self.v[to] = self.v[source]
        if self.metric is not None:
            self.mv[to] = self.mv[source]

    def vectors(self, count: int) -> Any:
        """As `Space.vectors`."""
        return self.v[:count, : self.n].T
