"""Sums that several threads scatter into one vector: each into a stretch of its own, added in the order of the threads.

Where the entries of neighbouring columns lie near each other, as in a band, a thread reaches a part of the vector
alone, and only what it reaches is set to zero and added. The stretch is guessed from the first and the last entries.
What lies outside is found by the check that every index passes before it is used, and the thread then goes on with a
whole vector: the sums, and so the bits, are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fsci.kernels.sparse.split import evenly
from fsci.kernels.threads import spread

__all__ = ["reach", "scatter"]

# Entries at each end of a part by which its stretch is guessed: some columns of a usual matrix.
_SAMPLE = 64


def reach(indices: Any, start: int, stop: int, size: int) -> tuple[int, int]:
    """Where the entries `start` to `stop` seem to lie within ``range(size)``: well within it, or anywhere."""
    ends = np.concatenate([indices[start : min(start + _SAMPLE, stop)], indices[max(stop - _SAMPLE, start) : stop]])
    low, high = (int(ends.min()), int(ends.max()) + 1) if ends.size else (0, size)
    return (low, high) if 0 <= low < high <= size and 4 * (high - low) < 3 * size else (0, size)


def scatter(
    total: Any,
    bounds: Sequence[int],
    stretch: Callable[[int, int], tuple[int, int]],
    add: Callable[[Any, int, int, int], int],
) -> int:
    """Call ``add(y, low, i, j)`` for every two neighbouring bounds and sum the ``y`` into `total`, which is zero.

    Parameters
    ----------
    total : (n,) ndarray
    bounds : sequence of int
        Rising strictly.
    stretch : callable
        ``stretch(i, j)`` guesses which part of `total` the range reaches.
    add : callable
        Adds to y, which begins at ``total[low]``. Gives -1, or a place up to which it has come and that it cannot add:
        outside of y, or malformed.

    Returns
    -------
    int
        -1, or a place that could not be added to the whole vector either.
    """
    own: dict[int, tuple[int, Any]] = {}

    def work(i: int, j: int) -> int:
        low, high = stretch(i, j)
        first = i == bounds[0]
        y = total[low:high] if first else np.zeros(high - low, total.dtype)
        at = add(y, low, i, j)
        if at >= 0 and y.size < total.size:
            whole = total if first else np.zeros(total.size, total.dtype)
            if not first:
                whole[low:high] = y
            y, low = whole, 0
            at = add(y, 0, at, j)
        own[i] = low, y
        return at

    bad = max(spread(work, bounds))
    others = [own[i] for i in bounds[1:-1]]

    def gather(start: int, stop: int) -> int:
        for low, y in others:
            i, j = max(start, low), min(stop, low + y.size)
            if i < j:
                np.add(total[i:j], y[i - low : j - low], out=total[i:j])
        return 0

    spread(gather, evenly(total.size, len(bounds) - 1))
    return bad
