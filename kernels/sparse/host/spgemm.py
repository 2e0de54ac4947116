"""Sparse times sparse, Gustavson (1978): the rows of each thread are packed one after another, then put together.

The entries of a row come in the reverse of the order in which they are first met, each sum is
taken in the order of the terms, and a sum that is zero is left out: SciPy's order, so that the result
is the same to the last bit, its unsorted indices included. The number of terms bounds the number of entries; where
it promises too much room, the entries are counted first.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import compressed_inside, malformed
from fsci.kernels.sparse.split import Threads
from fsci.kernels.threads import spread

__all__ = ["TooManyEntriesError", "count_rows", "fill_rows", "spgemm", "terms_by_row"]

_SPGEMM_THREADS = Threads("spgemm")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]
_INDICES = (int32, int64)


# Room for this many times the operands is asked for without counting; what is not written is not occupied.
_ROOM = 16
_NARROW = np.iinfo(np.int32).max


class TooManyEntriesError(Exception):
    """The product has more entries than the index dtype can count."""


@jit([int64(i[::1], i[::1], i[::1], i[::1], int64, int64, int64, int64[::1]) for i in _INDICES])
def terms_by_row(a_indptr, a_indices, b_indptr, b_indices, a_stored, b_stored, columns, terms):  # type: ignore[no-untyped-def]
    """Running count of the terms of each row in `terms`; gives 0, or 1 or 2 for the operand that is malformed."""
    rows, inner = a_indptr.size - 1, b_indptr.size - 1
    if not compressed_inside(a_indptr, a_indices, a_stored, inner, 0, rows):
        return 1
    if not compressed_inside(b_indptr, b_indices, b_stored, columns, 0, inner):
        return 2
    count = int64(0)
    terms[0] = 0
    for i in range(uint64(rows)):
        for k in range(uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])):
            j = uint64(a_indices[k])
            count += int64(b_indptr[j + uint64(1)]) - int64(b_indptr[j])
        terms[i + uint64(1)] = count
    return 0


@jit([int64(i[::1], i[::1], i[::1], i[::1], int64[::1], int64[::1], int64, int64) for i in _INDICES])
def count_rows(a_indptr, a_indices, b_indptr, b_indices, seen, counts, start, stop):  # type: ignore[no-untyped-def]
    """Distinct columns of each row of the product into `counts`; `seen` is scratch of one entry a column."""
    seen[:] = -1
    for i in range(uint64(start), uint64(stop)):
        found = int64(0)
        for k in range(uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])):
            row = uint64(a_indices[k])
            for t in range(uint64(b_indptr[row]), uint64(b_indptr[row + uint64(1)])):
                column = uint64(b_indices[t])
                if seen[column] != int64(i):
                    seen[column] = int64(i)
                    found += 1
        counts[i + uint64(1)] = found
    return 0


@jit(
    [
        int64(i[::1], i[::1], d[::1], i[::1], i[::1], d[::1], int32[::1], int64[::1], i[::1], d[::1], int64, int64)
        for d, i in _KINDS
    ]
)
def fill_rows(a_indptr, a_indices, a, b_indptr, b_indices, b, place, counts, indices, data, start, stop):  # type: ignore[no-untyped-def]
    """Rows `start` to `stop` of the product into `indices` and `data` from their beginning; gives the entries.

    `place` is scratch of one entry a column; `counts` gets the entries up to the end of each row.
    """
    place[:] = -1
    zero = a.dtype.type(0)
    here = int64(0)
    for i in range(uint64(start), uint64(stop)):
        first = here
        for k in range(uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])):
            row, factor = uint64(a_indices[k]), a[k]
            for t in range(uint64(b_indptr[row]), uint64(b_indptr[row + uint64(1)])):
                column = uint64(b_indices[t])
                at = int64(place[column])
                if at >= first:
                    data[uint64(at)] += factor * b[t]
                else:
                    place[column] = here
                    indices[uint64(here)] = b_indices[t]
                    data[uint64(here)] = factor * b[t]
                    here += 1
        low, high, zeros = first, here - 1, int64(0)
        while low <= high:
            p, q = uint64(low), uint64(high)
            zeros += int64(data[p] == zero) + int64(data[q] == zero)
            indices[p], indices[q] = indices[q], indices[p]
            data[p], data[q] = data[q], data[p]
            low += 1
            high -= 1
        if zeros > 0:
            kept = first
            for t in range(uint64(first), uint64(here)):
                place[uint64(indices[t])] = -1  # its place may be one of the next row
                if data[t] != zero:
                    indices[uint64(kept)], data[uint64(kept)] = indices[t], data[t]
                    kept += 1
            here = kept
        counts[i + uint64(1)] = here
    return here


def spgemm(rows: int, columns: int, a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> tuple[Any, Any, Any] | None:
    """(data, indices, indptr) of A B, each operand as (indptr, indices, data) of one dtype; None without any term."""
    (a_indptr, a_indices, a_data), (b_indptr, b_indices, b_data) = a, b
    index, inner = a_indices.dtype, b_indptr.size - 1
    a_stored, b_stored = min(a_indices.size, a_data.size), min(b_indices.size, b_data.size)
    terms = np.empty(rows + 1, np.int64)
    bad = terms_by_row(a_indptr, a_indices, b_indptr, b_indices, a_stored, b_stored, columns, terms)
    if bad:
        raise (
            malformed(a_indptr, a_indices, a_stored, inner)
            if bad == 1
            else malformed(b_indptr, b_indices, b_stored, columns)
        )
    if terms[-1] == 0:
        return None
    parts = _SPGEMM_THREADS(a_data.dtype, float(terms[-1]) + rows)
    counted = terms[-1] > _ROOM * (a_stored + b_stored + rows)
    if parts == 1 and not counted:
        # Products of ten entries come this way: nothing is done that one thread does not need.
        room = int(terms[-1])
        place = np.empty(columns, np.int32 if room < _NARROW else np.int64)
        indices, data = np.empty(room, index), np.empty(room, a_data.dtype)
        terms[0] = 0
        used: Any = fill_rows(
            a_indptr, a_indices, a_data, b_indptr, b_indices, b_data, place, terms, indices, data, 0, rows
        )
        if used > np.iinfo(index).max:
            raise TooManyEntriesError
        if used < room:
            indices, data = indices[:used].copy(), data[:used].copy()
        return data, indices, terms.astype(index)
    targets = [float(terms[-1]) * i / parts for i in range(1, parts)]
    bounds = sorted({0, rows, *np.searchsorted(terms, targets).tolist()})
    rooms = [int(terms[j] - terms[i]) for i, j in pairwise(bounds)]
    if counted:
        counts = np.zeros(rows + 1, np.int64)
        scratch = [np.empty(columns, np.int64) for _ in rooms]
        numbered = dict(zip(bounds, scratch, strict=False))
        spread(lambda i, j: count_rows(a_indptr, a_indices, b_indptr, b_indices, numbered[i], counts, i, j), bounds)
        rooms = [int(counts[i + 1 : j + 1].sum()) for i, j in pairwise(bounds)]
    counts = terms  # the running count of terms is not needed any more
    made: dict[int, tuple[Any, Any, int]] = {}
    space = dict(zip(bounds, rooms, strict=False))

    def fill(i: int, j: int) -> None:
        place = np.empty(columns, np.int32 if space[i] < _NARROW else np.int64)
        indices, data = np.empty(space[i], index), np.empty(space[i], a_data.dtype)
        arrays = a_indptr, a_indices, a_data, b_indptr, b_indices, b_data
        made[i] = indices, data, int(fill_rows(*arrays, place, counts, indices, data, i, j))

    spread(fill, bounds)
    counts[0], before = 0, 0
    for i, j in pairwise(bounds):
        counts[i + 1 : j + 1] += before
        before = int(counts[j])
    if counts[-1] > np.iinfo(index).max:
        raise TooManyEntriesError
    indices, data = np.empty(counts[-1], index), np.empty(counts[-1], a_data.dtype)

    def put(i: int, j: int) -> None:
        from_indices, from_data, used = made[i]
        indices[counts[i] : counts[j]], data[counts[i] : counts[j]] = from_indices[:used], from_data[:used]

    spread(put, bounds)
    return data, indices, counts.astype(index)
