"""Random and structured test matrices, square, of order n: known spectra, shapes, scales.

Every generator takes ``(n, rng)`` and gives a float64 array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "arrow",
    "badly_scaled",
    "banded",
    "block_diagonal",
    "diagonal_graded",
    "dominant",
    "hessenberg",
    "indefinite",
    "orthogonal",
    "permuted_triangular",
    "randsvd",
    "spd",
    "spectrum",
    "triangular",
]

Array = np.ndarray[Any, np.dtype[np.float64]]
Rng = np.random.Generator


def orthogonal(n: int, rng: Rng, columns: int | None = None) -> Array:
    """Haar-distributed orthonormal columns (Stewart, 1980)."""
    q, r = np.linalg.qr(rng.standard_normal((n, n if columns is None else columns)))
    return np.ascontiguousarray(q * np.sign(np.diagonal(r)))


def spectrum(n: int, condition: float, mode: str, rng: Rng) -> Array:
    """Singular values from 1 to 1/condition in one of the five modes of randsvd."""
    k = np.arange(n) / max(n - 1, 1)
    return {
        "one_large": np.where(k == 0, 1.0, 1 / condition),
        "one_small": np.where(k == 1, 1 / condition, 1.0),
        "geometric": condition**-k,
        "arithmetic": 1 - k * (1 - 1 / condition),
        "random": np.exp(-np.log(condition) * rng.uniform(size=n)),
    }[mode]


def randsvd(n: int, rng: Rng, condition: float = 1e8, mode: str = "geometric", rows: int | None = None) -> Array:
    """Random matrix of known singular values (Higham, 2002, section 28.3)."""
    m = n if rows is None else rows
    sigma = spectrum(n, condition, mode, rng)
    return np.ascontiguousarray((orthogonal(m, rng, n) * sigma) @ orthogonal(n, rng))


def spd(n: int, rng: Rng, condition: float = 1e4, mode: str = "geometric") -> Array:
    """Random symmetric positive definite matrix of known eigenvalues."""
    q = orthogonal(n, rng)
    a = (q * spectrum(n, condition, mode, rng)) @ q.T
    return (a + a.T) / 2


def indefinite(n: int, rng: Rng, condition: float = 1e4) -> Array:
    """Random symmetric matrix with eigenvalues of both signs."""
    q = orthogonal(n, rng)
    a = (q * (spectrum(n, condition, "geometric", rng) * np.where(np.arange(n) % 2, -1.0, 1.0))) @ q.T
    return (a + a.T) / 2


def banded(n: int, rng: Rng, lower: int = 1, upper: int = 2) -> Array:
    """Random band, its diagonal moderately dominant."""
    a = np.triu(np.tril(rng.standard_normal((n, n)), upper), -lower)
    return a + 3 * np.diag(np.sign(np.diagonal(a)))


def triangular(n: int, rng: Rng, lower: bool = False) -> Array:
    """Random triangle with a diagonal that keeps it well conditioned."""
    a = np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n) + np.diag(rng.uniform(1, 2, n))
    return np.ascontiguousarray(a.T) if lower else a


def permuted_triangular(n: int, rng: Rng) -> Array:
    """Rows and columns of a triangle, shuffled."""
    return np.ascontiguousarray(triangular(n, rng)[rng.permutation(n)][:, rng.permutation(n)])


def hessenberg(n: int, rng: Rng) -> Array:
    """Random upper Hessenberg matrix."""
    return np.triu(rng.standard_normal((n, n)), -1)


def block_diagonal(n: int, rng: Rng, block: int = 8) -> Array:
    """Random blocks on the diagonal, without coupling."""
    a = np.zeros((n, n))
    for start in range(0, n, block):
        stop = min(start + block, n)
        a[start:stop, start:stop] = rng.standard_normal((stop - start, stop - start)) + 2 * np.eye(stop - start)
    return a


def diagonal_graded(n: int, rng: Rng) -> Array:
    """Diagonal over 20 decades: badly scaled, never ill-conditioned for solving."""
    return np.diag(np.logspace(10, -10, n))


def badly_scaled(n: int, rng: Rng, decades: float = 8.0, columns: bool = False) -> Array:
    """A well-conditioned matrix whose rows (and columns) span decades."""
    a = randsvd(n, rng, 10.0)
    a *= 10 ** rng.uniform(-decades, decades, (n, 1))
    return a * 10 ** rng.uniform(-decades, decades, n) if columns else a


def dominant(n: int, rng: Rng) -> Array:
    """Diagonally dominant by rows."""
    a = rng.standard_normal((n, n))
    np.fill_diagonal(a, np.abs(a).sum(axis=1))
    return a


def arrow(n: int, rng: Rng) -> Array:
    """Arrowhead: dense first row and column; elimination fills it."""
    a = np.diag(np.arange(2.0, n + 2))
    a[0], a[:, 0] = 1.0, 1.0
    a[0, 0] = n
    return a
