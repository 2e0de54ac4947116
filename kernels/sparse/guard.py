"""Compiled checks of compressed index arrays: no entry is read before its place is known to be inside.

They run over a block of rows at a time, just before its product, so that the indices
are in cache when they are used; integer minima and maxima vectorize, and the products need no
test in their inner loops. `offending_entry` names what a check found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int64, uint64

from fsci.kernels.jit import jit

__all__ = ["ROWS_AT_ONCE", "compressed_inside", "indices_inside", "malformed", "offending_entry"]

# Rows of a block: some thousand indices of a usual matrix, which stay in the first-level cache.
ROWS_AT_ONCE = 512


@jit(inline=True)
def indices_inside(indices, start, stop, bound):  # type: ignore[no-untyped-def]
    """Whether ``0 <= indices[start:stop] < bound``; `start` and `stop` are inside the array."""
    largest = int64(-1)
    smallest = int64(0)
    for k in range(uint64(start), uint64(stop)):
        index = int64(indices[k])
        largest = max(largest, index)
        smallest = min(smallest, index)
    return (largest < bound) & (smallest >= 0)


@jit(inline=True)
def compressed_inside(indptr, indices, stored, bound, first, last):  # type: ignore[no-untyped-def]
    """Whether rows `first` to `last` lie in the `stored` entries, and their indices in ``range(bound)``."""
    if last >= indptr.size:
        return False
    start, stop = int64(indptr[first]), int64(indptr[last])
    bad = (start < 0) | (stop > stored)
    for i in range(uint64(first), uint64(last)):
        bad |= indptr[i] > indptr[i + uint64(1)]
    if bad:
        return False
    return indices_inside(indices, start, stop, bound)


def offending_entry(indptr: Any, indices: Any, stored: int, bound: int, rows: int = 0) -> str:
    """The first entry that makes a compressed matrix malformed, in words; empty where there is none."""
    pointers = np.asarray(indptr)
    if pointers.size <= rows:
        return f"indptr has {pointers.size} entries, not the {rows + 1} of its shape"
    outside = np.flatnonzero((pointers < 0) | (pointers > stored))
    if outside.size:
        at = int(outside[0])
        return f"indptr[{at}] = {pointers[at]} lies outside the {stored} stored entries"
    falling = np.flatnonzero(pointers[1:] < pointers[:-1])
    if falling.size:
        at = int(falling[0]) + 1
        return f"indptr[{at}] = {pointers[at]} is less than indptr[{at - 1}] = {pointers[at - 1]}"
    used = np.asarray(indices)[int(pointers[0]) : int(pointers[-1])]
    outside = np.flatnonzero((used < 0) | (used >= bound))
    if outside.size:
        at = int(outside[0])
        return f"indices[{at + int(pointers[0])}] = {used[at]} is no index of an axis of length {bound}"
    return ""


def malformed(indptr: Any, indices: Any, stored: int, bound: int, rows: int = 0) -> ValueError:
    """The error for a matrix that a compiled check refused."""
    found = offending_entry(indptr, indices, stored, bound, rows) or "its arrays changed while they were read"
    return ValueError(f"malformed sparse matrix: {found}")
