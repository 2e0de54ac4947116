"""A user's Jacobian callback as a first-class function that compiled loops call: ``int64 jac(t, *y, *out, *p)``.

`out` is the matrix by rows. A plain Python function is compiled too; it must then give what the interpreter gives.
"""

from __future__ import annotations

import types
from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

from fsci.kernels.compiling import COMPILER_ERRORS
from fsci.kernels.integrate.callbacks import POINTER, Callback, _captured, flattened
from fsci.kernels.integrate.tiering import has_side_effects

__all__ = ["jacobian_callback"]

_SIGNATURE = numba.int64(numba.float64, POINTER, POINTER, POINTER)
_NOTHING = np.empty(0)
_ROUNDINGS = 64.0

_TEXT = """
def jac(t, y_, out_, p_):
    y, out, p = carray(y_, ({n},)), carray(out_, ({n}, {n})), carray(p_, ({m},))
    try:
        d = function(t, y{args})
    except Exception:
        return 2
    if {shape}:
        return 1
    for i in range({n}):
        for j in range({n}):
            out[i, j] = d{entry}
    return 0
"""
_FORMS = (("d.shape[0] != {n} or d.shape[1] != {n}", "[i, j]"), ("len(d) != {n} or len(d[0]) != {n}", "[i][j]"))

_known: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()


def jacobian_callback(function: Any, n: int, args: tuple[Any, ...], t: float, y: Any) -> Callback:
    """The callback for ``function(t, y, *args)``, or why there is none; checked at ``(t, y)`` if it was interpreted."""
    flat = flattened(args)
    plain = isinstance(function, types.FunctionType)
    if flat is None or not (plain or isinstance(function, Dispatcher)):
        return Callback(None, _NOTHING, "the Jacobian's callback, or an argument of it, cannot be compiled")
    if plain and has_side_effects(function):
        return Callback(None, _NOTHING, "the Jacobian's callback writes to something outside it")
    text, values = flat
    cache = _known.setdefault(function, {})
    key = (text, n, _captured(function) if plain else None)
    if key not in cache:
        cache[key] = _compiled(function, text, values.size, n, plain)
        if plain and not isinstance(cache[key], str) and not _agrees(cache[key], function, values, args, t, y):
            cache[key] = "compiled, the Jacobian's callback gives something else"
    if isinstance(cache[key], str):
        return Callback(None, values, cache[key])
    return Callback(cache[key], values)


def _compiled(function: Any, args: str, m: int, n: int, plain: bool) -> Any:
    target = numba.njit(error_model="numpy")(function) if plain else function
    for shape, entry in _FORMS:
        text = _TEXT.replace("{shape}", shape).replace("{entry}", entry).replace("{args}", args)
        space: dict[str, Any] = {"function": target, "np": np, "carray": numba.carray}
        exec(text.replace("{n}", str(n)).replace("{m}", str(m)), space)  # noqa: S102 (our own text)
        try:
            return numba.cfunc(_SIGNATURE, nopython=True)(space["jac"])
        except COMPILER_ERRORS:
            continue
    return "the Jacobian's callback does not compile"


def _agrees(compiled: Any, function: Any, values: Any, args: tuple[Any, ...], t: float, y: Any) -> bool:
    import ctypes

    wanted = np.asarray(function(t, y.copy(), *args), dtype=float)
    state, out = np.ascontiguousarray(y, dtype=float), np.empty((y.size, y.size))
    pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in (state, out, values)]
    if compiled.ctypes(t, *pointers) or wanted.shape != out.shape:
        return False
    room = _ROUNDINGS * 2.0**-53 * np.abs(wanted).max(initial=0.0)
    return bool(np.all((np.abs(wanted - out) <= room) | (np.isnan(wanted) & np.isnan(out)) | (wanted == out)))
