"""`solve_toeplitz`: systems that are constant along their diagonals."""

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
from fsci.linalg._front import as_lapack, device_of, ordinary
from fsci.linalg._verdicts import all_finite, classify_dense, fresh, over_batch, refuse, warn_uncertified

__all__ = ["solve_toeplitz"]

_scipy_solve_toeplitz = scipy_linalg.solve_toeplitz
_ndarray = np.ndarray

declare_kind("toeplitz_system", "linalg", classify_dense, "x with T x = b, T constant along its diagonals")


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
