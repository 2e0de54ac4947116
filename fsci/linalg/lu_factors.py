"""`lu_factor`, `lu_solve`: LU factors, and systems solved with them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Problem
from fsci.linalg._factored import solution
from fsci.linalg._front import as_lapack, device_of, ordinary, promote
from fsci.linalg._verdicts import all_finite, classify_dense, fresh, over_batch, warn_uncertified
from fsci.linalg.errors import LinAlgWarning

__all__ = ["lu_factor", "lu_solve"]

_scipy_lu_factor = scipy_linalg.lu_factor
_scipy_lu_solve = scipy_linalg.lu_solve
_ndarray = np.ndarray

declare_kind("lu_factorization", "linalg", classify_dense, "P, L, U with A = P L U")


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, Any]:
    """LU factors with partial pivoting, for `lu_solve`.

    Parameters
    ----------
    a : (..., M, N) array_like
    overwrite_a : bool
        Accepted; `a` is never overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN.

    Returns
    -------
    lu : (..., M, N) ndarray
        U in the upper triangle, L without its unit diagonal below.
    piv : (..., min(M, N)) ndarray of int32
        Row i was interchanged with row ``piv[i]``.

    Notes
    -----
    LAPACK getrf. Warns (LinAlgWarning) where a pivot is exactly zero. The certificate holds rcond, pivot growth,
    and as forward error the relative error of the worst solution by these factors.
    """
    if type(a) is _ndarray:
        plan = FRAME.get().plans.get(("lu_factor", a.shape, a.dtype))
        if plan is not None:
            factors = plan(a)
            if factors is not None:
                return factors
    return _lu_factor(a, overwrite_a, check_finite)


def _lu_factor(a: Any, overwrite_a: bool, check_finite: bool) -> tuple[Any, Any]:
    matrix = as_lapack(a) if device_of(a) == HOST else None
    if matrix is None or matrix.ndim < 2 or matrix.size == 0 or not all_finite(matrix):
        reason = "not a finite numeric matrix, or empty"
        return hand_over(_scipy_lu_factor, "linalg.lu_factor", reason, a, overwrite_a, check_finite)
    if matrix.ndim > 2:
        return over_batch(lambda s: lu_factor(s, False, check_finite), (matrix, 2))
    key = fresh(("lu_factor", matrix.shape, matrix.dtype)) if ordinary(a) else None
    problem = Problem("lu_factorization", (matrix,), {}, HOST, matrix.dtype, None, max(matrix.shape))
    diagnosis = selector.run(problem, "linalg.lu_factor", key)
    zero = diagnosis.attempt.byproducts["zero"] if diagnosis.attempt is not None else 0
    if zero:
        text = f"Diagonal number {zero} is exactly zero. Singular matrix."
        warnings.warn(text, LinAlgWarning, stacklevel=3)
    elif matrix.shape[0] == matrix.shape[1]:
        warn_uncertified(diagnosis)
    return diagnosis.value


def lu_solve(lu_and_piv: Any, b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """Solve ``A x = b`` with the factors of `lu_factor`.

    Parameters
    ----------
    lu_and_piv : tuple of (..., N, N) and (..., N) array_like
    b : (..., N) or (..., N, K) array_like
    trans : {0, 1, 2}
        ``A x = b``, ``A^T x = b`` or ``A^H x = b``.
    overwrite_b : bool
        Accepted; `b` is never overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN in `b`.

    Returns
    -------
    ndarray of the shape of `b`

    Notes
    -----
    LAPACK getrs; extra-precise refinement where the policy asks for more. The certificate is about the matrix
    that the factors stand for: the one that was factored is not known here.
    """
    (lu, piv) = lu_and_piv
    if type(lu) is _ndarray and type(b) is _ndarray and type(piv) is _ndarray and lu.dtype == b.dtype:
        plan = FRAME.get().plans.get(("lu_solve", lu.shape, b.shape, lu.dtype, trans))
        if plan is not None and piv.shape[0] == lu.shape[0]:
            x = plan(lu, piv, b, trans)
            if x is not None:
                return x
    return _lu_solve(lu, piv, b, trans, overwrite_b, check_finite)


def _lu_solve(lu: Any, piv: Any, b: Any, trans: int, overwrite_b: bool, check_finite: bool) -> Any:
    arrays = promote(lu, b) if device_of(lu, b) == HOST else None
    pivots = np.asarray(piv)
    if (
        arrays is None
        or trans not in (0, 1, 2)
        or pivots.dtype.kind not in "iu"
        or pivots.ndim < 1
        or arrays[0].ndim < 2
        or arrays[1].ndim < 1
        or 0 in (arrays[0].size, arrays[1].size)
        or arrays[0].shape[-1] != arrays[0].shape[-2]
        or pivots.shape[-1] != arrays[0].shape[-1]
        or arrays[1].shape[-2 if arrays[1].ndim > 1 else -1] != arrays[0].shape[-1]
        or not all_finite(*arrays)
        or not bool(((pivots >= 0) & (pivots < arrays[0].shape[-1])).all())
    ):
        return hand_over(
            _scipy_lu_solve,
            "linalg.lu_solve",
            "not finite numeric factors of a square matrix and a matching right-hand side",
            (lu, piv),
            b,
            trans,
            overwrite_b,
            check_finite,
        )
    factor, rhs = arrays
    if factor.ndim > 2 or pivots.ndim > 1 or rhs.ndim > 2:
        parts = (factor, 2), (pivots, 1), (rhs, min(rhs.ndim, 2))
        return over_batch(lambda f, p, r: lu_solve((f, p), r, trans, False, check_finite), *parts)
    pivots = pivots.astype(np.int32, copy=False)
    key = fresh(("lu_solve", lu.shape, b.shape, lu.dtype, trans)) if ordinary(lu, b) and lu.dtype == b.dtype else None
    parameters = {"form": "lu", "trans": trans}
    problem = Problem("factored_system", (factor, pivots, rhs), parameters, HOST, factor.dtype, None, factor.shape[0])
    return solution(problem, "linalg.lu_solve", key)
