"""The single terms ``w_i y_i`` of trapezoidal and Simpson sums, and the sum of their magnitudes.

A computed sum is off by at most ``(n + ROUNDINGS) u`` times that of the magnitudes, in whatever order it is added
(Higham, 2002, sections 3.1 and 4.2); ROUNDINGS is what the weights and the products of a rule cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROUNDINGS", "magnitude_of", "terms_of"]

Array = NDArray[np.float64]

# Operations between the data and a term: spacing, pair and two products of a trapezoid; those of an uneven panel of
# Simpson's rule, and as many again for its rounded differences; and those of Romberg's table.
ROUNDINGS = {"trapezoid": 5.0, "cumulative_trapezoid": 5.0, "simpson": 24.0, "cumulative_simpson": 24.0, "romb": 200.0}


def _spacing(y: Array, x: Array | None, dx: float, axis: int) -> tuple[Array, Array]:
    """Samples with their axis last, and the intervals, broadcast against them."""
    y = np.moveaxis(y, axis, -1)
    if x is None:
        return y, np.full(y.shape[-1] - 1, float(dx))
    return y, np.diff(x if x.ndim == 1 else np.moveaxis(x, axis, -1), axis=-1)


def terms_of(rule: str, y: Array, x: Array | None, dx: float, axis: int) -> Array | None:
    """Terms along the last axis, whose sum is the integral; None for a spacing that the formula divides by."""
    y, h = _spacing(y, x, dx, axis)
    if rule == "trapezoid":
        return np.concatenate((0.5 * h * y[..., 1:], 0.5 * h * y[..., :-1]), axis=-1)
    n = y.shape[-1]
    if n < 3 or not h.all():
        return None
    last = n if n % 2 else n - 1
    h0, h1 = h[..., : last - 1 : 2], h[..., 1 : last - 1 : 2]
    both = h0 + h1
    parts = [
        both / 6.0 * (2.0 - h1 / h0) * y[..., : last - 2 : 2],
        both / 6.0 * (both * both / (h0 * h1)) * y[..., 1:last:2],
        both / 6.0 * (2.0 - h0 / h1) * y[..., 2:last:2],
    ]
    if last < n:
        before, after = h[..., -2:-1], h[..., -1:]
        if not (before + after).all():
            return None
        parts += [
            (2.0 * after**2 + 3.0 * before * after) / (6.0 * (before + after)) * y[..., -1:],
            (after**2 + 3.0 * before * after) / (6.0 * before) * y[..., -2:-1],
            -(after**3) / (6.0 * before * (before + after)) * y[..., -3:-2],
        ]
    return np.concatenate(parts, axis=-1)


def magnitude_of(rule: str, y: Array, x: Array | None, dx: float, axis: int) -> Any:
    """Sum of the magnitudes of the terms, along the axis; infinite where it is not known.

    Weights that are differences count with both sides, so that the rounding of their cancellation is covered.
    """
    with np.errstate(all="ignore"):
        y, h = _spacing(np.abs(y), x, dx, axis)
        h = np.abs(h)
        trapezoids = (0.5 * h * (y[..., 1:] + y[..., :-1])).sum(axis=-1)
        if rule in ("trapezoid", "cumulative_trapezoid"):
            return trapezoids
        if rule == "romb":
            return 2.0 * trapezoids  # the product of (4^j + 1) / (4^j - 1) over all j is below 2
        near, far = h[..., :-1], h[..., 1:]
        both = near + far
        # Of any parabola through three neighbours, whichever interval it serves.
        parts = (
            both
            / 6.0
            * (
                (2.0 + far / near) * y[..., :-2]
                + both / near * (both / far) * y[..., 1:-1]
                + (2.0 + near / far) * y[..., 2:]
            )
        )
        return 2.0 * parts.sum(axis=-1)
