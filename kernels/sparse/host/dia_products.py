"""Product of stored diagonals with a vector: a band of rows at a time, so that the result stays in cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.split import Threads, evenly
from fsci.kernels.threads import spread

__all__ = ["dia_matvec", "diagonals_times_vector"]

_DIA_VECTOR_THREADS = Threads("dia_vector")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]

# Rows whose results (16 kB of float64) are in cache while the diagonals pass over them.
_BAND = 2048


@jit([int64(i[::1], d[:, ::1], d[::1], d[::1], int64, int64) for d, i in _KINDS])
def diagonals_times_vector(offsets, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """y[start:stop] = (A x)[start:stop]; each diagonal is cut to what lies inside of all three arrays."""
    limit = min(x.size, data.shape[1])
    for first in range(start, stop, _BAND):
        last = min(first + _BAND, stop)
        for i in range(uint64(first), uint64(last)):
            y[i] = 0
        for d in range(min(offsets.size, data.shape[0])):
            offset = int64(offsets[d])
            low = max(first, -offset)
            high = min(last, limit - offset)
            for i in range(low, high):
                j = uint64(i + offset)
                y[uint64(i)] += data[d, j] * x[j]
    return 0


def dia_matvec(rows: int, offsets: Any, data: Any, x: Any) -> Any:
    """A x; each offset has a diagonal in `data`."""
    if offsets.size != data.shape[0]:
        raise ValueError(f"malformed sparse matrix: {offsets.size} offsets, but {data.shape[0]} diagonals in data")
    y = np.empty(rows, data.dtype)
    parts = _DIA_VECTOR_THREADS.pieces(data.dtype, data.size + rows)
    if parts == 1:
        diagonals_times_vector(offsets, data, x, y, 0, rows)
        return y
    spread(lambda i, j: diagonals_times_vector(offsets, data, x, y, i, j), evenly(rows, parts))
    return y
