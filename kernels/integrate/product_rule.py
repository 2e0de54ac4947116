"""Trapezoidal rule in the double-exponential variables of every level of an iterated integral."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsci.kernels.integrate.double_exponential import transformed
from fsci.kernels.integrate.integrands import Integrand, python_caller

__all__ = ["MOST_LEVELS", "POINTS", "Product", "product_rule", "ranges_of"]

Array = NDArray[np.float64]

# Levels that are looked at, and points in each: what the levels together cost grows with their power.
MOST_LEVELS = 3
POINTS = {1: 160, 2: 112, 3: 64}
_PLAIN: Mapping[str, Any] = {"args": (), "part": "", "weight": None, "wvar": None}


def ranges_of(span: Any, args: tuple[Any, ...]) -> tuple[float, float]:
    """Limits of a level, given the variables outside it."""
    low, high = span(*args) if callable(span) else span
    return float(low), float(high)


# How near to a border at zero, and how far out, the points go; what is beyond is bounded by the decay that is seen.
_NEAREST, _FARTHEST = 1e-34, 1e17


@dataclass(frozen=True, slots=True)
class Product:
    """The integral, that of the magnitude, and a bound of what lies beyond the outermost points."""

    value: float
    magnitude: float
    tail: float


def product_rule(
    function: Any, ranges: Sequence[Any], args: tuple[Any, ...], points: int, shift: float = 0.5
) -> Product:
    """The integral with `points` nodes a level.

    Parameters
    ----------
    function : callable
        ``function(x0, x1, ..., *args)``, x0 being the innermost variable.
    ranges : sequence
        Of the levels, the innermost first; limits, or functions of the variables outside.
    args : tuple
        The variables outside, and what the caller gave.
    points : int
    shift : float
        Place of the nodes within their steps.
    """
    low, high = ranges_of(ranges[-1], args)
    if low == high:
        return Product(0.0, 0.0, 0.0)
    sign = 1.0 if low < high else -1.0
    change = transformed(
        Integrand(_nothing, min(low, high), max(low, high), _PLAIN), _NEAREST, _FARTHEST, extrapolate=False
    )
    step = (change.stop - change.start) / points
    x, _, _, slope = change.points(change.start + step * (np.arange(0.0, points) + shift))
    tails = np.zeros(points)
    if len(ranges) == 1:
        call = python_caller(function, args)
        values = np.array([_number(call, place) for place in x.tolist()])
        magnitudes = np.abs(values)
    else:
        inner = [product_rule(function, ranges[:-1], (place, *args), points, shift) for place in x.tolist()]
        values, magnitudes, tails = np.array([(p.value, p.magnitude, p.tail) for p in inner]).T
    with np.errstate(all="ignore"):
        sizes = magnitudes * slope
        beyond = step * (_beyond(sizes) + _beyond(sizes[::-1]) + float(np.sum(tails * slope)))
        return Product(sign * step * float(np.sum(values * slope)), step * float(np.sum(sizes)), beyond)


def _beyond(sizes: Array) -> float:
    """Bound of the sum of the terms before the first, which decay at least as they are seen to."""
    first, second = float(sizes[0]), float(sizes[1])
    if first == 0.0:
        return 0.0
    return first * first / (second - first) if first < second else np.inf


def _number(call: Any, place: float) -> float:
    try:
        with np.errstate(all="ignore"):
            return float(call(place))
    except (ArithmeticError, ValueError):
        return np.nan


def _nothing(x: float) -> float:
    return x
