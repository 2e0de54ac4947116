"""`cholesky`, `cho_factor`, `cho_solve`: Cholesky factors, and systems solved with them."""

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
from fsci.linalg._device import on_device
from fsci.linalg._factored import solution
from fsci.linalg._front import as_lapack, device_of, ordinary, promote
from fsci.linalg._verdicts import all_finite, classify_dense, fresh, over_batch, refuse, warn_uncertified
from fsci.linalg.errors import LinAlgError

__all__ = ["cho_factor", "cho_solve", "cholesky"]

_scipy_cho_factor = scipy_linalg.cho_factor
_scipy_cho_solve = scipy_linalg.cho_solve
_scipy_cholesky = scipy_linalg.cholesky
_ndarray = np.ndarray

declare_kind("cholesky", "linalg", classify_dense, "the triangular C with A = C^H C or C C^H")


def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Cholesky factor of a Hermitian positive definite matrix: ``A = U^H U`` or ``A = L L^H``.

    Parameters
    ----------
    a : (..., M, M) array_like
        Only the triangle that `lower` names is read; hardened mode refuses a matrix that is not Hermitian.
    lower : bool
    overwrite_a : bool
        Accepted; `a` is never overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN.

    Returns
    -------
    (..., M, M) ndarray
        In the memory order of `a`.

    Raises
    ------
    LinAlgError
        If the matrix is not positive definite.

    Notes
    -----
    LAPACK potrf. Perturbation of the factor after Sun (1991).
    """
    if type(a) is _ndarray:
        plan = FRAME.get().plans.get(("cholesky", a.shape, a.dtype))
        if plan is not None:
            factor = plan(a, bool(lower), True)
            if factor is not None:
                return factor
    if device_of(a) != HOST:
        return on_device("cholesky", (a,), {"lower": lower})
    return _cholesky(a, lower, overwrite_a, check_finite, True)


def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, Any]:
    """Cholesky factor for `cho_solve`; the other triangle holds what `a` had there.

    Parameters
    ----------
    a : (..., M, M) array_like
        Only the triangle that `lower` names is read; hardened mode refuses a matrix that is not Hermitian.
    lower : bool
    overwrite_a : bool
        Accepted; `a` is never overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN.

    Returns
    -------
    c : (..., M, M) ndarray
        In the memory order of `a`.
    lower : bool

    Raises
    ------
    LinAlgError
        If the matrix is not positive definite.

    Notes
    -----
    LAPACK potrf.
    """
    if type(a) is _ndarray:
        plan = FRAME.get().plans.get(("cholesky", a.shape, a.dtype))
        if plan is not None:
            factor = plan(a, bool(lower), False)
            if factor is not None:
                return factor, lower
    return _cholesky(a, lower, overwrite_a, check_finite, False)


def _cholesky(a: Any, lower: bool, overwrite_a: bool, check_finite: bool, clean: bool) -> Any:
    name = "cholesky" if clean else "cho_factor"
    matrix = as_lapack(a) if device_of(a) == HOST else None
    if (
        matrix is None
        or matrix.ndim < 2
        or matrix.size == 0
        or matrix.shape[-1] != matrix.shape[-2]
        or not all_finite(matrix)
    ):
        original = _scipy_cholesky if clean else _scipy_cho_factor
        reason = "not a finite numeric square matrix, or empty"
        return hand_over(original, f"linalg.{name}", reason, a, lower, overwrite_a, check_finite)
    if matrix.ndim > 2:
        return over_batch(lambda s: (cholesky if clean else cho_factor)(s, lower, False, check_finite), (matrix, 2))
    if FRAME.get().policy.hardened:
        _refuse_asymmetry(matrix)
    key = fresh(("cholesky", matrix.shape, matrix.dtype)) if ordinary(a) else None
    parameters = {"lower": bool(lower), "clean": clean}
    problem = Problem("cholesky", (matrix,), parameters, HOST, matrix.dtype, None, matrix.shape[0])
    diagnosis = selector.run(problem, f"linalg.{name}", key)
    if diagnosis.value is None:
        minor = diagnosis.attempt.byproducts.get("minor", 1) if diagnosis.attempt is not None else 1
        raise refuse(f"{minor}-th leading minor of the array is not positive definite", diagnosis)
    warn_uncertified(diagnosis, stacklevel=4)
    return diagnosis.value if clean else (diagnosis.value, lower)


def _refuse_asymmetry(a: Any) -> None:
    """A factor of one triangle says nothing about a matrix whose other triangle differs."""
    wrong = a != np.conj(a.T)
    if wrong.any():
        i, j = (int(k) for k in np.argwhere(wrong)[0])
        mirror = f"the conjugate of entry ({j}, {i})" if a.dtype.kind == "c" else f"entry ({j}, {i})"
        raise LinAlgError(
            f"the matrix is not Hermitian: entry ({i}, {j}) = {a[i, j]} differs from {mirror} = {a[j, i]}"
        )


def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """Solve ``A x = b`` with the factor of `cho_factor` or `cholesky`.

    Parameters
    ----------
    c_and_lower : tuple of (..., N, N) array_like and bool
    b : (..., N) or (..., N, K) array_like
    overwrite_b : bool
        Accepted; `b` is never overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN in the factor or in `b`.

    Returns
    -------
    ndarray of the shape of `b`

    Notes
    -----
    LAPACK potrs; extra-precise refinement where the policy asks for more. The certificate is about the
    matrix that the factor stands for.
    """
    c, lower = c_and_lower
    if type(c) is _ndarray and type(b) is _ndarray and c.dtype == b.dtype and type(lower) is bool:
        plan = FRAME.get().plans.get(("cho_solve", c.shape, b.shape, c.dtype))
        if plan is not None:
            x = plan(c, b, lower, check_finite)
            if x is not None:
                return x
    return _cho_solve(c, lower, b, overwrite_b, check_finite)


def _cho_solve(c: Any, lower: Any, b: Any, overwrite_b: bool, check_finite: bool) -> Any:
    arrays = promote(c, b) if device_of(c, b) == HOST else None
    if (
        arrays is None
        or np.ndim(lower) > 0
        or arrays[0].ndim < 2
        or arrays[1].ndim < 1
        or 0 in (arrays[0].size, arrays[1].size)
        or arrays[0].shape[-1] != arrays[0].shape[-2]
        or arrays[1].shape[-2 if arrays[1].ndim > 1 else -1] != arrays[0].shape[-1]
        or not all_finite(*arrays)
    ):
        reason = "not a finite numeric factor and a matching right-hand side"
        return hand_over(_scipy_cho_solve, "linalg.cho_solve", reason, (c, lower), b, overwrite_b, check_finite)
    factor, rhs = arrays
    if factor.ndim > 2 or rhs.ndim > 2:
        parts = (factor, 2), (rhs, min(rhs.ndim, 2))
        return over_batch(lambda f, r: cho_solve((f, lower), r, False, check_finite), *parts)
    key = fresh(("cho_solve", c.shape, b.shape, c.dtype)) if ordinary(c, b) and c.dtype == b.dtype else None
    parameters = {"form": "cholesky", "lower": bool(lower)}
    problem = Problem("factored_system", (factor, rhs), parameters, HOST, factor.dtype, None, factor.shape[0])
    return solution(problem, "linalg.cho_solve", key)
