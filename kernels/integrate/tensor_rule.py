"""Gauss-Legendre rules in every variable of an iterated integral, for more variables than fine grids can have.

With n points a variable the number of evaluations is that to the power of the variables: some ten points each are what
four to six variables allow. For integrands smooth up to their border that is enough (P. J. Davis and P. Rabinowitz,
1984, chapter 5); for others two such rules disagree, and say so. Infinite ranges take the double-exponential variable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre

from fsci.kernels.integrate.double_exponential import transformed
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.product_rule import Product, ranges_of

__all__ = ["points_for", "tensor_rule"]

Array = NDArray[np.float64]

_EVALUATIONS = 200_000  # in all: the order that leaves
_PLAIN: Mapping[str, Any] = {"args": (), "part": "", "weight": None, "wvar": None}


def points_for(variables: int) -> int:
    """Points a variable."""
    return int(_EVALUATIONS ** (1.0 / variables))


@lru_cache(maxsize=64)
def _gauss(points: int) -> tuple[Array, Array]:
    nodes, weights = roots_legendre(points)
    return nodes, weights


def tensor_rule(function: Any, ranges: Sequence[Any], args: tuple[Any, ...], points: int) -> Product:
    """The integral by `points` nodes a level; arguments as those of `product_rule`."""
    low, high = ranges_of(ranges[-1], args)
    if low == high:
        return Product(0.0, 0.0, 0.0)
    if math.isfinite(low) and math.isfinite(high):
        nodes, weights = _gauss(points)
        x, w = low + 0.5 * (high - low) * (1.0 + nodes), 0.5 * (high - low) * weights
    else:
        change = transformed(
            Integrand(function, min(low, high), max(low, high), _PLAIN), 1e-34, 1e17, extrapolate=False
        )
        step = (change.stop - change.start) / points
        x, _, _, slope = change.points(change.start + step * (np.arange(0.0, points) + 0.5))
        w = math.copysign(step, high - low) * slope
    if len(ranges) == 1:
        values = np.array([_number(function, place, args) for place in x.tolist()])
        magnitudes = np.abs(values)
    else:
        inner = [tensor_rule(function, ranges[:-1], (place, *args), points) for place in x.tolist()]
        values, magnitudes = np.array([(p.value, p.magnitude) for p in inner]).T
    with np.errstate(all="ignore"):
        return Product(float(values @ w), float(magnitudes @ np.abs(w)), 0.0)


def _number(function: Any, place: float, args: tuple[Any, ...]) -> float:
    try:
        with np.errstate(all="ignore"):
            return float(function(place, *args))
    except (ArithmeticError, ValueError):
        return math.nan
