"""`norm`, `onenormest`: norms of sparse matrices, from their entries where SciPy copies or estimates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse as scipy_sparse
import scipy.sparse.linalg as scipy_sparse_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.host.norm_sums import largest_column, matrix_norm, plain, vector_norms
from fsci.sparse.linalg._rows import checked_rows, is_canonical, refuse_malformed

__all__ = ["norm", "onenormest"]

_scipy_norm = scipy_sparse_linalg.norm
_scipy_onenormest = scipy_sparse_linalg.onenormest
_CONTAINERS = (
    scipy_sparse.csr_array,
    scipy_sparse.csc_array,
    scipy_sparse.csr_matrix,
    scipy_sparse.csc_matrix,
)
_CHARS = frozenset("fdFD")
_ORDERS = frozenset([None, "fro", "f", 1, -1, math.inf, -math.inf])


def classify(problem: Problem, evidence: Evidence) -> str:
    """The order."""
    return str(problem.parameters["ord"])


declare_kind("sparse_norm", "sparse", classify, "the norm of a sparse matrix", certificate_on_request=True)


def norm(x: Any, ord: Any = None, axis: Any = None) -> Any:  # noqa: A002  (SciPy's name)
    """Norm of a sparse matrix, or of its rows or columns, as `scipy.sparse.linalg.norm`.

    Parameters
    ----------
    x : sparse array or matrix
        CSR or CSC of float32, float64, complex64 or complex128; others are SciPy's to answer.
    ord : {None, "fro", 1, -1, 2, inf, -inf}, optional
    axis : {None, int, 2-tuple of ints}

    Returns
    -------
    float or ndarray

    Raises
    ------
    TypeError, ValueError, NotImplementedError
        As SciPy; ValueError also for a malformed matrix (the offending entry is named).

    Notes
    -----
    The Frobenius norm of numbers whose squares overflow is finite, where SciPy's is not.
    """
    if not (type(x) in _CONTAINERS and x.data.dtype.char in _CHARS and plain(x) and is_canonical(x)):
        refuse_malformed(x)
        return hand_over(_scipy_norm, "sparse.linalg.norm", "no plain CSR or CSC matrix with entries", x, ord, axis)
    frame = FRAME.get()
    if axis is None and ord in _ORDERS:
        if frame.log is None and not frame.policy.wants_forward:
            return matrix_norm(x, ord)
        problem = Problem("sparse_norm", (x,), {"ord": ord}, HOST, x.dtype, None, x.nnz)
        return selector.run(problem, "sparse.linalg.norm").value
    if type(axis) is int and -2 <= axis < 2 and ord in (None, 1, 2) and 0 not in x.shape:
        return vector_norms(x, axis % 2, 1 if ord == 1 else 2)
    if axis is None and ord == 2 and min(x.shape) > 1:
        from fsci.sparse.linalg.singular_values import svds

        return svds(x, k=1, return_singular_vectors=False, rng=0)[0]
    refuse_malformed(x)
    return hand_over(_scipy_norm, "sparse.linalg.norm", "an order or axis without kernels", x, ord, axis)


def onenormest(A: Any, t: int = 2, itmax: int = 5, compute_v: bool = False, compute_w: bool = False) -> Any:
    """Compute a lower bound of the 1-norm of a matrix, as `scipy.sparse.linalg.onenormest`.

    Of a sparse matrix whose entries are there the 1-norm itself costs less than its estimate, and is given; with an
    infinite entry it is infinite, where SciPy's estimate is NaN.

    Parameters
    ----------
    A : (n, n) sparse array, ndarray or LinearOperator
        Operators and dense matrices are SciPy's to estimate.
    t, itmax : int
        Accepted.
    compute_v, compute_w : bool
        Give the vectors too for which ``w = A @ v`` and ``norm(w, 1) == est * norm(v, 1)``.

    Returns
    -------
    est : float
    v, w : (n,) ndarray
        Where they are asked for.
    """
    rows = checked_rows(A) if scipy_sparse.issparse(A) else None
    if rows is None or rows.shape[0] != rows.shape[1] or not rows.shape[0] or t < 1 or itmax < 2:
        reason = "an operator, or arguments that SciPy must judge"
        return hand_over(_scipy_onenormest, "sparse.linalg.onenormest", reason, A, t, itmax, compute_v, compute_w)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    for _ in range(int(t) - 1 if t < rows.shape[0] else 0):
        # SciPy starts from random signs of NumPy's global generator: a program that seeds it goes on as it would.
        np.random.randint(0, 2, size=rows.shape[0])  # noqa: NPY002
    frame = FRAME.get()
    if frame.log is None and not frame.policy.wants_forward:
        found = largest_column(rows)
    else:
        parameters = {"ord": "largest column"}
        problem = Problem("sparse_norm", (rows,), parameters, HOST, rows.dtype, None, max(rows.nnz, 1))
        found = selector.run(problem, "sparse.linalg.onenormest").value
    if not (compute_v or compute_w):
        return found[0]
    n, column = rows.shape[0], found[1]
    v = np.zeros(n)
    v[column] = 1.0
    # As SciPy's operators do, w is computed as a product.
    w = np.asarray(rows[:, [column]].toarray()).reshape(-1)
    return (found[0], *((v,) if compute_v else ()), *((w,) if compute_w else ()))
