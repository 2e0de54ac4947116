"""`solve_triangular`, `solve_banded`, `solveh_banded`, `solve_toeplitz`: systems of declared structure."""

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
from fsci.linalg._verdicts import all_finite, classify_dense, fresh, over_batch, refuse, warn_uncertified

__all__ = ["solve_banded", "solve_toeplitz", "solve_triangular", "solveh_banded"]

_scipy_solve_triangular = scipy_linalg.solve_triangular
_scipy_solve_banded = scipy_linalg.solve_banded
_scipy_solveh_banded = scipy_linalg.solveh_banded
_scipy_solve_toeplitz = scipy_linalg.solve_toeplitz
_ndarray = np.ndarray

declare_kind("triangular_system", "linalg", classify_dense, "x with T x = b, T triangular")
declare_kind("banded_system", "linalg", classify_dense, "x with A x = b, A stored by its diagonals")
declare_kind("toeplitz_system", "linalg", classify_dense, "x with T x = b, T constant along its diagonals")

_TRANS: dict[Any, int] = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}


def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve ``T x = b`` with T one triangle of `a`.

    Parameters
    ----------
    a : (..., M, M) array_like
        The other triangle is not used.
    b : (..., M) or (..., M, N) array_like
    trans : {0, 1, 2, 'N', 'T', 'C'}
        ``T x = b``, ``T^T x = b`` or ``T^H x = b``.
    lower : bool
    unit_diagonal : bool
        The diagonal is one, whatever is stored there.
    overwrite_b : bool
        Accepted; `b` is never overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN anywhere in `a` or `b`.

    Returns
    -------
    ndarray of the shape of `b`

    Raises
    ------
    LinAlgError
        If a diagonal entry is exactly zero.

    Notes
    -----
    Substitution (BLAS); extra-precise refinement where the policy asks for more. The bound is proven where the
    comparison matrix gives one (Higham, 2002, theorem 8.12): many triangular systems are far better than
    their condition number says.
    """
    if type(a) is _ndarray and type(b) is _ndarray and a.dtype == b.dtype:
        plan = FRAME.get().plans.get(("solve_triangular", a.shape, b.shape, a.dtype))
        how = _TRANS.get(trans) if type(trans) is not _ndarray else None
        if plan is not None and how is not None:
            x = plan(a, b, how, bool(lower), bool(unit_diagonal), check_finite)
            if x is not None:
                return x
    return _triangular(a, b, trans, lower, unit_diagonal, overwrite_b, check_finite)


def _triangular(
    a: Any, b: Any, trans: Any, lower: bool, unit_diagonal: bool, overwrite_b: bool, check_finite: bool
) -> Any:
    arrays = promote(a, b) if device_of(a, b) == HOST else None
    if (
        arrays is None
        or not isinstance(trans, (int, str))
        or trans not in _TRANS
        or _mismatched(*arrays)
        or not all_finite(*arrays)
    ):
        return hand_over(
            _scipy_solve_triangular,
            "linalg.solve_triangular",
            "not a finite numeric square matrix and a matching right-hand side",
            a,
            b,
            trans,
            lower,
            unit_diagonal,
            overwrite_b,
            check_finite,
        )
    matrix, rhs = arrays
    if matrix.ndim > 2 or rhs.ndim > 2:
        parts = (matrix, 2), (rhs, min(rhs.ndim, 2))
        return over_batch(lambda m, r: solve_triangular(m, r, trans, lower, unit_diagonal, False, check_finite), *parts)
    key = fresh(("solve_triangular", a.shape, b.shape, a.dtype)) if ordinary(a, b) and a.dtype == b.dtype else None
    parameters = {"trans": _TRANS[trans], "lower": bool(lower), "unit_diagonal": bool(unit_diagonal)}
    problem = Problem("triangular_system", arrays, parameters, HOST, matrix.dtype, None, matrix.shape[0])
    diagnosis = selector.run(problem, "linalg.solve_triangular", key)
    if diagnosis.value is None:
        zero = diagnosis.attempt.byproducts.get("zero", 1) if diagnosis.attempt is not None else 1
        raise refuse(f"singular matrix: resolution failed at diagonal {zero - 1}", diagnosis)
    warn_uncertified(diagnosis, stacklevel=4)
    return diagnosis.value


def _mismatched(a: Any, b: Any) -> bool:
    """Whether `a` is no square matrix, `b` does not fit it, or either is empty."""
    if a.ndim < 2 or b.ndim < 1 or 0 in (a.size, b.size) or a.shape[-1] != a.shape[-2]:
        return True
    return bool(b.shape[-2 if b.ndim > 1 else -1] != a.shape[-1])


def solve_banded(
    l_and_u: tuple[int, int],
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve ``A x = b`` with A banded, ``ab[u + i - j, j] == A[i, j]``.

    Parameters
    ----------
    l_and_u : tuple of int
        Numbers of diagonals below and above the main one.
    ab : (..., l + u + 1, M) array_like
    b : (..., M) or (..., M, K) array_like
    overwrite_ab, overwrite_b : bool
        Accepted; nothing is overwritten.
    check_finite : bool
        Raise ValueError for infinities and NaN.

    Returns
    -------
    ndarray of the shape of `b`

    Raises
    ------
    LinAlgError
        If A is exactly singular.

    Notes
    -----
    LAPACK gtsv and gbsv; extra-precise refinement where the policy asks for more.
    """
    (nlower, nupper) = l_and_u
    if type(ab) is _ndarray and type(b) is _ndarray and ab.dtype == b.dtype and type(nlower) is type(nupper) is int:
        plan = FRAME.get().plans.get(("solve_banded", nlower, nupper, ab.shape, b.shape, ab.dtype))
        if plan is not None:
            x = plan(ab, b, nupper, check_finite)
            if x is not None:
                return x
    return _banded(nlower, nupper, ab, b, overwrite_ab, overwrite_b, check_finite)


def _banded(
    nlower: Any, nupper: Any, ab: Any, b: Any, overwrite_ab: bool, overwrite_b: bool, check_finite: bool
) -> Any:
    arrays = promote(ab, b) if device_of(ab, b) == HOST else None
    whole = isinstance(nlower, (int, np.integer)) and isinstance(nupper, (int, np.integer))
    if (
        arrays is None
        or not whole
        or min(nlower, nupper) < 0
        or _does_not_fit(*arrays)
        or nlower + nupper + 1 != arrays[0].shape[-2]
        or arrays[0].shape[-1] == 1
        or not all_finite(*arrays)
    ):
        return hand_over(
            _scipy_solve_banded,
            "linalg.solve_banded",
            "not a finite numeric band of order 2 or more and a matching right-hand side",
            (nlower, nupper),
            ab,
            b,
            overwrite_ab,
            overwrite_b,
            check_finite,
        )
    band, rhs = arrays
    if band.ndim > 2 or rhs.ndim > 2:
        parts = (band, 2), (rhs, min(rhs.ndim, 2))
        return over_batch(lambda m, r: solve_banded((nlower, nupper), m, r, False, False, check_finite), *parts)
    ours = ordinary(ab, b) and ab.dtype == b.dtype
    key = fresh(("solve_banded", nlower, nupper, ab.shape, b.shape, ab.dtype)) if ours else None
    parameters = {"upper": int(nupper), "hermitian": False, "lower": False}
    problem = Problem("banded_system", arrays, parameters, HOST, band.dtype, None, band.shape[1])
    diagnosis = selector.run(problem, "linalg.solve_banded", key)
    if diagnosis.value is None:
        raise refuse("singular matrix", diagnosis)
    warn_uncertified(diagnosis, stacklevel=4)
    return diagnosis.value


def _does_not_fit(ab: Any, b: Any) -> bool:
    if ab.ndim < 2 or b.ndim < 1 or 0 in (ab.size, b.size):
        return True
    return bool(b.shape[-2 if b.ndim > 1 else -1] != ab.shape[-1])


def solveh_banded(
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve ``A x = b`` with A banded, Hermitian and positive definite, stored by half.

    Parameters
    ----------
    ab : (..., u + 1, M) array_like
        ``ab[u + i - j, j] == A[i, j]`` for the upper form, ``ab[i - j, j] == A[i, j]`` for the lower one.
    b : (..., M) or (..., M, K) array_like
    overwrite_ab, overwrite_b : bool
        Accepted; nothing is overwritten.
    lower : bool
    check_finite : bool
        Raise ValueError for infinities and NaN.

    Returns
    -------
    ndarray of the shape of `b`

    Raises
    ------
    LinAlgError
        If A is not positive definite.

    Notes
    -----
    LAPACK ptsv and pbsv; extra-precise refinement where the policy asks for more.
    """
    if type(ab) is _ndarray and type(b) is _ndarray and ab.dtype == b.dtype:
        plan = FRAME.get().plans.get(("solveh_banded", ab.shape, b.shape, ab.dtype))
        if plan is not None:
            x = plan(ab, b, bool(lower), check_finite)
            if x is not None:
                return x
    return _hermitian_banded(ab, b, overwrite_ab, overwrite_b, lower, check_finite)


def _hermitian_banded(ab: Any, b: Any, overwrite_ab: bool, overwrite_b: bool, lower: bool, check_finite: bool) -> Any:
    arrays = promote(ab, b) if device_of(ab, b) == HOST else None
    if arrays is None or _does_not_fit(*arrays) or arrays[0].shape[-2] > arrays[0].shape[-1] or not all_finite(*arrays):
        return hand_over(
            _scipy_solveh_banded,
            "linalg.solveh_banded",
            "not a finite numeric band and a matching right-hand side",
            ab,
            b,
            overwrite_ab,
            overwrite_b,
            lower,
            check_finite,
        )
    band, rhs = arrays
    if band.ndim > 2 or rhs.ndim > 2:
        parts = (band, 2), (rhs, min(rhs.ndim, 2))
        return over_batch(lambda m, r: solveh_banded(m, r, False, False, lower, check_finite), *parts)
    key = fresh(("solveh_banded", ab.shape, b.shape, ab.dtype)) if ordinary(ab, b) and ab.dtype == b.dtype else None
    parameters = {"hermitian": True, "lower": bool(lower)}
    problem = Problem("banded_system", arrays, parameters, HOST, band.dtype, None, band.shape[1])
    diagnosis = selector.run(problem, "linalg.solveh_banded", key)
    if diagnosis.value is None:
        at = diagnosis.attempt.byproducts.get("at", 1) if diagnosis.attempt is not None else 1
        raise refuse(f"{at}th leading minor not positive definite", diagnosis)
    warn_uncertified(diagnosis, stacklevel=4)
    return diagnosis.value


def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    """Solve ``T x = b`` with T constant along its diagonals.

    Parameters
    ----------
    c_or_cr : array_like, or tuple of two
        First column (..., M), and first row if that is not its conjugate; ``r[0]`` is ignored.
    b : (..., M) or (..., M, K) array_like
    check_finite : bool
        Raise ValueError for infinities and NaN.

    Returns
    -------
    ndarray of the shape of `b`

    Raises
    ------
    LinAlgError
        If a leading minor is exactly singular (hardened mode: only if T is).

    Notes
    -----
    Levinson's recursion, whose backward error is looked at every time: where it is unstable, it is refined or the
    dense matrix is factored.
    """
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    if type(c) is _ndarray and type(b) is _ndarray and (r is None or type(r) is _ndarray):
        frame = FRAME.get()
        plan = frame.plans.get(("solve_toeplitz", c.shape, None if r is None else r.shape, b.shape, c.dtype, b.dtype))
        if plan is not None and (r is None or r.dtype == c.dtype):
            x = plan(c, c.conj() if r is None else r, b)
            if x is not None:
                return x
    return _toeplitz(c_or_cr, c, r, b, check_finite)


def _toeplitz(c_or_cr: Any, c: Any, r: Any, b: Any, check_finite: bool) -> Any:
    given = (c, b) if r is None else (c, r, b)
    arrays = [as_lapack(v) for v in given] if device_of(*given) == HOST else [None]
    if any(v is None or v.ndim < 1 or v.size == 0 or not all_finite(v) for v in arrays):
        reason = "not finite numeric vectors, or empty"
        return hand_over(_scipy_solve_toeplitz, "linalg.solve_toeplitz", reason, c_or_cr, b, check_finite)
    column, rhs = arrays[0], arrays[-1]
    assert column is not None  # noqa: S101
    assert rhs is not None  # noqa: S101
    row = np.conjugate(column) if r is None else arrays[1]
    assert row is not None  # noqa: S101
    n = column.shape[-1]
    if row.shape[-1] != n or rhs.shape[-2 if rhs.ndim > 1 else -1] != n:
        reason = "incompatible dimensions"
        return hand_over(_scipy_solve_toeplitz, "linalg.solve_toeplitz", reason, c_or_cr, b, check_finite)
    if max(column.ndim, row.ndim) > 1 or rhs.ndim > 2:
        parts = (column, 1), (row, 1), (rhs, min(rhs.ndim, 2))
        return over_batch(lambda p, q, s: solve_toeplitz((p, q), s, check_finite), *parts)
    # As SciPy: always double precision.
    dtype = np.result_type(column.dtype, row.dtype, rhs.dtype, np.float64)
    column, row, rhs = (v.astype(dtype, copy=False) for v in (column, row, rhs))
    key = None
    if ordinary(*given) and all(v.dtype == dtype for v in given):
        key = fresh(("solve_toeplitz", c.shape, None if r is None else r.shape, b.shape, c.dtype, b.dtype))
    problem = Problem("toeplitz_system", (column, row, rhs), {}, HOST, dtype, None, n)
    diagnosis = selector.run(problem, "linalg.solve_toeplitz", key)
    broke_down = any(attempt.status == "singular_minor" for attempt in diagnosis.attempts)
    if diagnosis.value is None or (broke_down and not FRAME.get().policy.hardened):
        raise refuse("Singular principal minor", diagnosis)
    warn_uncertified(diagnosis, stacklevel=4)
    return diagnosis.value
