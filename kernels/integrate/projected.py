"""The integral of a random combination of the components of a vector-valued function, looked at as one of `quad` is.

A rule that steps over a peak does so for all components at once, or for one. A combination with random weights of about
one hides neither (the idea of R. Freivalds, 1979): its integral, with samples all over the range and what may hide
between them, shows what the values lack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fsci.kernels.integrate.double_exponential import resolvable, transformed
from fsci.kernels.integrate.examined import examined
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.samples_of import sampled

__all__ = ["doubt_of"]

_PLAIN = {"args": (), "part": "", "weight": None, "wvar": None}
_LEAST, _MOST, _SEED = 0.5, 1.5, 19
_SHARE, _SPLIT = 0.01, math.sqrt(2.0) - 1.0


def doubt_of(function: Callable[[float], Any], borders: Sequence[float], value: Any, target: float) -> float:
    """By how much a component of `value`, the integral over all of `borders`, may be wrong as far as samples tell.

    Parameters
    ----------
    function : callable
        Gives the vector at a point.
    borders : sequence of float
        Finite; the function may jump there.
    target : float
        Relative accuracy wanted.
    """
    rng = np.random.default_rng(_SEED)
    value = np.asarray(value)
    weights = rng.uniform(_LEAST, _MOST, value.size) * rng.choice([-1.0, 1.0], value.size)
    if np.iscomplexobj(value):
        weights = weights * np.exp(1j * rng.uniform(0.2, 1.3, value.size))

    def combined(x: float) -> float:
        return float(np.vdot(weights, np.broadcast_to(np.asarray(function(x)), value.shape).ravel()).real)

    total = doubt = 0.0
    for low, high in pairwise(borders):
        if low == high:
            continue
        if not resolvable(min(low, high), max(low, high)):
            return math.inf
        change = transformed(Integrand(combined, min(low, high), max(low, high), _PLAIN))
        with np.errstate(all="ignore"):
            found = examined(change, sampled(change), _SHARE * target, "gk21", _SPLIT, target)
        total += found.result.value if low < high else -found.result.value
        doubt += found.error
    difference = abs(float(np.vdot(weights, value.ravel()).real) - total)
    return (difference + doubt) / _LEAST if math.isfinite(difference) else math.inf
