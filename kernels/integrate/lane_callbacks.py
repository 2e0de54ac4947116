"""User callbacks for eight trajectories at once: ``int64 rhs(t[8], y[n][8], out[n][8], p[m][8])``.

The adapter calls the user's function once for each lane, and the compiler, which sees both, makes one instruction of
eight where the function is straight arithmetic that writes in place or gives a tuple (Lorenz: 9 ns for eight). One
that gives an array would allocate it eight times (170 ns): where the array does nothing but leave the function, its
numbers leave as a tuple, or are written in place. The status is a mask of the lanes in which the callback raised,
or -1 where it gives a wrong number of derivatives.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError, NumbaPerformanceWarning

from fsci.kernels.integrate.callbacks import _arity, _captured
from fsci.kernels.integrate.returned_buffers import buffer_form
from fsci.kernels.integrate.returned_tuples import tuple_form
from fsci.kernels.lanes import WIDTH

__all__ = ["LANE_CALLBACK", "LaneCallback", "lane_rhs_of", "member_arguments"]

POINTER = numba.types.CPointer(numba.float64)
_SIGNATURE = numba.int64(POINTER, POINTER, POINTER, POINTER)
LANE_CALLBACK = numba.types.FunctionType(_SIGNATURE)

# Tuples and lists longer than this would be unrolled into too much code.
_LONGEST_TUPLE = 64


@dataclass(frozen=True, slots=True)
class LaneCallback:
    """A compiled right-hand side of eight trajectories and the parameters of each member; or why there is none.

    Attributes
    ----------
    function : numba cfunc
    parameters : (N or 1, m) ndarray
        A row for each member, or one for all.
    reason : str
    """

    function: Any
    parameters: Any
    reason: str = ""


_TEXT = """
def rhs(t_, y_, out_, p_):
    t, p = carray(t_, ({w},)), carray(p_, ({m}, {w}))
    ys, outs = carray(y_, ({n}, {w})), carray(out_, ({n}, {w}))
    {prepare}
    failed = 0
    for l in range({w}):
        try:
            {before}
            {call}
        except Exception:
            failed |= 1 << l
            continue
        {after}
    return failed
"""
_STRIDED = {"prepare": "pass", "before": "y, out = ys[:, l], outs[:, l]", "copy": "pass", "vector": ""}
_CONTIGUOUS = {
    "prepare": "y, out = np.empty({n}), np.empty({n})",
    "before": "y[:] = ys[:, l]",
    "copy": "outs[:, l] = out",
    "vector": ".copy()",
}
_RETURNED = "d = function(t[l], y{args})"
_MANY = "\n        ".join(
    ["if len(d) != {n}:", "    return -1", "for i in range({n}):", "    outs[i, l] = d[i]"],
)
_TUPLE = "if len(d) != {n}:\n            return -1\n        {stores}"
_ONE = "if {n} != 1:\n            return -1\n        outs[0, l] = d"

_adapters: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()


def member_arguments(args: tuple[Any, ...], members: int) -> tuple[str, Any] | str:
    """Source text that rebuilds one lane's arguments from ``p``, and the rows of parameters; or a complaint."""
    pieces: list[str] = []
    columns: list[Any] = []
    at = 0
    for place, arg in enumerate(args):
        values = np.asarray(arg)
        if values.dtype.kind not in "iuf" or values.dtype.itemsize > 8:
            return f"args[{place}] holds neither real numbers nor integers"
        if values.ndim > 2 or (values.ndim > 0 and values.shape[0] != members):
            return (
                f"args[{place}] is neither one number nor an array of {members}, a number or a vector for each member"
            )
        whole = values.dtype.kind in "iu"
        if values.ndim == 2:
            width = values.shape[1]
            pieces.append(f"p[{at}:{at + width}, l]{{vector}}")
        else:
            width = 1
            pieces.append(f"np.int64(p[{at}, l])" if whole else f"p[{at}, l]")
        columns.append(values.reshape(1 if values.ndim == 0 else members, width))
        at += width
    rows = members if any(c.shape[0] != 1 for c in columns) else 1
    table = np.empty((rows, max(at, 1)))
    at = 0
    for column in columns:
        table[:, at : at + column.shape[1]] = column
        at += column.shape[1]
    return "".join(f", {piece}" for piece in pieces), table


def _adapter(function: Dispatcher, args: str, count: int, m: int, n: int, in_place: bool) -> Any:
    """The first form of the adapter that compiles, or the compiler's complaint as text."""
    stores = "\n        ".join(f"outs[{i}, l] = d[{i}]" for i in range(min(n, _LONGEST_TUPLE)))
    complaint = ""
    for callee, layout, after in _forms(function, count, n, in_place):
        call = _RETURNED if after else "function(t[l], y, out{args})"
        text = _TEXT.replace("{call}", call).replace("{after}", after or layout["copy"]).replace("{stores}", stores)
        text = text.replace("{prepare}", layout["prepare"]).replace("{before}", layout["before"])
        text = text.replace("{args}", args).replace("{vector}", layout["vector"])
        text = text.replace("{n}", str(n)).replace("{m}", str(m)).replace("{w}", str(WIDTH))
        space = {"function": callee, "np": np, "carray": numba.carray}
        exec(text, space)  # noqa: S102 (our own text; the user's function is a name in it)
        try:
            with warnings.catch_warnings():
                # A product with a strided vector copies it at each call: the contiguous form is for those.
                warnings.simplefilter("error", NumbaPerformanceWarning)
                return numba.cfunc(_SIGNATURE, nopython=True)(space["rhs"])
        except (NumbaError, NumbaPerformanceWarning) as error:
            if callee is function:
                complaint = complaint or str(error).strip().partition("\n")[0]
    return complaint


def _forms(function: Dispatcher, count: int, n: int, in_place: bool) -> Iterator[tuple[Dispatcher, Any, str]]:
    """What to call, how the state lies, and what is done with what is returned (nothing, where it writes in place)."""
    if not in_place and n <= _LONGEST_TUPLE and (given := tuple_form(function)) is not None:
        yield given, _STRIDED, _TUPLE
    elif not in_place and (given := buffer_form(function, 2 + count)) is not None:
        yield given, _STRIDED, ""
    for layout in (_STRIDED, _CONTIGUOUS):
        yield from ((function, layout, after) for after in ([""] if in_place else [_MANY, _TUPLE, _ONE]))


def lane_rhs_of(function: Any, n: int, args: tuple[Any, ...], members: int) -> LaneCallback:
    """The callback for systems of `n` equations.

    Parameters
    ----------
    function : numba dispatcher or Python function
        ``f(t, y, *args)`` that gives an array, tuple or list of `n` numbers, or in place ``f(t, y, dydt, *args)``.
    n : int
    args : tuple
        Each a number, or an array whose first axis is the member: a number or a vector for each.
    members : int
    """
    flat = member_arguments(args, members)
    if isinstance(flat, str):
        return LaneCallback(None, None, flat)
    text, values = flat
    plain = isinstance(function, types.FunctionType)
    if not (plain or isinstance(function, Dispatcher)):
        return LaneCallback(None, None, "fun is no function that Numba can compile")
    arity = _arity(function.py_func if isinstance(function, Dispatcher) else function)
    if arity not in (2 + len(args), 3 + len(args), None):
        return LaneCallback(None, None, f"fun takes {arity} arguments; (t, y) and args make {2 + len(args)}")
    in_place = arity == 3 + len(args)
    known = _adapters.setdefault(function, {})
    key = (text, n, in_place, _captured(function) if plain else None)
    if key not in known:
        known[key] = _adapter(
            numba.njit(error_model="numpy")(function) if plain else function,
            text,
            len(args),
            values.shape[1],
            n,
            in_place,
        )
    found = known[key]
    return (
        LaneCallback(None, None, f"fun does not compile: {found}")
        if isinstance(found, str)
        else LaneCallback(found, values)
    )
