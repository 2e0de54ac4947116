"""What drives a compiled step loop: chunks that an interrupt can end, SciPy's result, and playback into SciPy's driver.

Without events and dense output a loop runs on its own, and its steps are only collected. With them SciPy's own
``solve_ivp`` drives a subclass of its method whose steps are those of the loop: events, dense output and counts are
then SciPy's code, whatever they do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from scipy.integrate import BDF, Radau
from scipy.integrate._ivp.base import OdeSolver
from scipy.integrate._ivp.ivp import MESSAGES, OdeResult

from fsci.kernels.integrate.auto_solver import AutoSolver
from fsci.kernels.integrate.pairs import PAIRS
from fsci.kernels.integrate.status import CALLBACK_FAILED, DONE, MORE, TOO_SMALL

__all__ = ["BASES", "STIFF_TOO", "Chunks", "Loop", "loop_of", "plain_result", "playback"]

# Tries of the first call, the growth from call to call at most, and the seconds that a call should take. An
# interrupt waits for the end of a call: eight tries of a callback of 10 ms take about half a second.
_FIRST, _GROWTH, _LONG, _TOO_LONG = 8, 64, 0.02, 0.1
_LARGEST = 1 << 22  # numbers in a buffer

# SciPy's class of each method that has a compiled loop, and the module and class of the loop, imported when it is
# needed: a short solve does not import Numba.
BASES: dict[str, Any] = {
    **{name: pair.solver for name, pair in PAIRS.items()}, "Radau": Radau, "BDF": BDF, "auto": AutoSolver,
    "Rodas5P": AutoSolver,
}  # fmt: skip
_LOOPS = {
    **dict.fromkeys(PAIRS, "explicit.ExplicitLoop"), "Radau": "implicit.RadauLoop", "BDF": "implicit.BdfLoop",
    "auto": "auto.AutoLoop", "Rodas5P": "rodas.RodasLoop",
}  # fmt: skip

# What a failure's message says of a stiff problem, after SciPy's words.
STIFF_TOO = (
    " The steps were held small by stability, not by accuracy: the problem appears to be stiff. Use method='Radau', "
    "'BDF' or 'LSODA'."
)


class Loop(Protocol):
    """A compiled loop with the state of one integration.

    Attributes
    ----------
    status : int
        MORE, DONE, TOO_SMALL or CALLBACK_FAILED.
    times, states : (c,), (c, n) ndarray
        Buffers of the last call; `stored` of them are filled.
    y_eval : (m, n) ndarray
        Values at the first `asked` of the times asked for.
    """

    status: int
    stored: int
    times: Any
    states: Any
    y_eval: Any

    def advance(self, tries: int, capacity: int, keep: bool) -> None:
        """Make up to `tries` tries, store up to `capacity` steps, with what dense output needs if `keep`."""

    def restore(self, solver: Any, place: int) -> None:
        """Make SciPy's `solver` what it would be after the stored step at `place`."""

    @property
    def asked(self) -> int:
        """Times asked for that are reached."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """nfev, njev and nlu."""

    @property
    def stiff(self) -> bool:
        """Whether stability held the steps small."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the run found out about the problem, by name."""


def loop_of(method: str) -> Any:
    """The class of the compiled loop of `method`.

    It has two constructors: ``of(method, callback, problem)``, from the beginning, and
    ``resumed(method, callback, problem, solver)``, from where SciPy's solver stands. ``refuses(callback, problem)``
    says why there can be neither.
    """
    module, _, name = _LOOPS[method].partition(".")
    return getattr(import_module(f"fsci.kernels.integrate.{module}"), name)


class Chunks:
    """How many tries a call makes: few at first, then as many as take some hundredths of a second."""

    def __init__(self, numbers: int) -> None:
        self._tries, self._most = _FIRST, max(_FIRST, _LARGEST // max(numbers, 1))

    def advance(self, loop: Loop, *, store: bool, keep: bool) -> None:
        """One call of the loop."""
        started = perf_counter()
        loop.advance(self._tries, self._tries if store else 0, keep)
        elapsed = perf_counter() - started
        if elapsed < _LONG:
            growth = min(_GROWTH, 1 + int(_LONG / max(elapsed, 1e-9)))
            self._tries = min(self._tries * growth, self._most)
        elif elapsed > _TOO_LONG:
            self._tries = max(int(self._tries * _LONG / elapsed), 1)


def plain_result(loop: Loop, t0: float, y0: Any, t_eval: Any) -> Any:
    """Run `loop` to its end; SciPy's OdeResult, or None where the callback failed."""
    times, states = [np.array([t0])], [y0[None, :]]
    chunks = Chunks(y0.size + 2)
    while True:
        chunks.advance(loop, store=t_eval is None, keep=False)
        if t_eval is None and loop.stored:
            times.append(loop.times[: loop.stored])
            states.append(loop.states[: loop.stored])
        if loop.status != MORE:
            break
    if loop.status == CALLBACK_FAILED:
        return None
    status = 0 if loop.status == DONE else -1
    t: Any
    y: Any
    if t_eval is None:
        t, y = np.concatenate(times), np.concatenate(states).T
    elif loop.asked:
        t, y = t_eval[: loop.asked].copy(), loop.y_eval[: loop.asked].T
    else:
        t, y = [], []  # SciPy's, too
    message = MESSAGES[0] if status == 0 else OdeSolver.TOO_SMALL_STEP + (STIFF_TOO if loop.stiff else "")
    nfev, njev, nlu = loop.counts
    return OdeResult(
        t=t, y=y, sol=None, t_events=None, y_events=None, nfev=nfev, njev=njev, nlu=nlu,
        status=status, message=message, success=status >= 0,
    )  # fmt: skip


class Playback:
    """Mixed into one of SciPy's methods: its steps are those of a compiled loop that starts where the solver stands.

    Before there is a loop, and when its callback fails, SciPy's own step is made: the interpreter then words the error.

    Parameters
    ----------
    start : callable
        ``start(solver)`` gives the loop, or None: not now, and not before as many steps as its attribute `wait` says.
    """

    def __init__(self, *arguments: Any, start: Callable[[Any], Loop | None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._start = start
        self._loop: Loop | None = None
        self._place = self._wait = 0

    def _is_lost(self) -> bool:
        """Whether SciPy would try for ever: a first step that is no number is never seen to be too small."""
        step = getattr(self, "h_abs", 0.0)
        return bool(step != step)

    def _step_impl(self) -> tuple[bool, str | None]:
        loop = self._loop
        if loop is None:
            if self._wait > 0:
                self._wait -= 1
                return super()._step_impl()  # type: ignore[misc]
            if self._is_lost():
                return False, OdeSolver.TOO_SMALL_STEP
            loop = self._loop = self._start(self)
            if loop is None:
                self._wait = getattr(self._start, "wait", 0)
                return super()._step_impl()  # type: ignore[misc]
            self._chunks = Chunks(getattr(self, "n", 1) * 16)
        while self._place == loop.stored:
            if loop.status == TOO_SMALL:
                return False, OdeSolver.TOO_SMALL_STEP + (STIFF_TOO if loop.stiff else "")
            if loop.status == CALLBACK_FAILED:
                return super()._step_impl()  # type: ignore[misc]
            self._chunks.advance(loop, store=True, keep=True)
            self._place = 0
        loop.restore(self, self._place)
        self._place += 1
        return True, None


@cache
def playback(method: str) -> Any:
    """SciPy's class of `method` with the steps of a compiled loop; it takes `start` as an option."""
    return type(method, (Playback, BASES[method]), {})
