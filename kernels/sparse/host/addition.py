"""Sum and difference of two matrices: entry by entry where the patterns are equal, else by merging rows.

Memory that is written for the first time costs as much as the arithmetic. So equal patterns are found first, by the
indices alone, and the result then has its final size; a merge writes into room for all entries of both, as
SciPy's does, and only what the second thread made is moved. What cancels to zero leaves no entry, as in SciPy's merge.
Rows that are in no order, or hold a place twice, are summed place by place; SciPy then gives the entries in the
reverse of the order in which they are first met, and they come so by being packed backwards.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.moving import move_entries
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["add", "add_equal", "compare_patterns", "drop_zeros", "merge_rows", "sum_places"]

_ADDITION_THREADS = Threads("addition")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]
_INDICES = (int32, int64)


@jit(inline=True)
def rows_rise(indptr, indices, first, last):  # type: ignore[no-untyped-def]
    """Whether the indices rise strictly in each of the rows: they may fall where one begins, and there alone."""
    start, stop = uint64(indptr[first]), uint64(indptr[last])
    falls = uint64(0)
    for k in range(start + uint64(1), stop):
        falls += uint64(indices[k] <= indices[k - uint64(1)])
    between = uint64(0)
    before = start
    for i in range(uint64(first), uint64(last)):
        begin = uint64(indptr[i])
        if begin > before and begin < stop:
            between += uint64(indices[begin] <= indices[begin - uint64(1)])
            before = begin
    return falls == between


@jit(inline=True)
def equal_pattern(a_indptr, a_indices, b_indptr, b_indices, first, last):  # type: ignore[no-untyped-def]
    """Whether rows `first` to `last` of both hold the same places."""
    a_start, b_start = uint64(a_indptr[first]), uint64(b_indptr[first])
    differ = uint64(0)
    for i in range(uint64(first) + uint64(1), uint64(last) + uint64(1)):
        differ += uint64(uint64(a_indptr[i]) - a_start != uint64(b_indptr[i]) - b_start)
    if differ:
        return False
    for k in range(uint64(a_indptr[last]) - a_start):
        differ += uint64(a_indices[a_start + k] != b_indices[b_start + k])
    return differ == 0


@jit([int64(i[::1], i[::1], i[::1], i[::1], int64, int64, int64, int64, int64) for i in _INDICES])
def compare_patterns(a_indptr, a_indices, b_indptr, b_indices, a_stored, b_stored, columns, start, stop):  # type: ignore[no-untyped-def]
    """What `start` to `stop` of the rows allow: 1 where both hold the same places, 0 where they must be merged.

    Or -1 or -2 for the operand that is malformed, -3 where one is not in canonical form.
    """
    # The room for a result is taken from the ends of the range: they must be sound, and nothing between may exceed it.
    rises_a = (a_indptr[start] >= 0) & (int64(a_indptr[stop]) <= a_stored)
    rises_b = (b_indptr[start] >= 0) & (int64(b_indptr[stop]) <= b_stored)
    for i in range(uint64(start), uint64(stop)):
        rises_a &= a_indptr[i] <= a_indptr[i + uint64(1)]
        rises_b &= b_indptr[i] <= b_indptr[i + uint64(1)]
    if not rises_a:
        return -1
    if not rises_b:
        return -2
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(a_indptr, a_indices, a_stored, columns, first, last):
            return -1
        if not compressed_inside(b_indptr, b_indices, b_stored, columns, first, last):
            return -2
        if not rows_rise(a_indptr, a_indices, first, last):
            return -3
        if not equal_pattern(a_indptr, a_indices, b_indptr, b_indices, first, last):
            return 0 if rows_rise(b_indptr, b_indices, first, last) else -3
    return 1


@jit([int64(i[::1], i[::1], d[::1], i[::1], d[::1], int64, i[::1], i[::1], d[::1], int64, int64) for d, i in _KINDS])
def add_equal(a_indptr, a_indices, a, b_indptr, b, negative, indptr, indices, data, start, stop):  # type: ignore[no-untyped-def]
    """Rows `start` to `stop` of A + B or A - B of one pattern; gives the number of entries that are zero."""
    zero = a.dtype.type(0)
    base = int64(a_indptr[0])
    for i in range(uint64(start), uint64(stop)):
        indptr[i + uint64(1)] = int64(a_indptr[i + uint64(1)]) - base
    zeros = uint64(0)
    here, a_start, b_start = uint64(int64(a_indptr[start]) - base), uint64(a_indptr[start]), uint64(b_indptr[start])
    size = uint64(a_indptr[stop]) - a_start
    for k in range(size):
        indices[here + k] = a_indices[a_start + k]
    if negative:
        for k in range(size):
            value = a[a_start + k] - b[b_start + k]
            data[here + k] = value
            zeros += uint64(value == zero)
    else:
        for k in range(size):
            value = a[a_start + k] + b[b_start + k]
            data[here + k] = value
            zeros += uint64(value == zero)
    return int64(zeros)


@jit(
    [
        int64(i[::1], i[::1], d[::1], i[::1], i[::1], d[::1], int64, int64, i[::1], i[::1], d[::1], int64, int64)
        for d, i in _KINDS
    ]
)
def merge_rows(  # type: ignore[no-untyped-def]
    a_indptr, a_indices, a, b_indptr, b_indices, b, negative, columns, indptr, indices, data, start, stop
):
    """Rows `start` to `stop` of A + B or A - B into `indices` and `data` from their beginning; gives the entries.

    Or the codes of `compare_patterns`. `indptr` gets the entries up to the end of each row.
    """
    zero = a.dtype.type(0)
    here = uint64(0)
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(a_indptr, a_indices, min(a_indices.size, a.size), columns, first, last):
            return -1
        if not compressed_inside(b_indptr, b_indices, min(b_indices.size, b.size), columns, first, last):
            return -2
        if not rows_rise(a_indptr, a_indices, first, last) or not rows_rise(b_indptr, b_indices, first, last):
            return -3
        for i in range(uint64(first), uint64(last)):
            k, k_end = uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])
            t, t_end = uint64(b_indptr[i]), uint64(b_indptr[i + uint64(1)])
            while k < k_end and t < t_end:
                if a_indices[k] == b_indices[t]:
                    column, value = a_indices[k], (a[k] - b[t] if negative else a[k] + b[t])
                    k += uint64(1)
                    t += uint64(1)
                elif a_indices[k] < b_indices[t]:
                    column, value = a_indices[k], (a[k] - zero if negative else a[k] + zero)
                    k += uint64(1)
                else:
                    column, value = b_indices[t], (zero - b[t] if negative else zero + b[t])
                    t += uint64(1)
                indices[here], data[here] = column, value
                here += uint64(value != zero)
            for s in range(k, k_end):
                value = a[s] - zero if negative else a[s] + zero
                indices[here], data[here] = a_indices[s], value
                here += uint64(value != zero)
            for s in range(t, t_end):
                value = zero - b[s] if negative else zero + b[s]
                indices[here], data[here] = b_indices[s], value
                here += uint64(value != zero)
            indptr[i + uint64(1)] = here
    return int64(here)


@jit(
    [
        int64(
            i[::1],
            i[::1],
            d[::1],
            i[::1],
            i[::1],
            d[::1],
            int64,
            int64,
            int64[::1],
            i[::1],
            i[::1],
            d[::1],
            int64,
            int64,
        )
        for d, i in _KINDS
    ]
)
def sum_places(  # type: ignore[no-untyped-def]
    a_indptr, a_indices, a, b_indptr, b_indices, b, negative, columns, place, starts, indices, data, start, stop
):
    """Rows `start` to `stop` of A + B or A - B in any order, into the ends of `indices` and `data`; gives the entries.

    Or -1 or -2 for the operand that is malformed. `place` is scratch of one entry a column; `starts` gets where
    each row begins, counted from the first entry.
    """
    if not compressed_inside(a_indptr, a_indices, min(a_indices.size, a.size), columns, start, stop):
        return -1
    if not compressed_inside(b_indptr, b_indices, min(b_indices.size, b.size), columns, start, stop):
        return -2
    zero = a.dtype.type(0)
    nowhere = indices.size
    place[:] = nowhere
    others = np.empty(columns, a.dtype)  # the sums of B in this row, from its last place on
    here = uint64(nowhere)
    for back in range(uint64(stop - start)):
        i = uint64(stop) - uint64(1) - back
        last = here
        top = last - uint64(1)
        for k in range(uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])):
            at = uint64(place[uint64(a_indices[k])])
            if at >= last:
                here -= uint64(1)
                at = here
                place[uint64(a_indices[k])] = at
                indices[at], data[at], others[top - at] = a_indices[k], zero, zero
            data[at] += a[k]
        for k in range(uint64(b_indptr[i]), uint64(b_indptr[i + uint64(1)])):
            at = uint64(place[uint64(b_indices[k])])
            if at >= last:
                here -= uint64(1)
                at = here
                place[uint64(b_indices[k])] = at
                indices[at], data[at], others[top - at] = b_indices[k], zero, zero
            others[top - at] += b[k]
        kept = last
        for t in range(last - here):
            s = top - t
            value = data[s] - others[t] if negative else data[s] + others[t]
            place[uint64(indices[s])] = nowhere  # its place may be one of the next row
            if value != zero:
                kept -= uint64(1)
                indices[kept], data[kept] = indices[s], value
        here = kept
        starts[i] = here
    for i in range(uint64(start), uint64(stop)):
        starts[i] -= here
    return nowhere - int64(here)


@jit([int64(i[::1], i[::1], d[::1]) for d, i in _KINDS])
def drop_zeros(indptr, indices, data):  # type: ignore[no-untyped-def]
    """Leave out the entries that are zero, in place; gives the number of the others."""
    kept, begin = uint64(0), uint64(0)
    for i in range(uint64(indptr.size - 1)):
        end = uint64(indptr[i + uint64(1)])
        for k in range(begin, end):
            indices[kept], data[kept] = indices[k], data[k]
            kept += uint64(data[k] != 0)
        begin = end
        indptr[i + uint64(1)] = kept
    return int64(kept)


Matrix = tuple[Any, Any, Any]  # indptr, indices, data


def _refused(codes: list[int], a: Matrix, b: Matrix, columns: int) -> bool:
    """Whether an operand is not canonical; raises for a malformed one."""
    for code, (indptr, indices, data) in ((-1, a), (-2, b)):
        if code in codes:
            raise malformed(indptr, indices, min(indices.size, data.size), columns)
    return min(codes) < 0


def add(columns: int, a: Matrix, b: Matrix, negative: bool) -> Matrix:
    """(data, indices, indptr) of A + B or A - B, each as (indptr, indices, data)."""
    rows, index, dtype = a[0].size - 1, a[1].dtype, a[2].dtype
    parts = _ADDITION_THREADS(dtype, a[2].size + b[2].size + rows)
    bounds = by_entries(a[0], rows, parts)
    patterns = (*a[:2], *b[:2], min(a[1].size, a[2].size), min(b[1].size, b[2].size), columns)
    codes = spread(lambda i, j: compare_patterns(*patterns, i, j), bounds)
    if _refused(codes, a, b, columns):
        return _add_places(columns, a, b, int(negative), bounds)
    indptr, minus = np.zeros(rows + 1, index), int(negative)
    if min(codes) == 1:
        stored = int(a[0][rows]) - int(a[0][0])
        indices, data = np.empty(stored, index), np.empty(stored, dtype)
        if sum(spread(lambda i, j: add_equal(*a, b[0], b[2], minus, indptr, indices, data, i, j), bounds)):
            stored = drop_zeros(indptr, indices, data)
        return data[:stored], indices[:stored], indptr
    # Each part has room for all entries of both; one more, for one that cancels is written before it is left out.
    bounds = sorted(set(bounds))
    places = {i: _entries(a, i) + _entries(b, i) + before for before, i in enumerate(bounds)}
    indices, data = np.empty(places[rows], index), np.empty(places[rows], dtype)

    def merge(i: int, j: int) -> int:
        own = slice(places[i], places[j])
        return int(merge_rows(*a, *b, minus, columns, indptr, indices[own], data[own], i, j))

    used = spread(merge, bounds)
    if _refused(used, a, b, columns):
        return _add_places(columns, a, b, minus, bounds)
    total = 0
    for (i, j), count in zip(pairwise(bounds), used, strict=True):
        move_entries(indices, data, places[i], total, count)
        if total:
            indptr[i + 1 : j + 1] += total
        total += count
    return data[:total], indices[:total], indptr


def _add_places(columns: int, a: Matrix, b: Matrix, negative: int, bounds: list[int]) -> Matrix:
    """A + B or A - B where a row is in no order, or holds a place twice."""
    rows, index, dtype = a[0].size - 1, a[1].dtype, a[2].dtype
    bounds = sorted(set(bounds))
    ends = {i: _entries(a, i) + _entries(b, i) for i in bounds}
    indices, data, starts = np.empty(ends[rows], index), np.empty(ends[rows], dtype), np.empty(rows + 1, index)
    scratch = {i: np.empty(columns, np.int64) for i in bounds[:-1]}

    def sum_rows(i: int, j: int) -> int:
        own = slice(ends[i], ends[j])
        return int(sum_places(*a, *b, negative, columns, scratch[i], starts, indices[own], data[own], i, j))

    used = spread(sum_rows, bounds)
    _refused(used, a, b, columns)
    target, before = ends[rows], sum(used)
    starts[rows] = before
    for (i, j), count in zip(reversed([*pairwise(bounds)]), reversed(used), strict=True):
        target, before = target - count, before - count
        move_entries(indices, data, ends[j] - count, target, count)
        if before:
            starts[i:j] += before
    return data[target:], indices[target:], starts


def _entries(a: Matrix, row: int) -> int:
    """Entries before a row."""
    return int(a[0][row]) - int(a[0][0])
