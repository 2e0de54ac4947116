"""Fourier integrals over a half-line, by nodes that run into the zeros of the wave.

T. Ooura and M. Mori (1999), A robust double exponential formula for Fourier-type integrals. However slowly the
integrand decays, the nodes approach the zeros of sine or cosine double-exponentially far out. That is so also where
it does not decay, and there is no integral; so whether it does is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.integrands import Integrand

__all__ = ["Fourier", "decays", "fourier_integral"]

Array = NDArray[np.float64]

_BETA = 0.25
# Range of t: beyond it, at both ends, the weights are below the unit roundoff of those in the middle.
_BACKWARD, _FORWARD = 8.0, 5.5


@dataclass(frozen=True, slots=True)
class Fourier:
    """The integral and the sum of the magnitudes of its terms."""

    value: float
    magnitude: float


def _nodes(m: float, shift: float) -> tuple[Array, Array]:
    """``M phi(t)`` and, for sine (shift 0) or cosine (1/2), ``pi wave(M phi) phi'`` at t = (n + shift) pi / M."""
    step = math.pi / m
    n = np.arange(-math.ceil(_BACKWARD / step), math.ceil(_FORWARD / step) + 1.0)
    t = (n + shift) * step
    alpha = _BETA / math.sqrt(1.0 + m * math.log1p(m) / (4.0 * math.pi))
    slope = 2.0 + alpha + _BETA
    with np.errstate(all="ignore"):
        exponent = 2.0 * t - alpha * np.expm1(-t) + _BETA * np.expm1(t)
        rate = 2.0 + alpha * np.exp(-t) + _BETA * np.exp(t)
        beyond = t / np.expm1(exponent)  # phi - t
        phi = -t / np.expm1(-exponent)
        q, p = np.exp(exponent), np.exp(-exponent)
        back = q * (q - 1.0 - t * rate) / (q - 1.0) ** 2
        forth = (1.0 - p - t * rate * p) / (1.0 - p) ** 2
    derivative = np.where(exponent < 0.0, back, forth)
    centre = t == 0.0
    phi[centre] = beyond[centre] = 1.0 / slope
    derivative[centre] = 0.5 - 0.5 * (_BETA - alpha) / slope**2
    # sin(M t + M (phi - t)) with M t a multiple of pi, and cos with half of one more.
    sign = np.where(n % 2.0 == 0.0, 1.0, -1.0) * (1.0 if shift == 0.0 else -1.0)
    forward = sign * np.sin(m * beyond)
    wave = np.where(t < 1.0, np.sin(m * phi) if shift == 0.0 else np.cos(m * phi), forward)
    weight = math.pi * wave * derivative
    keep = np.isfinite(weight) & (phi > 0.0) & np.isfinite(phi)
    return m * phi[keep], weight[keep]


def _transform(f: Callable[[Array], Array], frequency: float, m: float, shift: float) -> Fourier:
    """The integral of f(y) sin(frequency y), or of the cosine, over y > 0."""
    places, weights = _nodes(m, shift)
    terms = f(places / frequency) * weights / frequency
    terms = terms[np.abs(weights) > 0.0]
    return (
        Fourier(math.fsum(terms), math.fsum(np.abs(terms))) if np.isfinite(terms).all() else Fourier(math.nan, math.inf)
    )


def fourier_integral(integrand: Integrand, weight: str, frequency: float, m: float) -> Fourier:
    """The integral of f(x) cos(w x), or sin, over the half-line of `integrand`, with resolution `m`.

    Parameters
    ----------
    integrand : Integrand
    weight : {"cos", "sin"}
    frequency : float
        Not zero.
    m : float
        pi over the step: the error falls exponentially with it.
    """
    w, odd = abs(frequency), weight == "sin"
    sign = math.copysign(1.0, frequency) if odd else 1.0
    if integrand.b == math.inf:
        start = integrand.a

        def f(y: Array) -> Array:
            return integrand.values(start + y)
    else:
        start, sign = -integrand.b, -sign if odd else sign

        def f(y: Array) -> Array:
            return integrand.values(integrand.b - y)

    # sin(w (s + y)) = sin(w s) cos(w y) + cos(w s) sin(w y), and cos(w (s + y)) likewise.
    of_cosine, of_sine = (
        (math.sin(w * start), math.cos(w * start)) if odd else (math.cos(w * start), -math.sin(w * start))
    )
    value = magnitude = 0.0
    for factor, shift in ((of_cosine, 0.5), (of_sine, 0.0)):
        if factor != 0.0:
            part = _transform(f, w, m, shift)
            value, magnitude = value + factor * part.value, magnitude + abs(factor) * part.magnitude
    return Fourier(sign * value, magnitude)


# Distances, in wavelengths, at which the decay is looked at; the largest ratio of one to the next (1 / log x passes).
_DISTANCES, _RATIO = np.array([1e3, 1e6, 1e12]), 0.75


def decays(integrand: Integrand, frequency: float) -> bool:
    """Whether the integrand is seen to tend to zero."""
    y = _DISTANCES / abs(frequency)
    x = integrand.a + y if integrand.b == math.inf else integrand.b - y
    near, far, farthest = np.abs(integrand.values(x)).tolist()
    return far <= _RATIO * near and farthest <= _RATIO * far
