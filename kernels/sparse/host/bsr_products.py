"""Products of block-compressed rows with a vector and with several vectors, block row by block row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import ROWS_AT_ONCE, compressed_inside, malformed
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["block_rows_times_vectors", "bsr_matmat_dense"]

_BSR_VECTORS_THREADS = Threads("bsr_vectors")
_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]


@jit([int64(i[::1], i[::1], d[:, :, ::1], d[:, ::1], d[:, ::1], int64, int64) for d, i in _KINDS])
def block_rows_times_vectors(indptr, indices, data, x, y, start, stop):  # type: ignore[no-untyped-def]
    """The block rows `start` to `stop` of A X; gives -1, or a block row near which A is malformed."""
    stored = min(indices.size, data.shape[0])
    height, width, vectors = uint64(data.shape[1]), uint64(data.shape[2]), uint64(x.shape[1])
    for first in range(start, stop, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, stop)
        if not compressed_inside(indptr, indices, stored, x.shape[0] // data.shape[2], first, last):
            return first
        for block in range(uint64(first), uint64(last)):
            top = block * height
            for r in range(height):
                for c in range(vectors):
                    y[top + r, c] = 0
            for k in range(uint64(indptr[block]), uint64(indptr[block + uint64(1)])):
                left = uint64(indices[k]) * width
                for r in range(height):
                    for c in range(vectors):
                        total = y[top + r, c]
                        for s in range(width):
                            total += data[k, r, s] * x[left + s, c]
                        y[top + r, c] = total
    return -1


def bsr_matmat_dense(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A X for blocks ``data[k]`` and X of C order."""
    block_rows, block_columns = rows // data.shape[1], columns // data.shape[2]
    y = np.empty((rows, x.shape[1]), data.dtype)
    parts = _BSR_VECTORS_THREADS.pieces(data.dtype, (data.size + rows) * x.shape[1])
    bounds = by_entries(indptr, block_rows, parts) if parts > 1 else (0, block_rows)
    bad = max(spread(lambda i, j: block_rows_times_vectors(indptr, indices, data, x, y, i, j), bounds))
    if bad >= 0:
        raise malformed(indptr, indices, min(indices.size, data.shape[0]), block_columns, block_rows)
    return y
