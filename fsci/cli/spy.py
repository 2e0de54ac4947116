"""Where the entries of a matrix stand: block characters for a terminal, a picture by matplotlib for a file."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fsci.cli.errors import InputError

__all__ = ["characters", "draw", "has_matplotlib"]

_SHADES, _PLAIN_SHADES = " \u2591\u2592\u2593\u2588", " .:*#"
_WIDTH = 64  # characters; twice as wide as high, as a character is twice as high as wide


def characters(a: Any, width: int = _WIDTH, plain: bool | None = None) -> list[str]:
    """Lines of a spy plot: darker where more of the entries that a character stands for are not zero."""
    plain = not _encodable(_SHADES) if plain is None else plain
    rows, columns = a.shape
    each = 2 if 2 * columns <= width else 1  # characters for a column of a small matrix
    wide = min(width, columns)
    high = max(1, min(round(each * wide / 2 * rows / columns), rows, width))
    coo = a.tocoo()
    stored = coo.data != 0
    row, column = coo.row[stored].astype(np.int64), coo.col[stored].astype(np.int64)
    counts = np.bincount(row * high // rows * wide + column * wide // columns, minlength=high * wide).reshape(
        high, wide
    )
    darkest = counts.max(initial=0)
    shades = _PLAIN_SHADES if plain else _SHADES
    # By the logarithm: a diagonal stays visible beside a dense block.
    share = np.log1p(counts) / np.log1p(darkest) if darkest else counts
    levels = np.ceil(share * (len(shades) - 1)).astype(int)
    inside = ["".join(shades[level] * each for level in line) for line in levels.tolist()]
    rule = "+" + "-" * (each * wide) + "+"
    return [rule, *(f"|{line}|" for line in inside), rule]


def _encodable(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_matplotlib() -> bool:
    """Whether pictures can be drawn."""
    return find_spec("matplotlib") is not None


def draw(path: Path, a: Any, order: Any, names: tuple[str, str]) -> None:
    """Write a picture of the matrix, and of it under an order, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 5.0), layout="constrained")
    for place, (matrix, name) in enumerate(zip((a, a[order][:, order]), names, strict=True), 1):
        axes = figure.add_subplot(1, 2, place)
        # A point covers an entry, and is never smaller than what can be seen.
        axes.spy(matrix, markersize=max(0.2, min(8.0, 280.0 / max(matrix.shape))), color="black")
        axes.set_title(f"{name}: {matrix.shape[0]} x {matrix.shape[1]}, {matrix.nnz} entries", fontsize=9)
    try:
        figure.savefig(path, dpi=200)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be written: {str(error).splitlines()[0]}") from error
