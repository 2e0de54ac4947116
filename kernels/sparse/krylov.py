"""Krylov methods around a preconditioner that is applied from the right: the residuals that they see are the true ones.

Every vector operation is one call; what a preconditioned iteration costs is its product and its preconditioner.
A `Watch` ends an iteration that will take longer than another route would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.kernels.sparse.subspace import Vectors

__all__ = ["Watch", "bicgstab", "gmres", "minres"]

Product = Callable[[Any], Any]
Preconditioner = Callable[[Any, Any], Any]  # (r, z) sets z; the iterations of symmetric matrices read r* z

# Iterations between two looks at the rate.
_LOOK = 25


class Watch:
    """Ends an iteration: where `limit` is reached, or will be passed at the rate that it has shown.

    Parameters
    ----------
    target : float
        Norm of the residual that is asked for.
    limit : float
        Iterations that the call allows, and that are worth their while.
    look : int
        Iterations between two looks at the rate.
    """

    def __init__(self, target: float, limit: float, look: int = _LOOK) -> None:
        self.target, self.limit, self.look = target, limit, look
        self._done, self._size = 0, math.inf

    def ended(self, done: int, size: float) -> bool:
        """Whether to stop after `done` iterations that left a residual of this size."""
        if done >= self.limit or not math.isfinite(size):
            return True
        if done - self._done < self.look or self.target <= 0.0:
            return False
        gained = math.log(self._size / size) if 0.0 < size < self._size < math.inf else 0.0
        first = self._size == math.inf
        steps, self._done, self._size = done - self._done, done, min(size, self._size)
        if first or size <= self.target:
            return False
        # Superlinear convergence may halve what is left; a stagnation leaves nothing to halve.
        return gained <= 0.0 or done + 0.5 * steps * math.log(size / self.target) / gained > self.limit


def gmres(
    product: Product,
    precondition: Preconditioner,
    b: Any,
    x: Any,
    r: Any,
    restart: int,
    watch: Watch,
    vectors: Vectors | None = None,
) -> tuple[int, bool]:
    """Iterations, and whether ``|r| <= target`` was reached; x and r are brought up to date.

    The basis is orthogonalized twice by Gram and Schmidt (Giraud and others, 2005).
    """
    on = vectors or Vectors([0, x.size])
    n, kind = x.size, x.dtype
    restart = max(min(restart, n), 1)
    v = np.empty((restart + 1, n), kind)
    z, done = np.empty(n, kind), 0
    size = on.norm(r)
    while size > watch.target:
        np.multiply(r, 1.0 / size, out=v[0])
        h = np.zeros((restart + 1, restart), complex if kind.kind == "c" else float)
        turns: list[tuple[Any, Any]] = []
        g = [complex(size) if kind.kind == "c" else size]
        columns = 0
        for c in range(restart):
            precondition(v[c], z)
            w = product(z)
            before = on.norm(w)
            for _ in range(2):
                along = on.project(v, c + 1, w)
                on.add(v, -along, w)
                h[: c + 1, c] += along
            after = on.norm(w)
            column = h[:, c].tolist()
            for k, (cosine, sine) in enumerate(turns):
                p, q = column[k], column[k + 1]
                column[k] = cosine * p + sine * q
                column[k + 1] = -np.conj(sine) * p + cosine * q
            p = column[c]
            length = math.hypot(abs(p), after)
            done += 1
            if not 0.0 < length < math.inf:
                break
            phase = p / abs(p) if p != 0 else 1.0
            cosine, sine = abs(p) / length, phase * after / length
            column[c], column[c + 1] = phase * length, 0.0
            h[:, c] = column
            turns.append((cosine, sine))
            g.append(-np.conj(sine) * g[c])
            g[c] = cosine * g[c]
            columns = c + 1
            # What is orthogonal to the basis is rounding alone: the space is exhausted.
            if abs(g[-1]) <= watch.target or after <= np.finfo(kind).eps * before or watch.ended(done, abs(g[-1])):
                break
            np.multiply(w, 1.0 / after, out=v[c + 1])
        if columns == 0:
            return done, False
        y = np.array(g[:columns])
        for k in range(columns - 1, -1, -1):
            y[k] = (y[k] - h[k, k + 1 : columns] @ y[k + 1 :]) / h[k, k]
        step = np.zeros(n, kind)
        on.add(v, y, step)
        precondition(step, z)
        x += z
        np.subtract(b, product(x), out=r)
        before, size = size, on.norm(r)
        if watch.ended(done, size) or not size < before:
            break
    return done, size <= watch.target


def bicgstab(
    product: Product, precondition: Preconditioner, x: Any, r: Any, watch: Watch, vectors: Vectors | None = None
) -> tuple[int, bool]:
    """As `gmres`; stops, too, where it breaks down."""
    on = vectors or Vectors([0, x.size])
    kind = x.dtype
    shadow, p = r.copy(), np.zeros_like(r)
    v, y, z = np.zeros_like(r), np.empty_like(r), np.empty_like(r)
    rho_before = alpha = omega = kind.type(1)
    done, tiny = 0, float(np.finfo(kind).tiny)
    size = on.norm(r)
    while size > watch.target and not watch.ended(done, size):
        rho = on.dot(shadow, r)
        if not abs(rho) > tiny:
            return done, False
        if done:
            beta = (rho / rho_before) * (alpha / omega)
            p -= omega * v
            p *= beta
        p += r
        precondition(p, y)
        v = product(y)
        along = on.dot(shadow, v)
        if not abs(along) > tiny:
            return done, False
        alpha = rho / along
        r -= alpha * v
        x += alpha * y
        done += 1
        if on.norm(r) <= watch.target:
            return done, True
        precondition(r, z)
        t = product(z)
        square = on.dot(t, t).real
        omega = on.dot(t, r) / square if square > 0.0 else kind.type(0)
        if not abs(omega) > 0.0:
            return done, False
        x += omega * z
        r -= omega * t
        rho_before, size = rho, on.norm(r)
    return done, size <= watch.target


def minres(
    product: Product, precondition: Preconditioner, b: Any, x: Any, r: Any, watch: Watch, vectors: Vectors | None = None
) -> tuple[int, bool]:
    """As `gmres`, for a Hermitian matrix and a definite preconditioner; by Lanczos, three vectors of it.

    What it makes least is the residual in the preconditioner's norm; the residual itself is looked at now and then.
    """
    on = vectors or Vectors([0, x.size])
    done = 0
    size = on.norm(r)
    look = _LOOK // 5
    while size > watch.target:
        start, before = done, size
        z = np.empty_like(r)
        square = np.real(precondition(r, z))
        if not square > 0.0:
            return done, False
        beta = phi = math.sqrt(square)
        r1, r2 = np.zeros_like(r), r.copy()
        w, w1 = np.zeros_like(r), np.zeros_like(r)
        cosine, sine, dbar, epsilon, old = -1.0, 0.0, 0.0, 0.0, 1.0
        first = phi
        while True:
            v = z * (1.0 / beta)
            y = product(v)
            if done > start:
                y -= (beta / old) * r1
            alpha = float(on.dot(v, y).real)
            y -= (alpha / beta) * r2
            r1, r2 = r2, y
            old = beta
            square = np.real(precondition(r2, z))
            done += 1
            if not square >= 0.0:
                return done, False
            beta = math.sqrt(square)
            delta, gbar = cosine * dbar + sine * alpha, sine * dbar - cosine * alpha
            before_last, epsilon, dbar = epsilon, sine * beta, -cosine * beta
            gamma = math.hypot(gbar, beta)
            if not gamma > 0.0:
                break
            cosine, sine = gbar / gamma, beta / gamma
            step, phi = cosine * phi, sine * phi
            w, w1 = (v - before_last * w1 - delta * w) * (1.0 / gamma), w
            x += step * w
            if not beta > 0.0 or watch.ended(done, size * phi / first):
                break
            if phi <= first * watch.target / before or done % look == 0:
                np.subtract(b, product(x), out=r)
                if on.norm(r) <= watch.target:
                    return done, True
                # The estimate has lost the truth: begin again from here.
                if phi <= 0.1 * first * watch.target / before:
                    break
        np.subtract(b, product(x), out=r)
        size = on.norm(r)
        if watch.ended(done, size) or not size < before:
            break
    return done, size <= watch.target
