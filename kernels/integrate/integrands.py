"""Integrands as Python calls them, whatever QUADPACK takes: functions, jitted functions, C functions; with a weight."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import LowLevelCallable

__all__ = ["OPTIONS", "Integrand", "is_jitted", "python_caller"]

# What `quad` takes beside the integrand and its limits, in the order of the plans that answer it.
OPTIONS = (
    "args", "epsabs", "epsrel", "limit", "full_output", "points", "weight", "wvar", "wopts", "maxp1", "limlst",
)  # fmt: skip

Array = NDArray[np.float64]


def is_jitted(function: Any) -> bool:
    """Whether it is a dispatcher or a CFunc of Numba; asking imports nothing."""
    return type(function).__module__.startswith("numba.")


# The forms of a LowLevelCallable that QUADPACK takes, as Python calls them.
_DOUBLE, _VECTOR, _DATA = ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_void_p
_FORMS: dict[str, tuple[Any, ...]] = {
    "double (double)": (_DOUBLE,),
    "double (double, void *)": (_DOUBLE, _DATA),
    "double (int, double *)": (ctypes.c_int, _VECTOR),
    "double (int, double *, void *)": (ctypes.c_int, _VECTOR, _DATA),
}
_pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_context_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(("PyCapsule_GetContext", ctypes.pythonapi))


def python_caller(function: Any, args: tuple[Any, ...], part: str = "") -> Callable[[float], Any]:
    """``x -> function(x, *args)`` for whatever QUADPACK takes, a `LowLevelCallable` too; or a part of it."""
    if part:
        name = part[1:]
        return lambda x: getattr(function(x, *args), name)
    if not isinstance(function, LowLevelCallable):
        return (lambda x: function(x, *args)) if args else function
    form = _FORMS.get(function.signature)
    if form is None:
        raise ValueError(f"a LowLevelCallable of signature {function.signature!r} is none that quad takes")
    capsule = tuple.__getitem__(function, 0)
    code = ctypes.CFUNCTYPE(_DOUBLE, *form)(_pointer_of(capsule, function.signature.encode()))
    data = (_context_of(capsule),) if form[-1] is _DATA else ()
    if form[0] is _DOUBLE:
        return lambda x: code(x, *data)
    vector = (ctypes.c_double * (len(args) + 1))(0.0, *args)

    def call(x: float) -> float:
        vector[0] = x
        return float(code(len(vector), vector, *data))

    return call


_NEAR_POLE = 2.0**-26  # where truncation and rounding of a difference quotient are alike


def _mapped(function: Any, args: tuple[Any, ...], part: str) -> Any:
    """The compiled map; Numba is there already where a jitted function is."""
    from fsci.kernels.integrate.mapped import mapped

    return mapped(function, args, part)


class Integrand:
    """``w(x) f(x)`` between a and b, at many points at once.

    Attributes
    ----------
    calls : int
        How often the user's function was called.
    constant : float
        What the integral has beyond that of the values given here (the singular part of a Cauchy weight).
    """

    def __init__(self, function: Any, a: float, b: float, options: Mapping[str, Any]) -> None:
        self.a, self.b = float(a), float(b)
        self.calls, self.constant = 0, 0.0
        self._call = python_caller(function, options["args"], options["part"])
        self._mapped = _mapped(function, options["args"], options["part"]) if is_jitted(function) else None
        self._weight, self._parameter = options["weight"], options["wvar"]
        self._at_pole = 0.0
        if self._weight == "cauchy":
            # The principal value by subtraction: f(c) log((b - c) / (c - a)) + the integral of (f(x) - f(c)) / (x - c).
            pole = float(self._parameter)
            self._at_pole = float(self.values(np.array([pole]))[0])
            if self.a < pole < self.b:
                self.constant = self._at_pole * float(np.log((self.b - pole) / (pole - self.a)))

    @property
    def compiled(self) -> bool:
        """Whether it runs compiled, so that a call costs little."""
        return self._mapped is not None

    def values(self, x: Array) -> Array:
        """Values of f at the points `x`, without the weight; NaN where it raises an arithmetic error."""
        self.calls += x.size
        if self._mapped is not None:
            values: Array | None = self._mapped(x)
            if values is not None:
                return values
        call, found = self._call, np.empty(x.size)
        with np.errstate(all="ignore"):  # extra points must not warn the user
            for i, point in enumerate(x.ravel().tolist()):
                try:
                    found[i] = call(point)
                except (ArithmeticError, ValueError):
                    found[i] = np.nan
        return found.reshape(x.shape)

    def weighted(self, x: Array, from_a: Array, to_b: Array) -> Array:
        """``w(x) f(x)``; `from_a` and `to_b` are the distances from the ends, which x itself may round away."""
        name, parameter = self._weight, self._parameter
        if name == "cauchy":
            # Nearer to the pole than this a difference quotient is but the rounding of its differences.
            pole, near = float(parameter), _NEAR_POLE * (self.b - self.a)
            x = np.where(np.abs(x - pole) < near, pole + np.where(x < pole, -near, near), x)
        f = self.values(x)
        with np.errstate(all="ignore"):
            if name is None:
                return f
            if name in ("cos", "sin"):
                return np.asarray(f * (np.cos if name == "cos" else np.sin)(float(parameter) * x))
            if name == "cauchy":
                return np.asarray((f - self._at_pole) / (x - float(parameter)))
            alpha, beta = (float(p) for p in parameter)
            f = f * from_a**alpha * to_b**beta
            if name in ("alg-loga", "alg-log"):
                f = f * np.log(from_a)
            return f * np.log(to_b) if name in ("alg-logb", "alg-log") else f
