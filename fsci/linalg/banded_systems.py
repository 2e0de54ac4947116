"""`solve_banded`, `solveh_banded`: systems with a band, stored by its diagonals."""

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
from fsci.linalg._front import device_of, ordinary, promote
from fsci.linalg._verdicts import all_finite, classify_dense, fresh, over_batch, refuse, warn_uncertified

__all__ = ["solve_banded", "solveh_banded"]

_scipy_solve_banded = scipy_linalg.solve_banded
_scipy_solveh_banded = scipy_linalg.solveh_banded
_ndarray = np.ndarray

declare_kind("banded_system", "linalg", classify_dense, "x with A x = b, A stored by its diagonals")


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
