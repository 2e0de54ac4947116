"""Integrals of f(x) exp(i w x) over a finite range by what f is, not what the wave makes of it: two methods.

Moments: f is interpolated in Legendre polynomials, whose integrals with the wave are spherical Bessel functions
(N. S. Bakhvalov and L. G. Vasil'eva, 1968). Collocation: p with p' + i w p = f is found at Chebyshev points, and the
integral is the difference of p exp(i w x) at the ends (D. Levin, 1982). Either takes as many evaluations as f needs,
for any frequency.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre, spherical_jn

__all__ = ["by_collocation", "by_moments", "chebyshev", "legendre", "legendre_values", "part_of"]

Array = NDArray[np.float64]


@lru_cache(maxsize=32)
def legendre(n: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes on [-1, 1], and the matrix from values there to coefficients of P_0 ... P_(n-1)."""
    nodes, weights = roots_legendre(n)
    k = np.arange(n)
    to_coefficients = (np.polynomial.legendre.legvander(nodes, n - 1) * weights[:, None]).T * (k[:, None] + 0.5)
    return nodes, to_coefficients


@lru_cache(maxsize=32)
def chebyshev(n: int) -> tuple[Array, Array]:
    """Chebyshev points from -1 to 1, and the matrix of differentiation (L. N. Trefethen, 2000, chapter 6)."""
    k = np.arange(n)
    # Sines: the differences of nodes without cancellation.
    x = np.sin(math.pi * (2.0 * k - n + 1.0) / (2.0 * (n - 1.0)))
    c = np.where((k == 0) | (k == n - 1), 2.0, 1.0) * (-1.0) ** k
    plus = np.sin(math.pi * (k[:, None] + k) / (2.0 * (n - 1.0)))
    minus = np.sin(math.pi * (k[:, None] - k) / (2.0 * (n - 1.0)))
    difference = 2.0 * plus * minus + np.eye(n)
    d = np.outer(c, 1.0 / c) / difference
    d -= np.diag(d.sum(axis=1))
    return x, d


def by_moments(values: Array, centre: float, half: float, frequency: float) -> tuple[complex, float]:
    """The integral from the values at the nodes of `legendre`, and a bound of what rounding does to it."""
    n = values.size
    coefficients = legendre(n)[1] @ values
    k = np.arange(n)
    turn = frequency * half
    moments = 2.0 * half * spherical_jn(k, abs(turn)) * np.array([1.0, 1j, -1.0, -1j])[k % 4]
    if turn < 0.0:
        moments = moments.conj()
    terms = coefficients * moments
    value = complex(np.exp(1j * frequency * centre) * terms.sum())
    u = 2.0**-53
    phase = abs(frequency) * (abs(centre) + half)
    # The phase is rounded; and each coefficient, to some units of the largest value.
    in_phase = 4.0 * u * (phase + 4.0) * float(np.sum(np.abs(terms)))
    return value, in_phase + 16.0 * u * float(np.max(np.abs(values))) * float(np.sum(np.abs(moments)))


def by_collocation(values: Array, centre: float, half: float, frequency: float) -> complex:
    """The integral from the values at the points of `chebyshev`."""
    n = values.size
    _, d = chebyshev(n)
    turn = frequency * half
    p = np.linalg.solve(d + 1j * turn * np.eye(n), values.astype(complex)) * half
    return complex(np.exp(1j * frequency * centre) * (p[-1] * np.exp(1j * turn) - p[0] * np.exp(-1j * turn)))


def part_of(weight: str, value: complex) -> float:
    """The integral with the cosine or the sine, from that with the exponential of a real f."""
    return value.real if weight == "cos" else value.imag


def legendre_values(coefficients: Array, x: Array) -> Any:
    """The interpolant at `x` in [-1, 1]."""
    return np.polynomial.legendre.legval(x, coefficients)
