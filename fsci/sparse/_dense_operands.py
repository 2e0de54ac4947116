"""Sparse matrices times vectors, as the private methods of SciPy's containers do it: ``A @ x`` and ``A @ X``.

A method takes operands of one native dtype (float32 to complex128), compressed in C order; SciPy's own method
answers all else, so integer products, mixed dtypes, 1-D and n-D arrays are SciPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import _bsr, _compressed, _coo, _dia

from fsci.kernels.sparse.host import bsr_products, csc_products, csr_products
from fsci.kernels.sparse.host.bsr_products import (
    block_rows_times_vector,
    block_rows_times_vectors,
    bsr_matmat_dense,
    bsr_matvec,
)
from fsci.kernels.sparse.host.coo_products import coo_matvec
from fsci.kernels.sparse.host.csc_products import (
    columns_times_doubles,
    columns_times_vector,
    csc_matmat_dense,
    csc_matvec,
)
from fsci.kernels.sparse.host.csr_products import (
    csr_matmat_dense,
    csr_matvec,
    rows_times_real_vectors,
    rows_times_vector,
)
from fsci.kernels.sparse.host.dia_products import dia_matvec
from fsci.sparse._operands import INDICES, INT32, VALUES, handed

__all__ = ["blocks_vector", "blocks_vectors", "coordinates_vector", "diagonals_vector", "matvec", "multivector"]

_compressed_vector = handed(_compressed._cs_matrix._matmul_vector)
_compressed_vectors = handed(_compressed._cs_matrix._matmul_multivector)
_block_vector = handed(_bsr._bsr_base._matmul_vector)
_block_vectors = handed(_bsr._bsr_base._matmul_multivector)
_diagonal_vector = handed(_dia._dia_base._matmul_vector)
_coordinate_vector = handed(_coo._coo_base._matmul_vector)

_VECTOR = {"csr": csr_matvec, "csc": csc_matvec}
_VECTORS = {"csr": csr_matmat_dense, "csc": csc_matmat_dense}

_FLOAT64 = np.dtype(np.float64)
_pieces, _threads = csr_products.VECTOR_THREADS.pieces, csc_products.VECTOR_THREADS
_pieces_of_vectors, _pieces_of_blocks = csr_products.VECTORS_THREADS.pieces, bsr_products.VECTORS_THREADS.pieces


def matvec(self: Any, other: Any) -> Any:
    """A x for compressed rows or columns; at ten entries no slower than SciPy's."""
    indptr, indices, data = self.indptr, self.indices, self.data
    dtype, index = data.dtype, indices.dtype
    # What most products are, written out: each call and each look-up that is left out here is a twentieth of a
    # product with ten entries.
    if (
        other.dtype is _FLOAT64 is dtype
        and indptr.dtype is INT32 is index
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
            if columns_times_vector(indptr, indices, data, other, y, 0, 0, columns) < 0:
                return y
    if (
        other.dtype == dtype
        and indptr.dtype == index
        and other.strides == data.strides == VALUES.get(dtype)
        and indices.strides == indptr.strides == INDICES.get(index)
        and len(self._shape) == 2
    ):
        rows, columns = self._shape
        return _VECTOR[self._format](rows, columns, indptr, indices, data, other)
    return _compressed_vector(self, other)


def multivector(self: Any, other: Any) -> Any:
    """A X for compressed rows or columns."""
    indptr, indices, data = self.indptr, self.indices, self.data
    dtype, index = data.dtype, indices.dtype
    # As in `matvec`: what most products are, written out.
    if (
        other.dtype is _FLOAT64 is dtype
        and indptr.dtype is INT32 is index
        and data.strides == (8,)
        and indices.strides == (4,) == indptr.strides
        and len(self._shape) == 2 == other.ndim
        and other.flags.c_contiguous
    ):
        rows, columns = self._shape
        vectors = other.shape[1]
        work = (data.size + rows) * vectors
        if self._format == "csr":
            if _pieces_of_vectors(_FLOAT64, work) == 1:
                y = np.empty((rows, vectors))
                if rows_times_real_vectors(indptr, indices, data, other, y, 0, rows, False) < 0:
                    return y
        elif self._format == "csc" and vectors < 16:
            y = np.zeros((rows, vectors))
            if columns_times_doubles(indptr, indices, data, other, y, 0, vectors) < 0:
                return y
    if (
        other.dtype == dtype
        and indptr.dtype == index
        and data.strides == VALUES.get(dtype)
        and indices.strides == indptr.strides == INDICES.get(index)
        and len(self._shape) == 2 == other.ndim
    ):
        if not other.flags.c_contiguous:
            other = np.ascontiguousarray(other)
        rows, columns = self._shape
        return _VECTORS[self._format](rows, columns, indptr, indices, data, other)
    return _compressed_vectors(self, other)


def blocks_vector(self: Any, other: Any) -> Any:
    """A x for block rows."""
    indptr, indices, data = self.indptr, self.indices, self.data
    dtype, index = data.dtype, indices.dtype
    if (
        other.dtype == dtype
        and indptr.dtype == index
        and other.strides == VALUES.get(dtype)
        and indices.strides == indptr.strides == INDICES.get(index)
        and data.ndim == 3
        and data.flags.c_contiguous
    ):
        rows, columns = self._shape
        if dtype is _FLOAT64 and _pieces_of_blocks(dtype, data.size + rows) == 1:
            y = np.empty(rows)
            if block_rows_times_vector(indptr, indices, data, other, y, 0, rows // data.shape[1]) < 0:
                return y
        return bsr_matvec(rows, columns, indptr, indices, data, other)
    return _block_vector(self, other)


def blocks_vectors(self: Any, other: Any) -> Any:
    """A X for block rows."""
    indptr, indices, data = self.indptr, self.indices, self.data
    dtype, index = data.dtype, indices.dtype
    if (
        other.dtype == dtype
        and dtype in VALUES
        and indptr.dtype == index
        and indices.strides == indptr.strides == INDICES.get(index)
        and data.ndim == 3
        and data.flags.c_contiguous
        and other.ndim == 2
    ):
        if not other.flags.c_contiguous:
            other = np.ascontiguousarray(other)
        rows, columns = self._shape
        vectors = other.shape[1]
        if dtype is _FLOAT64 and _pieces_of_blocks(_FLOAT64, (data.size + rows) * vectors) == 1:
            y = np.empty((rows, vectors))
            if block_rows_times_vectors(indptr, indices, data, other, y, 0, rows // data.shape[1]) < 0:
                return y
        return bsr_matmat_dense(rows, columns, indptr, indices, data, other)
    return _block_vectors(self, other)


def diagonals_vector(self: Any, other: Any) -> Any:
    """A x for stored diagonals."""
    offsets, data = self.offsets, self.data
    dtype, index = data.dtype, offsets.dtype
    if (
        other.dtype == dtype
        and other.strides == VALUES.get(dtype)
        and offsets.strides == INDICES.get(index)
        and data.flags.c_contiguous
    ):
        return dia_matvec(self._shape[0], offsets, data, other)
    return _diagonal_vector(self, other)


def coordinates_vector(self: Any, other: Any) -> Any:
    """A x for coordinates."""
    # Of one row SciPy makes a scalar, for arrays alone.
    if len(self._shape) == 2 and self._shape[0] != 1:
        (row, column), data = self.coords, self.data
        dtype, index = data.dtype, row.dtype
        if (
            other.dtype == dtype
            and column.dtype == index
            and other.strides == data.strides == VALUES.get(dtype)
            and row.strides == column.strides == INDICES.get(index)
        ):
            return coo_matvec(self._shape[0], row, column, data, other)
    return _coordinate_vector(self, other)
