"""Products with a matrix in either memory order, in SciPy's BLAS, and the numbers that checks need.

The memory of a C-ordered matrix is its transpose in Fortran's eyes, so nothing is copied to be transposed.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from fsci.kernels.workspace import blas_function

__all__ = ["ROUNDOFF", "adjoint_times", "column_norms", "probe_vector", "square_sum", "times"]

# Unit roundoff by dtype character: `numpy.finfo` takes longer than a small factorization.
ROUNDOFF = {"f": 2.0**-24, "F": 2.0**-24, "d": 2.0**-53, "D": 2.0**-53}

# NumPy's and SciPy's OpenBLAS keep a pool of threads each; up to this many elements a product
# stays on the calling thread (interface/gemv.c: 2304 * GEMM_MULTITHREAD_THRESHOLD), so that NumPy's
# cheaper call wakes no second pool.
_ONE_THREAD = 9216


def times(a: np.ndarray, x: np.ndarray) -> Any:
    """``a @ x`` for a vector or a matrix `x`."""
    if a.size <= _ONE_THREAD and x.ndim == 1:
        return np.dot(a, x)
    char = a.dtype.char
    if x.ndim == 1:
        gemv = blas_function("gemv", char)
        return gemv(1.0, a.T, x, trans=1) if a.flags.c_contiguous else gemv(1.0, a, x)
    gemm = blas_function("gemm", char)
    left, trans_a = (a.T, 1) if a.flags.c_contiguous else (a, 0)
    right, trans_b = (x.T, 1) if x.flags.c_contiguous else (x, 0)
    return gemm(1.0, left, right, trans_a=trans_a, trans_b=trans_b)


def adjoint_times(a: np.ndarray, x: np.ndarray) -> Any:
    """``a^H @ x`` for a vector or a matrix `x`."""
    char = a.dtype.char
    if a.size <= _ONE_THREAD and x.ndim == 1:
        return np.dot(x, a) if char in "fd" else np.dot(x.conj(), a).conj()
    by_rows = a.flags.c_contiguous
    if by_rows and char in "FD":
        # a^H x = conj(a^T conj(x)), and a^T is what the memory of `a` holds.
        return np.conj(times(a.T, np.conj(x)))
    if x.ndim == 1:
        gemv = blas_function("gemv", char)
        return gemv(1.0, a.T, x) if by_rows else gemv(1.0, a, x, trans=2)
    gemm = blas_function("gemm", char)
    right, trans_b = (x.T, 1) if x.flags.c_contiguous else (x, 0)
    return gemm(1.0, a.T if by_rows else a, right, trans_a=0 if by_rows else 2, trans_b=trans_b)


def square_sum(a: np.ndarray) -> float:
    """Sum of squared moduli: the squared Frobenius norm; NaN or inf tell of either, or of overflow."""
    flat = a.ravel(order="K")
    if flat.size <= _ONE_THREAD:
        return float(np.vdot(flat, flat).real)
    return float(blas_function("dot", a.dtype.char)(flat, flat).real)


def column_norms(a: np.ndarray) -> np.ndarray:
    """2-norm of each column of a matrix; of a vector, one number."""
    if a.ndim == 1:
        return np.array([math.sqrt(square_sum(a))])
    return np.sqrt(np.einsum("ij,ij->j", a.conj(), a).real)


@lru_cache(maxsize=512)
def probe_vector(size: int, char: str) -> np.ndarray:
    """A fixed Gaussian vector for Freivalds' check (1979): an error of a product meets it with probability one."""
    generator = np.random.default_rng(size)
    vector = generator.standard_normal(size)
    if char in "FD":
        vector = vector + 1j * generator.standard_normal(size)
    vector = vector.astype(char)
    vector.flags.writeable = False
    return vector
