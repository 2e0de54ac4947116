"""A sparse matrix as compressed rows that were checked: every index inside, one native dtype, 32-bit indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from fsci.kernels.sparse.guard import malformed
from fsci.kernels.sparse.phases import sound

__all__ = ["checked", "checked_rows"]

_LARGEST = np.iinfo(np.int32).max


def checked_rows(a: Any) -> Any:
    """`a` as a CSR container that `checked` passed; None where `checked` gives None."""
    found = checked(a)
    return found if found is None or found.format == "csr" else found.tocsr()


def checked(a: Any) -> Any:
    """`a` as a CSR or CSC container, plain and with 32-bit indices; None for what is no 2-D sparse matrix of such.

    Raises
    ------
    ValueError
        For a malformed matrix; the message names the entry.
    """
    if not issparse(a) or a.ndim != 2 or a.dtype.char not in "fdFD" or not a.dtype.isnative:
        return None
    if max(*a.shape, a.nnz) >= _LARGEST:
        return None
    if a.format in ("csr", "csc"):
        _check(a.indptr, a.indices, a.data, *a._swap(a.shape))
    elif a.format == "bsr":
        height, width = a.blocksize
        _check(a.indptr, a.indices, a.data[:, 0, 0], a.shape[0] // height, a.shape[1] // width)
    elif a.format == "coo":
        for name, index, bound in zip(("row", "col"), a.coords, a.shape, strict=True):
            outside = np.flatnonzero((index < 0) | (index >= bound))
            if outside.size:
                at = int(outside[0])
                raise ValueError(
                    f"malformed sparse matrix: {name}[{at}] = {index[at]} is no index of an axis of length {bound}"
                )
    found = a if a.format in ("csr", "csc") else a.tocsr()
    arrays = found.indptr, found.indices, found.data
    small = found.indptr.dtype == found.indices.dtype == np.int32
    if small and all(type(x) is np.ndarray and x.flags.c_contiguous and x.dtype.isnative for x in arrays):
        return found
    data = np.ascontiguousarray(found.data, a.dtype)
    indptr, indices = (np.ascontiguousarray(x, np.int32) for x in arrays[:2])
    return type(found)((data, indices, indptr), shape=a.shape)


def _check(indptr: Any, indices: Any, data: Any, rows: int, columns: int) -> None:
    stored = min(indices.size, data.size)
    fits = indptr.size == rows + 1 and int(indptr[0]) >= 0 and int(indptr.max()) <= stored
    if not fits:
        raise malformed(indptr, indices, stored, columns, rows)
    narrow = [np.ascontiguousarray(x, np.int32) for x in (indptr, indices)]
    # An index that 32 bits cannot hold is none of an axis that they can count.
    wide = indices.dtype.itemsize > 4 and indices.size and int(indices.max()) > _LARGEST
    if wide or not sound(narrow[0], narrow[1], stored, columns):
        raise malformed(indptr, indices, stored, columns, rows)
