"""A progress bar for long runs: by rich where it is installed, else one line on stderr; none where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

__all__ = ["progress_bar"]

# A run shorter than this shows nothing; a plain line is written again after so many seconds.
_QUIET, _PAUSE = 1.0, 0.5


class _Plain:
    """A line on stderr that is written over."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._written = title, total, 0.0

    def show(self, done: int) -> None:
        now = perf_counter()
        if now - self._written >= _PAUSE:
            self._written = now
            sys.stderr.write(f"\r{self._title}: {done} of {self._total} ({100.0 * done / self._total:.0f}%)")
            sys.stderr.flush()

    def close(self, done: int) -> None:
        sys.stderr.write(f"\r{self._title}: {done} of {self._total} ({100.0 * done / self._total:.0f}%)\n")


class _Rich:
    """A bar by rich, with the time that is left."""

    def __init__(self, title: str, total: int, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total)
        progress.start()

    def show(self, done: int) -> None:
        self._progress.update(self._task, completed=done)

    def close(self, done: int) -> None:
        self._progress.update(self._task, completed=done)
        self._progress.stop()


def _bar(title: str, total: int) -> _Plain | _Rich:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return _Plain(title, total)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return _Rich(title, total, Progress(*columns, console=Console(stderr=True)))


@contextmanager
def progress_bar(title: str, total: int, wanted: bool | None = None) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of things that are done.

    Parameters
    ----------
    title : str
    total : int
    wanted : bool, optional
        By default a bar appears on a terminal, when the run lasts longer than a second; True shows it at once and
        anywhere, False never.
    """
    started, bar, latest = perf_counter(), None, 0

    def show(done: int) -> None:
        nonlocal bar, latest
        latest = done
        if bar is None and (wanted or (wanted is None and sys.stderr.isatty() and perf_counter() - started > _QUIET)):
            bar = _bar(title, total)
        if bar is not None:
            bar.show(done)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close(latest)
