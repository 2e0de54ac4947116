"""When a plain Python callback is worth compiling, and whether what was compiled is what was written.

Interpreted steps come first. Compiling, or writing down as arithmetic where that suffices, pays when the solve is
predicted to go on for longer than it takes: by the part of the interval that is done, and, where that misleads (short
steps at the beginning), when as much time is spent as compiling costs. What was compiled must agree with the
interpreter at points that the solve visited.
Numba is imported only when it is needed: a short solve in a fresh process must not pay for it.
"""

from __future__ import annotations

import dis
import sys
import types
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from fsci.core.profile import price
from fsci.kernels.integrate.jax_callbacks import traceable
from fsci.kernels.integrate.traced_callbacks import trace

__all__ = ["TakeOver", "Watch", "has_side_effects"]

# Seconds spent interpreted by callback, over all solves of it; and why a callback stays interpreted.
_spent: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
_refused: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

# Of the time that compiling takes, what is spent before the progress is believed; and how many times as long as
# compiling the rest must last.
_FIRST_LOOK, _MARGIN = 0.05, 2.0

# The compiler may contract and reorder within an expression; what is left of a difference must not matter to the step.
_ROUNDINGS, _SHARE = 64.0, 1e-3

# Steps without a look at the clock at most: they may be slower than those before.
_LONGEST_WAIT, _NEVER = 64, 1 << 60

_WRITES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "STORE_ATTR", "DELETE_ATTR", "IMPORT_NAME"})


class TakeOver(Exception):  # noqa: N818 (no error: it ends SciPy's driver when the compiled loop can do it all)
    """The callback is compiled."""

    def __init__(self, callback: Any) -> None:
        super().__init__("compiled")
        self.callback = callback


def has_side_effects(function: types.FunctionType) -> bool:
    """Whether the code may change something outside, or print: compiled, it would do so another number of times."""
    return any(i.opname in _WRITES for i in dis.get_instructions(function)) or "print" in function.__code__.co_names


class Watch:
    """Looks at one interpreted solve from time to time, and compiles its callback when that pays.

    Parameters
    ----------
    function : callable
    n : int
    args : tuple
    t0, t_end : float
    events : bool
        The solve calls other Python code, which may change what the callback captures.
    """

    def __init__(self, function: Any, n: int, args: tuple[Any, ...], t0: float, t_end: float, events: bool) -> None:
        self._function, self._n, self._args, self._t0, self._t_end = function, n, args, t0, t_end
        self._points: list[tuple[float, Any]] = []
        self._events, self.reason = events, ""
        self._price = _price("write")
        self._compiles = False
        self._started = perf_counter()
        self._next = self._started + _FIRST_LOOK * self._price

    def close(self) -> None:
        """Remember the time that this solve took."""
        known = isinstance(self._function, types.FunctionType) or traceable(self._function)
        if known and not self.reason:
            _spent[self._function] = _spent.get(self._function, 0.0) + perf_counter() - self._started

    def compiled(self, solver: Any) -> Any:
        """The compiled callback, if it is worth it now; called at every step of `solver`."""
        now = perf_counter()
        if now < self._next:
            return None
        spent = now - self._started
        self.reason = self.reason or _why_not(self._function, self._events)
        if self.reason:
            self._next = float("inf")
            return None
        if not self._compiles and trace(self._function, self._n, self._args) is None:
            self._price, self._compiles = _price("compile"), True
            if spent < _FIRST_LOOK * self._price:
                self._next = self._started + _FIRST_LOOK * self._price
                return None
        self._points.append((float(solver.t), solver.y.copy()))
        done = abs(solver.t - self._t0) / abs(self._t_end - self._t0)
        rest = spent * (1.0 - done) / done if done > 0.0 else float("inf")
        if rest < _MARGIN * self._price and spent + _spent.get(self._function, 0.0) < self._price:
            self._next = now + spent
            return None
        self._next = float("inf")
        return self._compile(solver)

    def steps_to_wait(self, steps: int) -> int:
        """How many steps need no look at the clock, after so many since the first: half of those that fit in."""
        now = perf_counter()
        if self._next == float("inf"):
            return _NEVER
        left = (self._next - now) / max(now - self._started, 1e-9)
        return max(min(int(0.5 * steps * left), _LONGEST_WAIT), 0)

    def _compile(self, solver: Any) -> Any:
        from fsci.kernels.integrate.callbacks import rhs_of  # here, so that a short solve does not import Numba

        callback = rhs_of(self._function, self._n, self._args)
        self.reason = callback.reason or self._difference(callback, solver)
        if self.reason:
            _refused[self._function] = self.reason
            return None
        return callback

    def _difference(self, callback: Any, solver: Any) -> str:
        for t, y in self._points:
            wanted = np.asarray(self._function(t, y.copy(), *self._args), dtype=float)
            found = callback.at(t, y)
            if found is None or wanted.shape != found.shape or not np.array_equal(np.isnan(wanted), np.isnan(found)):
                return "compiled, the callback gives something else"
            room = _ROUNDINGS * 2.0**-53 * np.abs(wanted).max(initial=0.0)
            step = _SHARE * (solver.atol + solver.rtol * np.abs(y)) / max(float(solver.h_abs), 1e-300)
            if np.any(np.abs(wanted - found) > np.maximum(room, np.minimum(step, 1e-6 * np.abs(wanted)))):
                return "compiled, the callback differs by more than roundings"
        return ""


def _price(what: str) -> float:
    """Seconds that it takes to "write" down a callback, or to "compile" one, with what must be imported before."""
    return price(f"callback/host/{what if 'numba' in sys.modules else 'first_' + what}")


def _why_not(function: Any, events: bool) -> str:
    """Why the callback must stay interpreted; empty where nothing is known against compiling it."""
    plain = isinstance(function, types.FunctionType)
    if not plain and not traceable(function):
        return "the callback is no plain function"
    if function in _refused:
        return _refused[function]
    if not plain:
        return ""  # JAX's, which reads what is outside it once
    if has_side_effects(function):
        return "the callback writes to something outside it"
    if events and (function.__closure__ or _data_globals(function)):
        return "events may change what the callback captures"
    return ""


def _data_globals(function: types.FunctionType) -> bool:
    used = (function.__globals__.get(name) for name in function.__code__.co_names)
    return any(v is not None and not isinstance(v, types.ModuleType) and not callable(v) for v in used)
