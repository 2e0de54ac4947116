"""Solves with a Cholesky factor: two triangular solves, by trsv where there is one right-hand side.

LAPACK's potrs hands every right-hand side to trsm, which for a single column takes four to eight times as long as the
two matrix-vector substitutions that it needs (each reads the factor once: memory is the floor). The rounding errors are
bounded alike (Higham, 2002, theorem 8.5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.kernels.workspace import blas_function, lapack_function

__all__ = ["cholesky_solver"]

Array = np.ndarray[Any, np.dtype[Any]]


def cholesky_solver(factor: Array, lower: bool) -> Callable[[Array], Array]:
    """``solve(rhs)`` with ``L @ L^H`` where `lower`, else with ``U^H @ U``; right-hand sides in the factor's dtype."""
    char = factor.dtype.char
    potrs, trsv = lapack_function("potrs", char), blas_function("trsv", char)
    factor = np.asfortranarray(factor)  # once, instead of in each call
    first, second = (0, 2) if lower else (2, 0)

    def solve(rhs: Array) -> Array:
        if rhs.size != factor.shape[0] or rhs.dtype.char != char or rhs.size == 0:
            return np.asarray(potrs(factor, rhs, lower=lower)[0])
        half = trsv(factor, rhs.reshape(-1), lower=lower, trans=first)
        return np.asarray(trsv(factor, half, lower=lower, trans=second, overwrite_x=True)).reshape(rhs.shape)

    return solve
