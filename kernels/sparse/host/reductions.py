"""Sums of compressed rows: in blocks, and the blocks' sums summed, so that long rows keep their digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import malformed
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["row_sums", "sum_rows"]

_ROW_SUMS_THREADS = Threads("row_sums")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]

# NumPy's block of pairwise summation: the error grows with the block and with the number of blocks.
_BLOCK = 128


@jit([int64(i[::1], d[::1], d[::1], int64, int64) for d, i in _KINDS])
def sum_rows(indptr, data, sums, start, stop):  # type: ignore[no-untyped-def]
    """Sums of the rows `start` to `stop`; gives -1, or a row that lies outside of the data."""
    for i in range(uint64(start), uint64(stop)):
        begin, end = int64(indptr[i]), int64(indptr[i + uint64(1)])
        if begin < 0 or end > data.size or end < begin:
            return int64(i)
        total = sums.dtype.type(0)
        while begin < end:
            part = sums.dtype.type(0)
            last = min(begin + _BLOCK, end)
            for k in range(uint64(begin), uint64(last)):
                part += data[k]
            total += part
            begin = last
        sums[i] = total
    return -1


def row_sums(indptr: Any, indices: Any, data: Any) -> Any:
    """The sum of each compressed row."""
    rows = indptr.size - 1
    sums = np.empty(rows, data.dtype)
    parts = _ROW_SUMS_THREADS.pieces(data.dtype, data.size + rows)
    bad = max(spread(lambda i, j: sum_rows(indptr, data, sums, i, j), by_entries(indptr, rows, parts)))
    if bad >= 0:
        raise malformed(indptr, indices, data.size, np.iinfo(indices.dtype).max)
    return sums
