"""`qr`, `svd` and `svdvals`: orthogonal factorizations."""

from __future__ import annotations

from typing import Any

import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Problem
from fsci.linalg._front import as_lapack, device_of, ordinary
from fsci.linalg._rectangular import classify_rectangular, over_batch, refusal
from fsci.linalg._verdicts import warn_uncertified

__all__ = ["qr", "svd", "svdvals"]

_scipy_qr = scipy_linalg.qr
_scipy_svd = scipy_linalg.svd
_MODES = ("full", "r", "economic", "raw")

# Up to this work, m n min(m, n), the choice costs more than it can gain, and shape alone decides
# (measured: evidence and ranking take 0.1 to 0.2 ms; the drivers pass 3 ms here).
_PLANNED = 2**23
# Beyond, 32-bit indices inside LAPACK overflow; SciPy says so.
_LARGEST_SVD = 2**31 - 1

declare_kind("qr_factorization", "linalg", classify_rectangular, "A = Q R, optionally with column pivoting")
declare_kind("svd", "linalg", classify_rectangular, "A = U diag(s) Vh")
declare_kind("singular_values", "linalg", classify_rectangular, "the singular values of a matrix")


def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: int | None = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """QR factorization ``a = Q @ R``, or ``a[:, P] = Q @ R`` with column pivoting.

    SciPy's call. Tall well-conditioned matrices go by Cholesky-QR, repeated until Q is orthonormal to rounding, with
    the signs of LAPACK's factors.

    Parameters
    ----------
    a : (..., M, N) array_like
    overwrite_a : bool, optional
        Accepted; `a` is never changed.
    lwork : int, optional
        Work array size; a call that names one is handed to SciPy.
    mode : {'full', 'r', 'economic', 'raw'}, optional
    pivoting : bool, optional
    check_finite : bool, optional
        Refuse infinities and NaN.

    Returns
    -------
    Q : (..., M, M) or (..., M, K) ndarray
        Not for ``mode='r'``; the pair ``(QR, tau)`` of LAPACK for ``mode='raw'``.
    R : (..., M, N) or (..., K, N) ndarray
    P : (..., N) ndarray of int
        If `pivoting`.

    Raises
    ------
    ValueError
        For an unknown mode, an operand that is not a matrix, or entries that are not finite.

    Warns
    -----
    UncertifiedWarning
        In hardened mode, where the condition leaves the factors themselves undetermined.

    Notes
    -----
    Methods: Householder (1958), Businger and Golub (1965), Yamamoto et al. (2015), Ballard et al. (2014).
    """
    if lwork is None and ordinary(a):
        plan = FRAME.get().plans.get(("qr", a.shape, a.dtype, mode, pivoting))
        if plan is not None:
            value = plan(a, mode, pivoting)
            if value is not None:
                return value
    given = (a, overwrite_a, lwork, mode, pivoting, check_finite)
    if device_of(a) != HOST:
        from fsci.linalg._device import on_device

        return on_device("qr", (a,), {"mode": mode, "pivoting": pivoting, "check_finite": check_finite})
    matrix = as_lapack(a)
    flags = isinstance(pivoting, int) and isinstance(overwrite_a, int)
    if matrix is None or lwork not in (None, -1) or mode not in _MODES or not flags:
        return hand_over(_scipy_qr, "linalg.qr", "operands or options that no kernel takes", *given)
    if matrix.ndim > 2:
        return over_batch("linalg.qr", qr, _scipy_qr, (matrix,), (2,), given)
    if matrix.ndim != 2 or matrix.size == 0:
        return hand_over(_scipy_qr, "linalg.qr", "an empty matrix, or not a matrix", *given)
    m, n = matrix.shape
    parameters = {"mode": mode, "pivoting": bool(pivoting)}
    problem = Problem("qr_factorization", (matrix,), parameters, HOST, matrix.dtype, None, max(m, n))
    planned = lwork is None and m * n * min(m, n) <= _PLANNED
    key = ("qr", matrix.shape, matrix.dtype, mode, pivoting) if planned else None
    diagnosis = selector.run(problem, "linalg.qr", key)
    if diagnosis.value is None:
        return hand_over(_scipy_qr, "linalg.qr", refusal(diagnosis), *given)
    warn_uncertified(diagnosis)
    return diagnosis.value


def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """Singular value decomposition ``a = U @ diag(s) @ Vh``.

    SciPy's call. Matrices much longer than wide, either way, go by Cholesky-QR first where their condition allows.

    Parameters
    ----------
    a : (..., M, N) array_like
    full_matrices : bool, optional
        Square U and Vh, else as many vectors as values.
    compute_uv : bool, optional
        Return U and Vh too.
    overwrite_a : bool, optional
        Accepted; `a` is never changed.
    check_finite : bool, optional
        Refuse infinities and NaN.
    lapack_driver : {'gesdd', 'gesvd'}, optional
        'gesvd' is heeded; 'gesdd', the default, leaves the choice to fsci.

    Returns
    -------
    U : (..., M, M) or (..., M, K) ndarray
    s : (..., K) ndarray
        In non-increasing order.
    Vh : (..., N, N) or (..., K, N) ndarray

    Raises
    ------
    LinAlgError
        If the iteration does not converge.
    ValueError
        For an operand that is not a matrix, an unknown driver, or entries that are not finite.

    Warns
    -----
    UncertifiedWarning
        In hardened mode, where the bound on the values misses the policy's accuracy.

    Notes
    -----
    The certificate bounds the singular values (Weyl); ``detail`` has the vectors, by their gaps.
    """
    if not compute_uv and lapack_driver == "gesdd":
        return svdvals(a, overwrite_a, check_finite)
    if ordinary(a) and compute_uv is True:
        plan = FRAME.get().plans.get(("svd", a.shape, a.dtype, full_matrices, lapack_driver))
        if plan is not None:
            value = plan(a, True, full_matrices)
            if value is not None:
                return value
    given = (a, full_matrices, compute_uv, overwrite_a, check_finite, lapack_driver)
    if device_of(a) != HOST:
        from fsci.linalg._device import on_device

        return on_device(
            "svd",
            (a,),
            {"full_matrices": full_matrices, "compute_uv": compute_uv, "check_finite": check_finite},
        )
    matrix = as_lapack(a)
    if matrix is None or lapack_driver not in ("gesdd", "gesvd") or not compute_uv:
        return hand_over(_scipy_svd, "linalg.svd", "operands or options that no kernel takes", *given)
    if matrix.ndim > 2:
        return over_batch("linalg.svd", svd, _scipy_svd, (matrix,), (2,), given)
    if matrix.ndim != 2 or matrix.size == 0 or _too_large(matrix.shape, bool(full_matrices)):
        return hand_over(_scipy_svd, "linalg.svd", "empty, not a matrix, or too large for LAPACK's indices", *given)
    m, n = matrix.shape
    driver = None if lapack_driver == "gesdd" else lapack_driver
    parameters = {"full_matrices": bool(full_matrices)}
    problem = Problem("svd", (matrix,), parameters, HOST, matrix.dtype, driver, max(m, n))
    key = ("svd", matrix.shape, matrix.dtype, full_matrices, lapack_driver) if m * n * min(m, n) <= _PLANNED else None
    diagnosis = selector.run(problem, "linalg.svd", key)
    if diagnosis.value is None:
        return hand_over(_scipy_svd, "linalg.svd", refusal(diagnosis), *given)
    warn_uncertified(diagnosis)
    return diagnosis.value


def _too_large(shape: tuple[int, ...], full_matrices: bool) -> bool:
    m, n = shape
    entries = max(m, n) ** 2 if full_matrices else max(m, n) * min(m, n)
    return entries > _LARGEST_SVD


def _values_of_slice(a: Any, full_matrices: bool, compute_uv: bool, overwrite_a: bool, check_finite: bool) -> Any:
    return svdvals(a, overwrite_a, check_finite)


def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Singular values of a matrix, in non-increasing order.

    SciPy's call. Matrices much longer than wide, either way, go by the Gram matrix's eigenvalues or by Cholesky-QR
    first, where their condition leaves the values backward stable.

    Parameters
    ----------
    a : (..., M, N) array_like
    overwrite_a : bool, optional
        Accepted; `a` is never changed.
    check_finite : bool, optional
        Refuse infinities and NaN.

    Returns
    -------
    s : (..., min(M, N)) ndarray

    Raises
    ------
    LinAlgError
        If the iteration does not converge.
    ValueError
        For an operand that is not a matrix, or entries that are not finite.

    Warns
    -----
    UncertifiedWarning
        In hardened mode, where the bound misses the policy's accuracy.
    """
    if ordinary(a):
        plan = FRAME.get().plans.get(("svdvals", a.shape, a.dtype))
        if plan is not None:
            value = plan(a)
            if value is not None:
                return value
    given = (a, True, False, overwrite_a, check_finite)
    if device_of(a) != HOST:
        from fsci.linalg._device import on_device

        return on_device("svd", (a,), {"full_matrices": False, "compute_uv": False, "check_finite": check_finite})
    matrix = as_lapack(a)
    if matrix is None:
        return hand_over(_scipy_svd, "linalg.svdvals", "operands that no kernel takes", *given)
    if matrix.ndim > 2:
        return over_batch("linalg.svdvals", _values_of_slice, _scipy_svd, (matrix,), (2,), given)
    if matrix.ndim != 2 or matrix.size == 0:
        return hand_over(_scipy_svd, "linalg.svdvals", "an empty matrix, or not a matrix", *given)
    m, n = matrix.shape
    problem = Problem("singular_values", (matrix,), {}, HOST, matrix.dtype, None, max(m, n))
    key = ("svdvals", matrix.shape, matrix.dtype) if m * n * min(m, n) <= _PLANNED else None
    diagnosis = selector.run(problem, "linalg.svdvals", key)
    if diagnosis.value is None:
        return hand_over(_scipy_svd, "linalg.svdvals", refusal(diagnosis), *given)
    warn_uncertified(diagnosis)
    return diagnosis.value
