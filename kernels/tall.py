"""Tall matrices by their Gram matrix: Cholesky-QR, repeated where once is not enough.

All arithmetic is in matrix-matrix products (syrk, trsm), where Householder's panels are bound by
memory. Cholesky-QR loses orthogonality as u kappa^2; a second pass restores it to u as
long as the first leaves a well-conditioned Q (Yamamoto, Nakatsukasa, Yanagisawa and
Fukaya, 2015), which is measured here, not assumed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fsci.kernels.workspace import blas_function, lapack_function

__all__ = [
    "TallQR",
    "cholesky_qr",
    "condition_of",
    "gram",
    "gram_factor",
    "householder_signs",
    "scaled_rows",
    "solved_right",
]


def gram(a: np.ndarray) -> np.ndarray:
    """Upper triangle of ``a^H a``, Fortran-ordered; the strict lower triangle is zero."""
    char = a.dtype.char
    syrk = blas_function("syrk", char)
    if a.flags.c_contiguous and not a.flags.f_contiguous:
        product = syrk(1.0, a.T)
        return np.conj(product) if char in "FD" else product
    return syrk(1.0, a, trans=1 if char in "fd" else 2)


def gram_factor(product: np.ndarray) -> np.ndarray | None:
    """Upper triangular R with ``R^H R`` the Gram matrix; None if it is not definite in working precision."""
    r, info = lapack_function("potrf", product.dtype.char)(product, lower=0, clean=1)
    diagonal = np.abs(np.diagonal(r))
    return r if info == 0 and np.isfinite(diagonal).all() else None


def condition_of(r: np.ndarray) -> float:
    """Estimate of the 1-norm condition number of an upper triangular matrix (trcon; Higham, 1988)."""
    rcond, info = lapack_function("trcon", r.dtype.char)(r, norm="1", uplo="U")
    return 1.0 / float(rcond) if info == 0 and rcond > 0 else math.inf


def solved_right(a: np.ndarray, r: np.ndarray, overwrite: bool = False) -> Any:
    """``a @ inv(r)`` in the memory order of `a`."""
    trsm = blas_function("trsm", a.dtype.char)
    if a.flags.c_contiguous and not a.flags.f_contiguous:
        return trsm(1.0, r, a.T, trans_a=1, overwrite_b=overwrite).T
    return trsm(1.0, r, a, side=1, overwrite_b=overwrite)


def scaled_rows(signs: np.ndarray, r: np.ndarray) -> np.ndarray:
    """``diag(signs) @ r``, without turning zeros below the diagonal into negative ones."""
    return np.where(r == 0, r, signs[:, None].astype(r.real.dtype) * r)


class TallQR(NamedTuple):
    """Factors of a tall matrix, and the departure of Q from orthonormality that was left before the last pass."""

    q: np.ndarray
    r: np.ndarray
    departure: float


def cholesky_qr(a: np.ndarray, tolerance: float, first: np.ndarray | None = None) -> TallQR | None:
    """Cholesky-QR of a tall matrix, R with a positive diagonal.

    Parameters
    ----------
    a : ndarray of shape (m, n), m >= n
    tolerance : float
        Largest ``norm(Q^H Q - I)`` (Frobenius) that ends the passes.
    first : ndarray, optional
        Cholesky factor of the Gram matrix, where a kernel has it already.

    Returns
    -------
    TallQR or None
        None where the condition number is out of reach: the Gram matrix is not definite, or a
        pass left a Q so far from orthonormal that the next need not converge.
    """
    r = gram_factor(gram(a)) if first is None else first
    if r is None or condition_of(r) * np.finfo(a.dtype).eps >= 0.1:
        return None
    trmm = blas_function("trmm", a.dtype.char)
    q = solved_right(a, r)
    departure = math.inf
    for step in range(3):
        product = gram(q)
        left = product - np.eye(a.shape[1], dtype=a.dtype)
        # The Gram matrix holds its upper triangle only.
        strict = np.triu(left, 1)
        departure = math.sqrt(
            2.0 * float(np.vdot(strict, strict).real) + float(np.vdot(np.diagonal(left), np.diagonal(left)).real)
        )
        if departure <= tolerance:
            return TallQR(q, r, departure)
        # Below one half, kappa(Q)^2 < 3: the next pass is Cholesky-QR of a well-conditioned matrix.
        if step == 2 or not departure < 0.5:
            return None
        factor = gram_factor(product)
        if factor is None:
            return None
        q = solved_right(q, factor, overwrite=True)
        r = trmm(1.0, factor, r)
        if step == 0 and departure < math.sqrt(tolerance):
            # Cholesky-QR of a matrix this close to orthonormal leaves u times a small constant.
            return TallQR(q, r, departure)
    return None


def householder_signs(q_top: np.ndarray) -> np.ndarray:
    """Signs that LAPACK's Householder QR would give the rows of R, from the top block of Q.

    ``Q D = H_1 ... H_n [I; 0]`` with D the signs, so that ``Q_top - D`` has an LU factorization without
    pivoting, whose Schur complements meet the pivots of Householder's method one by one
    (Ballard, Demmel, Grigori, Jacquelin, Nguyen and Solomonik, 2014); each sign is against its pivot's.

    Parameters
    ----------
    q_top : ndarray of shape (n, n)
        First n rows of Q, where R has a positive diagonal.

    Returns
    -------
    ndarray of shape (n,)
        Entries 1 and -1.
    """
    n = q_top.shape[0]
    work = np.array(q_top, order="F")
    char = work.dtype.char
    gemm, trsm = blas_function("gemm", char), blas_function("trsm", char)
    signs = np.empty(n)
    block = 32  # panel width, as LAPACK's ilaenv has it for QR
    for start in range(0, n, block):
        stop = min(start + block, n)
        for j in range(start, stop):
            signs[j] = -1.0 if work[j, j].real >= 0 else 1.0
            work[j, j] -= signs[j]
            work[j + 1 :, j] /= work[j, j]
            work[j + 1 :, j + 1 : stop] -= np.outer(work[j + 1 :, j], work[j, j + 1 : stop])
        if stop < n:
            panel = np.asfortranarray(work[start:stop, start:stop])
            right = trsm(1.0, panel, np.asfortranarray(work[start:stop, stop:]), lower=1, diag=1)
            work[stop:, stop:] -= gemm(1.0, np.asfortranarray(work[stop:, start:stop]), right)
    return signs
