"""Independent truth: what certificates are judged against, shared with no kernel.

Iterative refinement with residuals and iterates in pairs of doubles (u = 2^-104; pairs after
Dekker, 1971), from a float64 factorization: converges while the condition is below about
1e15, to far beyond working precision. Where it does not, and the order is small, ball
arithmetic (python-flint) decides, if it is installed; else there is no truth, and nothing is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, lu_factor, lu_solve, qr, solve_triangular

from fsci.selector.balls import Pair, by_balls, exactly_singular, realified

__all__ = ["TRUTHS", "UNCERTAINTY", "Pair", "least_squares", "relative_error", "solution"]

Array = np.ndarray[Any, Any]

_SPLITTER = 2.0**27 + 1
_STEPS = 60
_ENOUGH = 2.0**-80  # relative size of the last correction
_STAGNATED = 2.0**-70  # the same, where the noise of the residual allows no better
# What a truth itself is uncertain by, relative to its largest entry: an error is judged less this.
UNCERTAINTY = 4.0 * _STAGNATED


def _two_sum(a: Array, b: Array) -> Pair:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Array) -> Pair:
    c = _SPLITTER * a
    high = c - (c - a)
    return high, a - high


def _add(x: Pair, y: Pair) -> Pair:
    s, e = _two_sum(x[0], y[0])
    t, f = _two_sum(x[1], y[1])
    s, e = _two_sum(s, e + t)
    return _two_sum(s, e + f)


def _minus_product(start: Pair, a: Array, x: Pair) -> Pair:
    """``start - a @ x`` in pairs; a column of `a` at a time."""
    high, low = _split(a)
    s, e = start[0].copy(), start[1].copy()
    for j in range(a.shape[1]):
        xj, xl = -x[0][j], -x[1][j]
        xh, xt = _split(xj)
        column, ch, ct = a[:, j, None], high[:, j, None], low[:, j, None]
        p = column * xj
        q = ((ch * xh - p) + ch * xt + ct * xh) + ct * xt + column * xl
        s, t = _two_sum(s, p)
        e += t + q
    return _two_sum(s, e)


def _complexified(x: Pair, n: int) -> Pair:
    high, low = (np.empty((n, *part.shape[1:]), np.complex128) for part in x)
    for part, out in zip(x, (high, low), strict=True):
        out.real, out.imag = part[:n], part[n:]
    return high, low


def _powers(scale: Array) -> Array:
    """Powers of two near `scale`, so that scaling is exact."""
    with np.errstate(divide="ignore"):
        return np.where((scale > 0) & np.isfinite(scale), 2.0 ** -np.round(np.log2(scale)), 1.0)


def _refined(residual: Callable[[Pair], Any], correction: Callable[[Any], Array], x: Pair) -> Pair | None:
    """Refine until the correction is negligible; None if it does not get there."""
    before = np.inf
    for _ in range(_STEPS):
        with np.errstate(all="ignore"):
            d = correction(residual(x))
            size = float(np.max(np.abs(d), initial=0.0) / max(float(np.max(np.abs(x[0]), initial=0.0)), 1e-300))
            if not np.isfinite(size):
                return None
            x = _add(x, (d, np.zeros_like(d)))
        if size < _ENOUGH:
            return x
        if size > before / 2:
            # Stagnated: what is left is the noise of the residual, tiny unless the condition is huge.
            return x if size < _STAGNATED else None
        before = size
    return None


def solution(a: Array, b: Array) -> Pair | None:
    """Exact solution of ``a @ x = b``, as a pair of arrays; None where it cannot be known."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        real = solution(*realified(a, b))
        n = a.shape[0]
        return None if real is None else _complexified(real, n)
    a, b = a.astype(float), b.astype(float)
    vector = b.ndim == 1
    b2 = b.reshape(len(b), -1)
    rows = _powers(np.max(np.abs(a), axis=1, initial=0.0))
    scaled = a * rows[:, None]
    columns = _powers(np.max(np.abs(scaled), axis=0, initial=0.0))
    scaled = scaled * columns
    factor, pivots, info = _lu(scaled)
    x = None
    if info and np.all(np.isfinite(scaled)):
        right = b2 * rows[:, None]

        def residual(y: Pair) -> Array:
            r = _minus_product((right, np.zeros_like(right)), scaled, y)
            return r[0] + r[1]

        zero = np.zeros_like(right)
        x = _refined(residual, lambda r: lu_solve((factor, pivots), r, check_finite=False), (zero, zero))
        if x is not None:
            x = x[0] * columns[:, None], x[1] * columns[:, None]
    if x is None and not exactly_singular(a):
        x = by_balls(a, b2)
    if x is None:
        return None
    return (x[0][:, 0], x[1][:, 0]) if vector else x


def _lu(a: Array) -> tuple[Array, Array, bool]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            factor, pivots = lu_factor(a)
        except (LinAlgError, ValueError):
            return a, a, False
    return factor, pivots, bool(np.all(np.diagonal(factor) != 0))


def least_squares(a: Array, b: Array) -> Pair | None:
    """The least squares, or minimum norm, solution of full rank (Bjorck, 1967: both blocks refined)."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        real = least_squares(*realified(a, b))
        n = a.shape[1]
        return None if real is None else _complexified(real, n)
    a, b = a.astype(float), b.astype(float)
    if not (np.all(np.isfinite(a)) and min(a.shape)):
        return None
    x = _both_refined(a, b)
    if x is None:
        wide = by_balls(a, b[:, None], normal=True)
        x = None if wide is None else (wide[0][:, 0], wide[1][:, 0])
    return x


def _both_refined(a: Array, b: Array) -> Pair | None:
    wide = a.shape[0] < a.shape[1]
    a = a.T if wide else a
    m, n = a.shape
    top, low = (np.zeros(m), b) if wide else (b, np.zeros(n))
    q, r = qr(a, mode="economic")
    if np.min(np.abs(np.diagonal(r))) <= 1e-8 * np.max(np.abs(np.diagonal(r))):
        return None  # pairs do not bear the square of the condition

    def residual(y: Pair) -> tuple[Array, Array]:
        head, tail = (y[0][:m, None], y[1][:m, None]), (y[0][m:, None], y[1][m:, None])
        f = _minus_product(_add((top[:, None], np.zeros((m, 1))), (-head[0], -head[1])), a, tail)
        g = _minus_product((low[:, None], np.zeros((n, 1))), np.ascontiguousarray(a.T), head)
        return (f[0] + f[1])[:, 0], (g[0] + g[1])[:, 0]

    def correction(rest: tuple[Array, Array]) -> Array:
        f, g = rest
        h = q.T @ f - solve_triangular(r, g, trans="T", check_finite=False)
        return np.concatenate([f - q @ h, solve_triangular(r, h, check_finite=False)])

    y = _refined(residual, correction, (np.zeros(m + n), np.zeros(m + n)))
    if y is None:
        return None
    return (y[0][:m], y[1][:m]) if wide else (y[0][m:], y[1][m:])


def relative_error(value: Any, truth: Pair) -> float:
    """``max |value - truth| / max |truth|``, the difference free of rounding, less the truth's uncertainty."""
    scale = float(np.max(np.abs(truth[0]), initial=0.0))
    difference = float(np.max(np.abs((np.asarray(value) - truth[0]) - truth[1]), initial=0.0))
    if scale == 0.0:
        return 0.0 if difference == 0.0 else np.inf
    return max(difference / scale - UNCERTAINTY, 0.0)


def _full_rank(a: Array, b: Array) -> Pair | None:
    """Truth where the rank is no matter of opinion: no singular value near the rounding level."""
    if not np.all(np.isfinite(a)):
        return None
    sigma = np.linalg.svd(a, compute_uv=False)
    if sigma[-1] <= 100.0 * max(a.shape) * np.finfo(a.dtype).eps * sigma[0]:
        return None
    return least_squares(a, b)


def _inverse(a: Array) -> Pair | None:
    return solution(a, np.eye(len(a), dtype=a.dtype)) if len(a) <= 200 else None


# Kind -> truth from the operands, where the answer is one array.
TRUTHS: dict[str, Callable[..., Pair | None]] = {
    "linear_system": solution,
    "least_squares": _full_rank,
    "inverse": _inverse,
}
