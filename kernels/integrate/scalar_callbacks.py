"""Integrands as QUADPACK takes them compiled: jitted functions behind a C function that counts what it raised.

A jitted function is called from C through an adapter ``double (double)``, or ``double (int n, double *x)`` where there
are extra arguments, compiled once for each function and types of those. C code cannot raise: the adapter counts in
`RAISED`, so that a caller who sees the count change runs the function interpreted, where Python words the error. There
is one count, and it only ever grows: threads at worst run interpreted without need.
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

from fsci.kernels.compiling import COMPILER_ERRORS

__all__ = ["RAISED", "Adapter", "adapter_of"]

RAISED = ctypes.c_int64(0)

_ALONE = numba.float64(numba.float64)
_WITH_ARGUMENTS = numba.float64(numba.intc, numba.types.CPointer(numba.float64))


@numba.extending.intrinsic
def _counted(typing_context, function, arguments):  # type: ignore[no-untyped-def]
    """Call ``function(*arguments)``; if it raises, count that instead of passing it on.

    A ``try`` around the call would cost a thirtieth of a cheap integrand, a pointer passed along a twentieth.
    """
    signature = function.get_call_type(typing_context, tuple(arguments.types), {})
    compiled = function.dispatcher.overloads[signature.args]

    def code(context, builder, own, values):  # type: ignore[no-untyped-def]
        context.active_code_library.add_linking_library(compiled.library)
        unpacked = numba.core.cgutils.unpack_tuple(builder, values[1])
        status, result = context.call_internal_no_propagate(builder, compiled.fndesc, signature, unpacked)
        with builder.if_then(status.is_error, likely=False):
            address = context.get_constant(numba.types.intp, ctypes.addressof(RAISED))
            count = builder.inttoptr(address, context.get_value_type(numba.types.CPointer(numba.int64)))
            builder.store(builder.add(builder.load(count), context.get_constant(numba.int64, 1)), count)
        return result

    return signature.return_type(function, arguments), code


# How an extra argument is read back from the vector of doubles that C hands over.
_READ = {float: "x[{i}]", np.float64: "x[{i}]", int: "np.int64(x[{i}])"}
_LARGEST_EXACT = 2**53  # integers up to here are exact in a double

_ALONE_TEXT = "def integrand(x):\n    return counted(function, (x,)){part}"
_WITH_ARGUMENTS_TEXT = """
def integrand(n, x_):
    x = carray(x_, ({count},))
    return counted(function, (x[0]{args},)){part}
"""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A jitted function as QUADPACK takes it; `code` keeps it alive."""

    callable: LowLevelCallable
    code: Any


# By the identity of the function: hashing a weak reference costs as much as ten evaluations.
_adapters: dict[int, dict[Any, Adapter | None]] = {}


def _compiled(function: Dispatcher, kinds: tuple[type, ...], part: str) -> Adapter | None:
    args = "".join(", " + _READ[kind].format(i=i) for i, kind in enumerate(kinds, 1))
    text, signature = (_WITH_ARGUMENTS_TEXT, _WITH_ARGUMENTS) if kinds else (_ALONE_TEXT, _ALONE)
    text = text.format(count=len(kinds) + 1, args=args, part=part)
    space = {"function": function, "np": np, "carray": numba.carray, "counted": _counted}
    exec(text, space)  # noqa: S102 (our own text; the user's function is a name in it)
    try:
        code = numba.cfunc(signature, error_model="numpy")(space["integrand"])
    except COMPILER_ERRORS:
        return None
    return Adapter(LowLevelCallable(code.ctypes), code)


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
