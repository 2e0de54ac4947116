"""`lstsq` and `pinv`: least squares and the pseudoinverse."""

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
from fsci.linalg._front import as_lapack, device_of, ordinary, promote
from fsci.linalg._rectangular import classify_rectangular, over_batch, refusal
from fsci.linalg._verdicts import warn_uncertified

__all__ = ["lstsq", "pinv"]

_scipy_lstsq = scipy_linalg.lstsq
_scipy_pinv = scipy_linalg.pinv
_DRIVERS = ("gelsd", "gelsy", "gelss")
_EPS = {np.dtype(c): float(np.finfo(c).eps) for c in "fdFD"}

# Up to this work, m n min(m, n), the choice costs more than it can gain, and shape alone decides
# (measured: evidence and ranking take 0.1 to 0.2 ms; the drivers pass 3 ms, and the SVD of pinv 1 ms, here).
_PLANNED = 2**23
_PLANNED_PINV = 2**20


declare_kind(
    "least_squares", "linalg", classify_rectangular, "x that minimizes norm(b - a @ x), a of any shape and rank"
)
declare_kind("pseudoinverse", "linalg", classify_rectangular, "Moore-Penrose inverse of a matrix")


def lstsq(
    a: Any,
    b: Any,
    cond: float | None = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: str | None = None,
) -> Any:
    """Least-squares solution of ``a @ x = b``, of minimum norm where `a` is rank deficient.

    SciPy's call, by the algorithm that shape and condition ask for: corrected seminormal equations,
    Cholesky-QR, Householder QR, pivoted QR or the singular value decomposition.

    Parameters
    ----------
    a : (..., M, N) array_like
    b : (..., M) or (..., M, K) array_like
    cond : float, optional
        Singular values below ``cond`` times the largest count as zero. Default: eps; in hardened mode
        ``max(M, N) * eps``, so that rounding noise is not counted as rank.
    overwrite_a, overwrite_b : bool, optional
        Accepted; the operands are never changed.
    check_finite : bool, optional
        Refuse infinities and NaN.
    lapack_driver : {'gelsd', 'gelsy', 'gelss'}, optional
        Whose contract to keep: 'gelsy' gives no residues and no singular values.

    Returns
    -------
    x : (..., N) or (..., N, K) ndarray
    residues : (..., K) ndarray or float
        Squared 2-norms of the residuals if ``M > N`` and the rank is full, else empty.
    rank : int
    s : (..., min(M, N)) ndarray or None
        Singular values of `a`.

    Raises
    ------
    ValueError
        For shapes that do not fit, an unknown driver, or entries that are not finite.
    LinAlgError
        If the singular value decomposition does not converge.

    Warns
    -----
    UncertifiedWarning
        In hardened mode, where the solution's forward bound misses the policy's accuracy, as for a rank
        that no gap decides.

    Notes
    -----
    Methods: Golub (1965), Bjorck (1987), Yamamoto et al. (2015), LAPACK. Certificate: backward error after
    Stewart (1977) and Walden, Karlson and Sun (1995), condition, rank and its gap, and a bound on x after Wedin (1973).
    """
    if lapack_driver is None and cond is None and ordinary(a, b) and a.dtype == b.dtype:
        key = ("lstsq", a.shape, b.shape, a.dtype)
        plan = FRAME.get().plans.get(key)
        if plan is not None:
            value = plan(a, b, _EPS[a.dtype], "gelsd")
            if value is not None:
                return value
    given = (a, b, cond, overwrite_a, overwrite_b, check_finite, lapack_driver)
    if device_of(a, b) != HOST:
        from fsci.linalg._device import on_device

        return on_device("lstsq", (a, b), {"cond": cond, "check_finite": check_finite, "lapack_driver": lapack_driver})
    operands = promote(a, b)
    driver = "gelsd" if lapack_driver is None else lapack_driver
    if operands is None or driver not in _DRIVERS or not _is_cutoff(cond):
        return hand_over(_scipy_lstsq, "linalg.lstsq", "operands or options that no kernel takes", *given)
    matrix, rhs = operands
    if matrix.ndim > 2 or rhs.ndim > 2:
        return over_batch("linalg.lstsq", lstsq, _scipy_lstsq, operands, (2, min(rhs.ndim, 2)), given)
    if matrix.ndim != 2 or rhs.ndim == 0 or matrix.shape[0] != rhs.shape[0] or 0 in matrix.shape or 0 in rhs.shape:
        return hand_over(_scipy_lstsq, "linalg.lstsq", "an empty problem, or shapes that do not fit", *given)
    policy = FRAME.get().policy
    m, n = matrix.shape
    eps = _EPS[matrix.dtype]
    noise = max(m, n) * eps if policy.hardened else eps
    cutoff = noise if cond is None else float(cond)
    parameters = {"cond": cutoff, "driver": driver}
    problem = Problem("least_squares", (matrix, rhs), parameters, HOST, matrix.dtype, None, max(m, n))
    planned = lapack_driver is None and cond is None and m * n * min(m, n) <= _PLANNED
    key = ("lstsq", matrix.shape, rhs.shape, matrix.dtype) if planned and rhs.ndim == 1 else None  # type: ignore[assignment]
    diagnosis = selector.run(problem, "linalg.lstsq", key)
    if diagnosis.value is None:
        return hand_over(_scipy_lstsq, "linalg.lstsq", refusal(diagnosis), *given)
    warn_uncertified(diagnosis)
    return diagnosis.value


# What SciPy reads from its own function object, and what its users set there.
lstsq.default_lapack_driver = "gelsd"  # type: ignore[attr-defined]


def _is_cutoff(cond: Any) -> bool:
    return cond is None or (isinstance(cond, (int, float, np.floating, np.integer)) and cond >= 0)  # type: ignore[return-value]


def pinv(
    a: Any,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """Moore-Penrose pseudoinverse of a matrix.

    SciPy's call; a matrix whose condition shows full rank is inverted by LU, QR or Cholesky-QR instead of
    the singular value decomposition.

    Parameters
    ----------
    a : (..., M, N) array_like
    atol, rtol : float, optional
        Singular values up to ``atol + rtol * max(s)`` count as zero. Defaults: 0 and ``max(M, N) * eps``.
    return_rank : bool, optional
        Return the effective rank too.
    check_finite : bool, optional
        Refuse infinities and NaN.

    Returns
    -------
    B : (..., N, M) ndarray
    rank : int
        If `return_rank`.

    Raises
    ------
    ValueError
        For a negative tolerance, or entries that are not finite.
    LinAlgError
        If the singular value decomposition does not converge.

    Warns
    -----
    UncertifiedWarning
        In hardened mode, where the forward bound misses the policy's accuracy.

    Notes
    -----
    Bound: the error is ``-(I - B A) A^+`` plus what of B lies outside the range of ``A^H`` (Wedin, 1973).
    """
    given = {"atol": atol, "rtol": rtol, "return_rank": return_rank, "check_finite": check_finite}
    if atol is None and rtol is None and ordinary(a):
        plan = FRAME.get().plans.get(("pinv", a.shape, a.dtype))
        if plan is not None:
            value = plan(a)
            if value is not None:
                return value if return_rank else value[0]
    if device_of(a) != HOST:
        from fsci.linalg._device import on_device

        return on_device("pinv", (a,), given)
    matrix = as_lapack(a)
    if matrix is None or not (_is_cutoff(atol) and _is_cutoff(rtol)):
        return hand_over(_scipy_pinv, "linalg.pinv", "operands or options that no kernel takes", a, **given)
    if matrix.ndim > 2:
        return over_batch("linalg.pinv", pinv, _scipy_pinv, (matrix,), (2,), (a,), given)
    if matrix.ndim != 2 or 0 in matrix.shape:
        return hand_over(_scipy_pinv, "linalg.pinv", "an empty matrix, or not a matrix", a, **given)
    m, n = matrix.shape
    relative = max(m, n) * _EPS[matrix.dtype] if rtol is None else float(rtol)
    parameters = {"atol": 0.0 if atol is None else float(atol), "rtol": relative}
    problem = Problem("pseudoinverse", (matrix,), parameters, HOST, matrix.dtype, None, max(m, n))
    planned = atol is None and rtol is None and m * n * min(m, n) <= _PLANNED_PINV
    diagnosis = selector.run(problem, "linalg.pinv", ("pinv", matrix.shape, matrix.dtype) if planned else None)
    if diagnosis.value is None:
        return hand_over(_scipy_pinv, "linalg.pinv", refusal(diagnosis), a, **given)
    warn_uncertified(diagnosis)
    return diagnosis.value if return_rank else diagnosis.value[0]
