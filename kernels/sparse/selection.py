"""Which eigenvalues ARPACK's names ask for, the order it gives them in, and the parts of the line better than these."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ahead", "best_first", "chosen", "given_order", "regions"]


def chosen(w: Any, k: int, which: str, sigma: float | None) -> Any:
    """Indices of the k wanted of all eigenvalues `w`, ascending by value; those of ``1 / (w - sigma)`` with a shift."""
    if which == "BE":
        with np.errstate(divide="ignore"):
            order = np.argsort(w if sigma is None else 1.0 / (w - sigma), kind="stable")
        found = np.concatenate([order[: k // 2], order[order.size - (k - k // 2) :]])
    else:
        found = best_first(w, which, sigma)[:k]
    return found[np.argsort(w[found], kind="stable")]


def given_order(w: Any, which: str, sigma: float | None, vectors: bool, hermitian: bool = False) -> Any:
    """Order in which ARPACK gives the wanted eigenvalues `w`: ascending, but for values alone the best last.

    For complex Hermitian matrices SciPy calls its Arnoldi method: the best first, and for values alone the best last.
    """
    if hermitian:
        best = best_first(w, which, sigma)
        return best if vectors else best[::-1]
    if vectors or sigma is not None or which in ("LA", "BE"):
        return np.argsort(w, kind="stable")
    keys = {"LM": np.abs(w), "SM": -np.abs(w), "SA": -w}[which]
    return np.argsort(keys, kind="stable")


def best_first(w: Any, which: str, sigma: float | None) -> Any:
    """Indices of `w`, the one that was wanted most first."""
    with np.errstate(divide="ignore"):
        nu = w if sigma is None else 1.0 / (w - sigma)
    return np.argsort({"LM": -np.abs(nu), "SM": np.abs(nu), "LA": -nu, "SA": nu}[which], kind="stable")


def ahead(w: Any, which: str, sigma: float | None) -> Any:
    """How much before the worst of `w` each was wanted; zero where the names give no such distance."""
    if sigma is not None:
        size = np.abs(w - sigma)
        return size.max() - size if which == "LM" else np.zeros(w.size)
    size = np.abs(w)
    known = {"SA": w.max() - w, "LA": w - w.min(), "LM": size - size.min(), "SM": size.max() - size}
    return known.get(which, np.zeros(w.size))


Region = tuple[float, float]


def regions(w: Any, which: str, sigma: float | None, margin: float) -> list[Region] | None:
    """Intervals of all numbers that would be wanted before the worst of `w`, widened by `margin` (or narrowed).

    None where the names have no such intervals.
    """
    inf = float("inf")
    low, high = float(w.min()), float(w.max())
    if sigma is None:
        if which == "SA":
            return [(-inf, high + margin)]
        if which == "LA":
            return [(low - margin, inf)]
        if which == "BE":
            order = np.sort(w)
            half = w.size // 2
            below = [(-inf, float(order[half - 1]) + margin)] if half else []
            return [*below, (float(order[half]) - margin, inf)]
        far, near = float(np.abs(w).max()), float(np.abs(w).min())
        if which == "LM":
            edge = near - margin
            return [(-inf, -edge), (edge, inf)] if edge > 0.0 else [(-inf, inf)]
        edge = far + margin
        return [(-edge, edge)] if edge > 0.0 else []
    if which == "LM":
        edge = float(np.abs(w - sigma).max()) + margin
        return [(sigma - edge, sigma + edge)] if edge > 0.0 else []
    if which == "LA" and low > sigma:
        return [(sigma, high + margin)]
    if which == "SA" and high < sigma:
        return [(low - margin, sigma)]
    return None
