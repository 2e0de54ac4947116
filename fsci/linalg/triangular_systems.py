"""`solve_triangular`: systems with one triangle of a matrix."""

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

__all__ = ["solve_triangular"]

_scipy_solve_triangular = scipy_linalg.solve_triangular
_ndarray = np.ndarray
_TRANS: dict[Any, int] = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}

declare_kind("triangular_system", "linalg", classify_dense, "x with T x = b, T triangular")


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
