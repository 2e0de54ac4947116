"""A compressed matrix as the direct solvers take it: index arrays of one type, values in double precision."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fsci.core.types import Problem
from fsci.kernels.residual import shared_view

__all__ = ["Compressed", "compressed", "one_matrix"]

_DOUBLE = {"f": np.dtype(np.float64), "d": np.dtype(np.float64), "F": np.dtype(np.complex128)}


class Compressed(NamedTuple):
    """Columns of a matrix, or its rows (`by_rows`); then they are the columns of its transpose."""

    n: int
    indptr: Any
    indices: Any
    data: Any
    by_rows: bool


def one_matrix(a: Any) -> Compressed:
    """The arrays of a SciPy container in CSC or CSR format, copied only where dtype or layout asks for it."""
    indptr, indices = a.indptr, a.indices
    # The quotient graph of minimum degree takes some three times the entries. An index that does not fit
    # into 32 bits is malformed at this size, and stays so: it is clipped, not wrapped.
    kind = np.int32 if max(indices.size, a.shape[0]) < 2**29 else np.int64
    if indptr.dtype != kind or indices.dtype != kind:
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
        indptr, indices = (np.clip(v, low, high).astype(kind) for v in (indptr, indices))
    data = np.ascontiguousarray(a.data, _DOUBLE.get(a.data.dtype.char, np.dtype(np.complex128)))
    return Compressed(a.shape[0], shared_view(indptr), shared_view(indices), shared_view(data), a.format == "csr")


def compressed(problem: Problem) -> Compressed:
    """The matrix of a problem."""
    return one_matrix(problem.operands[0])
