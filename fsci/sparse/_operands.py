"""What compiled products take of SciPy's containers: plain contiguous arrays of a native dtype, of fitting lengths."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.sparse.linalg._rows import refuse_malformed

__all__ = ["INDICES", "INT32", "VALUES", "handed", "indexed", "native", "sound"]

# Strides of contiguous vectors: with an equal dtype they say in four comparisons all that a compiled product must know.
VALUES = {np.dtype(c): (np.dtype(c).itemsize,) for c in "fdFD"}
INT32 = np.dtype(np.int32)
INDICES = {np.dtype(c): (np.dtype(c).itemsize,) for c in (np.int32, np.int64)}


def handed(method: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's own method, whose loops trust index arrays; in hardened mode malformed ones are refused before."""

    @wraps(method)
    def answered(self: Any, *operands: Any, **options: Any) -> Any:
        if FRAME.get().policy.hardened:
            for matrix in (self, *operands):
                refuse_malformed(matrix)
        return method(self, *operands, **options)

    return answered


def native(*arrays: Any) -> bool:
    """Whether the arrays are plain, C-contiguous and of one native dtype."""
    dtype = arrays[0].dtype
    return dtype in VALUES and all(type(a) is np.ndarray and a.dtype == dtype and a.flags.c_contiguous for a in arrays)


def indexed(*arrays: Any) -> bool:
    """Whether the index arrays are plain, C-contiguous and of one index dtype."""
    dtype = arrays[0].dtype
    return dtype in INDICES and all(
        type(a) is np.ndarray and a.dtype == dtype and a.strides == INDICES[dtype] for a in arrays
    )


def sound(matrix: Any) -> bool:
    """Whether the lengths of a compressed matrix fit its shape; the entries are checked as they are used."""
    rows, columns = matrix._swap(matrix._shape)
    return bool(matrix.indptr.size == rows + 1 and columns >= 0)
