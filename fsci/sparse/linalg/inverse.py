"""`inv`, `splu`, `spilu`: the inverse by blocks of columns, and SuperLU's factors with certificates."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as scipy_sparse
import scipy.sparse.linalg as scipy_sparse_linalg
from scipy.sparse.csgraph import connected_components

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.estimation import irregular
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes
from fsci.sparse.linalg._rows import checked, refuse_malformed
from fsci.sparse.linalg._told import warn_uncertified
from fsci.sparse.linalg.systems import canonical, solved

__all__ = ["inv", "spilu", "splu"]

_scipy_inv = scipy_sparse_linalg.inv
_scipy_splu = scipy_sparse_linalg.splu
_scipy_spilu = scipy_sparse_linalg.spilu
_CONTAINERS = (
    scipy_sparse.csc_array,
    scipy_sparse.csr_array,
    scipy_sparse.csc_matrix,
    scipy_sparse.csr_matrix,
)


def classify(problem: Problem, evidence: Evidence) -> str:
    """Real or complex."""
    return str(problem.operands[0].dtype.kind)


declare_kind("sparse_inverse", "sparse", classify, "the inverse of a sparse matrix", certificate_on_request=True)
declare_kind("sparse_factors", "sparse", classify, "SuperLU factors of a sparse matrix", certificate_on_request=True)


def inv(A: Any) -> Any:
    """Inverse of a sparse matrix, as `scipy.sparse.linalg.inv`.

    One factorization, chosen as in `spsolve`, and blocks of columns through it.

    Parameters
    ----------
    A : (n, n) sparse array or matrix
        CSC or CSR of float32, float64, complex64 or complex128; others are SciPy's to answer.

    Returns
    -------
    (n, n) sparse array or matrix
        Of the class of `A`.

    Raises
    ------
    MemoryError
        The inverse does not fit into memory; the message names the predicted bytes.

    Warns
    -----
    UncertifiedWarning
        Hardened mode: the bound does not meet the accuracy of the policy.

    Notes
    -----
    Of a matrix in CSR format no copy in CSC format is made, and SciPy's two warnings of that are not given.

    The certificate is a proof: with ``R = I - A X`` the error of X is ``A^-1 R``, so that its norm is at most that of R
    times the norm of the inverse.
    """
    usual = type(A) in _CONTAINERS and A.ndim == 2 and A.shape[0] == A.shape[1] and A.shape[0] > 1
    if not usual or A.dtype.char not in "fdFD" or checked(A) is None:
        refuse_malformed(A)
        return hand_over(_scipy_inv, "sparse.linalg.inv", "no CSC or CSR matrix of a native dtype and several rows", A)
    a = canonical(A)
    predicted = _predicted_bytes(a)
    if predicted > SURELY_FITS and predicted > available_bytes():
        raise MemoryError(
            f"the inverse of this {a.shape[0]} x {a.shape[0]} matrix takes up to {predicted:.3g} bytes, and "
            f"{available_bytes():.3g} are available; solve with the right-hand sides that are needed instead"
        )
    diagnosis = solved(a, np.asarray(a @ irregular(a.shape[0]), a.dtype), "sparse.linalg.inv")
    attempt = None if diagnosis is None else diagnosis.attempt
    solve = None if attempt is None or attempt.value is None else attempt.byproducts.get("solve")
    if solve is None:
        return hand_over(_scipy_inv, "sparse.linalg.inv", "singular, or not finite, or no factors to keep", A)
    problem = Problem("sparse_inverse", (a,), {"solve": solve}, HOST, a.dtype, None, a.shape[0])
    found = selector.run(problem, "sparse.linalg.inv")
    if FRAME.get().policy.wants_forward:
        warn_uncertified(found, "the inverse is not shown to be accurate")
    return A.__class__(found.value)


def _predicted_bytes(a: Any) -> float:
    """Memory of an inverse that is full within each part of the graph that hangs together."""
    pattern = type(a)((np.ones(a.data.size, np.int8), a.indices, a.indptr), shape=a.shape)
    _, labels = connected_components(pattern, directed=False)
    parts = np.bincount(labels).astype(float)
    return float((parts**2).sum()) * (a.dtype.itemsize + a.indices.itemsize)


def splu(
    A: Any,
    permc_spec: str | None = None,
    diag_pivot_thresh: float | None = None,
    relax: int | None = None,
    panel_size: int | None = None,
    options: Any = None,
) -> Any:
    """LU decomposition of a sparse square matrix, as `scipy.sparse.linalg.splu`.

    The factors are SuperLU's, in SciPy's object; the certificate (on request) holds their backward error, growth
    and condition. Where the factors themselves are not needed `factorized` is the faster.

    Parameters
    ----------
    A, permc_spec, diag_pivot_thresh, relax, panel_size, options
        As SciPy has them.

    Returns
    -------
    SuperLU
    """
    given = {
        "permc_spec": permc_spec,
        "diag_pivot_thresh": diag_pivot_thresh,
        "relax": relax,
        "panel_size": panel_size,
        "options": options,
    }
    return _factors(_scipy_splu, "splu", A, given)


def spilu(
    A: Any,
    drop_tol: float | None = None,
    fill_factor: float | None = None,
    drop_rule: str | None = None,
    permc_spec: str | None = None,
    diag_pivot_thresh: float | None = None,
    relax: int | None = None,
    panel_size: int | None = None,
    options: Any = None,
) -> Any:
    """Incomplete LU decomposition of a sparse square matrix, as `scipy.sparse.linalg.spilu`; see `splu`.

    Parameters
    ----------
    A, drop_tol, fill_factor, drop_rule, permc_spec, diag_pivot_thresh, relax, panel_size, options
        As SciPy has them.

    Returns
    -------
    SuperLU
    """
    given = {
        "drop_tol": drop_tol,
        "fill_factor": fill_factor,
        "drop_rule": drop_rule,
        "permc_spec": permc_spec,
        "diag_pivot_thresh": diag_pivot_thresh,
        "relax": relax,
        "panel_size": panel_size,
        "options": options,
    }
    return _factors(_scipy_spilu, "spilu", A, given)


def _factors(original: Any, name: str, A: Any, given: dict[str, Any]) -> Any:
    frame = FRAME.get()
    refuse_malformed(A)
    if type(A) not in _CONTAINERS or A.ndim != 2 or A.dtype.char not in "fdFD" or A.shape[0] != A.shape[1]:
        return hand_over(original, f"sparse.linalg.{name}", "no CSC or CSR matrix of a native dtype", A, **given)
    if frame.log is None and not frame.policy.wants_forward:
        return original(A, **given)
    parameters = {"original": original, "options": given, "method": name}
    problem = Problem("sparse_factors", (A,), parameters, HOST, A.dtype, None, max(A.shape[0], 1))
    diagnosis = selector.run(problem, f"sparse.linalg.{name}")
    attempt = diagnosis.attempt
    if attempt is None or attempt.value is None:
        return hand_over(original, f"sparse.linalg.{name}", "SuperLU gave up", A, **given)
    if frame.policy.wants_forward and name == "splu":
        warn_uncertified(diagnosis, "solves with these factors are not shown to be accurate")
    return attempt.value
