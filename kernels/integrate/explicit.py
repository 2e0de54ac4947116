"""One integration by an explicit pair: the state of the compiled loop, and playback into SciPy's class of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.types import Problem
from fsci.kernels.integrate.callbacks import Callback
from fsci.kernels.integrate.explicit_loop import (
    ACCEPTED,
    ASKED,
    COUNTS,
    DIRECTION,
    LONGEST_STIFF,
    MAX_STEP,
    NFEV,
    RATE,
    REALS,
    REJECTED,
    RTOL,
    STIFF,
    STIFF_ENOUGH,
    T_END,
    H,
    T,
)  # fmt: skip
from fsci.kernels.integrate.explicit_steps import advance, begin
from fsci.kernels.integrate.status import CALLBACK_FAILED, MORE
from fsci.kernels.integrate.tableaus import tableau
from fsci.kernels.lanes import padded

__all__ = ["ExplicitLoop"]

_NO_TIMES, _NO_STATES, _NO_COUNTS = np.empty(0), np.empty((0, 0)), np.empty(0, np.int64)

# Hairer and Wanner (1996, section IV.2) call a problem stiff after 15 steps at the border; every fourth is looked at.
_STIFF_SAMPLES = 4


class ExplicitLoop:
    """A `driver.Loop` of RK23, RK45 or DOP853.

    Parameters
    ----------
    name : str
    callback : Callback
    t0, t_end : float
    y0 : (n,) ndarray
    rtol : float
    atol : float or (n,) ndarray
    max_step : float
    h : float
        First step; 0 to find one.
    f0 : (n,) ndarray, optional
        The derivatives at `t0`, where a solver goes on that has them; `h` must then be given.
    t_eval : (m,) ndarray, optional
        Where values are asked for, in the order of the integration.
    """

    def __init__(
        self, name: str, callback: Callback, t0: float, t_end: float, y0: Any, rtol: float, atol: Any, max_step: float,
        h: float = 0.0, f0: Any = None, t_eval: Any = None,
    ) -> None:  # fmt: skip
        pair = tableau(name)
        n, width = y0.size, padded(y0.size)
        self._callback, self._address, self._pair, self._n = callback, callback.function.address, pair, n
        self._reals, self._counts = np.zeros(REALS), np.zeros(COUNTS, np.int64)
        reals = self._reals
        reals[T], reals[T_END], reals[H], reals[RTOL], reals[MAX_STEP] = t0, t_end, h, rtol, max_step
        reals[DIRECTION] = 1.0 if t_end >= t0 else -1.0
        self._y, self._f, self._atol = np.zeros(width), np.zeros(width), np.ones(width)
        self._y[:n], self._atol[:n] = y0, atol
        self._slopes, self._room = np.zeros((pair.starts.size - 1) * width), np.zeros(4 * width)
        self._t_eval = _NO_TIMES if t_eval is None else np.ascontiguousarray(t_eval, dtype=float)
        self.y_eval = np.empty((self._t_eval.size, n))
        self.times, self.states, self._evaluations = _NO_TIMES, np.empty((0, n)), _NO_COUNTS
        self.stored, self.status = 0, MORE
        self._counted, self._rows = 0, pair.stages + 1
        if f0 is not None:
            self._f[:n] = f0
        elif begin(
            self._address, callback.parameters, reals, self._counts, self._y[:n], self._f[:n], self._atol[:n],
            self._room, pair.order,
        ):  # fmt: skip
            self.status = CALLBACK_FAILED
        # What errors are divided by, where there is no equation.
        self._room[: 2 * width], self._room[2 * width : 3 * width] = 0.0, 1.0

    def watched(self) -> ExplicitLoop:
        """The same loop; a call ends where the problem has been seen to be stiff."""
        self._counts[STIFF_ENOUGH] = _STIFF_SAMPLES
        return self

    def keep_all_stages(self, keep: bool) -> None:
        """Keep the extra stages of the dense output of every step, and count them."""
        self._rows = self._pair.starts.size - 1 if keep else self._pair.stages + 1

    @property
    def evaluations(self) -> Any:
        """Count of evaluations after each stored step."""
        return self._evaluations

    @property
    def is_stiff_now(self) -> bool:
        """Whether stability has held the last steps small."""
        return bool(self._counts[STIFF] >= _STIFF_SAMPLES)

    @property
    def here(self) -> tuple[float, Any, float]:
        """Time, state and next step."""
        return float(self._reals[T]), self._y[: self._n].copy(), float(self._reals[H])

    @staticmethod
    def refuses(callback: Callback, problem: Problem) -> str:
        """Nothing: the derivatives are all that it needs."""
        return ""

    @classmethod
    def of(cls, method: str, callback: Callback, problem: Problem) -> ExplicitLoop:
        """The loop at the beginning of `problem`."""
        (_, (t0, t_end), y0), options = problem.operands, problem.parameters
        return cls(
            method, callback, t0, t_end, y0, options["rtol"], options["atol"], options["max_step"],
            options["first_step"] or 0.0, t_eval=options["t_eval"],
        )  # fmt: skip

    @classmethod
    def resumed(cls, method: str, callback: Callback, problem: Problem, solver: Any) -> ExplicitLoop:
        """The loop from where SciPy's `solver` of `problem` stands."""
        return cls(
            method, callback, solver.t, solver.t_bound, solver.y, float(solver.rtol), solver.atol, solver.max_step,
            solver.h_abs, solver.f,
        )  # fmt: skip

    def advance(self, tries: int, capacity: int, keep: bool) -> None:
        """Make up to `tries` tries, store up to `capacity` steps, with their stages if `keep`."""
        if self.status != MORE:
            self.stored = 0
            return
        n, pair = self._n, self._pair
        # Tries that were rejected since the last stored step count for the next one.
        if self.stored:
            self._counted = self._evaluations[self.stored - 1]
        self._last = self._counted, self._reals[T], self._y[:n].copy()
        self.times, self.states = np.empty(capacity), np.empty((capacity, n))
        self._evaluations = np.empty(capacity, np.int64)
        self.slopes = np.empty((capacity, self._rows, n) if keep else (0, 0, 0))
        self.status, self.stored = advance(
            self._address, self._callback.parameters, self._reals, self._counts, self._y, self._f,
            self._slopes, self._atol, self._room, pair.table, pair.stages, pair.order, self._t_eval, self.y_eval,
            self.times, self.states, self._evaluations, self.slopes, tries,
        )  # fmt: skip

    def restore(self, solver: Any, place: int) -> None:
        """Make SciPy's `solver` what it would be after the stored step at `place`."""
        evaluations, t_old, y_old = self._last
        if place:
            evaluations, t_old, y_old = self._evaluations[place - 1], self.times[place - 1], self.states[place - 1]
        solver.nfev += int(self._evaluations[place] - evaluations)
        t = float(self.times[place])
        solver.h_previous, solver.y_old = t - t_old, y_old
        solver.K[...] = self.slopes[place]
        solver.t, solver.y, solver.f = t, self.states[place], self.slopes[place, -1]
        # Of the last step the next one is known; between stored steps nobody asks for it.
        solver.h_abs = float(self._reals[H]) if place == self.stored - 1 else abs(t - t_old)

    @property
    def asked(self) -> int:
        """Times asked for that are reached."""
        return int(self._counts[ASKED])

    @property
    def counts(self) -> tuple[int, int, int]:
        """nfev, njev and nlu."""
        return int(self._counts[NFEV]), 0, 0

    @property
    def stiff(self) -> bool:
        """Whether stability held the steps small."""
        return bool(self._counts[LONGEST_STIFF] >= _STIFF_SAMPLES)

    @property
    def facts(self) -> dict[str, Any]:
        """What the run found out: steps taken and rejected, and the spectral radius it met last, in 1 / time."""
        counts = self._counts
        return {
            "steps": int(counts[ACCEPTED]), "rejected_steps": int(counts[REJECTED]),
            "spectral_radius": float(self._reals[RATE]), "stiff": self.stiff,
        }  # fmt: skip
