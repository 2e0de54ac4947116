"""Square systems by QR, with and without column pivoting."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.kernels.factors import Solve, solver

__all__ = ["qr_solver"]

Array = np.ndarray[Any, np.dtype[Any]]


def qr_solver(view: Array, flipped: bool, pivoted: bool) -> tuple[Solve, float, int] | None:
    """Factor ``F P = Q R``; None if R has an exact zero on its diagonal.

    Returns
    -------
    solve : callable
        As `fsci.kernels.factors.solver` makes it.
    rcond : float
        Reciprocal condition in the 1-norm, of R: that of F to a factor of n at most.
    rank : int
        Diagonal entries of R above ``n u`` times the first; n without pivoting.
    """
    n = view.shape[0]
    complex_ = view.dtype.kind == "c"
    multiply = "unmqr" if complex_ else "ormqr"
    geqrf, geqp3, mqr, trtrs, trcon = lapack.get_lapack_funcs(("geqrf", "geqp3", multiply, "trtrs", "trcon"), (view,))
    if pivoted:
        factor, pivots, tau, _, _ = geqp3(view)
        order = pivots - 1
    else:
        factor, tau, _, _ = geqrf(view)
        order = np.arange(n)
    diagonal = np.abs(factor.diagonal())
    if not (diagonal > 0).all():
        return None
    rank = int((diagonal > n * np.finfo(view.dtype).eps / 2 * diagonal[0]).sum()) if pivoted else n
    rcond = float(trcon(factor)[0])

    def times_q(rhs: Array, trans: str) -> Array:
        columns = np.asfortranarray(rhs.reshape(n, -1))
        lwork = max(1, int(np.real(mqr("L", trans, factor, tau, columns, -1)[1][0])))
        return np.asarray(mqr("L", trans, factor, tau, columns, lwork)[0])

    def apply(rhs: Array, op: int) -> Array:
        if op == 1 and complex_:
            return np.conj(apply(np.conj(rhs), 2))
        if op == 0:
            y = trtrs(factor, times_q(rhs, "C" if complex_ else "T"))[0]
            x = np.empty_like(y)
            x[order] = y
        else:
            y = trtrs(factor, np.asfortranarray(rhs.reshape(n, -1)[order]), trans=2 if complex_ else 1)[0]
            x = times_q(y, "N")
        return x.reshape(rhs.shape)

    return solver(apply, view.dtype, flipped), rcond, rank
