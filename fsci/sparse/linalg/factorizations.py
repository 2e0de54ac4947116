"""`factorized`: one factorization, many solves."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as scipy_sparse
import scipy.sparse.linalg as scipy_sparse_linalg
from scipy.sparse.linalg._dsolve import linsolve

from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.policy import BACKWARD_SLACK
from fsci.kernels.sparse.estimation import irregular
from fsci.sparse.linalg._rows import refuse_malformed
from fsci.sparse.linalg.errors import UncertifiedWarning
from fsci.sparse.linalg.systems import canonical, solved

__all__ = ["factorized"]

_scipy_factorized = scipy_sparse_linalg.factorized
_scipy_splu = scipy_sparse_linalg.splu
_CONTAINERS = (
    scipy_sparse.csc_array,
    scipy_sparse.csr_array,
    scipy_sparse.csc_matrix,
    scipy_sparse.csr_matrix,
)
_STEPS = 3
_SMALL = 1500  # stored entries: up to there SuperLU has its factors before a choice is made


def factorized(A: Any) -> Callable[..., Any]:
    """Factor a sparse square `A` once, and give a function that solves with it, as `scipy.sparse.linalg.factorized`.

    The factorization is chosen as in `spsolve`, on a trial right-hand side: what is certified of
    that one (`fsci.explain`) holds for the factors. Right-hand sides may come several at a time, as columns.

    Parameters
    ----------
    A : (n, n) sparse array or matrix
        CSC or CSR, of float32, float64, complex64 or complex128; others are SciPy's to convert.

    Returns
    -------
    callable
        ``solve(b, trans="N")``, b of shape (n,) or (n, k); what is no array, or is not safely cast to the dtype of
        `A`, is refused, as SciPy has it.

    Raises
    ------
    RuntimeError
        `A` is exactly singular.
    MemoryError
        No factorization fits into memory; the message names the predicted bytes.

    Warns
    -----
    SparseEfficiencyWarning
        `A` is not in CSC format.
    UncertifiedWarning
        Hardened mode: the factors do not meet the accuracy of the policy on the trial right-hand side.
    """
    reason = ""
    if type(A) not in _CONTAINERS:
        reason = "A is no CSC or CSR container of SciPy"
    elif getattr(linsolve.useUmfpack, "u", False):
        reason = "UMFPACK is asked for"
    elif A.ndim != 2 or A.shape[0] != A.shape[1] or A.shape[0] == 0 or A.dtype.char not in "fdFDbBhHiIlLqQ?":
        reason = "A is not square, or empty, or of a dtype without kernels"
    elif not A.dtype.isnative:
        reason = "a byte order without kernels"
    refuse_malformed(A)
    if reason:
        return hand_over(_scipy_factorized, "sparse.linalg.factorized", reason, A)
    if A.nnz <= _SMALL and FRAME.get().may_plan:
        return _scipy_factorized(A)
    given, A = A, canonical(A)
    if A is given:  # whose entries may change while the solver lives
        A = A.copy()
    trial = np.asarray(A @ irregular(A.shape[0]), A.dtype)
    diagnosis = solved(A, trial, "sparse.linalg.factorized")
    attempt = None if diagnosis is None else diagnosis.attempt
    inner = None if attempt is None or attempt.value is None else attempt.byproducts.get("solve")
    if diagnosis is None or inner is None:
        return hand_over(_scipy_factorized, "sparse.linalg.factorized", "singular, or not finite", given)
    if A.format != "csc":
        text = "splu converted its input to CSC format"
        warnings.warn(text, scipy_sparse.SparseEfficiencyWarning, stacklevel=2)
    policy = FRAME.get().policy
    if policy.wants_forward and diagnosis.certificate.worst_verdict != "certified":
        message = f"the factors do not meet accuracy {policy.accuracy!r}: {diagnosis.certificate.title()}"
        warnings.warn(UncertifiedWarning(message, diagnosis), stacklevel=2)
    return _solver(A, stable(A, trial, inner))


def stable(A: Any, trial: Any, inner: Callable[..., Any]) -> Callable[..., Any]:
    """`inner` as it is where it solves stably; refined at each call where the pivots were bought with growth."""
    tolerance = BACKWARD_SLACK * float(np.finfo(A.dtype).eps) / 2.0 * float(A.shape[0]) ** 0.5
    absolute = abs(A)
    # Of a matrix, not an array, the sums are a matrix, whose maximum takes no initial value.
    norm = max(float(np.asarray(absolute.sum(axis=axis)).max(initial=0.0)) for axis in (0, 1))

    def error(b: Any, x: Any, adjoint: bool) -> tuple[Any, float]:
        r = b - (adjoint_matrix if adjoint else A) @ x
        size = np.abs(r).max(axis=0, initial=0.0)
        room = norm * np.abs(x).max(axis=0, initial=0.0) + np.abs(b).max(axis=0, initial=0.0)
        return r, float(np.max(np.divide(size, room, out=np.zeros_like(size), where=room > 0)))

    with np.errstate(all="ignore"):
        if error(trial, inner(trial), False)[1] <= tolerance:
            return inner
    adjoint_matrix = A.conj().T

    def refined(b: Any, adjoint: bool = False) -> Any:
        with np.errstate(all="ignore"):
            x = inner(b, adjoint=adjoint)
            r, before = error(b, x, adjoint)
            for _ in range(_STEPS):
                if not before > tolerance:
                    break
                y = x + inner(r, adjoint=adjoint)
                r, after = error(b, y, adjoint)
                if not after < before:
                    break
                x, before = y, after
            return x

    return refined


def _solver(A: Any, inner: Callable[..., Any]) -> Callable[..., Any]:
    n, dtype = A.shape[0], A.dtype
    real = dtype.kind != "c"

    @cache
    def superlu() -> Any:
        """Give SciPy's factors, which answer, or refuse, what is no ordinary right-hand side."""
        return _scipy_splu(A.tocsc())

    def solve(rhs: Any, trans: str = "N") -> Any:
        """Solve ``A x = rhs``, with the transpose (``trans="T"``) or the adjoint (``"H"``)."""
        usual = type(rhs) is np.ndarray and rhs.ndim in (1, 2) and rhs.size > 0 and rhs.shape[0] == n
        if not usual or trans not in ("N", "T", "H") or not np.can_cast(rhs.dtype, dtype):
            return superlu().solve(rhs, trans)
        b = rhs.astype(dtype, copy=False)
        if trans == "T" and not real:
            return inner(b.conj(), adjoint=True).conj().astype(dtype, copy=False)
        return inner(b, adjoint=trans != "N").astype(dtype, copy=False)

    return solve
