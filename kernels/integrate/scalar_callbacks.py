"""Integrands as QUADPACK takes them compiled: jitted functions behind a C function that counts what it raised.

A jitted function is called from C through an adapter ``double (int n, double *x, void *raised)``, compiled once for
each function and types of extra arguments. C code cannot raise: the adapter gives NaN and counts, so that a caller who
sees the count change runs the function interpreted, where Python words the error. The count only ever grows, so that
threads that share an adapter at worst run interpreted without need.
"""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba.core.ccallback import CFunc
from numba.core.dispatcher import Dispatcher
from scipy import LowLevelCallable

__all__ = ["Adapter", "adapter_of"]

_SIGNATURE = numba.float64(numba.intc, numba.types.CPointer(numba.float64), numba.types.voidptr)

# How an extra argument is read back from the vector of doubles that C hands over.
_READ = {float: "x[{i}]", np.float64: "x[{i}]", int: "np.int64(x[{i}])"}
_LARGEST_EXACT = 2**53  # integers up to here are exact in a double

_TEXT = """
def integrand(n, x_, raised_):
    x = carray(x_, ({count},))
    value = np.nan
    try:
        value = function(x[0]{args}){part}
    except Exception:
        raised = carray(raised_, (1,), np.int64)
        raised[0] += 1
    return value
"""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A jitted function as QUADPACK takes it, and how often it has raised so far."""

    callable: LowLevelCallable
    raised: ctypes.c_int64
    code: Any


# By the identity of the function: hashing a weak reference costs as much as ten evaluations.
_adapters: dict[int, dict[Any, Adapter | None]] = {}


def _compiled(function: Dispatcher, kinds: tuple[type, ...], part: str) -> Adapter | None:
    args = "".join(", " + _READ[kind].format(i=i) for i, kind in enumerate(kinds, 1))
    text = _TEXT.format(count=len(kinds) + 1, args=args, part=part)
    space = {"function": function, "np": np, "carray": numba.carray}
    exec(text, space)  # noqa: S102 (our own text; the user's function is a name in it)
    try:
        code = numba.cfunc(_SIGNATURE, error_model="numpy")(space["integrand"])
    except numba.core.errors.NumbaError:
        return None
    raised = ctypes.c_int64(0)
    return Adapter(LowLevelCallable(code.ctypes, user_data=ctypes.c_void_p(ctypes.addressof(raised))), raised, code)


def adapter_of(function: Any, args: tuple[Any, ...], part: str = "") -> Adapter | None:
    """The adapter for ``function(x, *args)``; None for what cannot be one.

    Parameters
    ----------
    function : numba dispatcher or CFunc
    args : tuple
        Floats, and integers that a double holds.
    part : {"", ".real", ".imag"}
        Of a complex function.
    """
    known = _adapters.get(id(function))
    if known is None:
        if not isinstance(function, (Dispatcher, CFunc)):
            return None
        known = _adapters[id(function)] = {}
        weakref.finalize(function, _adapters.pop, id(function), None)
    if not args:
        found = known.get(part, _adapters)
        if found is not _adapters:
            return found  # type: ignore[return-value]
    kinds = tuple(type(arg) for arg in args)
    if any(
        kind not in _READ or (kind is int and abs(arg) > _LARGEST_EXACT) for kind, arg in zip(kinds, args, strict=True)
    ):
        return None
    key = (kinds, part) if args else part
    if key not in known:
        # What a CFunc would do with an exception is to print it and go on; its function is compiled anew.
        jitted = numba.njit(error_model="numpy")(function.__wrapped__) if isinstance(function, CFunc) else function
        known[key] = _compiled(jitted, kinds, part)
    return known[key]
