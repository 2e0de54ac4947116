"""Runs the compiled loop of ensembles on all cores: every thread takes members from one queue, a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from threading import Event
from time import perf_counter
from typing import Any

import numpy as np

from fsci.kernels.integrate.ensemble_lanes import (
    EMPTY,
    FINISHED,
    HUNGRY,
    INFO,
    INTEGERS,
    LAST,
    NEXT,
    QUEUE,
    REALS,
    STOP,
    WRONG_LENGTH,
)
from fsci.kernels.integrate.ensemble_loop import advance_members
from fsci.kernels.integrate.lane_callbacks import LaneCallback
from fsci.kernels.integrate.tableaus import tableau
from fsci.kernels.threads import spread, thread_count

__all__ = ["Members", "run_members"]

# Rounds of the first call, the growth from call to call, and the seconds that a call shall and shall not take: an
# interrupt, and the progress bar, wait for its end.
_FIRST, _GROWTH, _LONG, _TOO_LONG = 8, 4, 0.02, 0.1

# Members that a thread takes at a time: enough to fill its lanes many times, few enough that all threads end together.
_LEAST, _PARTS = 8, 32


@dataclass(frozen=True, slots=True)
class Members:
    """What a run leaves of each member; arrays with the member first.

    Attributes
    ----------
    t, y : (N,), (N, n) ndarray
        Where each ended.
    y_eval : (N, q, n) ndarray
        NaN where a member did not come.
    info : (N, INFO) ndarray of int64
    """

    t: Any
    y: Any
    y_eval: Any
    info: Any


class _Worker:
    """Eight lanes and what they need."""

    def __init__(self, callback: LaneCallback, n: int, stages: int) -> None:
        self.queue = np.zeros(QUEUE, np.int64)
        width = 8 * n
        room = [np.zeros(width) for _ in range(5)]
        self._state: tuple[Any, ...] = (
            np.zeros(REALS), np.full(INTEGERS, -1, np.int64), self.queue, np.zeros(8 * callback.parameters.shape[1]),
            *room, np.ones(width), np.zeros(8), np.zeros(width * stages),
        )  # fmt: skip
        self._rounds = _FIRST

    def advance(self, before: tuple[Any, ...], after: tuple[Any, ...], most: int) -> int:
        """One call of the loop, about as long as it shall be."""
        started = perf_counter()
        arguments: list[Any] = [*before, *self._state, *after, self._rounds, most]
        ended = advance_members(*arguments)
        elapsed = perf_counter() - started
        if elapsed > _TOO_LONG:
            self._rounds = max(int(self._rounds * _LONG / elapsed), 1)
        elif elapsed < _LONG and ended not in (EMPTY, HUNGRY):
            self._rounds *= _GROWTH
        return int(ended)


def run_members(
    method: str,
    callback: LaneCallback,
    span: tuple[float, float],
    y0: Any,
    rtol: float,
    atol: Any,
    max_step: float,
    first_step: float,
    t_eval: Any,
    max_steps: int,
    report: Callable[[int], None],
) -> Members | None:
    """Integrate every row of `y0`; None where the callback gives a wrong number of derivatives.

    Parameters
    ----------
    method : str
        "RK23", "RK45" or "DOP853".
    callback : LaneCallback
    y0 : (N, n) ndarray
    atol : (N or 1, n) ndarray
    first_step : float
        0 to find one for each member.
    t_eval : (q,) ndarray
        In the order of the integration; empty for none.
    report : callable
        Called now and then, on the calling thread, with the number of members that ended.
    """
    members, n = y0.shape
    pair = tableau(method)
    found = Members(
        np.full(members, span[0]), y0.copy(), np.full((members, t_eval.size, n), np.nan),
        np.zeros((members, INFO), np.int64),
    )  # fmt: skip
    threads = max(1, min(thread_count(), -(-members // _LEAST)))
    size = max(_LEAST, -(-members // (threads * _PARTS)))
    # A ticket is the number of a part; the interpreter's lock makes taking one atomic.
    tickets, stop, wrong = count(), Event(), Event()
    workers = [_Worker(callback, n, pair.starts.size - 1) for _ in range(threads)]
    before = callback.function, callback.parameters, y0, atol, np.array([*span, rtol, max_step, first_step])
    after = pair.table, pair.stages, pair.order, t_eval, found.y_eval, found.t, found.y, found.info

    def work(index: int, _: int) -> None:
        worker = workers[index]
        try:
            while not stop.is_set():
                if worker.queue[NEXT] == worker.queue[STOP] and not worker.queue[LAST]:
                    start = next(tickets) * size
                    worker.queue[NEXT], worker.queue[STOP] = min(start, members), min(start + size, members)
                    worker.queue[LAST] = start + size >= members
                ended = worker.advance(before, after, max_steps)
                if ended == WRONG_LENGTH:
                    wrong.set()
                    stop.set()
                if ended == EMPTY and worker.queue[LAST]:
                    break
                if index == 0:
                    report(sum(int(w.queue[FINISHED]) for w in workers))
        except BaseException:
            stop.set()  # an interrupt ends the other threads too
            raise

    try:
        spread(work, list(range(threads + 1)))
    except BaseException:
        stop.set()  # one that came while this thread waited for the others
        raise
    return None if wrong.is_set() else found
