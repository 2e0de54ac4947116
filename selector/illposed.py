"""Discretized ill-posed problems with their exact solutions: operands of order n.

After Regularization Tools (P. C. Hansen, 1994, 2007). Every generator takes
``(n, rng)`` and gives ``(a, b, x)`` with ``b`` computed from ``a @ x``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["baart", "deriv2", "foxgood", "gravity", "heat", "phillips", "shaw", "spikes"]

Array = np.ndarray[Any, Any]
Triple = tuple[Array, Array, Array]
Rng = np.random.Generator


def _posed(a: Array, x: Array) -> Triple:
    return np.ascontiguousarray(a), a @ x, x


def _midpoints(n: int, low: float, high: float) -> tuple[Array, float]:
    h = (high - low) / n
    return low + (np.arange(n) + 0.5) * h, h


def shaw(n: int, rng: Rng) -> Triple:
    """Image restoration in one dimension (Shaw, 1972)."""
    t, h = _midpoints(n, -np.pi / 2, np.pi / 2)
    u = np.pi * (np.sin(t)[:, None] + np.sin(t)[None, :])
    a = h * ((np.cos(t)[:, None] + np.cos(t)[None, :]) * np.sinc(u / np.pi)) ** 2
    return _posed(a, 2 * np.exp(-6 * (t - 0.8) ** 2) + np.exp(-2 * (t + 0.5) ** 2))


def baart(n: int, rng: Rng) -> Triple:
    """First-kind equation with kernel exp(s cos t) (Baart, 1982)."""
    s, _ = _midpoints(n, 0.0, np.pi / 2)
    t, h = _midpoints(n, 0.0, np.pi)
    return _posed(h * np.exp(s[:, None] * np.cos(t)[None, :]), np.sin(t))


def deriv2(n: int, rng: Rng) -> Triple:
    """Green's function of the second derivative (Delves and Mohamed, 1985)."""
    t, h = _midpoints(n, 0.0, 1.0)
    s = t[:, None]
    return _posed(h * np.where(s < t, s * (t - 1), t * (s - 1)), t)


def phillips(n: int, rng: Rng) -> Triple:
    """Phillips' famous problem (1962)."""
    t, h = _midpoints(n, -6.0, 6.0)

    def bump(x: Array) -> Array:
        return np.where(np.abs(x) < 3, 1 + np.cos(np.pi * x / 3), 0.0)

    return _posed(h * bump(t[:, None] - t[None, :]), bump(t))


def heat(n: int, rng: Rng) -> Triple:
    """Inverse heat equation, lower triangular Toeplitz (Elden, 1995), kappa = 1."""
    t, h = _midpoints(n, 0.0, 1.0)
    column = h * t**-1.5 / (2 * np.sqrt(np.pi)) * np.exp(-1 / (4 * t))
    lag = np.arange(n)[:, None] - np.arange(n)[None, :]
    return _posed(np.where(lag >= 0, column[np.maximum(lag, 0)], 0.0), np.exp(-((t - 0.3) ** 2) / 0.02))


def foxgood(n: int, rng: Rng) -> Triple:
    """Fox and Goodwin's problem (1953): severely ill-posed."""
    t, h = _midpoints(n, 0.0, 1.0)
    return _posed(h * np.hypot(t[:, None], t[None, :]), t)


def gravity(n: int, rng: Rng, depth: float = 0.25) -> Triple:
    """One-dimensional gravity surveying (Wing and Zahrt, 1991)."""
    t, h = _midpoints(n, 0.0, 1.0)
    a = h * depth * (depth**2 + (t[:, None] - t[None, :]) ** 2) ** -1.5
    return _posed(a, np.sin(np.pi * t) + 0.5 * np.sin(2 * np.pi * t))


def spikes(n: int, rng: Rng) -> Triple:
    """Gaussian blur of isolated spikes."""
    t, h = _midpoints(n, 0.0, 1.0)
    a = h * np.exp(-((t[:, None] - t[None, :]) ** 2) / (2 * 0.05**2)) / (0.05 * np.sqrt(2 * np.pi))
    x = np.zeros(n)
    x[rng.choice(n, max(n // 10, 1), replace=False)] = 1.0
    return _posed(a, x)
