"""How a sparse operation is cut for threads: rows by their stored entries, and where a second thread pays."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.profile import load_profile, seconds
from fsci.kernels.threads import thread_count

__all__ = ["Threads", "by_entries", "evenly"]


class Threads:
    """How many threads an operation takes, by the machine profile's times of one and of several.

    Parameters
    ----------
    operation : str
        Its costs stand in the profile as ``sparse_product/host/<operation>``, and with several
        threads as ``sparse_product/host/<operation>_threads``.
    """

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self._limits: dict[Any, float] = {}
        self._table: object = None

    def __call__(self, dtype: Any, work: float) -> int:
        """Threads for this much work in this dtype."""
        # This is asked for products of ten entries: two look-ups, and no more.
        if self._table is not load_profile():
            self._limits = {}
            self._table = load_profile()
        limit = self._limits.get(dtype)
        if limit is None:
            limit = self._limits[dtype] = self._break_even(dtype.name)
        return 1 if work < limit else thread_count()

    def pieces(self, dtype: Any, work: float) -> int:
        """Pieces to cut this much work into: one, or up to four a thread, so that one that is held up loses little.

        No piece is smaller than what a second thread pays for.
        """
        # Products of ten entries ask this too: as few steps as can be.
        if work < self._limits.get(dtype, 0.0) and self._table is load_profile():
            return 1
        threads = self(dtype, work)
        if threads == 1:
            return 1
        return max(threads, min(4 * threads, int(work / self._limits.get(dtype, work))))

    def _break_even(self, dtype: str) -> float:
        """Work from which several threads are the faster; infinity if they never are."""
        work, top = 1.0, 2.0**40
        while work < top and thread_count() > 1:
            single = seconds(f"sparse_product/host/{self.operation}", dtype, work)
            if seconds(f"sparse_product/host/{self.operation}_threads", dtype, work) < single:
                return work
            work *= 2.0
        return float("inf")


def by_entries(indptr: Any, rows: int, parts: int) -> list[int]:
    """Bounds that cut `rows` into `parts` of about as many entries and rows each.

    A row costs about as much as an entry: its end is read and its result written.
    """
    if parts == 1 or len(indptr) <= rows:
        return [0, rows]
    low, high = int(indptr[0]), int(indptr[rows])
    cuts = []
    for i in range(1, parts):
        target = low + (high - low) * i // parts + rows * i // parts
        left, right = 0, rows
        while left < right:
            middle = (left + right) // 2
            if int(indptr[middle]) + middle < target:
                left = middle + 1
            else:
                right = middle
        cuts.append(left)
    # A malformed indptr may send the search anywhere; the checks then say so, on bounds in order.
    return [0, *np.maximum.accumulate(cuts).tolist(), rows]


def evenly(count: int, parts: int) -> list[int]:
    """Bounds that cut ``range(count)`` into `parts`."""
    return [count * i // parts for i in range(parts + 1)]
