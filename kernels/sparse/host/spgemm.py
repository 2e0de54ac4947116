"""Sparse times sparse, Gustavson (1978): count the entries of each row, then fill it in place.

The entries of a row come in the reverse of the order in which they are first met, each sum is
taken in the order of the terms, and a sum that is zero is left out: SciPy's order, so that the result
is the same to the last bit, its unsorted indices included. Each thread takes a range of rows, whose
places the first pass has fixed.
"""

from __future__ import annotations

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
        int64(i[::1], i[::1], d[::1], i[::1], i[::1], d[::1], int64[::1], i[::1], i[::1], d[::1], int64, int64)
        for d, i in _KINDS
    ]
)
def fill_rows(a_indptr, a_indices, a, b_indptr, b_indices, b, place, indptr, indices, data, start, stop):  # type: ignore[no-untyped-def]
    """Entries of the rows `start` to `stop`, from the end of each row's place to its beginning; gives the zeros."""
    place[:] = -1
    zeros, zero = int64(0), a.dtype.type(0)
    for i in range(uint64(start), uint64(stop)):
        end = int64(indptr[i + uint64(1)])
        here = end
        for k in range(uint64(a_indptr[i]), uint64(a_indptr[i + uint64(1)])):
            row, factor = uint64(a_indices[k]), a[k]
            for t in range(uint64(b_indptr[row]), uint64(b_indptr[row + uint64(1)])):
                column = uint64(b_indices[t])
                at = place[column]
                if here <= at < end:
                    data[uint64(at)] += factor * b[t]
                else:
                    here -= 1
                    place[column] = here
                    indices[uint64(here)] = b_indices[t]
                    data[uint64(here)] = factor * b[t]
        for t in range(uint64(here), uint64(end)):
            zeros += int64(data[t] == zero)
    return zeros


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
    bounds = [0, rows]
    if parts > 1:
        targets = [float(terms[-1]) * i / parts for i in range(1, parts)]
        bounds[1:1] = np.searchsorted(terms, targets).tolist()
    scratch = {start: np.empty(columns, np.int64) for start in bounds[:-1]}
    bounds = [*scratch, rows]
    counts = terms  # each entry is read before it is written: the running count is not needed any more
    counts[0] = 0
    spread(lambda i, j: count_rows(a_indptr, a_indices, b_indptr, b_indices, scratch[i], counts, i, j), bounds)
    np.cumsum(counts, out=counts)
    if counts[-1] > np.iinfo(index).max:
        raise TooManyEntriesError
    indptr = counts.astype(index)
    indices, data = np.empty(counts[-1], index), np.empty(counts[-1], a_data.dtype)

    def fill(i: int, j: int) -> int:
        return int(
            fill_rows(a_indptr, a_indices, a_data, b_indptr, b_indices, b_data, scratch[i], indptr, indices, data, i, j)
        )

    if sum(spread(fill, bounds)):
        keep = data != 0  # what cancels leaves no entry
        indptr = np.concatenate([[0], np.cumsum(keep)]).astype(index)[indptr]
        return data[keep], indices[keep], indptr
    return data, indices, indptr
