"""A sparse matrix as SciPy's LinearOperator, with fsci's products: what an iteration of SciPy's is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from fsci.kernels.sparse.host.csc_products import csc_matmat_dense, csc_matvec
from fsci.kernels.sparse.host.csr_products import csr_matmat_dense, csr_matvec

__all__ = ["RowsOperator"]


class RowsOperator(LinearOperator):
    """Products with compressed rows, and with their conjugate transpose, without conversion."""

    def __init__(self, a: Any) -> None:
        super().__init__(a.dtype, a.shape)
        self.args = (a,)
        self._arrays = a.indptr, a.indices, a.data

    def _ready(self, x: Any) -> Any:
        """`x` in C order and in the dtype of the matrix; None where that would lose something."""
        x = np.asarray(x)
        return np.ascontiguousarray(x, self.dtype) if np.can_cast(x.dtype, self.dtype, "safe") else None

    def _matvec(self, x: Any) -> Any:
        ready, (rows, columns), (indptr, indices, data) = self._ready(x), self.shape, self._arrays
        if ready is None:
            return self.args[0] @ x
        return csr_matvec(rows, columns, indptr, indices, data, ready.reshape(-1))

    def _matmat(self, x: Any) -> Any:
        ready, (rows, columns), (indptr, indices, data) = self._ready(x), self.shape, self._arrays
        return self.args[0] @ x if ready is None else csr_matmat_dense(rows, columns, indptr, indices, data, ready)

    def _rmatvec(self, x: Any) -> Any:
        ready, (rows, columns), (indptr, indices, data) = self._ready(x), self.shape, self._arrays
        if ready is None:
            return (self.args[0].T @ np.conj(x)).conj()
        return csc_matvec(columns, rows, indptr, indices, data, ready.reshape(-1).conj()).conj()

    def _rmatmat(self, x: Any) -> Any:
        ready, (rows, columns), (indptr, indices, data) = self._ready(x), self.shape, self._arrays
        if ready is None:
            return (self.args[0].T @ np.conj(x)).conj()
        return csc_matmat_dense(columns, rows, indptr, indices, data, np.ascontiguousarray(ready.conj())).conj()
