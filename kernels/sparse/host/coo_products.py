"""Product of coordinates with a vector, in stored order; several threads sum into results of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import indices_inside
from fsci.kernels.sparse.scattering import reach, scatter
from fsci.kernels.sparse.split import Threads, evenly

__all__ = ["coo_matvec", "entries_times_vector"]

_COO_VECTOR_THREADS = Threads("coo_vector")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]

# Entries that are checked at a time, and are in cache when they are used.
_AT_ONCE = 2048


@jit([int64(i[::1], i[::1], d[::1], d[::1], d[::1], int64, int64, int64) for d, i in _KINDS])
def entries_times_vector(row, column, data, x, y, low, start, stop):  # type: ignore[no-untyped-def]
    """Add the entries `start` to `stop` of A x to y, whose first entry is that of row `low`.

    Gives -1, or an entry from which on nothing was added, for one near it is outside.
    """
    for first in range(start, stop, _AT_ONCE):
        last = min(first + _AT_ONCE, stop)
        if not (indices_inside(row, first, last, low + y.size) & indices_inside(column, first, last, x.size)):
            return first
        if low > 0:
            below = uint64(0)
            for k in range(uint64(first), uint64(last)):
                below += uint64(row[k] < low)
            if below:
                return first
        for k in range(uint64(first), uint64(last)):
            y[uint64(row[k]) - uint64(low)] += data[k] * x[uint64(column[k])]
    return -1


def coo_matvec(rows: int, row: Any, column: Any, data: Any, x: Any) -> Any:
    """A x, for arrays of one dtype and one index dtype."""
    count = data.size
    if not row.size == column.size == count:
        lengths = f"row has {row.size} entries and col {column.size}, not the {count} of data"
        raise ValueError(f"malformed sparse matrix: {lengths}")
    parts = _COO_VECTOR_THREADS(data.dtype, count + rows)
    y = np.zeros(rows, data.dtype)
    if parts == 1:
        bad = entries_times_vector(row, column, data, x, y, 0, 0, count)
    else:
        bad = scatter(
            y,
            sorted({*evenly(count, parts)}),
            lambda i, j: reach(row, i, j, rows),
            lambda own, low, i, j: entries_times_vector(row, column, data, x, own, low, i, j),
        )
    if bad >= 0:
        raise ValueError(f"malformed sparse matrix: {_outside(row, column, rows, x.size)}")
    return y


def _outside(row: Any, column: Any, rows: int, columns: int) -> str:
    for name, indices, bound in (("row", row, rows), ("col", column, columns)):
        found = np.flatnonzero((indices < 0) | (indices >= bound))
        if found.size:
            at = int(found[0])
            return f"{name}[{at}] = {indices[at]} is no index of an axis of length {bound}"
    return "its arrays changed while they were read"
