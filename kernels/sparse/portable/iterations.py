"""Conjugate gradients, BiCGSTAB, GMRES and MINRES without Python's control flow: eager, and under ``jit`` and ``vmap``.

Each gives the iterate, the number of iterations, and whether ``|r| <= atol`` was reached (MINRES: one of its own
rules, `atol` being relative). A breakdown shows as a residual that is no number, which ends the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fsci.kernels.sparse.portable.space import Space

__all__ = ["METHODS", "bicgstab", "conjugate_gradients", "gmres", "minres"]

Map = Callable[[Any], Any]
Ended = tuple[Any, Any, Any]


def _norm(xp: Any, v: Any) -> Any:
    return xp.sqrt(xp.vdot(v, v).real)


def conjugate_gradients(
    space: Space, product: Map, precondition: Map, b: Any, x: Any, atol: Any, maxiter: int, restart: int
) -> Ended:
    """Hestenes and Stiefel (1952)."""
    xp = space.xp
    r = b - product(x)
    z = precondition(r)

    def going(state: Any) -> Any:
        _, r, _, _, done = state
        return (_norm(xp, r) > atol) & (done < maxiter)

    def step(state: Any) -> Any:
        x, r, p, rho, done = state
        q = product(p)
        alpha = rho / xp.vdot(p, q)
        x, r = x + alpha * p, r - alpha * q
        z = precondition(r)
        following = xp.vdot(r, z)
        return x, r, z + (following / rho) * p, following, done + 1

    x, r, _, _, done = space.loop(going, step, (x, r, z, xp.vdot(r, z), xp.asarray(0)))
    return x, done, _norm(xp, r) <= atol


def bicgstab(
    space: Space, product: Map, precondition: Map, b: Any, x: Any, atol: Any, maxiter: int, restart: int
) -> Ended:
    """Van der Vorst (1992), preconditioned from the right."""
    xp = space.xp
    shadow = b - product(x)
    one = xp.vdot(shadow, shadow) * 0 + 1  # in the dtype of a product of two vectors

    def going(state: Any) -> Any:
        return (_norm(xp, state[1]) > atol) & (state[-1] < maxiter)

    def step(state: Any) -> Any:
        x, r, p, v, rho_before, alpha, omega, done = state
        rho = xp.vdot(shadow, r)
        p = r + (rho / rho_before) * (alpha / omega) * (p - omega * v)
        y = precondition(p)
        v = product(y)
        alpha = rho / xp.vdot(shadow, v)
        s = r - alpha * v
        z = precondition(s)
        t = product(z)
        square = xp.vdot(t, t)
        # A vanishing s is the answer, not a breakdown.
        omega = xp.where(square == 0, 0 * one, xp.vdot(t, s) / xp.where(square == 0, one, square))
        return x + alpha * y + omega * z, s - omega * t, p, v, rho, alpha, omega, done + 1

    nothing = xp.zeros_like(shadow)
    start = x, shadow, nothing, nothing, one, one, one, xp.asarray(0)
    x, r, *_, done = space.loop(going, step, start)
    return x, done, _norm(xp, r) <= atol


def gmres(
    space: Space, product: Map, precondition: Map, b: Any, x: Any, atol: Any, maxiter: int, restart: int
) -> Ended:
    """Saad and Schultz (1986), from the right: `maxiter` cycles of `restart` steps, orthogonalized twice.

    A cycle is looked at when it is complete; a basis that is exhausted before goes on with zeros.
    """
    xp = space.xp
    n = b.shape[0]
    m = max(min(restart, n), 1)
    columns = xp.arange(m)

    def extend(state: Any) -> Any:
        v, h, k = state
        w = product(precondition(v[k]))
        before = _norm(xp, w)
        along = v.conj() @ w
        w = w - along @ v
        again = v.conj() @ w
        w = w - again @ v
        size = _norm(xp, w)
        # Rounding alone is left of a vector that lay in the space.
        alive = size > xp.finfo(w.dtype).eps * before
        column = along + again
        column = xp.where(xp.arange(m + 1) == k + 1, xp.where(alive, size, 0), column)
        v = space.put_row(v, k + 1, xp.where(alive, w / xp.where(alive, size, 1), 0))
        return v, xp.where(columns[None, :] == k, column[:, None], h), k + 1

    def cycle(state: Any) -> Any:
        x, r, _, done = state
        beta = _norm(xp, r)
        v = space.put_row(xp.zeros((m + 1, n), r.dtype), 0, r / beta)
        h = xp.zeros((m + 1, m), r.dtype)
        v, h, _ = space.loop(lambda s: s[2] < m, extend, (v, h, xp.asarray(0)))
        target = xp.where(xp.arange(m + 1) == 0, beta, 0).astype(r.dtype)
        y = xp.linalg.lstsq(h, target, rcond=None)[0]
        x = x + precondition(y @ v[:m])
        following = b - product(x)
        return x, following, _norm(xp, following) < beta, done + 1

    def going(state: Any) -> Any:
        _, r, better, done = state
        return (_norm(xp, r) > atol) & better & (done < maxiter)

    r = b - product(x)
    x, r, _, done = space.loop(going, cycle, (x, r, xp.asarray(True), xp.asarray(0)))
    return x, done * m, _norm(xp, r) <= atol


def minres(
    space: Space, product: Map, precondition: Map, b: Any, x: Any, rtol: Any, maxiter: int, restart: int
) -> Ended:
    """Paige and Saunders (1975), with the stopping rules of SciPy 1.17, their quotients multiplied out."""
    xp = space.xp
    r = b - product(x)
    y = precondition(r)
    # Of an indefinite preconditioner the root is no number.
    first = xp.sqrt(xp.vdot(r, y).real)
    zero, one, eps = 0 * first, 0 * first + 1, xp.finfo(r.dtype).eps
    tolerance = xp.maximum(rtol, 0.5 * eps)

    def going(state: Any) -> Any:
        *_, beta, met, done = state
        return ~met & xp.isfinite(beta) & (done < maxiter)

    def step(state: Any) -> Any:
        x, r1, r2, y, w1, w2, (old, dbar, epsilon, phi, cosine, sine, squares, largest, least), beta, _, done = state
        v = y / beta
        y = product(v) - (beta / old) * r1
        alpha = xp.vdot(v, y).real
        y = y - (alpha / beta) * r2
        r1, r2 = r2, y
        y = precondition(r2)
        old, beta = beta, xp.sqrt(xp.vdot(r2, y).real)
        squares = squares + alpha**2 + old**2 + beta**2
        delta, gbar = cosine * dbar + sine * alpha, sine * dbar - cosine * alpha
        before, epsilon, dbar = epsilon, sine * beta, -cosine * beta
        root = xp.hypot(gbar, dbar)
        gamma = xp.maximum(xp.hypot(gbar, beta), eps)
        cosine, sine = gbar / gamma, beta / gamma
        length, phi = cosine * phi, sine * phi
        w = (v - before * w1 - delta * w2) / gamma
        x = x + length * w
        largest, least = xp.maximum(largest, gamma), xp.minimum(least, gamma)
        norm, size = xp.sqrt(squares), _norm(xp, x)
        met = (phi <= tolerance * norm * size) | (root <= tolerance * norm)
        # What this precision cannot better: a condition, and a solution, as large as it can tell.
        worn = (eps * largest >= 0.1 * least) | (norm * size * eps >= first)
        known = (done == 0) & (beta <= 10 * eps * first)
        met = (met | worn | known) & xp.isfinite(size)
        scalars = old, dbar, epsilon, phi, cosine, sine, squares, largest, least
        return x, r1, r2, y, w2, w, scalars, beta, met, done + 1

    nothing, done = xp.zeros_like(r), xp.asarray(0)
    scalars = one, zero, zero, first, -one, zero, zero, zero, zero + xp.finfo(r.dtype).max
    start = x, nothing, r, y, nothing, nothing, scalars, first, first == 0, done
    x, *_, met, done = space.loop(going, step, start)
    return x, done, met


METHODS: dict[str, Callable[..., Ended]] = {
    "cg": conjugate_gradients,
    "bicgstab": bicgstab,
    "gmres": gmres,
    "minres": minres,
}
