"""A sparse matrix as compressed rows that were checked: every index inside, one native dtype, 32-bit indices.

SciPy's compiled loops take index arrays for granted. Nothing of SciPy's that reads them, not even the look for sorted
indices, may come before the check.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from fsci.kernels.sparse.guard import malformed
from fsci.kernels.sparse.soundness import inside

__all__ = ["checked", "checked_rows", "is_canonical", "refuse_malformed"]

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
    refuse_malformed(a)
    if max(*a.shape, a.nnz) >= _LARGEST:
        return None
    found = a if a.format in ("csr", "csc") else a.tocsr()
    arrays = found.indptr, found.indices, found.data
    small = found.indptr.dtype == found.indices.dtype == np.int32
    if small and all(type(x) is np.ndarray and x.flags.c_contiguous and x.dtype.isnative for x in arrays):
        return found
    data = np.ascontiguousarray(found.data, a.dtype)
    indptr, indices = (np.ascontiguousarray(x, np.int32) for x in arrays[:2])
    return type(found)((data, indices, indptr), shape=a.shape)


def is_canonical(a: Any) -> bool:
    """Whether the indices of a CSR or CSC container are sorted and differ; what SciPy knows already is not asked again.

    Raises
    ------
    ValueError
        For a malformed matrix that SciPy knows nothing of yet.
    """
    if not hasattr(a, "_has_canonical_format"):
        refuse_malformed(a)
    return bool(a.has_canonical_format)


def refuse_malformed(a: Any) -> None:
    """Raise ValueError, which names the entry, for a sparse matrix whose index arrays point outside of it.

    What is no sparse matrix of two axes with index arrays passes.
    """
    if not issparse(a) or a.ndim != 2:
        return
    if a.format in ("csr", "csc"):
        _check_compressed(a.indptr, a.indices, a.data.size, *a._swap(a.shape))
    elif a.format == "bsr":
        height, width = a.blocksize
        _check_compressed(a.indptr, a.indices, len(a.data), a.shape[0] // height, a.shape[1] // width)
    elif a.format == "coo":
        _check_coordinates(a)
    elif a.format == "dia" and a.offsets.size > len(a.data):
        raise _error(f"offsets has {a.offsets.size} entries, for {len(a.data)} diagonals")


def _check_compressed(indptr: Any, indices: Any, values: int, rows: int, columns: int) -> None:
    if indptr.size != rows + 1:
        raise _error(f"indptr has {indptr.size} entries, not the {rows + 1} of its shape")
    if indptr[0] != 0:
        raise _error(f"indptr[0] = {indptr[0]} is not 0")
    stored = min(indices.size, values)
    kind = np.int32 if indptr.dtype == indices.dtype == np.int32 else np.int64
    if not inside(np.ascontiguousarray(indptr, kind), np.ascontiguousarray(indices, kind), stored, columns, rows):
        raise malformed(indptr, indices, stored, columns, rows)


def _check_coordinates(a: Any) -> None:
    for name, index, bound in zip(("row", "col"), a.coords, a.shape, strict=True):
        if index.size < a.data.size:
            raise _error(f"{name} has {index.size} entries, for {a.data.size} values")
        outside = np.flatnonzero((index < 0) | (index >= bound))
        if outside.size:
            at = int(outside[0])
            raise _error(f"{name}[{at}] = {index[at]} is no index of an axis of length {bound}")


def _error(what: str) -> ValueError:
    return ValueError(f"malformed sparse matrix: {what}")
