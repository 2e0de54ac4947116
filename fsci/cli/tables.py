"""How every command shows a table or its progress: rich on a terminal that has it, plain text anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO

__all__ = ["duration", "progress", "table"]

# First word of a cell -> how a terminal shows it.
_STYLES = {
    "certified": "green",
    "uncertified": "yellow",
    "unexamined": "dim",
    "refused": "yellow",
    "warns": "yellow",
    "raises": "yellow",
    "handed": "dim",
    "missing": "dim",
}


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best: ``"1.63 us"``."""
    units = (("s", 1.0), ("ms", 1e3), ("us", 1e6))
    unit, factor = next((u for u in units if seconds * u[1] >= 1.0), units[-1])
    value = seconds * factor
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def _rich_on(stream: IO[str]) -> bool:
    return stream.isatty() and find_spec("rich") is not None


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    notes: Sequence[str] = (),
    stream: IO[str] | None = None,
) -> None:
    """Show rows under `columns`; a column whose name starts with ``>`` is aligned to the right."""
    stream = sys.stdout if stream is None else stream
    if _rich_on(stream):
        _rich_table(title, columns, rows, notes, stream)
    else:
        stream.write(_plain_table(title, columns, rows, notes))
    stream.flush()


def _plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    names = [column.removeprefix(">") for column in columns]
    width = [max(len(line[i]) for line in [names, *rows]) for i in range(len(names))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(w) if column.startswith(">") else cell.ljust(w)
            for cell, column, w in zip(cells, columns, width, strict=True)
        )
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * w for w in width)
    return "\n".join([title, line(names), rule, *map(line, rows), *notes]) + "\n"


def _rich_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str], stream: IO[str]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        shown.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        shown.add_row(*(Text(cell, style=_STYLES.get(cell.split(" ", 1)[0].rstrip(":,"), "")) for cell in row))
    console = Console(file=stream)
    console.print(shown)
    for note in notes:
        console.print(Text(note, style="dim"))


@contextmanager
def progress(label: str, total: float | None = None) -> Iterator[Callable[..., None]]:
    """Show on stderr how far a long command is.

    Gives a function to call before each step, ``step(text)``, or ``step(text, done)`` with
    `done` out of `total`.
    """
    if _rich_on(sys.stderr):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn(label), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=total)

            def step(text: str, done: float | None = None) -> None:
                bar.update(task, description=text, completed=done, advance=1 if done is None else None)

            yield step
        return
    print(f"{label} ...", file=sys.stderr, flush=True)
    yield lambda text, done=None: None
