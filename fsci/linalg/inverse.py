"""`inv` and `det`: inverses and determinants."""

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
from fsci.core.types import Diagnosis, Problem
from fsci.linalg._device import on_device
from fsci.linalg._front import as_lapack, device_of, ordinary
from fsci.linalg._verdicts import all_finite, classify_dense, fresh, refuse, warn_uncertified
from fsci.linalg.errors import LinAlgError, LinAlgWarning

__all__ = ["det", "inv"]

_scipy_inv = scipy_linalg.inv
_scipy_det = scipy_linalg.det
_ndarray = np.ndarray

declare_kind("inverse", "linalg", classify_dense, "X with A X = I, A square")
declare_kind("determinant", "linalg", classify_dense, "the determinant of a square matrix")

_STRUCTURES = {
    None: None,
    "general": "general",
    "gen": "general",
    "pos": "pos",
    "upper triangular": "upper triangular",
    "lower triangular": "lower triangular",
}


def inv(
    a: Any,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: str | None = None,
    lower: bool = False,
) -> Any:
    """Inverse of a square matrix, or of each matrix in a stack.

    Parameters
    ----------
    a : (..., M, M) array_like
    overwrite_a : bool
        Return the inverse in the memory of `a`, if that is one Fortran-ordered matrix.
    check_finite : bool
        Raise ValueError for infinities and NaN.
    assume_a : {None, 'general', 'pos', 'upper triangular', 'lower triangular', 'diagonal', 'sym', 'her'}
        As `scipy.linalg.inv`; None looks at the entries. 'diagonal', 'sym' and 'her' are handed to SciPy.
    lower : bool
        Which triangle of a declared structure is read.

    Returns
    -------
    (..., M, M) ndarray

    Raises
    ------
    LinAlgError
        If a matrix is exactly singular.
    ValueError
        If `a` is not square, or not finite.

    Notes
    -----
    Warns (LinAlgWarning) where the reciprocal condition number is below eps. The certificate holds
    both residuals and a proven bound, ``||A^-1 - X|| <= ||I - A X|| ||A^-1||`` (Higham, 2002, section 14.1).
    """
    if type(a) is _ndarray and assume_a is None:
        plan = FRAME.get().plans.get(("inv", a.shape, a.dtype))
        if plan is not None:
            x = plan(a)
            if x is not None:
                return _overwritten(a, x) if overwrite_a else x
    if device_of(a) != HOST:
        return on_device("inv", (a,), {"assume_a": assume_a, "lower": lower, "check_finite": check_finite})
    return _inverse(a, overwrite_a, check_finite, assume_a, lower)


def _inverse(a: Any, overwrite_a: bool, check_finite: bool, assume_a: str | None, lower: bool) -> Any:
    def to_scipy(reason: str) -> Any:
        return hand_over(_scipy_inv, "linalg.inv", reason, a, overwrite_a, check_finite, assume_a=assume_a, lower=lower)

    matrix = as_lapack(a)
    if matrix is None or matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.size == 0:
        return to_scipy("not a numeric square matrix, or empty")
    if assume_a not in _STRUCTURES:
        return to_scipy(f"no kernel for assume_a={assume_a!r}")
    structure = _STRUCTURES[assume_a]
    if structure not in (None, "general") and matrix.ndim > 2:
        return to_scipy("a stack of matrices of declared structure")
    if not all_finite(matrix):
        return to_scipy("infinities or NaN")
    if FRAME.get().policy.hardened:
        _contradiction(matrix, structure)
    key = fresh(("inv", matrix.shape, matrix.dtype)) if assume_a is None and ordinary(a) else None
    problem = Problem("inverse", (matrix,), {"lower": lower}, HOST, matrix.dtype, structure, matrix.shape[-1])
    diagnosis = selector.run(problem, "linalg.inv", key)
    value = _judged(diagnosis, matrix)
    return _overwritten(a, value) if overwrite_a and ordinary(a) else value


def _overwritten(a: Any, x: Any) -> Any:
    """`x` in the memory of `a`, where SciPy would have put it."""
    if a.ndim != 2 or not (a.flags.f_contiguous and a.flags.writeable):
        return x
    a[...] = x
    return a


def _contradiction(a: Any, structure: str | None) -> None:
    """Refuse a declared structure that the entries contradict, naming the first such entry."""
    if structure == "pos":
        wrong = a != np.conj(a.T)
    elif structure == "upper triangular":
        wrong = np.tril(a, -1) != 0
    elif structure == "lower triangular":
        wrong = np.triu(a, 1) != 0
    else:
        return
    if wrong.any():
        i, j = (int(k) for k in np.argwhere(wrong)[0])
        raise LinAlgError(f"assume_a='{structure}' is contradicted by entry ({i}, {j}) = {a[i, j]}")


def _judged(diagnosis: Diagnosis, a: Any) -> Any:
    """The value, with SciPy's error for singular slices and its warning for ill-conditioned ones."""
    attempt = diagnosis.attempt
    assert attempt is not None  # noqa: S101  (the loop always leaves one)
    rcond = np.atleast_1d(np.asarray(attempt.byproducts.get("rcond", 0.0))).ravel()
    if diagnosis.value is None:
        slices = np.flatnonzero(rcond == 0.0).tolist()
        raise refuse(f"A singular matrix detected: slice(s) {slices} are singular.", diagnosis)
    if warn_uncertified(diagnosis, stacklevel=4):
        return diagnosis.value
    poor = np.flatnonzero(~(rcond >= np.finfo(a.dtype).eps))
    if poor.size and not FRAME.get().policy.wants_forward:
        listed = ",".join(f"slice {i} has rcond = {rcond[i]}" for i in poor)
        warnings.warn(f"An ill-conditioned matrix detected: {listed}.", LinAlgWarning, stacklevel=4)
    return diagnosis.value


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Determinant of a square matrix, or of each matrix in a stack.

    Parameters
    ----------
    a : (..., M, M) array_like
    overwrite_a : bool
        Accepted; `a` is never overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN.

    Returns
    -------
    float64 or complex128, or an ndarray of them of shape ``a.shape[:-2]``
        The product of the pivots, which overflows and underflows as SciPy's does. In hardened mode the
        product is scaled, so that only the determinant itself can. The certificate holds ``log_modulus``.

    Notes
    -----
    LU with partial pivoting; relative bound after Higham (2002), theorem 9.3 and section 14.6.
    """
    if type(a) is _ndarray:
        plan = FRAME.get().plans.get(("det", a.shape, a.dtype))
        if plan is not None:
            value = plan(a)
            if value is not None:
                return value
    if device_of(a) != HOST:
        return on_device("det", (a,), {"check_finite": check_finite})
    matrix = as_lapack(a)
    if matrix is None or matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.size == 0 or _extended(a):
        reason = "not a numeric square matrix, or empty"
    elif not all_finite(matrix):
        reason = "infinities or NaN"
    else:
        key = fresh(("det", matrix.shape, matrix.dtype)) if ordinary(a) else None
        problem = Problem("determinant", (matrix,), {}, HOST, matrix.dtype, None, matrix.shape[-1])
        diagnosis = selector.run(problem, "linalg.det", key)
        warn_uncertified(diagnosis)
        return diagnosis.value
    return hand_over(_scipy_det, "linalg.det", reason, a, overwrite_a, check_finite)


def _extended(a: Any) -> bool:
    """Whether `a` is of extended precision, which SciPy's det refuses."""
    return getattr(a, "dtype", None) in (np.dtype(np.longdouble), np.dtype(np.clongdouble))
