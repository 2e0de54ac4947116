"""Integrals that QUADPACK was tested on, with exact values, and the calls that are compared on them.

Sources: R. Piessens and others (1983), QUADPACK, chapter 4; D. K. Kahaner (1971), Comparison of numerical quadrature
formulas; A. Genz (1984), Testing multidimensional integration routines, in one dimension. The exact values are those of
mpmath, or closed forms; `tests/integrate/test_quadrature.py` checks them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import scipy.integrate
from scipy import LowLevelCallable

import fsci.integrate

__all__ = [
    "FAMILY", "INTEGRALS", "SAMPLED", "Integral", "compiled", "family_calls", "quad_calls", "sampled_calls",
]  # fmt: skip

Calls = dict[str, Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Integral:
    """An integrand that Numba compiles, its limits and its integral."""

    name: str
    function: Callable[[float], float]
    a: float
    b: float
    exact: float


INTEGRALS = [
    Integral("gaussian", lambda x: math.exp(-x * x), 0.0, 1.0, 0.7468241328124270),
    Integral("kahaner 1: exp", lambda x: math.exp(1.0 * x), 0.0, 1.0, 1.7182818284590452),
    Integral("kahaner 2: step", lambda x: 1.0 if x > 0.3 else 0.0, 0.0, 1.0, 0.7),
    Integral("kahaner 3: sqrt", lambda x: math.sqrt(1.0 * x), 0.0, 1.0, 2.0 / 3.0),
    Integral("kahaner 4: cosh - cos", lambda x: 0.92 * math.cosh(x) - math.cos(x), -1.0, 1.0, 0.4794282266888017),
    Integral("kahaner 5: quartic pole", lambda x: 1.0 / (x**4 + x**2 + 0.9), -1.0, 1.0, 1.5822329637296729),
    Integral("kahaner 6: x^1.5", lambda x: x * math.sqrt(x), 0.0, 1.0, 0.4),
    Integral("kahaner 7: 1/sqrt", lambda x: 1.0 / math.sqrt(x), 0.0, 1.0, 2.0),
    Integral("kahaner 8: 1/(1+x^4)", lambda x: 1.0 / (1.0 + x**4), 0.0, 1.0, 0.8669729873399110),
    Integral("kahaner 9: periodic", lambda x: 2.0 / (2.0 + math.sin(10.0 * math.pi * x)), 0.0, 1.0, 1.1547005383792515),
    Integral(
        "kahaner 14: narrow gaussian", lambda x: math.sqrt(50.0) * math.exp(-50.0 * math.pi * x * x), 0.0, 10.0, 0.5
    ),
    Integral("kahaner 16: lorentz", lambda x: 50.0 / math.pi / (2500.0 * x * x + 1.0), 0.0, 10.0, 0.4993633810764567),
    Integral(
        "kahaner 21: three peaks",
        lambda x: (
            (1.0 / math.cosh(10.0 * (x - 0.2))) ** 2
            + (1.0 / math.cosh(100.0 * (x - 0.4))) ** 4
            + (1.0 / math.cosh(1000.0 * (x - 0.6))) ** 6
        ),
        0.0,
        1.0,
        0.2108027355005493,
    ),
    Integral("quadpack 1: x^a log(1/x)", lambda x: x**0.5 * math.log(1.0 / x), 0.0, 1.0, 4.0 / 9.0),
    Integral(
        "quadpack 2: peak",
        lambda x: 4.0**-5 / ((x - math.pi / 4.0) ** 2 + 16.0**-5),
        0.0,
        1.0,
        3.1357987091653069,
    ),
    Integral("quadpack 3: cos(2^4 sin x)", lambda x: math.cos(16.0 * math.sin(x)), 0.0, math.pi, -0.5494616459466272),
    Integral("quadpack 11: log(1/x)^-0.5", lambda x: math.log(1.0 / x) ** -0.5, 0.0, 1.0, 1.7724538509055160),
    Integral("quadpack 15: x^2 exp(-x/2)", lambda x: x * x * math.exp(-0.5 * x), 0.0, math.inf, 16.0),
    Integral(
        "quadpack 16: half-line",
        lambda x: 1.0 / ((1.0 + 10.0 * x) ** 2 * math.sqrt(x)),
        0.0,
        math.inf,
        0.4967294132898051,
    ),
    Integral(
        "genz: oscillating",
        lambda x: math.cos(0.6 * math.pi + 9.0 * x),
        0.0,
        1.0,
        (math.sin(0.6 * math.pi + 9.0) - math.sin(0.6 * math.pi)) / 9.0,
    ),
]

_kept: list[Any] = []


@lru_cache(maxsize=64)
def compiled(integral: Integral) -> tuple[Any, LowLevelCallable]:
    """The integrand jitted, and as SciPy takes C functions."""
    code = numba.cfunc("float64(float64)")(integral.function)
    _kept.append(code)
    return numba.njit(integral.function), LowLevelCallable(code.ctypes)


def quad_calls(integral: Integral) -> Calls:
    """fsci with a jitted callback; SciPy with the same function as a LowLevelCallable, jitted, and plain."""
    jitted, low_level = compiled(integral)
    a, b, plain = integral.a, integral.b, integral.function
    return {
        "fsci jitted": lambda: fsci.integrate.quad(jitted, a, b),
        "scipy LowLevelCallable": lambda: scipy.integrate.quad(low_level, a, b),
        "scipy jitted": lambda: scipy.integrate.quad(jitted, a, b),
        "fsci plain": lambda: fsci.integrate.quad(plain, a, b),
        "scipy plain": lambda: scipy.integrate.quad(plain, a, b),
    }


SAMPLED = ("trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson", "romb")


def sampled_calls(rule: str, n: int, uneven: bool = False) -> Calls:
    """A rule on `n` samples (for `romb` on a power of two and one)."""
    n = 2 ** (n.bit_length() - 1) + 1 if rule == "romb" else n
    y = np.random.default_rng(20).random(n)
    given: dict[str, Any] = {"x": np.linspace(0.0, 1.0, n)} if uneven else {}
    ours, theirs = getattr(fsci.integrate, rule), getattr(scipy.integrate, rule)
    return {"fsci": lambda: ours(y, **given), "scipy": lambda: theirs(y, **given)}


def _vector(x: float) -> Any:
    return np.exp(-np.arange(1.0, 65.0) * x)


def _samples(rule: str, n: int) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return rule, (np.random.default_rng(20).random(n),), {}


@numba.njit
def _decay(x: float) -> float:
    return math.exp(-x) / (1.0 + x)


@numba.njit
def _plane(y: float, x: float) -> float:
    return math.exp(-x * y)


@numba.njit
def _space(z: float, y: float, x: float) -> float:
    return math.exp(-x * y * z)


# Function, arguments and options of a call of each of the others.
FAMILY: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "quad half-line": ("quad", (_decay, 0.0, math.inf), {}),
    "quad cosine weight": ("quad", (_decay, 0.0, 1.0), {"weight": "cos", "wvar": 40.0}),
    "quad break points": ("quad", (_decay, 0.0, 1.0), {"points": (0.25, 0.5)}),
    "quad plain": ("quad", (lambda x: math.exp(-x * x), 0.0, 1.0), {}),
    "dblquad": ("dblquad", (_plane, 0.0, 1.0, 0.0, 1.0), {}),
    "tplquad": ("tplquad", (_space, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0), {}),
    "nquad": ("nquad", (_plane, ((0.0, 1.0), (0.0, 2.0))), {}),
    "quad_vec 64 components": ("quad_vec", (_vector, 0.0, 1.0), {}),
    "fixed_quad": ("fixed_quad", (np.cos, 0.0, 1.0), {"n": 12}),
    "trapezoid n=1000": _samples("trapezoid", 1000),
    "simpson n=1001": _samples("simpson", 1001),
    "cumulative_trapezoid n=1000": _samples("cumulative_trapezoid", 1000),
    "cumulative_simpson n=1001": _samples("cumulative_simpson", 1001),
    "romb n=1025": _samples("romb", 1025),
}


def family_calls(name: str) -> Calls:
    """fsci's call of one of `FAMILY`, and SciPy's, which takes a jitted integrand of `quad` as a LowLevelCallable."""
    function, args, options = FAMILY[name]
    ours, theirs = getattr(fsci.integrate, function), getattr(scipy.integrate, function)
    given = args
    if function == "quad" and hasattr(args[0], "py_func"):
        code = numba.cfunc("float64(float64)")(args[0].py_func)
        _kept.append(code)
        given = (LowLevelCallable(code.ctypes), *args[1:])
    return {"fsci": lambda: ours(*args, **options), "scipy": lambda: theirs(*given, **options)}
