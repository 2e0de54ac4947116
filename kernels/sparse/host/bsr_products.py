"""Products of block rows with vectors: checked, shared out by block rows, and multiplied by SciPy's loops.

SciPy's loops over blocks are as fast as ours on one thread, and release the GIL. Of so few terms that a call
more is what is paid for, one compiled call checks and multiplies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64, uint64
from scipy.sparse import _sparsetools

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import compressed_inside, malformed
from fsci.kernels.sparse.soundness import A_CALL, inside
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["block_rows_times_vectors", "bsr_matmat_dense", "bsr_matvec"]

_BSR_VECTORS_THREADS = Threads("bsr_vectors")
_KINDS = [(float64, int32), (complex128, int32), (float32, int32), (complex64, int32)]


@jit([int64(i[::1], i[::1], d[:, :, ::1], d[:, ::1], d[:, ::1], int64) for d, i in _KINDS])
def block_rows_times_vectors(indptr, indices, data, x, y, rows):  # type: ignore[no-untyped-def]
    """Y = A X; gives -1, or 0 where A is malformed."""
    height, width, vectors = uint64(data.shape[1]), uint64(data.shape[2]), uint64(x.shape[1])
    stored = min(indices.size, data.shape[0])
    if not compressed_inside(indptr, indices, stored, x.shape[0] // data.shape[2], 0, rows):
        return 0
    for block in range(uint64(rows)):
        begin, end = uint64(indptr[block]), uint64(indptr[block + uint64(1)])
        for r in range(height):
            for c in range(vectors):
                total = y.dtype.type(0)
                for k in range(begin, end):
                    left = uint64(indices[k]) * width
                    for s in range(width):
                        total += data[k, r, s] * x[left + s, c]
                y[block * height + r, c] = total
    return -1


def bsr_matvec(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A x for blocks ``data[k]``."""
    if data.size + rows < A_CALL:
        return bsr_matmat_dense(rows, columns, indptr, indices, data, x.reshape(-1, 1)).reshape(-1)
    block_rows, block_columns = _checked(rows, columns, indptr, indices, data)
    _, height, width = data.shape
    y, flat = np.zeros(rows, data.dtype), data.reshape(-1)
    parts = _BSR_VECTORS_THREADS.pieces(data.dtype, data.size + rows)
    if parts == 1:
        _sparsetools.bsr_matvec(block_rows, block_columns, height, width, indptr, indices, flat, x, y)
        return y

    def multiply(i: int, j: int) -> None:
        own, part = indptr[i : j + 1], y[i * height : j * height]
        _sparsetools.bsr_matvec(j - i, block_columns, height, width, own, indices, flat, x, part)

    spread(multiply, by_entries(indptr, block_rows, parts))
    return y


def bsr_matmat_dense(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A X for blocks ``data[k]`` and X of C order."""
    (_, height, width), vectors = data.shape, x.shape[1]
    work = (data.size + rows) * vectors
    if work < A_CALL:
        y = np.empty((rows, vectors), data.dtype)
        if block_rows_times_vectors(indptr, indices, data, x, y, rows // height) < 0:
            return y
    block_rows, block_columns = _checked(rows, columns, indptr, indices, data)
    y, flat, sides = np.zeros((rows, vectors), data.dtype), data.reshape(-1), x.reshape(-1)
    parts = _BSR_VECTORS_THREADS.pieces(data.dtype, work)
    if parts == 1:
        sizes = block_rows, block_columns, vectors, height, width
        _sparsetools.bsr_matvecs(*sizes, indptr, indices, flat, sides, y.reshape(-1))
        return y

    def multiply(i: int, j: int) -> None:
        own, part = indptr[i : j + 1], y[i * height : j * height].reshape(-1)
        _sparsetools.bsr_matvecs(j - i, block_columns, vectors, height, width, own, indices, flat, sides, part)

    spread(multiply, by_entries(indptr, block_rows, parts))
    return y


def _checked(rows: int, columns: int, indptr: Any, indices: Any, data: Any) -> tuple[int, int]:
    """The numbers of block rows and columns of a sound matrix."""
    _, height, width = data.shape
    block_rows, block_columns = rows // height, columns // width
    stored = min(indices.size, data.shape[0])
    if not inside(indptr, indices, stored, block_columns, block_rows):
        raise malformed(indptr, indices, stored, block_columns, block_rows)
    return block_rows, block_columns
