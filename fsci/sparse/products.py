"""The operators of SciPy's sparse containers, ``A @ x`` and its kin, as fsci computes them under the patch.

The containers stay SciPy's, and so do their operators in code that only swaps an import. Under
`fsci.patch_scipy` the private methods that the operators end in are exchanged: those of
SciPy 1.17, whose signatures are known here; with another version they are left alone. A
method takes operands of one native dtype (float32 to complex128), compressed in C order; SciPy's own
method answers all else, so integer products, mixed dtypes, 1-D and n-D arrays are SciPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np
import scipy
from scipy.sparse import _bsr, _compressed, _coo, _dia

from fsci.kernels.sparse.host import csc_products, csr_products
from fsci.kernels.sparse.host.addition import add
from fsci.kernels.sparse.host.bsr_products import bsr_matmat_dense, bsr_matvec
from fsci.kernels.sparse.host.coo_products import coo_matvec
from fsci.kernels.sparse.host.csc_products import columns_times_vector, csc_matmat_dense, csc_matvec
from fsci.kernels.sparse.host.csr_products import csr_matmat_dense, csr_matvec, rows_times_vector
from fsci.kernels.sparse.host.dia_products import dia_matvec
from fsci.kernels.sparse.host.reductions import row_sums
from fsci.kernels.sparse.host.spgemm import TooManyEntriesError, spgemm

__all__ = ["METHODS", "matvec", "native"]

SUPPORTED = "1.17."

_compressed_vector = _compressed._cs_matrix._matmul_vector
_compressed_vectors = _compressed._cs_matrix._matmul_multivector
_compressed_sparse = _compressed._cs_matrix._matmul_sparse
_compressed_binary = _compressed._cs_matrix._binopt
_compressed_sum = _compressed._cs_matrix.sum
_block_vector = _bsr._bsr_base._matmul_vector
_block_vectors = _bsr._bsr_base._matmul_multivector
_diagonal_vector = _dia._dia_base._matmul_vector
_coordinate_vector = _coo._coo_base._matmul_vector

_VECTOR = {"csr": csr_matvec, "csc": csc_matvec}
_VECTORS = {"csr": csr_matmat_dense, "csc": csc_matmat_dense}


# Strides of contiguous vectors: with the identity of the dtype they say in four comparisons all that
# a compiled product must know. An equal dtype that is another object goes to SciPy's own method.
_VALUES = {np.dtype(c): (np.dtype(c).itemsize,) for c in "fdFD"}
_INT32, _INT32_MAX = np.dtype(np.int32), np.iinfo(np.int32).max
_INDICES = {np.dtype(c): (np.dtype(c).itemsize,) for c in (np.int32, np.int64)}


def native(*arrays: Any) -> bool:
    """Whether the arrays are plain, C-contiguous and of one native dtype."""
    dtype = arrays[0].dtype
    return dtype in _VALUES and all(type(a) is np.ndarray and a.dtype is dtype and a.flags.c_contiguous for a in arrays)


def _indexed(*arrays: Any) -> bool:
    """Whether the index arrays are plain, C-contiguous and of one index dtype."""
    dtype = arrays[0].dtype
    return dtype in _INDICES and all(
        type(a) is np.ndarray and a.dtype is dtype and a.strides == _INDICES[dtype] for a in arrays
    )


def _sound(matrix: Any) -> bool:
    """Whether the lengths of a compressed matrix fit its shape; the entries are checked as they are used."""
    rows, columns = matrix._swap(matrix._shape)
    return bool(matrix.indptr.size == rows + 1 and columns >= 0)


_FLOAT64 = np.dtype(np.float64)
_pieces, _threads = csr_products.VECTOR_THREADS.pieces, csc_products.VECTOR_THREADS


def matvec(self: Any, other: Any) -> Any:
    """A x for compressed rows or columns; at ten entries no slower than SciPy's."""
    indptr, indices, data = self.indptr, self.indices, self.data
    dtype, index = data.dtype, indices.dtype
    # What most products are, written out: each call and each look-up that is left out here is a twentieth of a
    # product with ten entries.
    if (
        other.dtype is _FLOAT64 is dtype
        and indptr.dtype is _INT32 is index
        and other.strides == (8,) == data.strides
        and indices.strides == (4,) == indptr.strides
        and len(self._shape) == 2
    ):
        rows, columns = self._shape
        if self._format == "csr":
            if _pieces(_FLOAT64, data.size + rows) == 1:
                y = np.empty(rows)
                if rows_times_vector(indptr, indices, data, other, y, 0, rows) < 0:
                    return y
        elif self._format == "csc" and _threads(_FLOAT64, data.size + rows) == 1:
            y = np.zeros(rows)
            if columns_times_vector(indptr, indices, data, other, y, 0, columns) < 0:
                return y
    if (
        other.dtype is dtype
        and indptr.dtype is index
        and other.strides == data.strides == _VALUES.get(dtype)
        and indices.strides == indptr.strides == _INDICES.get(index)
        and len(self._shape) == 2
    ):
        rows, columns = self._shape
        return _VECTOR[self._format](rows, columns, indptr, indices, data, other)
    return _compressed_vector(self, other)


def _multivector(self: Any, other: Any) -> Any:
    indptr, indices, data = self.indptr, self.indices, self.data
    dtype, index = data.dtype, indices.dtype
    if (
        other.dtype is dtype
        and indptr.dtype is index
        and data.strides == _VALUES.get(dtype)
        and indices.strides == indptr.strides == _INDICES.get(index)
        and len(self._shape) == 2 == other.ndim
    ):
        if not other.flags.c_contiguous:
            other = np.ascontiguousarray(other)
        rows, columns = self._shape
        return _VECTORS[self._format](rows, columns, indptr, indices, data, other)
    return _compressed_vectors(self, other)


def _sparse(self: Any, other: Any) -> Any:
    if self.ndim != 2 or other.ndim != 2 or other.dtype != self.dtype:
        return _compressed_sparse(self, other)
    other = other if type(other) is type(self) else self.__class__(other)
    first, second = self._swap((self, other))
    rows, columns = self._swap((self._shape[0], other._shape[1]))
    index_arrays = (first.indptr, first.indices, second.indptr, second.indices)
    sound = native(first.data, second.data) and _sound(first) and _sound(second)
    index = _index_dtype(self, index_arrays)
    if not sound or not all(type(a) is np.ndarray and a.dtype in _INDICES for a in index_arrays):
        return _compressed_sparse(self, other)
    try:
        product = _product(rows, columns, first, second, index)
    except TooManyEntriesError:
        product = _product(rows, columns, first, second, np.dtype(np.int64))
    shape = self._shape[0], other._shape[1]
    return self.__class__(shape, dtype=self.dtype) if product is None else self.__class__(product, shape=shape)


def _index_dtype(matrix: Any, arrays: tuple[Any, ...], largest: int = 0) -> Any:
    """SciPy's index dtype of a result; without its general rule where all is of 32 bits."""
    if largest <= _INT32_MAX and all(a.dtype is _INT32 for a in arrays):
        return _INT32
    return matrix._get_index_dtype(arrays, maxval=largest or None)


def _product(rows: int, columns: int, first: Any, second: Any, index: Any) -> tuple[Any, Any, Any] | None:
    def of(matrix: Any) -> tuple[Any, Any, Any]:
        return (
            np.ascontiguousarray(matrix.indptr, dtype=index),
            np.ascontiguousarray(matrix.indices, dtype=index),
            matrix.data,
        )

    return spgemm(rows, columns, of(first), of(second))


def _binary(self: Any, other: Any, op: str) -> Any:
    if op not in ("_plus_", "_minus_") or self.ndim != 2 or other.dtype != self.dtype:
        return _compressed_binary(self, other, op)
    other = other if type(other) is type(self) else self.__class__(other)
    mine, theirs = (self.indptr, self.indices), (other.indptr, other.indices)
    index = _index_dtype(self, (*mine, *theirs), self.data.size + other.data.size)
    sound = native(self.data, other.data) and _indexed(*mine, *theirs) and _sound(self) and _sound(other)
    if not sound or self.indices.dtype != index:
        return _compressed_binary(self, other, op)
    columns = self._swap(self._shape)[1]
    return self.__class__(add(columns, (*mine, self.data), (*theirs, other.data), op == "_minus_"), shape=self.shape)


def _sum(self: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    major = self.ndim == 2 and not hasattr(self, "blocksize") and axis in self._swap(((1, -1), (0, -2)))[0]
    if not (major and native(self.data) and _indexed(self.indptr, self.indices) and _sound(self)):
        return _compressed_sum(self, axis=axis, dtype=dtype, out=out)
    sums = self._ascontainer(row_sums(self.indptr, self.indices, self.data))
    return (sums.T if axis % 2 == 1 else sums).sum(axis=(), dtype=dtype, out=out)


def _blocks_vector(self: Any, other: Any) -> Any:
    indptr, indices, data = self.indptr, self.indices, self.data
    dtype, index = data.dtype, indices.dtype
    if (
        other.dtype is dtype
        and indptr.dtype is index
        and other.strides == _VALUES.get(dtype)
        and indices.strides == indptr.strides == _INDICES.get(index)
        and data.ndim == 3
        and data.flags.c_contiguous
    ):
        rows, columns = self._shape
        return bsr_matvec(rows, columns, indptr, indices, data, other)
    return _block_vector(self, other)


def _blocks_vectors(self: Any, other: Any) -> Any:
    data = self.data
    if other.ndim == 2 and data.ndim == 3 and other.dtype == data.dtype:
        other = np.ascontiguousarray(other)
        if native(data, other) and _indexed(self.indptr, self.indices):
            rows, columns = self._shape
            return bsr_matmat_dense(rows, columns, self.indptr, self.indices, data, other)
    return _block_vectors(self, other)


def _diagonals_vector(self: Any, other: Any) -> Any:
    offsets, data = self.offsets, self.data
    dtype, index = data.dtype, offsets.dtype
    if (
        other.dtype is dtype
        and other.strides == _VALUES.get(dtype)
        and offsets.strides == _INDICES.get(index)
        and data.flags.c_contiguous
    ):
        return dia_matvec(self._shape[0], offsets, data, other)
    return _diagonal_vector(self, other)


def _coordinates_vector(self: Any, other: Any) -> Any:
    # Of one row SciPy makes a scalar, for arrays alone.
    if len(self._shape) == 2 and self._shape[0] != 1:
        (row, column), data = self.coords, self.data
        dtype, index = data.dtype, row.dtype
        if (
            other.dtype is dtype
            and column.dtype is index
            and other.strides == data.strides == _VALUES.get(dtype)
            and row.strides == column.strides == _INDICES.get(index)
        ):
            return coo_matvec(self._shape[0], row, column, data, other)
    return _coordinate_vector(self, other)


def _named_as(original: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
    return update_wrapper(own, original)


# What a patch exchanges: (class, name of the method) -> fsci's method.
METHODS: dict[tuple[type, str], Callable[..., Any]] = (
    {
        (_compressed._cs_matrix, "_matmul_vector"): matvec,
        (_compressed._cs_matrix, "_matmul_multivector"): _multivector,
        (_compressed._cs_matrix, "_matmul_sparse"): _sparse,
        (_compressed._cs_matrix, "_binopt"): _binary,
        (_compressed._cs_matrix, "sum"): _named_as(_compressed_sum, _sum),
        (_bsr._bsr_base, "_matmul_vector"): _blocks_vector,
        (_bsr._bsr_base, "_matmul_multivector"): _blocks_vectors,
        (_dia._dia_base, "_matmul_vector"): _diagonals_vector,
        (_coo._coo_base, "_matmul_vector"): _coordinates_vector,
    }
    if scipy.__version__.startswith(SUPPORTED)
    else {}
)
