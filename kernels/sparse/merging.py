"""Sums of rows in canonical order by merging: from the first row on, or from the last one back.

Two neighbouring threads that write away from each other leave no gap between what they write. What cancels to
zero leaves no entry, as in SciPy's merge.
"""

from __future__ import annotations

from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside

__all__ = ["compare_patterns", "merge_rows", "merge_rows_back"]

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
        int64(i[::1], i[::1], d[::1], i[::1], i[::1], d[::1], int64, int64, i[::1], i[::1], d[::1], int64, int64)
        for d, i in _KINDS
    ]
)
def merge_rows_back(  # type: ignore[no-untyped-def]
    a_indptr, a_indices, a, b_indptr, b_indices, b, negative, columns, indptr, indices, data, start, stop
):
    """As `merge_rows`, from the last row to the first into the ends of `indices` and `data`.

    `indptr` gets where each row begins.
    """
    zero, one = a.dtype.type(0), uint64(1)
    here = uint64(indices.size)
    last = stop
    while last > start:
        first = max(start, last - ROWS_AT_ONCE)
        if not compressed_inside(a_indptr, a_indices, min(a_indices.size, a.size), columns, first, last):
            return -1
        if not compressed_inside(b_indptr, b_indices, min(b_indices.size, b.size), columns, first, last):
            return -2
        if not rows_rise(a_indptr, a_indices, first, last) or not rows_rise(b_indptr, b_indices, first, last):
            return -3
        for before in range(uint64(last - first)):
            i = uint64(last) - one - before
            k_first, k = uint64(a_indptr[i]), uint64(a_indptr[i + one])
            t_first, t = uint64(b_indptr[i]), uint64(b_indptr[i + one])
            while k > k_first and t > t_first:
                left, right = a_indices[k - one], b_indices[t - one]
                if left == right:
                    k -= one
                    t -= one
                    column, value = left, (a[k] - b[t] if negative else a[k] + b[t])
                elif left > right:
                    k -= one
                    column, value = left, (a[k] - zero if negative else a[k] + zero)
                else:
                    t -= one
                    column, value = right, (zero - b[t] if negative else zero + b[t])
                indices[here - one], data[here - one] = column, value
                here -= uint64(value != zero)
            while k > k_first:
                k -= one
                value = a[k] - zero if negative else a[k] + zero
                indices[here - one], data[here - one] = a_indices[k], value
                here -= uint64(value != zero)
            while t > t_first:
                t -= one
                value = zero - b[t] if negative else zero + b[t]
                indices[here - one], data[here - one] = b_indices[t], value
                here -= uint64(value != zero)
            indptr[i] = here
        last = first
    return int64(uint64(indices.size) - here)
