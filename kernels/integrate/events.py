"""Roots of event functions that sign tests at the ends of a step lose.

A step whose event function has one sign at both ends may hold two roots, or three where SciPy's test sees one
(scipy#9228). The dense polynomial of the step says more: the event is sampled along it, twice as finely where two
samples lie nearer to zero than the curve between them may bend, and the step is shown to SciPy's driver in
pieces, each with one change of sign. The driver then finds every root in its order, whatever the events do.
Sampling cannot prove that no root is left; it finds what a parabola through neighbouring samples could hide.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import scipy.integrate as scipy_integrate

__all__ = ["Roots", "pieces", "watchful"]

_INTERVALS = 8  # of a step, at first
_DOUBLINGS = 4
# A curve between two samples bends away from its chord by at most h**2 / 8 times its second derivative, which the
# differences of the samples estimate; four times as much, for what they miss.
_BEND = 4.0 / 8.0


def _hidden(values: Any) -> bool:
    """Whether a pair of roots may lie between two samples of one sign."""
    bends = np.abs(np.diff(values, 2))
    if bends.size == 0:
        return False
    near = np.maximum(np.append(bends, bends[-1]), np.append(bends[0], bends)) * _BEND
    same = values[:-1] * values[1:] > 0.0
    return bool(np.any(same & (np.minimum(np.abs(values[:-1]), np.abs(values[1:])) < near)))


def pieces(events: list[Callable[[float, Any], Any]], dense: Any, t_old: float, t: float) -> list[float]:
    """Times inside (t_old, t) that part the step so that each event changes sign at most once in a piece.

    Parameters
    ----------
    events : list of callable
        ``event(t, y)``.
    dense : callable
        ``dense(t)``: the state along the step.
    t_old, t : float
        Ends of the step, in the order of the integration.
    """
    cuts: set[float] = set()
    for event in events:
        count = _INTERVALS
        times = np.linspace(t_old, t, count + 1)
        values = np.array([float(event(s, dense(s))) for s in times])
        for _ in range(_DOUBLINGS):
            if not _hidden(values):
                break
            count *= 2
            finer = np.linspace(t_old, t, count + 1)
            between = np.array([float(event(s, dense(s))) for s in finer[1::2]])
            values = np.insert(values, np.arange(1, values.size), between)
        # Roots by place among the samples: on one, or half way to the next. A cut between each two parts them.
        zeros, changes = np.flatnonzero(values == 0.0), np.flatnonzero(values[:-1] * values[1:] < 0.0)
        places = np.sort(np.concatenate([zeros, changes + 0.5]))
        cuts.update((t_old + (t - t_old) * (places[:-1] + places[1:]) / (2.0 * count)).tolist())
    return sorted(cuts, reverse=bool(t < t_old))


def _called(event: Any, args: tuple[Any, ...], t: float, y: Any) -> Any:
    return event(t, y, *args)


class Roots:
    """The events of one solve, and the times that were shown to the driver between steps.

    Parameters
    ----------
    events : callable or list of callables
    args : tuple
    """

    def __init__(self, events: Any, args: tuple[Any, ...]) -> None:
        chosen = [events] if callable(events) else list(events)
        self.events: list[Callable[[float, Any], Any]] = [partial(_called, event, args) for event in chosen]
        self.between: set[float] = set()

    def cleaned(self, result: Any, t_eval: Any) -> Any:
        """SciPy's result without the times that are no steps."""
        if t_eval is None and self.between:
            kept = np.array([i == 0 or i == len(result.t) - 1 or s not in self.between for i, s in enumerate(result.t)])
            result.t, result.y = result.t[kept], result.y[:, kept]
        return result


class _InPieces:
    """Mixed into a solver class: a step that hides roots is shown in pieces."""

    status: str
    t: float
    t_old: float
    y: Any

    def __init__(self, *arguments: Any, roots: Roots, **options: Any) -> None:
        self._roots = roots
        self._dense: Any = None
        self._pending: list[tuple[float, Any, str]] = []
        super().__init__(*arguments, **options)

    def step(self) -> str | None:
        if not self._pending:
            self._dense = None
            message: str | None = super().step()  # type: ignore[misc]
            if self.status == "failed" or self.t == self.t_old:
                return message
            self._dense = super().dense_output()  # type: ignore[misc]
            cuts = pieces(self._roots.events, self._dense, self.t_old, self.t)
            if not cuts:
                return message
            self._pending = [*((s, self._dense(s), "running") for s in cuts), (self.t, self.y, self.status)]
            self._roots.between.update(cuts)
            self.t = self.t_old
        self.t_old = self.t
        self.t, self.y, self.status = self._pending.pop(0)
        return None

    def dense_output(self) -> Any:
        return self._dense if self._dense is not None else super().dense_output()  # type: ignore[misc]


@cache
def watchful(solver: Any) -> Any:
    """The solver class, or that of SciPy's method of this name, with steps in pieces; `roots` is an option of it."""
    base = getattr(scipy_integrate, solver) if isinstance(solver, str) else solver
    return type(base.__name__, (_InPieces, base), {})
