"""Test matrices by name, square, of order n: calibration, benchmarks and tests draw from these.

After Higham's Test Matrix Toolbox (N. J. Higham, 1995; MATLAB ``gallery``) and
MatrixDepot (Zhang and Higham, 2016). Every generator takes ``(n, rng)`` and gives a
float64 array; what is not random ignores `rng`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "cauchy",
    "chebspec",
    "circul",
    "clement",
    "fiedler",
    "forsythe",
    "frank",
    "gfpp",
    "grcar",
    "hilb",
    "invhilb",
    "kahan",
    "kms",
    "lehmer",
    "lotkin",
    "minij",
    "moler",
    "neumann",
    "parter",
    "pei",
    "poisson",
    "prolate",
    "rosser",
    "toeplitz",
    "tridiag",
    "vand",
    "wathen",
    "wilson",
]

Array = np.ndarray[Any, np.dtype[np.float64]]
Rng = np.random.Generator


def _ij(n: int) -> tuple[Array, Array]:
    """Row and column indices from 1, to broadcast."""
    i = np.arange(1.0, n + 1)
    return i[:, None], i[None, :]


def toeplitz(column: Array, row: Array | None = None) -> Array:
    """Toeplitz matrix from its first column and row (symmetric without a row)."""
    row = column if row is None else row
    values = np.concatenate([column[::-1], row[1:]])
    n = len(column)
    return np.ascontiguousarray(values[np.arange(n)[::-1][:, None] + np.arange(len(row))[None, :]])


def hilb(n: int, rng: Rng) -> Array:
    """Hilbert matrix."""
    i, j = _ij(n)
    return 1 / (i + j - 1)


def invhilb(n: int, rng: Rng) -> Array:
    """Inverse of the Hilbert matrix: integers, exact up to n = 13."""
    p = np.empty(n)
    p[0] = n
    for k in range(1, n):
        p[k] = (n - k) * p[k - 1] * (n + k) / k**2
    i, j = _ij(n)
    return np.where((i + j) % 2, -1.0, 1.0) * p[:, None] * p[None, :] / (i + j - 1)


def cauchy(n: int, rng: Rng) -> Array:
    """Cauchy matrix 1/(i + j)."""
    i, j = _ij(n)
    return 1 / (i + j)


def lotkin(n: int, rng: Rng) -> Array:
    """Hilbert matrix with a first row of ones (Lotkin, 1955)."""
    a = hilb(n, rng)
    a[0] = 1.0
    return a


def frank(n: int, rng: Rng) -> Array:
    """Upper Hessenberg with ill-conditioned eigenvalues (Frank, 1958)."""
    i, j = _ij(n)
    return np.where(j >= i - 1, n + 1 - np.maximum(i, j), 0.0)


def kahan(n: int, rng: Rng, theta: float = 1.2) -> Array:
    """Upper triangular; pivoted QR misses its rank (Kahan, 1966)."""
    i, j = _ij(n)
    s, c = np.sin(theta), np.cos(theta)
    return s ** (i - 1) * np.where(j > i, -c, np.where(j == i, 1.0, 0.0))


def vand(n: int, rng: Rng) -> Array:
    """Vandermonde matrix on equispaced points of [-1, 1]."""
    return np.vander(np.linspace(-1.0, 1.0, n), n, increasing=True)


def gfpp(n: int, rng: Rng) -> Array:
    """Growth factor 2^(n-1) under partial pivoting (Wilkinson, 1961; Higham and Higham, 1989)."""
    i, j = _ij(n)
    return np.where((i == j) | (j == n), 1.0, np.where(i > j, -1.0, 0.0))


def wilson(n: int, rng: Rng) -> Array:
    """Wilson's matrix of order 4, in the corner of an identity."""
    a = np.eye(n)
    a[:4, :4] = [[5, 7, 6, 5], [7, 10, 8, 7], [6, 8, 10, 9], [5, 7, 9, 10]]
    return a


def rosser(n: int, rng: Rng) -> Array:
    """Rosser's matrix (1951), singular, of order 8, in the corner of an identity."""
    a = np.eye(n)
    a[:8, :8] = [
        [611, 196, -192, 407, -8, -52, -49, 29],
        [196, 899, 113, -192, -71, -43, -8, -44],
        [-192, 113, 899, 196, 61, 49, 8, 52],
        [407, -192, 196, 611, 8, 44, 59, -23],
        [-8, -71, 61, 8, 411, -599, 208, 208],
        [-52, -43, 49, 44, -599, 411, 208, 208],
        [-49, -8, 8, 59, 208, 208, 99, -911],
        [29, -44, 52, -23, 208, 208, -911, 99],
    ]
    return a


def chebspec(n: int, rng: Rng) -> Array:
    """Chebyshev spectral differentiation, its nonsingular part (Trefethen and Trummer, 1987)."""
    x = np.cos(np.pi * np.arange(n + 1) / n)
    c = np.where((np.arange(n + 1) == 0) | (np.arange(n + 1) == n), 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    d = np.outer(c, 1 / c) / (x[:, None] - x[None, :] + np.eye(n + 1))
    d -= np.diag(d.sum(axis=1))
    return np.ascontiguousarray(d[1:, 1:])


def moler(n: int, rng: Rng) -> Array:
    """Positive definite with one tiny eigenvalue."""
    i, j = _ij(n)
    return np.where(i == j, i, np.minimum(i, j) - 2)


def pei(n: int, rng: Rng) -> Array:
    """Ones plus the identity (Pei, 1962)."""
    return np.ones((n, n)) + np.eye(n)


def minij(n: int, rng: Rng) -> Array:
    """Positive definite, its inverse tridiagonal."""
    i, j = _ij(n)
    return np.minimum(i, j)


def lehmer(n: int, rng: Rng) -> Array:
    """Positive definite, its inverse tridiagonal (Lehmer, 1946)."""
    i, j = _ij(n)
    return np.minimum(i, j) / np.maximum(i, j)


def kms(n: int, rng: Rng) -> Array:
    """Kac-Murdock-Szego Toeplitz matrix, positive definite."""
    i, j = _ij(n)
    return 0.5 ** np.abs(i - j)


def prolate(n: int, rng: Rng, w: float = 0.25) -> Array:
    """Ill-conditioned positive definite Toeplitz matrix (Varah, 1993)."""
    k = np.arange(1, n)
    return toeplitz(np.concatenate([[2 * w], np.sin(2 * np.pi * w * k) / (np.pi * k)]))


def parter(n: int, rng: Rng) -> Array:
    """Toeplitz with singular values near pi."""
    i, j = _ij(n)
    return 1 / (i - j + 0.5)


def fiedler(n: int, rng: Rng) -> Array:
    """Symmetric indefinite, zero diagonal."""
    i, j = _ij(n)
    return np.abs(i - j)


def circul(n: int, rng: Rng) -> Array:
    """Circulant of 1, 2, ..., n."""
    i, j = _ij(n)
    return (j - i) % n + 1.0


def grcar(n: int, rng: Rng) -> Array:
    """Nonnormal banded Toeplitz with sensitive eigenvalues (Grcar, 1989)."""
    return sum((np.eye(n, k=k) for k in range(4)), start=-np.eye(n, k=-1))


def clement(n: int, rng: Rng) -> Array:
    """Tridiagonal, zero diagonal, integer eigenvalues; singular for odd n (Clement, 1959)."""
    k = np.arange(1.0, n)
    return np.diag(n - k, -1) + np.diag(k, 1)


def tridiag(n: int, rng: Rng) -> Array:
    """Second difference matrix."""
    return 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)


def forsythe(n: int, rng: Rng) -> Array:
    """A Jordan block with a corner of sqrt(u)."""
    a = np.eye(n, k=1)
    a[-1, 0] = 2.0**-26
    return a


def neumann(n: int, rng: Rng) -> Array:
    """Second differences with Neumann ends: exactly singular."""
    a = tridiag(n, rng)
    a[0, 1] = a[-1, -2] = -2.0
    return a


def poisson(n: int, rng: Rng) -> Array:
    """Five-point Laplacian on the largest square grid with at most n points, an identity behind."""
    side = int(np.sqrt(n))
    a = np.eye(n)
    one = tridiag(side, rng)
    a[: side**2, : side**2] = np.kron(one, np.eye(side)) + np.kron(np.eye(side), one)
    return a


def wathen(n: int, rng: Rng) -> Array:
    """Consistent mass matrix of serendipity elements of random density (Wathen, 1987), cut to order n."""
    side = 1
    while 3 * side**2 + 4 * side + 1 < n:
        side += 1
    e1 = np.array([[6, -6, 2, -8], [-6, 32, -6, 20], [2, -6, 6, -6], [-8, 20, -6, 32]])
    e2 = np.array([[3, -8, 2, -6], [-8, 16, -8, 20], [2, -8, 3, -8], [-6, 20, -8, 16]])
    element = np.block([[e1, e2], [e2.T, e1]]) / 45
    order = 3 * side**2 + 4 * side + 1
    a = np.zeros((order, order))
    for j in range(1, side + 1):
        for i in range(1, side + 1):
            top = 3 * j * side + 2 * i + 2 * j + 1
            middle = (3 * j - 1) * side + 2 * j + i - 1
            low = top - 3 * side - 4
            nodes = np.array([top, top - 1, top - 2, middle, low, low + 1, low + 2, middle + 1]) - 1
            a[np.ix_(nodes, nodes)] += 100 * rng.uniform() * element
    return np.ascontiguousarray(a[:n, :n])
