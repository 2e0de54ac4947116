"""`svds`: a few singular values and vectors of sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.linalg as scipy_sparse_linalg

from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._rows import checked_rows
from fsci.sparse.linalg._spectral import answered, canonical, is_count, is_tolerance

__all__ = ["svds"]

_scipy_svds = scipy_sparse_linalg.svds


def classify(problem: Problem, evidence: Evidence) -> str:
    """Which end, and whether SciPy's solver was asked for."""
    return f"{problem.parameters['which']}/{'scipy' if problem.parameters['by_scipy'] else 'any'}"


declare_kind(
    "sparse_svd",
    "sparse",
    classify,
    "k of the u, s, vh with A @ v = u * s, A sparse",
    certificate_on_request=True,
)


def svds(
    A: Any,
    k: int = 6,
    ncv: int | None = None,
    tol: float = 0,
    which: str = "LM",
    v0: Any = None,
    maxiter: int | None = None,
    return_singular_vectors: Any = True,
    solver: str = "arpack",
    rng: Any = None,
    options: Any = None,
    *,
    random_state: Any = None,
) -> Any:
    """Partial singular value decomposition of a sparse matrix, as `scipy.sparse.linalg.svds`.

    Parameters
    ----------
    A : (m, n) sparse array or matrix
        Of float32, float64, complex64 or complex128; dense ones and operators are SciPy's to answer.
    k : int
        Number of singular values, below both m and n.
    ncv, tol, which, v0, maxiter, rng, random_state, options
        As SciPy has them.
    return_singular_vectors : {True, False, "u", "vh"}
    solver : {"arpack", "propack", "lobpcg"}
        With "arpack" and no limit on the iterations fsci takes the cheapest route; any other is SciPy's own
        over fsci's products.

    Returns
    -------
    u : (m, k) ndarray
    s : (k,) ndarray
        Ascending.
    vh : (k, n) ndarray

    Raises
    ------
    ArpackNoConvergence, ValueError, TypeError
        As SciPy; ValueError also for a malformed matrix (the offending entry is named).

    Warns
    -----
    UncertifiedWarning
        Hardened mode: the values are not shown to be the wanted ones, or not to the accuracy of the policy.

    Notes
    -----
    SciPy's solvers work on ``A^T A``, which loses half of the digits of small singular values. The certificate does
    not go through it: it encloses the values by residuals of A, and counts whether one is missing.
    """
    given = {
        "k": k,
        "ncv": ncv,
        "tol": tol,
        "which": which,
        "v0": v0,
        "maxiter": maxiter,
        "return_singular_vectors": return_singular_vectors,
        "solver": solver,
        "rng": rng,
        "options": options,
    }
    rows = None if random_state is not None or options is not None else _matrix(A, k, ncv, tol, which, v0, solver)
    if rows is None:
        if random_state is not None:
            given["random_state"] = random_state
            given.pop("rng")
        reason = "no sparse matrix of a native dtype, or arguments that SciPy must judge"
        return hand_over(_scipy_svds, "sparse.linalg.svds", reason, A, **given)
    by_scipy = "" if solver == "arpack" and maxiter is None else "the call names a solver, or a limit on its iterations"
    if return_singular_vectors not in (True, False, "u", "vh"):
        return hand_over(_scipy_svds, "sparse.linalg.svds", "an unknown choice of vectors", A, **given)
    if not isinstance(return_singular_vectors, str):
        given["return_singular_vectors"] = return_singular_vectors = bool(return_singular_vectors)
    # A certificate asks for both sides.
    frame = FRAME.get()
    asked = True if frame.policy.wants_forward or frame.log is not None else return_singular_vectors
    both = {**given, "return_singular_vectors": asked}
    parameters = {
        "k": int(k),
        "ncv": ncv,
        "tol": tol,
        "which": which,
        "v0": v0,
        "rng": rng,
        "shape": rows.shape,
        "by_scipy": by_scipy,
        "options": both,
        "original": _scipy_svds,
    }
    problem = Problem("sparse_svd", (rows,), parameters, HOST, rows.dtype, None, min(rows.shape))

    def otherwise() -> Any:
        return hand_over(_scipy_svds, "sparse.linalg.svds", "no kernel gave an answer", A, **given)

    what = "the singular values are not shown to be the wanted ones"
    value = answered(problem, "sparse.linalg.svds", what, otherwise)
    if not isinstance(value, tuple):
        return value
    u, s, vh = value
    if return_singular_vectors is False:
        return s
    return (None if return_singular_vectors == "vh" else u), s, (None if return_singular_vectors == "u" else vh)


def _matrix(A: Any, k: Any, ncv: Any, tol: Any, which: Any, v0: Any, solver: Any) -> Any:
    """`A` in compressed rows where fsci may answer; None where SciPy must answer, or refuse."""
    rows = checked_rows(A)
    if rows is None or 0 in rows.shape:
        return None
    least = min(rows.shape)
    if (
        not is_count(k)
        or not 0 < k < least
        or which not in ("LM", "SM")
        or solver not in ("arpack", "propack", "lobpcg")
    ):
        return None
    if ncv is not None and not (is_count(ncv) and k < ncv < least):
        return None
    if v0 is not None and (solver != "arpack" or np.shape(v0) != (least,) or np.asarray(v0).dtype.kind != "f"):
        return None
    return canonical(rows) if is_tolerance(tol) and np.isfinite(rows.data).all() else None
