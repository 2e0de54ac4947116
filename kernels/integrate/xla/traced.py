"""A JAX callback as a function that compiled loops can call: written out for Numba, or XLA's executable behind ctypes.

Measured for Lorenz to t = 20 at rtol 1e-8 with RK45: 160 ms by SciPy's loop with the jitted callback, 1.6 ms by a
`lax.while_loop` on the device that takes 0.8 s to compile, 0.8 ms by the compiled loop with the trace written out. So
there is no loop of JAX's: one trace serves all methods, their events and their dense output.
"""

from __future__ import annotations

import _thread
import ctypes
from threading import Timer
from typing import Any

import jax
import jax.numpy as jnp
import numba
import numpy as np

from fsci.kernels.integrate.native_callbacks import NativeRhs
from fsci.kernels.integrate.xla.scalarized import Untranslatable, written

__all__ = ["lower"]

_RAW = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)

_SOON = 0.01  # seconds

# What tracing raises where a function needs numbers, or asks something of JAX that it does not do.
_REFUSALS = (TypeError, ValueError, IndexError, AttributeError, NotImplementedError)


def lower(function: Any, n: int, args: tuple[Any, ...], derivative: bool, roundings: float) -> Any:
    """A Numba function, or one that gives a NativeRhs for values of `args`; or why there is none, as text."""
    dynamic = [k for k, a in enumerate(args) if not isinstance(a, (int, np.integer))]

    def derivatives(t: Any, y: Any, *given: Any) -> Any:
        values = list(args)
        for k, value in zip(dynamic, given, strict=True):
            values[k] = value
        found = function(t, y, *values)
        found = jnp.stack([jnp.asarray(part) for part in found]) if isinstance(found, (tuple, list)) else found
        if jnp.shape(found) != (n,) and not (n == 1 and jnp.shape(found) == ()):
            raise ValueError(f"it gives derivatives of shape {jnp.shape(found)}")
        if jnp.iscomplexobj(found):
            raise TypeError("its derivatives are complex")
        return jnp.reshape(jnp.asarray(found, dtype=float), (n,))

    whole = jax.jacfwd(derivatives, argnums=1) if derivative else derivatives
    start = np.cos(np.arange(1.0, n + 1.0))
    given = [np.asarray(args[k], dtype=float) for k in dynamic]
    try:
        trace = jax.make_jaxpr(whole)(0.5, start, *given)
    except _REFUSALS as error:
        return f"JAX cannot trace it: {str(error).strip().partition(chr(10))[0]}"
    if trace.effects:
        return "it has effects beside its value"
    wanted = np.asarray(jax.jit(whole)(0.5, start, *given), dtype=float)
    try:
        compiled = _numba(trace, n, args, dynamic, derivative)
    except Untranslatable as reason:
        return _Called(whole, n, dynamic, str(reason))
    found = np.zeros((n, n) if derivative else n)
    if derivative:
        found = compiled.py_func(0.5, start, *args)
    else:
        compiled.py_func(0.5, start, found, *args)
    unit = float(np.finfo(trace.jaxpr.outvars[0].aval.dtype).eps)
    room = roundings * unit * np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)
    same = (np.abs(found - wanted) <= room) | (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    return compiled if np.all(same) else _Called(whole, n, dynamic, "written out, it gives something else")


def _numba(trace: Any, n: int, args: tuple[Any, ...], dynamic: list[int], derivative: bool) -> Any:
    sizes = [a.size if isinstance(a, np.ndarray) else None for a in args]
    # Constants of the trace have no variable in it.
    text = written(trace, n, [sizes[k] for k in dynamic], derivative)
    names = [f"a{dynamic.index(k)}" if k in dynamic else f"fixed{k}" for k in range(len(args))]
    body = text.partition("\n")[2]
    first = "t, y" if derivative else "t, y, out"
    space: dict[str, Any] = {"np": np}
    exec(f"def rhs({', '.join([first, *names])}):\n{body}", space)  # noqa: S102 (our own text)
    return numba.njit(error_model="numpy")(space["rhs"])


class _Called:
    """XLA's executable, called through the interpreter.

    Parameters
    ----------
    whole : callable
        ``whole(t, y, *given)``.
    dynamic : list of int
        Which of the extra arguments are given.
    reason : str
        Why it is not written out.
    """

    def __init__(self, whole: Any, n: int, dynamic: list[int], reason: str) -> None:
        self._run, self._n, self._dynamic, self.reason = jax.jit(whole), n, dynamic, reason

    def bound(self, args: tuple[Any, ...]) -> NativeRhs:
        """With these values of the extra arguments."""
        n, run = self._n, self._run
        given = [np.array(args[k], dtype=float) for k in self._dynamic]
        state = ctypes.c_double * n

        def call(t: float, y: int, out: int) -> int:
            try:
                # A copy: JAX may hold on to the memory that it is given.
                at = np.array(state.from_address(y), dtype=np.float64)
                value = np.asarray(run(t, at, *given), dtype=np.float64)
                ctypes.memmove(out, np.ascontiguousarray(value).ctypes.data, value.nbytes)
            except KeyboardInterrupt:
                # Raised here it would be lost; the loop ends first, and then the interpreter has it again.
                Timer(_SOON, _thread.interrupt_main).start()
                return 1
            except (*_REFUSALS, RuntimeError, ArithmeticError):
                return 1  # SciPy's driver, which calls the function itself, words it
            return 0

        raw = _RAW(call)
        address = ctypes.cast(raw, ctypes.c_void_p).value or 0
        return NativeRhs(address, False, True, raw)
