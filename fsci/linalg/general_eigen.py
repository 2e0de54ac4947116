"""`eig`, `eigvals`: eigenvalues and eigenvectors of square matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Problem
from fsci.linalg._front import as_lapack, ordinary
from fsci.linalg._spectra import classify, square, warn

__all__ = ["eig", "eigvals"]

_scipy_eig = scipy_linalg.eig

declare_kind("general_eigen", "linalg", classify, "w, v with a @ v = v * w")


def eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """Eigenvalues and eigenvectors of a square matrix, as `scipy.linalg.eig`.

    Parameters
    ----------
    a : (..., n, n) array_like
    b : (..., n, n) array_like, optional
        The generalized problem, which is handed to SciPy.
    left, right : bool
        Which eigenvectors to return.
    overwrite_a, overwrite_b, check_finite, homogeneous_eigvals
        As SciPy has them; nothing is overwritten.

    Returns
    -------
    w : (..., n) or (..., 2, n) complex ndarray
        Eigenvalues, in no particular order; ascending for an exactly Hermitian matrix.
    vl, vr : (..., n, n) ndarray
        Left and right eigenvectors in columns, real where all eigenvalues are.

    Raises
    ------
    LinAlgError, ValueError
        As SciPy.

    Notes
    -----
    An exactly Hermitian matrix is solved as such: several times faster, with orthonormal
    vectors. Every answer passes a random O(n^2) check of ``a @ v = v * w``. The certificate
    bounds the eigenvalues by Gershgorin discs of ``inv(v) @ a @ v``, valid for clusters and
    defective matrices; its detail has a bound and a condition number for each eigenvalue.
    """
    key = None
    if ordinary(a) and b is None and a.ndim == 2 and a.shape[0] == a.shape[1] != 0:
        key = ("eig", a.shape[0], a.dtype, bool(left), bool(right))
        plan = FRAME.get().plans.get(key)
        if plan is not None:
            answer = plan(a, bool(left), bool(right), check_finite)
            if answer is not None:
                return _returned(answer, left, right, homogeneous_eigvals)
    options = {"left": left, "right": right, "check_finite": check_finite, "homogeneous_eigvals": homogeneous_eigvals}
    array = None if b is not None else as_lapack(a)
    reason = "the generalized problem" if b is not None else square(array, check_finite)
    if reason or array is None:
        return hand_over(
            _scipy_eig, "linalg.eig", reason, a, b, overwrite_a=overwrite_a, overwrite_b=overwrite_b, **options
        )
    parameters = {"left": bool(left), "right": bool(right)}
    problem = Problem("general_eigen", (array,), parameters, HOST, array.dtype, None, array.shape[-1])
    diagnosis = selector.run(problem, "linalg.eig", key)
    if diagnosis.value is None:
        return hand_over(_scipy_eig, "linalg.eig", "no kernel gave an answer", a, b, **options)
    warn(diagnosis)
    return _returned(diagnosis.value, left, right, homogeneous_eigvals)


def _returned(answer: tuple[Any, Any, Any], left: bool, right: bool, homogeneous: bool) -> Any:
    """Values and vectors as the caller asked for them."""
    w, vl, vr = answer
    if homogeneous:
        w = np.stack((w, np.ones_like(w)), axis=-2)
    if left:
        return (w, vl, vr) if right else (w, vl)
    return (w, vr) if right else w


def eigvals(
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """Eigenvalues of a square matrix, as `scipy.linalg.eigvals`; see `eig`.

    Returns
    -------
    w : (..., n) or (..., 2, n) complex ndarray
    """
    return eig(
        a,
        b,
        left=False,
        right=False,
        overwrite_a=overwrite_a,
        check_finite=check_finite,
        homogeneous_eigvals=homogeneous_eigvals,
    )
