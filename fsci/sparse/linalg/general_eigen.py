"""`eigs`, `lobpcg`: SciPy's iterations over fsci's products, with certificates."""

from __future__ import annotations

import math
from numbers import Complex, Real
from typing import Any

import numpy as np
import scipy.sparse as scipy_sparse
import scipy.sparse.linalg as scipy_sparse_linalg

from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._rows import checked_rows
from fsci.sparse.linalg._spectral import answered, check_start, is_count

__all__ = ["eigs", "lobpcg"]

_scipy_eigs = scipy_sparse_linalg.eigs
_scipy_lobpcg = scipy_sparse_linalg.lobpcg
_NOT_SHOWN = "the eigenvalues are not shown to be the wanted ones"
_WHICH = ("LM", "SM", "LR", "SR", "LI", "SI")


def classify(problem: Problem, evidence: Evidence) -> str:
    """Which end of the spectrum."""
    return str(problem.parameters["which"])


declare_kind(
    "sparse_general_eigen",
    "sparse",
    classify,
    "k of the w, v with A @ v = v * w, A sparse",
    certificate_on_request=True,
)
declare_kind(
    "sparse_block_eigen",
    "sparse",
    classify,
    "extreme w, v with A @ v = v * w, A symmetric, from a block of starting vectors",
    certificate_on_request=True,
)


def eigs(
    A: Any,
    k: int = 6,
    M: Any = None,
    sigma: Any = None,
    which: str = "LM",
    v0: Any = None,
    ncv: int | None = None,
    maxiter: int | None = None,
    tol: float = 0,
    return_eigenvectors: bool = True,
    Minv: Any = None,
    OPinv: Any = None,
    OPpart: Any = None,
    rng: Any = None,
) -> Any:
    """Find k eigenvalues and eigenvectors of a square matrix, as `scipy.sparse.linalg.eigs`.

    ARPACK, in SciPy's loop, over fsci's products.

    Parameters
    ----------
    A : (n, n) sparse array or matrix
        Of float32, float64, complex64 or complex128; dense ones and operators are SciPy's to answer.
    k, M, sigma, which, v0, ncv, maxiter, tol, return_eigenvectors, Minv, OPinv, OPpart, rng
        As SciPy has them; generalized problems are SciPy's to answer.

    Returns
    -------
    w : (k,) ndarray
    v : (n, k) ndarray

    Raises
    ------
    ArpackNoConvergence, ValueError, TypeError
        As SciPy; ValueError also for a malformed matrix (the offending entry is named), or a `v0` of another length.

    Warns
    -----
    UncertifiedWarning
        Hardened mode: the eigenvalues are not shown to be the wanted ones, or not to the accuracy of the policy.

    Notes
    -----
    The certificate holds the backward error of the pairs. Residuals say little about eigenvalues that are
    ill-conditioned: a bound is given only for matrices small enough to be compared with all of their eigenvalues.
    """
    options = {
        "k": k,
        "sigma": sigma,
        "which": which,
        "v0": v0,
        "ncv": ncv,
        "maxiter": maxiter,
        "tol": tol,
        "return_eigenvectors": return_eigenvectors,
        "rng": rng,
    }
    plain = M is None and Minv is None and OPinv is None and OPpart is None
    rows = _general_rows(A, k, sigma, which, v0, ncv, tol) if plain else None
    if rows is None:
        reason = "no sparse matrix of a native dtype, or a generalized problem"
        more = {"M": M, "Minv": Minv, "OPinv": OPinv, "OPpart": OPpart}
        return hand_over(_scipy_eigs, "sparse.linalg.eigs", reason, A, **options, **more)
    parameters = {"which": which, "original": _scipy_eigs, "options": options}
    problem = Problem("sparse_general_eigen", (rows,), parameters, HOST, rows.dtype, None, rows.shape[0])

    def otherwise() -> Any:
        return hand_over(_scipy_eigs, "sparse.linalg.eigs", "no kernel gave an answer", A, **options)

    return answered(problem, "sparse.linalg.eigs", _NOT_SHOWN, otherwise)


def _is_number(value: Any) -> bool:
    return isinstance(value, Complex)


def _general_rows(A: Any, k: Any, sigma: Any, which: Any, v0: Any, ncv: Any, tol: Any) -> Any:
    """`A` in compressed rows where fsci may answer; None where SciPy must answer, or refuse."""
    rows = checked_rows(A)
    if rows is None or rows.shape[0] != rows.shape[1]:
        return None
    n = rows.shape[0]
    if not is_count(k) or not 0 < k < n - 1 or which not in _WHICH:
        return None
    if sigma is not None and (not _is_number(sigma) or (rows.dtype.kind != "c" and np.iscomplexobj(sigma))):
        return None
    if ncv is not None and not is_count(ncv):
        return None
    check_start(v0, n)
    return rows if isinstance(tol, Real) and math.isfinite(float(tol)) else None


def lobpcg(
    A: Any,
    X: Any,
    B: Any = None,
    M: Any = None,
    Y: Any = None,
    tol: float | None = None,
    maxiter: int | None = None,
    largest: bool = True,
    verbosityLevel: int = 0,
    retLambdaHistory: bool = False,
    retResidualNormsHistory: bool = False,
    restartControl: int = 20,
) -> Any:
    """Locally optimal block preconditioned conjugate gradients, as `scipy.sparse.linalg.lobpcg`.

    SciPy's loop over fsci's products with blocks of vectors; in hardened mode, for the lowest eigenvalues and where M
    is left out, with algebraic multigrid as M, to the accuracy that the policy asks for.

    Parameters
    ----------
    A : (n, n) sparse array or matrix
        Symmetric; dense matrices, operators and functions are SciPy's to answer.
    X, B, M, Y, tol, maxiter, largest, verbosityLevel, retLambdaHistory, retResidualNormsHistory, restartControl
        As SciPy has them.

    Returns
    -------
    lambda, v, and the histories that are asked for
        As SciPy.

    Notes
    -----
    The certificate of a standard problem without constraints bounds the eigenvalues by the squares of the residuals,
    over the distance to the next eigenvalue, and counts whether one is missing.
    """
    options = {
        "B": B,
        "M": M,
        "Y": Y,
        "tol": tol,
        "maxiter": maxiter,
        "largest": largest,
        "verbosityLevel": verbosityLevel,
        "retLambdaHistory": retLambdaHistory,
        "retResidualNormsHistory": retResidualNormsHistory,
        "restartControl": restartControl,
    }
    rows = checked_rows(A) if scipy_sparse.issparse(A) else None
    block = isinstance(X, np.ndarray) and X.ndim == 2 and rows is not None and X.shape[0] == rows.shape[0]
    # With few rows SciPy decomposes the matrix itself, for which an operator has to be multiplied out.
    if rows is None or not block or rows.shape[0] != rows.shape[1] or rows.shape[0] - _constraints(Y) < 5 * X.shape[1]:
        reason = "no sparse matrix with a block of vectors, or one that is decomposed whole"
        return hand_over(_scipy_lobpcg, "sparse.linalg.lobpcg", reason, A, X, **options)
    parameters = {
        "which": "LA" if largest else "SA",
        "standard": B is None and Y is None,
        "hardened": FRAME.get().policy.hardened,
        # Of a residual relative to its value, for the square of it to be what the policy asks for.
        "residual": math.sqrt(FRAME.get().policy.target(float(np.finfo(rows.dtype).eps) / 2.0)),
        "original": _scipy_lobpcg,
        "options": options,
    }
    problem = Problem("sparse_block_eigen", (rows, X), parameters, HOST, rows.dtype, None, rows.shape[0])

    def otherwise() -> Any:
        return hand_over(_scipy_lobpcg, "sparse.linalg.lobpcg", "no kernel gave an answer", A, X, **options)

    return answered(problem, "sparse.linalg.lobpcg", _NOT_SHOWN, otherwise)


def _constraints(Y: Any) -> int:
    return int(np.shape(Y)[1]) if isinstance(Y, np.ndarray) and Y.ndim == 2 else 0
