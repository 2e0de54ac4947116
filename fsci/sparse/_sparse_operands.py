"""Sparse with sparse, as the methods of SciPy's containers do it: ``A @ B``, ``A + B``, ``A - B``, sums of rows.

SciPy's own method answers where the operands differ in dtype, are not plain, or have not two axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import _compressed

from fsci.kernels.sparse.host.addition import add
from fsci.kernels.sparse.host.reductions import row_sums
from fsci.kernels.sparse.host.spgemm import TooManyEntriesError, spgemm
from fsci.sparse._operands import INDICES, INT32, handed, indexed, native, sound

__all__ = ["binary", "product", "sums"]

_compressed_sparse = handed(_compressed._cs_matrix._matmul_sparse)
_compressed_binary = handed(_compressed._cs_matrix._binopt)
_compressed_sum = handed(_compressed._cs_matrix.sum)

_INT32_MAX = np.iinfo(np.int32).max


def product(self: Any, other: Any) -> Any:
    """A B for compressed rows or columns."""
    if self.ndim != 2 or other.ndim != 2 or other.dtype != self.dtype:
        return _compressed_sparse(self, other)
    other = other if type(other) is type(self) else self.__class__(other)
    first, second = self._swap((self, other))
    rows, columns = self._swap((self._shape[0], other._shape[1]))
    index_arrays = (first.indptr, first.indices, second.indptr, second.indices)
    fit = native(first.data, second.data) and sound(first) and sound(second)
    index = _index_dtype(self, index_arrays)
    if not fit or not all(type(a) is np.ndarray and a.dtype in INDICES for a in index_arrays):
        return _compressed_sparse(self, other)
    try:
        product = _product(rows, columns, first, second, index)
    except TooManyEntriesError:
        product = _product(rows, columns, first, second, np.dtype(np.int64))
    shape = self._shape[0], other._shape[1]
    return self.__class__(shape, dtype=self.dtype) if product is None else self.__class__(product, shape=shape)


def _index_dtype(matrix: Any, arrays: tuple[Any, ...], largest: int = 0) -> Any:
    """SciPy's index dtype of a result; without its general rule where all is of 32 bits."""
    if largest <= _INT32_MAX and all(a.dtype is INT32 for a in arrays):
        return INT32
    return matrix._get_index_dtype(arrays, maxval=largest or None)


def _product(rows: int, columns: int, first: Any, second: Any, index: Any) -> tuple[Any, Any, Any] | None:
    def of(matrix: Any) -> tuple[Any, Any, Any]:
        return (
            np.ascontiguousarray(matrix.indptr, dtype=index),
            np.ascontiguousarray(matrix.indices, dtype=index),
            matrix.data,
        )

    return spgemm(rows, columns, of(first), of(second))


def binary(self: Any, other: Any, op: str) -> Any:
    """A + B or A - B for compressed rows or columns."""
    if op not in ("_plus_", "_minus_") or self.ndim != 2 or other.dtype != self.dtype:
        return _compressed_binary(self, other, op)
    other = other if type(other) is type(self) else self.__class__(other)
    mine, theirs = (self.indptr, self.indices), (other.indptr, other.indices)
    index = _index_dtype(self, (*mine, *theirs), self.data.size + other.data.size)
    fit = native(self.data, other.data) and indexed(*mine, *theirs) and sound(self) and sound(other)
    if not fit or self.indices.dtype != index:
        return _compressed_binary(self, other, op)
    columns = self._swap(self._shape)[1]
    return self.__class__(add(columns, (*mine, self.data), (*theirs, other.data), op == "_minus_"), shape=self.shape)


_MAJOR = {"csr": (1, -1), "csc": (0, -2)}


def sums(self: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Sums of compressed rows or columns."""
    if not (
        type(axis) is int
        and axis in _MAJOR.get(self._format, ())
        and len(self._shape) == 2
        and native(self.data)
        and indexed(self.indptr, self.indices)
        and sound(self)
    ):
        return _compressed_sum(self, axis=axis, dtype=dtype, out=out)
    found = self._ascontainer(row_sums(self.indptr, self.indices, self.data))
    return (found.T if axis % 2 == 1 else found).sum(axis=(), dtype=dtype, out=out)
