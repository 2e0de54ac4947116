"""`eigsh`: a few eigenvalues of sparse symmetric matrices."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import scipy.sparse.linalg as scipy_sparse_linalg

from fsci.core.backends import HOST
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._rows import checked_rows
from fsci.sparse.linalg._spectral import answered, canonical, check_start, is_count, is_tolerance

__all__ = ["eigsh"]

_scipy_eigsh = scipy_sparse_linalg.eigsh
_WHICH = ("LM", "SM", "LA", "SA", "BE")


def classify(problem: Problem, evidence: Evidence) -> str:
    """What is asked for, and whether the matrix is symmetric."""
    kind = "symmetric" if evidence.get("symmetric") else "unsymmetric"
    return f"{kind}/{'shift' if problem.parameters['sigma'] is not None else problem.parameters['which']}"


declare_kind(
    "sparse_symmetric_eigen",
    "sparse",
    classify,
    "k of the w, v with A @ v = v * w, A sparse and Hermitian",
    certificate_on_request=True,
)
declare_kind(
    "sparse_pencil_eigen",
    "sparse",
    classify,
    "k of the w, v with A @ v = M @ v * w, A and M sparse and symmetric, M positive definite",
    certificate_on_request=True,
)


def eigsh(
    A: Any,
    k: int = 6,
    M: Any = None,
    sigma: float | None = None,
    which: str = "LM",
    v0: Any = None,
    ncv: int | None = None,
    maxiter: int | None = None,
    tol: float = 0,
    return_eigenvectors: bool = True,
    Minv: Any = None,
    OPinv: Any = None,
    mode: str = "normal",
    rng: Any = None,
) -> Any:
    """Find k eigenvalues and eigenvectors of a symmetric or Hermitian matrix, as `scipy.sparse.linalg.eigsh`.

    Small matrices are decomposed whole; at an end of the spectrum, or next to a shift, Lanczos runs on a sparse
    factorization where that is predicted to be the cheaper; else ARPACK runs over fsci's products. With a matrix M
    Lanczos works in its inner product.

    Parameters
    ----------
    A : (n, n) sparse array or matrix
        Symmetric, or complex Hermitian; dense matrices and operators are SciPy's to answer.
    k : int
        Number of eigenvalues, below n.
    sigma : float, optional
        Find the eigenvalues next to this shift.
    which : {"LM", "SM", "LA", "SA", "BE"}
    v0, ncv, maxiter, tol, rng
        As SciPy has them. A limit on the iterations keeps the call with ARPACK.
    return_eigenvectors : bool
    M : (n, n) sparse array or matrix, optional
        Symmetric and positive definite, of the dtype of A, for ``A @ v = M @ v * w``: with a real A.
    Minv, OPinv, mode
        Inverses of the caller's, and other modes, are SciPy's to answer.

    Returns
    -------
    w : (k,) ndarray
    v : (n, k) ndarray
        In the order in which SciPy gives them; with M, orthonormal in its inner product.

    Raises
    ------
    ArpackNoConvergence, ValueError, TypeError
        As SciPy; ValueError also for a malformed matrix (the offending entry is named).

    Warns
    -----
    UncertifiedWarning
        Hardened mode: the eigenvalues are not shown to be the wanted ones, or not to the accuracy of the policy.

    Notes
    -----
    The certificate bounds every eigenvalue from the residuals, and counts by inertia whether one that was
    wanted is missing (multiple eigenvalues are what Lanczos methods miss); ``detail["completeness"]`` says so.
    """
    options = {
        "k": k,
        "M": M,
        "sigma": sigma,
        "which": which,
        "v0": v0,
        "ncv": ncv,
        "maxiter": maxiter,
        "tol": tol,
        "return_eigenvectors": return_eigenvectors,
        "Minv": Minv,
        "OPinv": OPinv,
        "mode": mode,
        "rng": rng,
    }
    plain = Minv is None and OPinv is None and mode == "normal"
    rows = _symmetric_rows(A, k, sigma, which, v0, ncv, tol) if plain else None
    metric = None if M is None or rows is None else _metric_rows(M, rows)
    if rows is None or (M is not None and metric is None):
        reason = "no sparse matrix of a native dtype, or arguments that SciPy must judge"
        reason = reason if plain else "inverses of the caller's, or another mode"
        return hand_over(_scipy_eigsh, "sparse.linalg.eigsh", reason, A, **options)
    parameters = {
        "k": int(k),
        "sigma": None if sigma is None else float(sigma),
        "which": which,
        "v0": v0,
        "ncv": ncv,
        "maxiter": maxiter,
        "iterate": maxiter is not None,
        "tol": tol,
        "rng": rng,
        "vectors": bool(return_eigenvectors),
        "original": _scipy_eigsh,
    }
    kind = "sparse_symmetric_eigen" if metric is None else "sparse_pencil_eigen"
    operands = (rows,) if metric is None else (rows, metric)
    problem = Problem(kind, operands, parameters, HOST, rows.dtype, None, rows.shape[0])

    def otherwise() -> Any:
        return hand_over(_scipy_eigsh, "sparse.linalg.eigsh", "no kernel gave an answer", A, **options)

    what = "the eigenvalues are not shown to be the wanted ones"
    return answered(problem, "sparse.linalg.eigsh", what, otherwise)


def _metric_rows(M: Any, rows: Any) -> Any:
    """`M` in compressed rows of the dtype and shape of `rows`, which is real; else None."""
    metric = checked_rows(M)
    fits = metric is not None and metric.shape == rows.shape and metric.dtype == rows.dtype
    return canonical(metric) if fits and rows.dtype.kind == "f" else None


def _symmetric_rows(A: Any, k: Any, sigma: Any, which: Any, v0: Any, ncv: Any, tol: Any) -> Any:
    """`A` in compressed rows where fsci may answer; None where SciPy must answer, or refuse."""
    rows = checked_rows(A)
    if rows is None or rows.shape[0] != rows.shape[1]:
        return None
    n = rows.shape[0]
    # SciPy asks its Arnoldi method for those of complex matrices, which wants one vector more.
    more = 1 if rows.dtype.kind == "c" else 0
    if not is_count(k) or not 0 < k < n - more or which not in (_WHICH[:-1] if more else _WHICH):
        return None
    if sigma is not None and not (isinstance(sigma, Real) and math.isfinite(float(sigma))):
        return None
    if ncv is not None and not (is_count(ncv) and k + more < ncv <= n):
        return None
    check_start(v0, n)
    return canonical(rows) if is_tolerance(tol) else None
