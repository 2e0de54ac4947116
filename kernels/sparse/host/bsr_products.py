"""Products of block rows with vectors: checked, shared out by block rows, and multiplied by SciPy's loops.

SciPy's loops over blocks are as fast as ours on one thread, and release the GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import _sparsetools

from fsci.kernels.sparse.guard import malformed
from fsci.kernels.sparse.soundness import inside
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["bsr_matmat_dense", "bsr_matvec"]

_BSR_VECTORS_THREADS = Threads("bsr_vectors")


def _check(rows: int, columns: int, indptr: Any, indices: Any, data: Any) -> tuple[int, int]:
    """The numbers of block rows and columns."""
    _, height, width = data.shape
    block_rows, block_columns = rows // height, columns // width
    stored = min(indices.size, data.shape[0])
    if not inside(indptr, indices, stored, block_columns, block_rows):
        raise malformed(indptr, indices, stored, block_columns, block_rows)
    return block_rows, block_columns


def bsr_matvec(rows: int, columns: int, indptr: Any, indices: Any, data: Any, x: Any) -> Any:
    """A x for blocks ``data[k]``."""
    block_rows, block_columns = _check(rows, columns, indptr, indices, data)
    _, height, width = data.shape
    y, flat = np.zeros(rows, data.dtype), data.ravel()
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
    block_rows, block_columns = _check(rows, columns, indptr, indices, data)
    (_, height, width), vectors = data.shape, x.shape[1]
    y, flat, sides = np.zeros((rows, vectors), data.dtype), data.ravel(), x.ravel()
    parts = _BSR_VECTORS_THREADS.pieces(data.dtype, (data.size + rows) * vectors)
    bounds = by_entries(indptr, block_rows, parts) if parts > 1 else [0, block_rows]

    def multiply(i: int, j: int) -> None:
        own, part = indptr[i : j + 1], y[i * height : j * height].ravel()
        _sparsetools.bsr_matvecs(j - i, block_columns, vectors, height, width, own, indices, flat, sides, part)

    spread(multiply, bounds)
    return y
