"""Sparse times sparse, Gustavson (1978): rows are packed from the last to the first, towards lower addresses.

SciPy gives the entries of a row in the reverse of the order in which they are first met, each sum taken
in the order of the terms, and leaves out a sum that is zero. Packed backwards they come so by themselves, and the
result is the same to the last bit, its unsorted indices included. The number of terms bounds the number of entries;
where it promises too much room, the entries are counted first. Room that is not written is not occupied, so the
threads pack into the result itself, every other one forwards from where its neighbour began: what two threads write
leaves no gap, and of more the parts are moved together.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import compressed_inside, malformed
from fsci.kernels.sparse.moving import move_entries
from fsci.kernels.sparse.split import Threads
from fsci.kernels.threads import spread

__all__ = ["TooManyEntriesError", "count_rows", "fill_rows", "fill_rows_forwards", "spgemm", "terms_by_row"]

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
def fill_rows(a_indptr, a_indices, a, b_indptr, b_indices, b, place, starts, indices, data, start, stop):  # type: ignore[no-untyped-def]
    """Rows `start` to `stop` of the product into the ends of `indices` and `data`; gives the number of entries.

    `place` is scratch of one entry a column; `starts` gets where each row begins, counted from the first entry.
    """
    nowhere = indices.size
    place[:] = nowhere
    zero = a.dtype.type(0)
    here = uint64(nowhere)
    for back in range(uint64(stop - start)):
        i = uint64(stop) - uint64(1) - back
        last = here
        for k in range(uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])):
            row, factor = uint64(a_indices[k]), a[k]
            for t in range(uint64(b_indptr[row]), uint64(b_indptr[row + uint64(1)])):
                column = uint64(b_indices[t])
                at = uint64(place[column])
                if at < last:
                    data[at] += factor * b[t]
                else:
                    here -= uint64(1)
                    place[column] = here
                    indices[here] = b_indices[t]
                    data[here] = factor * b[t]
        zeros = uint64(0)
        for t in range(here, last):
            zeros += uint64(data[t] == zero)
        if zeros > 0:
            kept = last
            for t in range(last - here):
                s = last - uint64(1) - t
                place[uint64(indices[s])] = nowhere  # its place may be one of the next row
                if data[s] != zero:
                    kept -= uint64(1)
                    indices[kept], data[kept] = indices[s], data[s]
            here = kept
        starts[i] = here
    for i in range(uint64(start), uint64(stop)):
        starts[i] -= int64(here)
    return nowhere - int64(here)


@jit(
    [
        int64(i[::1], i[::1], d[::1], i[::1], i[::1], d[::1], int32[::1], int64[::1], i[::1], d[::1], int64, int64)
        for d, i in _KINDS
    ]
)
def fill_rows_forwards(a_indptr, a_indices, a, b_indptr, b_indices, b, place, starts, indices, data, start, stop):  # type: ignore[no-untyped-def]
    """As `fill_rows`, from the first row on into the beginnings of `indices` and `data`; each row is then turned."""
    place[:] = -1
    zero, one = a.dtype.type(0), uint64(1)
    here = uint64(0)
    for i in range(uint64(start), uint64(stop)):
        begin = here
        for k in range(uint64(a_indptr[i]), uint64(a_indptr[i + one])):
            row, factor = uint64(a_indices[k]), a[k]
            for t in range(uint64(b_indptr[row]), uint64(b_indptr[row + one])):
                column = uint64(b_indices[t])
                at = int64(place[column])
                if at >= int64(begin):
                    data[uint64(at)] += factor * b[t]
                else:
                    place[column] = here
                    indices[here] = b_indices[t]
                    data[here] = factor * b[t]
                    here += one
        zeros = uint64(0)
        for s in range(begin, here):
            zeros += uint64(data[s] == zero)
        if zeros > 0:
            kept = begin
            for s in range(begin, here):
                place[uint64(indices[s])] = -1  # its place may be one of the next row
                if data[s] != zero:
                    indices[kept], data[kept] = indices[s], data[s]
                    kept += one
            here = kept
        low, high = begin, here
        while low + one < high:
            high -= one
            indices[low], indices[high] = indices[high], indices[low]
            data[low], data[high] = data[high], data[low]
            low += one
        starts[i] = begin
    return int64(here)


def _bounds(terms: Any, rows: int, parts: int) -> list[int]:
    """Rows cut into parts of about as many terms."""
    if parts == 1:
        return [0, rows]
    targets = [float(terms[-1]) * i / parts for i in range(1, parts)]
    return sorted({0, rows, *np.searchsorted(terms, targets).tolist()})


def spgemm(rows: int, columns: int, a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> tuple[Any, Any, Any] | None:
    """(data, indices, indptr) of A B, each operand as (indptr, indices, data) of one dtype; None without any term."""
    (a_indptr, a_indices, a_data), (b_indptr, b_indices, b_data) = a, b
    index, dtype, inner = a_indices.dtype, a_data.dtype, b_indptr.size - 1
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
    bounds = _bounds(terms, rows, _SPGEMM_THREADS(dtype, float(terms[-1]) + rows))
    rooms = {i: int(terms[j] - terms[i]) for i, j in pairwise(bounds)}
    if terms[-1] > _ROOM * (a_stored + b_stored + rows):
        counts = np.zeros(rows + 1, np.int64)
        scratch = {i: np.empty(columns, np.int64) for i in rooms}
        spread(lambda i, j: count_rows(a_indptr, a_indices, b_indptr, b_indices, scratch[i], counts, i, j), bounds)
        rooms = {i: int(counts[i + 1 : j + 1].sum()) for i, j in pairwise(bounds)}
    ends = dict(zip(rooms, np.cumsum(list(rooms.values())).tolist(), strict=True))
    room, starts = ends[bounds[-2]], terms  # the running count of terms is not needed any more
    indices, data = np.empty(room, index), np.empty(room, dtype)
    places = {i: np.empty(columns, np.int32 if rooms[i] < _NARROW else np.int64) for i in rooms}

    forwards = {i: part % 2 == 1 for part, i in enumerate(bounds)}

    def fill(i: int, j: int) -> int:
        arrays = a_indptr, a_indices, a_data, b_indptr, b_indices, b_data
        own = slice(ends[i] - rooms[i], ends[i])
        filled = fill_rows_forwards if forwards[i] else fill_rows
        return int(filled(*arrays, places[i], starts, indices[own], data[own], i, j))

    used = spread(fill, bounds)
    if sum(used) > np.iinfo(index).max:
        raise TooManyEntriesError
    first, total = ends[0] - used[0], 0
    for (i, j), count in zip(pairwise(bounds), used, strict=True):
        begin = ends[i] - (rooms[i] if forwards[i] else count)
        move_entries(indices, data, begin, first + total, count)
        if total:
            starts[i:j] += total
        total += count
    starts[rows] = total
    indices, data = indices[first : first + total], data[first : first + total]
    if 2 * total < room:  # SciPy's rule: it does not keep more than twice what is needed
        indices, data = indices.copy(), data.copy()
    return data, indices, starts.astype(index)
