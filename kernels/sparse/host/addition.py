"""Sum and difference of two matrices in canonical form, by merging rows.

What cancels to zero leaves no entry, as in SciPy's merge.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["add", "merge_rows"]

_ADDITION_THREADS = Threads("addition")
_KINDS = [(float64, int32), (complex128, int32), (float32, int32), (complex64, int32)]


@jit(
    [
        int64(i[::1], i[::1], d[::1], i[::1], i[::1], d[::1], int64, int64, int64[::1], i[::1], d[::1], int64, int64)
        for d, i in _KINDS
    ]
)
def merge_rows(  # type: ignore[no-untyped-def]
    a_indptr, a_indices, a, b_indptr, b_indices, b, negative, columns, counts, indices, data, start, stop
):
    """Rows `start` to `stop` of A + B or A - B into `indices` and `data` from their beginning; gives the entries.

    Or -1 or -2 for the operand that is malformed, or -3 where one is not in canonical form: only then does
    a merge leave the strictly increasing order. `counts` gets the entries up to the end of each row.
    """
    zero = a.dtype.type(0)
    here = uint64(0)
    # The room was taken from the ends of the range: nothing between them may exceed it.
    rises_a, rises_b = True, True
    for i in range(uint64(start), uint64(stop)):
        rises_a &= a_indptr[i] <= a_indptr[i + uint64(1)]
        rises_b &= b_indptr[i] <= b_indptr[i + uint64(1)]
    if not rises_a:
        return -1
    if not rises_b:
        return -2
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(a_indptr, a_indices, min(a_indices.size, a.size), columns, first, last):
            return -1
        if not compressed_inside(b_indptr, b_indices, min(b_indices.size, b.size), columns, first, last):
            return -2
        for i in range(uint64(first), uint64(last)):
            k, k_end = uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])
            t, t_end = uint64(b_indptr[i]), uint64(b_indptr[i + uint64(1)])
            before = int64(-1)
            while k < k_end or t < t_end:
                if t >= t_end or (k < k_end and a_indices[k] < b_indices[t]):
                    column, value = a_indices[k], a[k]
                    k += uint64(1)
                elif k >= k_end or b_indices[t] < a_indices[k]:
                    column, value = b_indices[t], (-b[t] if negative else b[t])
                    t += uint64(1)
                else:
                    column, value = a_indices[k], (a[k] - b[t] if negative else a[k] + b[t])
                    k += uint64(1)
                    t += uint64(1)
                if int64(column) <= before:
                    return -3
                before = int64(column)
                indices[here], data[here] = column, value
                here += uint64(value != zero)
            counts[i + uint64(1)] = int64(here)
    return int64(here)


def _refused(code: int, a: tuple[Any, Any, Any], b: tuple[Any, Any, Any], columns: int) -> bool:
    """Whether an operand is not canonical; raises for a malformed one."""
    if code in (-1, -2):
        which = a if code == -1 else b
        raise malformed(which[0], which[1], min(which[1].size, which[2].size), columns)
    return code == -3


def add(columns: int, a: tuple[Any, Any, Any], b: tuple[Any, Any, Any], negative: bool) -> tuple[Any, Any, Any] | None:
    """(data, indices, indptr) of A + B or A - B, each as (indptr, indices, data); None unless both are canonical."""
    rows, index, dtype = a[0].size - 1, a[1].dtype, a[2].dtype
    parts = _ADDITION_THREADS(dtype, a[2].size + b[2].size + rows)
    if parts == 1:
        room = a[2].size + b[2].size + 1
        indptr = np.zeros(rows + 1, np.int64)
        indices, data = np.empty(room, index), np.empty(room, dtype)
        used: Any = merge_rows(*a, *b, int(negative), columns, indptr, indices, data, 0, rows)
        return (
            None if _refused(used, a, b, columns) else (data[:used].copy(), indices[:used].copy(), indptr.astype(index))
        )
    bounds = by_entries(a[0], rows, parts)
    counts = np.zeros(rows + 1, np.int64)
    made: dict[int, tuple[Any, Any, int]] = {}

    def merge(i: int, j: int) -> int:
        # One entry more: an entry that cancels is written before it is left out.
        room = max(int(a[0][j]) - int(a[0][i]) + int(b[0][j]) - int(b[0][i]), 0) + 1
        room = min(room, a[2].size + b[2].size + 1)
        indices, data = np.empty(room, index), np.empty(room, dtype)
        used = int(merge_rows(*a, *b, int(negative), columns, counts, indices, data, i, j))
        made[i] = indices, data, used
        return used

    if _refused(min(spread(merge, bounds)), a, b, columns):
        return None
    before = 0
    for i, j in pairwise(bounds):
        counts[i + 1 : j + 1] += before
        before = int(counts[j])
    indices, data = np.empty(counts[-1], index), np.empty(counts[-1], dtype)

    def put(i: int, j: int) -> None:
        from_indices, from_data, used = made[i]
        indices[counts[i] : counts[j]], data[counts[i] : counts[j]] = from_indices[:used], from_data[:used]

    spread(put, sorted(set(bounds)))
    return data, indices, counts.astype(index)
