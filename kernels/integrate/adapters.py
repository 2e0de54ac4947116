"""User callbacks as first-class functions ``int64 rhs(t, *y, *out, *p)`` that compiled loops call.

Loops are compiled once, against the function type; only a small adapter around the user's function is
compiled for each problem. Vectors pass as pointers: arrays would be counted at each call, which
costs more than most callbacks (measured for Lorenz: 50 ns against 21, and 3 in place). Extra arguments travel in
`p`, so that one adapter serves all their values. A callback that raises, or gives a wrong number of
derivatives, returns a status: the caller then runs it interpreted, where Python words the error.
"""

from __future__ import annotations

import ctypes
import inspect
import types
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

from fsci.kernels.compiling import COMPILER_ERRORS
from fsci.kernels.integrate.code_addresses import CALLBACK, SIGNATURE
from fsci.kernels.integrate.jax_callbacks import lowered, traceable
from fsci.kernels.integrate.native_callbacks import NativeRhs
from fsci.kernels.integrate.returned_buffers import buffer_form
from fsci.kernels.integrate.returned_tuples import tuple_form
from fsci.kernels.integrate.traced_callbacks import Trace, called_from_python, captured, machine_code, trace

__all__ = ["RAISED", "WRONG_LENGTH", "Callback", "captured", "flattened", "rhs_of"]

WRONG_LENGTH, RAISED = 1, 2

# Tuples and lists longer than this would be unrolled into too much code.
_LONGEST_TUPLE = 64


@dataclass(frozen=True, slots=True)
class Callback:
    """A compiled right-hand side and the values of its extra arguments; or why there is none."""

    function: Any
    parameters: np.ndarray[Any, np.dtype[np.float64]]
    reason: str = ""

    def at(self, t: float, y: Any) -> Any:
        """The derivatives at (t, y), called from Python; None where the callback fails."""
        y, out = np.ascontiguousarray(y, dtype=float), np.empty(y.size)
        pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in (y, out, self.parameters)]
        return None if self.function.ctypes(t, *pointers) else out


_NOTHING = np.empty(0)
_adapters: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()


def flattened(args: tuple[Any, ...]) -> tuple[str, np.ndarray[Any, np.dtype[np.float64]]] | None:
    """Source text that rebuilds `args` from a vector ``p``, and the vector; None for what it cannot hold.

    Floats and one-dimensional float64 arrays travel as they are; integers up to 2**53 are exact in p.
    """
    pieces: list[str] = []
    values: list[float] = []
    for arg in args:
        at = len(values)
        if isinstance(arg, (bool, np.bool_)):
            return None
        if isinstance(arg, (int, np.integer)) and abs(int(arg)) <= 2**53:
            pieces.append(f"np.int64(p[{at}])")
            values.append(float(arg))
        elif isinstance(arg, (float, np.floating)):
            pieces.append(f"p[{at}]")
            values.append(float(arg))
        elif type(arg) is np.ndarray and arg.ndim == 1 and arg.dtype == np.float64:
            pieces.append(f"p[{at}:{at + arg.size}]")
            values.extend(arg.tolist())
        else:
            return None
    return "".join(f", {piece}" for piece in pieces), np.array(values, dtype=np.float64)


def _arity(function: Any) -> int | None:
    """Number of positional arguments that it must be given; None where that is open."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)


# What the adapters differ in: how the derivatives are taken over.
_START = """
def rhs(t, y_, out_, p_):
    y, out, p = carray(y_, ({n},)), carray(out_, ({n},)), carray(p_, ({m},))
    try:
        {call}
    except Exception:
        return 2
"""
_CALL = "d = function(t, y{args})"
_IN_PLACE = _START.replace("{call}", "function(t, y, out{args})") + "    return 0\n"
_ARRAY = (
    _START.replace("{call}", _CALL)
    + """
    if len(d) != {n}:
        return 1
    for i in range({n}):
        out[i] = d[i]
    return 0
"""
)
_TUPLE = (
    _START.replace("{call}", _CALL)
    + """
    if len(d) != {n}:
        return 1
{stores}
    return 0
"""
)
_SCALAR = (
    _START.replace("{call}", _CALL)
    + """
    if {n} != 1:
        return 1
    out[0] = d
    return 0
"""
)


def _adapter(function: Dispatcher, args: str, count: int, m: int, n: int, in_place: bool) -> Any:
    """The adapter that compiles, or the compiler's complaint as text.

    Parameters
    ----------
    args : str
        Text that rebuilds the `count` extra arguments from the `m` numbers of p.
    n : int
        Equations.
    """
    stores = "\n".join(f"    out[{i}] = d[{i}]" for i in range(min(n, _LONGEST_TUPLE)))
    forms = [(_IN_PLACE, function)] if in_place else [(form, function) for form in (_ARRAY, _TUPLE, _SCALAR)]
    if not in_place and (given := tuple_form(function)) is not None:
        forms.insert(0, (_TUPLE, given))
    elif not in_place and (given := buffer_form(function, 2 + count)) is not None:
        forms.insert(0, (_IN_PLACE, given))
    complaint = ""
    for form, callee in forms:
        text = form.replace("{args}", args).replace("{stores}", stores).replace("{n}", str(n)).replace("{m}", str(m))
        space = {"function": callee, "np": np, "carray": numba.carray}
        exec(text, space)  # noqa: S102 (our own text; the user's function is a name in it)
        try:
            return numba.cfunc(SIGNATURE, nopython=True)(space["rhs"])
        except COMPILER_ERRORS as error:
            if callee is function:
                complaint = complaint or str(error).strip().partition("\n")[0]
    return complaint


def _native(native: NativeRhs) -> Any:
    """The adapter of a C function."""
    call = f"function(t, y, out{', p' if native.parameters else ''})"
    body = f"    return np.int64({call})\n" if native.status else f"    {call}\n    return 0\n"
    space = {"function": native.function, "np": np}
    exec(f"def rhs(t, y, out, p):\n{body}", space)  # noqa: S102 (our own text)
    return numba.cfunc(SIGNATURE, nopython=True)(space["rhs"])


class Written(numba.types.WrapperAddressProtocol):
    """Machine code of a trace, as `numba.cfunc` gives it."""

    _numba_type_ = CALLBACK  # found before Numba has loaded the rules by which it would find it

    def __init__(self, found: Trace) -> None:
        self.address, self._engine = machine_code(found)
        self.ctypes = called_from_python(self.address)

    def __wrapper_address__(self) -> int:
        return self.address

    def signature(self) -> Any:
        """What Numba takes it for."""
        return SIGNATURE


def _written(found: Trace | None) -> Any:
    """The code of a trace, made once; None where it cannot be made."""
    if found is not None and found.code is None:
        try:
            found.code = Written(found)
        except RuntimeError:
            return None
    return None if found is None else found.code


def rhs_of(function: Any, n: int, args: tuple[Any, ...]) -> Callback:
    """The callback for a system of `n` equations.

    Parameters
    ----------
    function : numba dispatcher, Python function or NativeRhs
        ``f(t, y, *args)`` that gives an array, tuple or list of `n` numbers, or in place ``f(t, y, dydt, *args)``. A
        Python function is compiled as it is: values that it captures are frozen.
    n : int
    args : tuple
        Numbers and float64 vectors.
    """
    flat = flattened(args)
    if flat is None:
        return Callback(None, _NOTHING, "an extra argument is neither a number nor a float64 vector")
    text, values = flat
    if traceable(function):
        function = lowered(function, n, args)
        if isinstance(function, str):
            return Callback(None, values, function)
        args = () if isinstance(function, NativeRhs) else args
    if isinstance(function, NativeRhs):
        if args and not function.parameters:
            return Callback(None, _NOTHING, "the C callback takes no parameters")
        known = _adapters.setdefault(function, {})
        if "native" not in known:
            known["native"] = _native(function)
        return Callback(known["native"], values)
    plain = isinstance(function, types.FunctionType)
    if not (plain or isinstance(function, Dispatcher)):
        return Callback(None, _NOTHING, "the callback is no function that Numba can compile")
    known = _adapters.get(function) or {}
    if not known:
        known["arity"] = _arity(function.py_func if isinstance(function, Dispatcher) else function)
        _adapters[function] = known
    arity = known["arity"]
    if arity not in (2 + len(args), 3 + len(args), None):
        return Callback(None, _NOTHING, "the callback takes another number of arguments")
    in_place = arity == 3 + len(args)
    if plain and not in_place and (code := _written(trace(function, n, args))) is not None:
        return Callback(code, values)
    key = (text, n, in_place, captured(function) if plain else None)
    if key not in known:
        compiled = (
            numba.njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
            if plain
            else function
        )
        known[key] = _adapter(compiled, text, len(args), values.size, n, in_place)
    found = known[key]
    if isinstance(found, str):
        return Callback(None, values, f"it does not compile: {found}")
    return Callback(found, values)
