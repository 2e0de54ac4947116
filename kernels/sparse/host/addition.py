"""Sum and difference of two matrices: entry by entry where the patterns are equal, else by merging rows.

Memory that is written for the first time costs as much as the arithmetic. So equal patterns are found first, by the
indices alone, and the result then has its final size; a merge writes into room for all entries of both, as
SciPy's does, and two threads write away from where they meet, so that nothing need be moved.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.host.unordered_addition import Matrix, add_unordered, entries, refused
from fsci.kernels.sparse.merging import compare_patterns, merge_rows, merge_rows_back
from fsci.kernels.sparse.moving import move_entries
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["add", "add_equal", "drop_zeros"]

_ADDITION_THREADS = Threads("addition")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]


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


def add(columns: int, a: Matrix, b: Matrix, negative: bool) -> Matrix:
    """(data, indices, indptr) of A + B or A - B, each as (indptr, indices, data)."""
    rows, index, dtype = a[0].size - 1, a[1].dtype, a[2].dtype
    parts = _ADDITION_THREADS(dtype, a[2].size + b[2].size + rows)
    bounds = by_entries(a[0], rows, parts)
    patterns = (*a[:2], *b[:2], min(a[1].size, a[2].size), min(b[1].size, b[2].size), columns)
    codes = spread(lambda i, j: compare_patterns(*patterns, i, j), bounds)
    if refused(codes, a, b, columns):
        return add_unordered(columns, a, b, int(negative), bounds)
    indptr, minus = np.zeros(rows + 1, index), int(negative)
    if min(codes) == 1:
        stored = int(a[0][rows]) - int(a[0][0])
        indices, data = np.empty(stored, index), np.empty(stored, dtype)
        if sum(spread(lambda i, j: add_equal(*a, b[0], b[2], minus, indptr, indices, data, i, j), bounds)):
            stored = drop_zeros(indptr, indices, data)
        return data[:stored], indices[:stored], indptr
    # Each part has room for all entries of both.
    bounds = sorted(set(bounds))
    places = {i: entries(a, i) + entries(b, i) for i in bounds}
    indices, data = np.empty(places[rows], index), np.empty(places[rows], dtype)
    alone = len(bounds) == 2
    backwards = {i: not alone and part % 2 == 0 for part, i in enumerate(bounds)}

    def merge(i: int, j: int) -> int:
        own = slice(places[i], places[j])
        merged = merge_rows_back if backwards[i] else merge_rows
        return int(merged(*a, *b, minus, columns, indptr, indices[own], data[own], i, j))

    used = spread(merge, bounds)
    if refused(used, a, b, columns):
        return add_unordered(columns, a, b, minus, bounds)
    if alone:
        return data[: used[0]], indices[: used[0]], indptr
    first, total = places[bounds[1]] - used[0], 0
    for (i, j), count in zip(pairwise(bounds), used, strict=True):
        begin = places[j] - count if backwards[i] else places[i]
        move_entries(indices, data, begin, first + total, count)
        indptr[i + 1 : j + (not backwards[i])] += total - (begin - places[i])
        indptr[i] = total
        total += count
    indptr[rows] = total
    return data[first : first + total], indices[first : first + total], indptr
