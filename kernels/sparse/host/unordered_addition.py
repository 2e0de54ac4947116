"""Sum and difference of matrices whose rows are in no order, or hold a place twice: place by place.

SciPy then gives the entries of a row in the reverse of the order in which they are first met. Packed backwards they
come so by themselves.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import compressed_inside, malformed
from fsci.kernels.sparse.moving import move_entries
from fsci.kernels.threads import spread

__all__ = ["Matrix", "add_unordered", "entries", "refused", "sum_places"]

_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]

Matrix = tuple[Any, Any, Any]  # indptr, indices, data


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


def refused(codes: list[int], a: Matrix, b: Matrix, columns: int) -> bool:
    """Whether an operand is not canonical; raises for a malformed one."""
    for code, (indptr, indices, data) in ((-1, a), (-2, b)):
        if code in codes:
            raise malformed(indptr, indices, min(indices.size, data.size), columns)
    return min(codes) < 0


def add_unordered(columns: int, a: Matrix, b: Matrix, negative: int, bounds: list[int]) -> Matrix:
    """A + B or A - B where a row is in no order, or holds a place twice."""
    rows, index, dtype = a[0].size - 1, a[1].dtype, a[2].dtype
    bounds = sorted(set(bounds))
    ends = {i: entries(a, i) + entries(b, i) for i in bounds}
    indices, data, starts = np.empty(ends[rows], index), np.empty(ends[rows], dtype), np.empty(rows + 1, index)
    scratch = {i: np.empty(columns, np.int64) for i in bounds[:-1]}

    def sum_rows(i: int, j: int) -> int:
        own = slice(ends[i], ends[j])
        return int(sum_places(*a, *b, negative, columns, scratch[i], starts, indices[own], data[own], i, j))

    used = spread(sum_rows, bounds)
    refused(used, a, b, columns)
    target, before = ends[rows], sum(used)
    starts[rows] = before
    for (i, j), count in zip(reversed([*pairwise(bounds)]), reversed(used), strict=True):
        target, before = target - count, before - count
        move_entries(indices, data, ends[j] - count, target, count)
        if before:
            starts[i:j] += before
    return data[target:], indices[target:], starts


def entries(a: Matrix, row: int) -> int:
    """Entries before a row."""
    return int(a[0][row]) - int(a[0][0])
