"""C functions as right-hand sides: ``void f(double t, double *y, double *dydt[, double *p])``, or giving an int status.

`numba.cfunc` and `scipy.LowLevelCallable` hold such functions. SciPy's own `solve_ivp` knows no C callbacks: where it
must call one, it calls it through ctypes. Importing this imports no Numba.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from scipy import LowLevelCallable

__all__ = ["NativeRhs", "native_rhs"]

_POINTER = ctypes.POINTER(ctypes.c_double)
_KEPT = 256
_known: dict[tuple[int, int], NativeRhs] = {}


class NativeRhs:
    """A C function with what SciPy needs to call it.

    Parameters
    ----------
    address : int
    parameters : bool
        Whether it takes a pointer to its parameters.
    status : bool
        Whether it gives an int, zero for success.
    owner : object
        Kept alive as long as this is.
    """

    def __init__(self, address: int, parameters: bool, status: bool, owner: Any) -> None:
        self.parameters, self.status, self._owner = parameters, status, owner
        arguments = [ctypes.c_double] + [_POINTER] * (3 if parameters else 2)
        self.function = ctypes.CFUNCTYPE(ctypes.c_int if status else None, *arguments)(address)

    def __call__(self, t: float, y: Any, *args: Any) -> Any:
        """The derivatives; the arguments are numbers and float64 vectors."""
        from fsci.kernels.integrate.callbacks import flattened  # here: it imports Numba

        flat = flattened(args)
        if flat is None or (args and not self.parameters):
            raise TypeError("args: a C callback takes numbers and float64 vectors, by a fourth argument `double *p`")
        y, out = np.ascontiguousarray(y, dtype=float), np.empty(np.size(y))
        pointers = [a.ctypes.data_as(_POINTER) for a in (y, out, flat[1])[: 3 if self.parameters else 2]]
        failed = self.function(t, *pointers)
        if failed:
            raise RuntimeError(f"the callback gave status {failed} at t={t}")
        return out


def native_rhs(function: Any) -> NativeRhs | None:
    """`function` as a right-hand side in C; None if it is none."""
    module = sys.modules.get("numba.core.ccallback")
    if module is not None and isinstance(function, module.CFunc):
        pointer: Any = function.ctypes
    elif isinstance(function, LowLevelCallable):
        pointer = function.function
    else:
        return None
    arguments = getattr(pointer, "argtypes", None)
    if not arguments or len(arguments) not in (3, 4) or arguments[0] is not ctypes.c_double:
        return None
    if any(getattr(a, "_type_", None) is not ctypes.c_double for a in arguments[1:]):
        return None
    address = ctypes.cast(pointer, ctypes.c_void_p).value or 0
    key = address, len(arguments)
    if key not in _known:
        if len(_known) >= _KEPT:
            _known.clear()
        _known[key] = NativeRhs(address, len(arguments) == 4, pointer.restype is not None, function)
    return _known[key]
