"""Proven bounds on an approximate inverse, from its two residuals.

With ``R = I - A X``: ``A^-1 - X = A^-1 R``, so ``||A^-1 - X|| <= ||R|| ||A^-1||``; likewise for
``I - X A`` from the other side (Higham, 2002, section 14.1). The products are those of BLAS in double
precision; what rounding may have added to them is bounded a priori by ``gamma_n |A| |X|``, for
every order of summation (section 3.1), so no estimator enters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import blas

__all__ = ["gamma", "norm_inf", "product", "residual_norms"]

Array = np.ndarray[Any, np.dtype[Any]]

_U = 2.0**-53
_TINY = 2.0**-1022


def gamma(n: int, kind: str = "f") -> float:
    """Constant of a sum of n products in double precision; complex arithmetic has four times the operations."""
    terms = (4 * n + 8) if kind == "c" else n + 2
    return terms * _U / (1.0 - terms * _U)


def product(a: Array, b: Array) -> Array:
    """``a @ b``: SciPy's BLAS for one matrix, NumPy for stacks of them."""
    if a.ndim == 2 and b.ndim == 2 and a.size and b.size:
        gemm = blas.get_blas_funcs("gemm", (a, b))
        # Fortran order is what gemm reads: (a b)^T = b^T a^T.
        return gemm(1.0, b.T, a.T).T
    return np.matmul(a, b)


def norm_inf(a: Array) -> Array:
    """Largest row sum of moduli, slice by slice."""
    return np.abs(a).sum(axis=-1).max(axis=-1, initial=0.0)


def _one_side(left: Array, right: Array) -> Array:
    n = left.shape[-1]
    residual = np.eye(n) - product(left, right)
    spread = (np.abs(left) @ np.abs(right).sum(axis=-1)[..., None])[..., 0]
    rows = np.abs(residual).sum(axis=-1) + gamma(n, left.dtype.kind) * (spread + 1.0) + 4.0 * n * n * _TINY
    # The sums above were rounded too: one more gamma covers them.
    return rows.max(axis=-1, initial=0.0) * (1.0 + 4.0 * gamma(n))


def residual_norms(a: Array, x: Array) -> tuple[Array, Array]:
    """Upper bounds of ``||I - A X||`` and ``||I - X A||`` in the infinity norm, slice by slice."""
    double = np.result_type(a.dtype, np.float64)
    wide_a, wide_x = a.astype(double, copy=False), x.astype(double, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        bounds = _one_side(wide_a, wide_x), _one_side(wide_x, wide_a)
    right, left = (np.where(np.isnan(b), np.inf, b) for b in bounds)
    return right, left
