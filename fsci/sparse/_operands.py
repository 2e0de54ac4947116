"""What compiled products take of SciPy's containers: plain contiguous arrays of a native dtype, of fitting lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["INDICES", "INT32", "VALUES", "indexed", "native", "sound"]

# Strides of contiguous vectors: with the identity of the dtype they say in four comparisons all that
# a compiled product must know. An equal dtype that is another object goes to SciPy's own method.
VALUES = {np.dtype(c): (np.dtype(c).itemsize,) for c in "fdFD"}
INT32 = np.dtype(np.int32)
INDICES = {np.dtype(c): (np.dtype(c).itemsize,) for c in (np.int32, np.int64)}


def native(*arrays: Any) -> bool:
    """Whether the arrays are plain, C-contiguous and of one native dtype."""
    dtype = arrays[0].dtype
    return dtype in VALUES and all(type(a) is np.ndarray and a.dtype is dtype and a.flags.c_contiguous for a in arrays)


def indexed(*arrays: Any) -> bool:
    """Whether the index arrays are plain, C-contiguous and of one index dtype."""
    dtype = arrays[0].dtype
    return dtype in INDICES and all(
        type(a) is np.ndarray and a.dtype is dtype and a.strides == INDICES[dtype] for a in arrays
    )


def sound(matrix: Any) -> bool:
    """Whether the lengths of a compressed matrix fit its shape; the entries are checked as they are used."""
    rows, columns = matrix._swap(matrix._shape)
    return bool(matrix.indptr.size == rows + 1 and columns >= 0)
