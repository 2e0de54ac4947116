"""SciPy's result of an explicit pair with dense output or events, made of a compiled loop's recorded steps.

SciPy's driver takes some tens of microseconds for each step. Here dense output is made for all steps of a call at once,
and events are looked at one by one, in SciPy's order, with SciPy's own root finding where a sign changes. Importing
this imports no Numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import DOP853
from scipy.integrate._ivp.base import OdeSolver
from scipy.integrate._ivp.common import OdeSolution
from scipy.integrate._ivp.ivp import MESSAGES, OdeResult, find_active_events, handle_events, prepare_events
from scipy.integrate._ivp.rk import Dop853DenseOutput, RkDenseOutput

from fsci.core.types import Problem
from fsci.kernels.integrate.driver import STIFF_TOO, Chunks
from fsci.kernels.integrate.pairs import PAIRS
from fsci.kernels.integrate.status import CALLBACK_FAILED, DONE, MORE

__all__ = ["recordable", "recorded_result"]


def recordable(problem: Problem, method: str) -> bool:
    """Whether the recorded steps of a compiled loop of `method` suffice."""
    return method in PAIRS and (problem.parameters["events"] is None or not problem.parameters["every_root"])


class _Steps:
    """Dense output of the recorded steps of one call."""

    def __init__(self, method: str, callback: Any, t: float, y: Any, loop: Any) -> None:
        self._pair, self._callback = PAIRS[method].solver, callback
        self.times, self.states = loop.times[: loop.stored], loop.states[: loop.stored]
        self.evaluations, self._slopes = loop.evaluations[: loop.stored], loop.slopes[: loop.stored]
        self.before = np.concatenate([[t], self.times[:-1]])
        self._from = np.concatenate([y[None, :], self.states[:-1]])

    @property
    def extra(self) -> int:
        """Evaluations that dense output takes, beyond those of the step."""
        return len(getattr(self._pair, "A_EXTRA", ()))

    def _made(self, places: slice, slopes: Any) -> list[Any]:
        before, times, start = self.before[places], self.times[places], self._from[places]
        h = times - before
        kind: Any
        if self._pair is DOP853:
            kind, width, first = Dop853DenseOutput, h[:, None], slopes[:, 0]
            delta = self.states[places] - start
            forms = np.empty((h.size, 3 + self._pair.D.shape[0], start.shape[1]))
            forms[:, 0], forms[:, 1] = delta, width * first - delta
            forms[:, 2] = 2 * delta - width * (slopes[:, self._pair.n_stages] + first)
            forms[:, 3:] = h[:, None, None] * np.matmul(self._pair.D, slopes)
        else:
            kind, forms = RkDenseOutput, np.matmul(slopes.transpose(0, 2, 1), self._pair.P)
        return list(map(kind, before, times, start, forms))

    def all(self) -> list[Any]:
        """Dense output of every step; the loop has kept the extra stages."""
        return self._made(slice(None), self._slopes)

    def one(self, place: int) -> Any:
        """Dense output of one step."""
        slopes = self._slopes[place]
        if self.extra and slopes.shape[0] == self._pair.n_stages + 1:
            h = self.times[place] - self.before[place]
            rows = list(slopes)
            for weights, node in zip(self._pair.A_EXTRA, self._pair.C_EXTRA, strict=True):
                at = self._from[place] + np.dot(np.array(rows).T, weights[: len(rows)]) * h
                rows.append(self._callback.at(self.before[place] + node * h, at))
            slopes = np.array(rows)
        return self._made(slice(place, place + 1), slopes[None])[0]


class _Events:
    """SciPy's events, and what has been found of them."""

    def __init__(self, events: Any, args: tuple[Any, ...], t0: float, y0: Any) -> None:
        given, self._most, self._directions = prepare_events(events)
        self._events = [lambda t, y, event=event: event(t, y, *args) for event in given] if args else given
        self._counts = np.zeros(len(self._events))
        self._values = [event(t0, y0) for event in self._events]
        self.times: list[list[float]] = [[] for _ in self._events]
        self.states: list[list[Any]] = [[] for _ in self._events]

    def active(self, t: float, y: Any) -> Any:
        """Events whose sign changes up to (t, y); empty where there are none."""
        before, self._values = self._values, [event(t, y) for event in self._events]
        for a, b in zip(before, self._values, strict=True):
            if not ((a > 0 and b > 0) or (a < 0 and b < 0)):
                break
        else:
            return ()
        return find_active_events(before, self._values, self._directions)

    def found(self, active: Any, dense: Any, t_old: float, t: float) -> float | None:
        """Find the roots; the time at which the integration ends, if it does."""
        self._counts[active] += 1
        which, roots, ends = handle_events(dense, self._events, active, self._counts, self._most, t_old, t)
        for event, root in zip(which, roots, strict=True):
            self.times[event].append(root)
            self.states[event].append(dense(root))
        return roots[-1] if ends else None


def recorded_result(loop: Any, callback: Any, problem: Problem, method: str) -> Any:
    """Run `loop` to its end, or a terminal event; SciPy's OdeResult, or None where the callback failed."""
    (_, (t0, t_end), y0), options = problem.operands, problem.parameters
    t_eval, keeps = options["t_eval"], bool(options["dense_output"])
    events = None if options["events"] is None else _Events(options["events"], options["args"], t0, y0)
    loop.keep_all_stages(keeps)
    chunks, added = Chunks(y0.size * 16), 0
    times, states, outputs = [np.array([t0])], [y0[None, :]], []
    end = None
    while end is None and loop.status == MORE:
        chunks.advance(loop, store=True, keep=True)
        if loop.status == CALLBACK_FAILED:
            return None
        if not loop.stored:
            continue
        steps = _Steps(method, callback, times[-1][-1], states[-1][-1], loop)
        dense = steps.all() if keeps else []
        stop = loop.stored
        if events is not None:
            for place, (t, y) in enumerate(zip(steps.times, steps.states, strict=True)):
                active = events.active(t, y)
                if len(active) == 0:
                    continue
                output, before = dense[place] if keeps else steps.one(place), steps.before[place]
                if not keeps and not _asked(t_eval, before, t):
                    added += steps.extra
                end = events.found(active, output, before, t)
                if end is not None:
                    stop, nfev = place + 1, int(steps.evaluations[place])
                    steps.times[place], steps.states[place] = end, output(end)
                    break
        times.append(steps.times[:stop])
        states.append(steps.states[:stop])
        outputs += dense[:stop]
    if end is None:
        nfev = loop.counts[0]
        status = 0 if loop.status == DONE else -1
        message = MESSAGES[0] if status == 0 else OdeSolver.TOO_SMALL_STEP + (STIFF_TOO if loop.stiff else "")
    else:
        status, message = 1, MESSAGES[1]
    t, y = np.concatenate(times), np.concatenate(states)
    if keeps and end is not None and t.size > 2 and t[-1] == t[-2] and t_eval is None:
        t, y, outputs = t[:-1], y[:-1], outputs[:-1]  # SciPy's, too: no step of no length
    solution = OdeSolution(t, outputs) if keeps else None
    t_found, y_found = (t, y.T) if t_eval is None else _at(loop, t_eval, end, t_end >= t0)
    return OdeResult(
        t=t_found, y=y_found, sol=solution,
        t_events=None if events is None else [np.asarray(found) for found in events.times],
        y_events=None if events is None else [np.asarray(found) for found in events.states],
        nfev=nfev + added, njev=0, nlu=0, status=status, message=message, success=status >= 0,
    )  # fmt: skip


def _asked(t_eval: Any, before: float, t: float) -> bool:
    """Whether the loop has been asked for values in the step, and so has made the stages of its dense output."""
    if t_eval is None:
        return False
    return bool(np.any((t_eval > before) & (t_eval <= t)) if t > before else np.any((t_eval < before) & (t_eval >= t)))


def _at(loop: Any, t_eval: Any, end: float | None, ascending: bool) -> tuple[Any, Any]:
    """Times asked for that are reached, and the states there."""
    count = loop.asked
    if end is not None:
        count = int(np.sum(t_eval <= end if ascending else t_eval >= end))
    return (t_eval[:count].copy(), loop.y_eval[:count].T) if count else ([], [])
