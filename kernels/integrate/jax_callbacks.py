"""Callbacks that JAX can trace: functions jitted by it, and plain ones that use it.

Such a callback is traced once. A trace of few numbers is written out for Numba, so that the compiled loops call machine
code; of a longer one, or one with a loop of unknown length, XLA's executable is called through the interpreter. Steps
are those that SciPy makes with the callback, to rounding, in the precision that JAX is set to. Importing this imports
neither JAX nor Numba: where the callback is JAX's, its user has imported it.
"""

from __future__ import annotations

import sys
import types
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

__all__ = ["JaxRhs", "jax_rhs", "lowered", "lowered_jacobian", "traceable"]

_KEPT = 256
_ready: dict[int, JaxRhs] = {}
_lowered: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()
_traceable: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()

# What is written out, or called, must give what the callback gives, to the roundings of its type, at one point.
_ROUNDINGS = 1024.0


class JaxRhs:
    """A callback that has been lowered before; SciPy calls it as it is.

    Parameters
    ----------
    function : callable
    """

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        """What the callback gives."""
        return self.function(*arguments)


def traceable(function: Any) -> bool:
    """Whether `function` is JAX's, or reads something of JAX: that it can be traced is seen only then."""
    if isinstance(function, JaxRhs):
        return True
    if "jax" not in sys.modules:
        return False
    if type(function).__module__.partition(".")[0] in ("jaxlib", "jax"):
        return callable(function)
    if type(function) is not types.FunctionType:
        return False
    if function not in _traceable:
        _traceable[function] = _reads_jax(function, set())
    return _traceable[function]


def _reads_jax(function: types.FunctionType, seen: set[Any]) -> bool:
    seen.add(function)
    names, waiting = set[str](), [function.__code__]
    while waiting:
        code = waiting.pop()
        names.update(code.co_names)
        waiting.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
    read = [function.__globals__[name] for name in names if name in function.__globals__]
    for cell in function.__closure__ or ():
        try:
            read.append(cell.cell_contents)
        except ValueError:
            continue  # not bound yet
    for value in read:
        home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        root = (home if isinstance(home, str) else type(value).__module__).partition(".")[0]
        if root in ("jax", "jaxlib") or type(value).__module__.partition(".")[0] == "jaxlib":
            return True
        if type(value) is types.FunctionType and value not in seen and _reads_jax(value, seen):
            return True
    return False


def jax_rhs(function: Any) -> JaxRhs | None:
    """`function` as one that compiled loops take at once: it has been lowered before. None if it has not."""
    known = _ready.get(id(function)) if _ready else None
    return known if known is not None and known.function is function else None


def _remember(function: Any) -> None:
    if jax_rhs(function) is not None:
        return
    if len(_ready) >= _KEPT:
        _ready.clear()
    _ready[id(function)] = JaxRhs(function)


def lowered(function: Any, n: int, args: tuple[Any, ...]) -> Any:
    """What compiled loops can call for ``function(t, y, *args)``: a Numba function or a NativeRhs; or why not, as text.

    Parameters
    ----------
    function : callable
        One that is `traceable`.
    n : int
    args : tuple
        Numbers and float64 vectors. Integers are constants of the trace.
    """
    return _of(function, n, args, derivative=False)


def lowered_jacobian(function: Any, n: int, args: tuple[Any, ...]) -> Any:
    """The same for the Jacobian, by forward-mode differentiation: exact, where differences are not."""
    return _of(function, n, args, derivative=True)


def _of(function: Any, n: int, args: tuple[Any, ...], *, derivative: bool) -> Any:
    from fsci.kernels.integrate.callbacks import captured  # here: it imports Numba
    from fsci.kernels.integrate.xla.traced import lower

    if isinstance(function, JaxRhs):
        function = function.function
    shape = tuple(a.size if isinstance(a, np.ndarray) else (a if isinstance(a, int) else None) for a in args)
    kinds = tuple(type(a) for a in args)
    outside = captured(function) if type(function) is types.FunctionType else None
    key = (n, shape, kinds, outside, derivative, sys.modules["jax"].config.jax_enable_x64)
    known = _lowered.setdefault(function, {})
    if key not in known:
        known[key] = lower(function, n, args, derivative, _ROUNDINGS)
    found = known[key]
    if not derivative and not isinstance(found, str):
        _remember(function)
    return found.bound(args) if hasattr(found, "bound") else found
