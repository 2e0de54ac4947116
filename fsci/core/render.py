"""How certificates and diagnoses show themselves: text, HTML for notebooks, plain values for JSON."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np

__all__ = ["Rendered", "number", "plain"]

Row = tuple[str, str]


def number(value: Any) -> str:
    """One number, or the range of an array of them, in three significant digits."""
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.dtype.kind in "US":
        names, counts = np.unique(array, return_counts=True)
        return ", ".join(f"{c} {n}" for n, c in zip(names, counts, strict=True))
    if array.size == 0:
        return "none"
    if array.ndim:
        return f"{number(array.min())} .. {number(array.max())}"
    item = array.item()
    if isinstance(item, float):
        return f"{item:.3g}" if math.isfinite(item) else str(item)
    return str(item)


def plain(value: Any) -> Any:
    """`value` as Python scalars, lists and strings, for JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return repr(value)


class Rendered:
    """Gives a noun its ``repr`` and its notebook table from `title` and `rows`."""

    __slots__ = ()

    def title(self) -> str:
        """First line of the text, caption of the table."""
        raise NotImplementedError

    def rows(self) -> list[Row]:
        """Label and text of each line."""
        raise NotImplementedError

    def __repr__(self) -> str:
        rows = self.rows()
        width = max((len(label) for label, _ in rows), default=0)
        return "\n".join([self.title(), *(f"  {label:<{width}}  {text}" for label, text in rows)])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for label, text in self.rows()
        )
        return f"<table><caption>{html.escape(self.title())}</caption>{cells}</table>"
