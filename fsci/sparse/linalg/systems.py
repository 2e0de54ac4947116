"""`spsolve`: sparse linear systems."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as scipy_sparse
import scipy.sparse.linalg as scipy_sparse_linalg
from scipy.sparse.linalg._dsolve import linsolve

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.errors import SingularMatrixError
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.kernels.sparse.factored import EXACTLY_SINGULAR
from fsci.kernels.sparse.null_vector import null_vector
from fsci.sparse.linalg._rows import is_canonical, refuse_malformed
from fsci.sparse.linalg.errors import MatrixRankWarning, UncertifiedWarning

__all__ = ["spsolve"]

_scipy_spsolve = scipy_sparse_linalg.spsolve
_CONTAINERS = (
    scipy_sparse.csc_array,
    scipy_sparse.csr_array,
    scipy_sparse.csc_matrix,
    scipy_sparse.csr_matrix,
)
_DTYPES = frozenset("fdFD")
_COLUMNS_AT_ONCE = 64  # of a sparse right-hand side: bounds the dense memory, n numbers a column


def _size_class(entries: int) -> str:
    return "small" if entries <= 10_000 else "medium" if entries <= 200_000 else "large"


def classify(problem: Problem, evidence: Evidence) -> str:
    """Structure, and size by stored entries."""
    return f"{evidence.get('structure', 'unknown')}/{_size_class(problem.operands[0].nnz)}"


declare_kind("sparse_linear_system", "sparse", classify, "x with A @ x = b, A sparse and square")


def spsolve(A: Any, b: Any, permc_spec: str | None = None, use_umfpack: bool = True) -> Any:
    """Solve ``A @ x = b`` for a sparse square `A`, as `scipy.sparse.linalg.spsolve`.

    Structure, symmetry and the exact fill of a symmetric factorization are found first, and the
    factorization chosen by what it costs: triangles, narrow bands, fronts, columns one by one, multigrid or
    SuperLU. A matrix without a useful diagonal is matched, scaled and split into diagonal blocks first.
    Every answer is checked by its backward error before it is returned. `fsci.certify` gives the error
    bound with it, from a residual in doubled precision.

    Parameters
    ----------
    A : (n, n) sparse array or matrix
        CSC or CSR, of float32, float64, complex64 or complex128; others are SciPy's to convert.
    b : (n,) or (n, k) array_like, or sparse array or matrix
    permc_spec : str, optional
        SuperLU's ordering: a call that names one is SciPy's to answer.
    use_umfpack : bool
        Accepted.

    Returns
    -------
    (n,) or (n, k) ndarray, or sparse container for a sparse `b` of several columns

    Raises
    ------
    LinAlgError
        Hardened mode: `A` is singular; ``.diagnosis`` holds the evidence.
    MemoryError
        No factorization fits into memory; the message names the predicted bytes.
    ValueError
        Wrong shapes, or index arrays that name no entry of the matrix.

    Warns
    -----
    MatrixRankWarning
        Strict mode: `A` is exactly singular, and the answer NaN, as SciPy has it.
    UncertifiedWarning
        Hardened mode: no algorithm met the accuracy of the policy.
    """
    key = _plan_key(A, b, permc_spec)
    if key is not None:
        plan = FRAME.get().plans.get(key)
        x = None if plan is None else plan(A, b)
        if x is EXACTLY_SINGULAR:  # plans are of strict mode
            return _not_a_number(b, 3)
        if x is not None:
            return x
    reason = _unusual(A, b, permc_spec)
    if reason:
        refuse_malformed(A)
        refuse_malformed(b)
        return hand_over(_scipy_spsolve, "sparse.linalg.spsolve", reason, A, b, permc_spec, use_umfpack)
    refuse_malformed(b)
    A, sides = _operands(A, b)
    if scipy_sparse.issparse(b) and b.shape[1] != 1:
        if A.format != "csc":
            text = "splu converted its input to CSC format"
            warnings.warn(text, scipy_sparse.SparseEfficiencyWarning, stacklevel=2)
        x = _sparse_sides(A, b, sides.dtype)
        if x is None:
            return hand_over(_scipy_spsolve, "sparse.linalg.spsolve", "singular, with sparse b", A, b)
        return x
    diagnosis = solved(A, sides, "sparse.linalg.spsolve", key)
    if diagnosis is None:
        return hand_over(_scipy_spsolve, "sparse.linalg.spsolve", "infinities or NaN", A, b, permc_spec, use_umfpack)
    x = _told(diagnosis, sides)
    if x is None:
        return hand_over(_scipy_spsolve, "sparse.linalg.spsolve", "SuperLU gave up", A, b, permc_spec, use_umfpack)
    return x


def _plan_key(A: Any, b: Any, permc_spec: Any) -> Any:
    """Signature of a call that a plan may answer: all that it depends on but the entries; None if none may."""
    if permc_spec is not None or type(A) not in _CONTAINERS or type(b) is not np.ndarray:
        return None
    dtype, shape = A.dtype, A.shape
    if (
        (dtype is not b.dtype and dtype != b.dtype)  # an unpickled one is equal, and another object
        or dtype.char not in _DTYPES
        or not dtype.isnative
        or b.ndim != 1
        or len(shape) != 2
        or b.shape[0] != shape[0]
        or shape[0] != shape[1]
        or not shape[0]
        or getattr(linsolve.useUmfpack, "u", False)
        or not is_canonical(A)
    ):
        return None
    return "spsolve", dtype.char, A.nnz.bit_length()


def _unusual(A: Any, b: Any, permc_spec: Any) -> str:
    """Why SciPy must answer, or judge, this call; empty where fsci does."""
    if type(A) not in _CONTAINERS:
        return "A is no CSC or CSR container of SciPy"
    if permc_spec is not None:
        return "the caller names SuperLU's ordering"
    if getattr(linsolve.useUmfpack, "u", False):
        return "UMFPACK is asked for"
    if A.ndim != 2 or A.shape[0] != A.shape[1] or A.shape[0] == 0:
        return "A is not square, or empty"
    if scipy_sparse.issparse(b):
        if b.ndim != 2 or b.format != "csc":
            return "a sparse b that is no matrix in CSC format"
    elif type(b) is not np.ndarray or b.ndim not in (1, 2):
        return "b is no ordinary array of one or two dimensions"
    if b.shape[0] != A.shape[0] or 0 in b.shape:
        return "shapes that make no system"
    mine = np.promote_types(A.dtype, np.float32) if A.dtype.kind in "iub" else A.dtype
    if np.promote_types(mine, b.dtype).char not in _DTYPES:
        return "a dtype without kernels"
    return ""


def canonical(A: Any) -> Any:
    """`A` with sorted indices and no duplicates, in a floating dtype; as SciPy does it, in place."""
    if not is_canonical(A):
        refuse_malformed(A)
        A.sum_duplicates()
    return A if A.dtype.char in _DTYPES else A._asfptype()


def _operands(A: Any, b: Any) -> tuple[Any, Any]:
    A = canonical(A)
    dtype = np.promote_types(A.dtype, b.dtype)
    if A.dtype != dtype:
        A = A.astype(dtype)
    sides = b.toarray() if scipy_sparse.issparse(b) and b.shape[1] == 1 else b
    if sides.ndim == 2 and sides.shape[1] == 1:
        sides = sides.ravel()
    return A, sides if sides.dtype == dtype else sides.astype(dtype)


def solved(A: Any, b: Any, function: str, key: Any = None) -> Diagnosis | None:
    """Run the spine on one system in one dtype; None where SciPy must judge it."""
    if not np.isfinite(b).all():
        return None
    problem = Problem("sparse_linear_system", (A, b), {}, HOST, b.dtype, None, A.shape[0])
    diagnosis = selector.run(problem, function, key)
    if diagnosis.evidence.get("malformed"):
        from fsci.kernels.sparse.guard import malformed

        raise malformed(A.indptr, A.indices, min(A.indices.size, A.data.size), A.shape[0], A.shape[0])
    if diagnosis.evidence.get("finite") is False:
        return None
    if not diagnosis.attempts:
        refusals = "; ".join(f"{name}: {why}" for name, why in diagnosis.decisions[0].refusals)
        raise MemoryError(f"no factorization of this {A.shape[0]} x {A.shape[0]} matrix fits into memory ({refusals})")
    return diagnosis


def _told(diagnosis: Diagnosis, b: Any) -> Any:
    """The value, or SciPy's warning and NaN; the error or warning of hardened mode; None where SciPy must judge."""
    attempt, policy = diagnosis.attempt, FRAME.get().policy
    assert attempt is not None  # noqa: S101  (the loop always leaves one)
    if attempt.value is None and attempt.status != "singular":
        return None
    if attempt.value is None:
        if policy.hardened:
            raise SingularMatrixError("Matrix is exactly singular", _with_null_vector(diagnosis))
        return _not_a_number(b, 4)
    if policy.wants_forward and diagnosis.certificate.worst_verdict != "certified":
        said = diagnosis.certificate.title()
        message = f"the solution does not meet accuracy {policy.accuracy!r}: {said}"
        warnings.warn(UncertifiedWarning(message, diagnosis), stacklevel=3)
    return attempt.value


def _not_a_number(b: Any, level: int) -> Any:
    """SciPy's warning, and its answer."""
    warnings.warn("Matrix is exactly singular", MatrixRankWarning, stacklevel=level)
    return np.full(b.shape, np.nan, b.dtype)


def _with_null_vector(diagnosis: Diagnosis) -> Diagnosis:
    """The same diagnosis, with a vector that the matrix annihilates among its attempt's by-products."""
    assert diagnosis.problem is not None  # noqa: S101
    assert diagnosis.attempt is not None  # noqa: S101
    found = null_vector(diagnosis.problem.operands[0])
    if found is None:
        return diagnosis
    v, residual = found
    attempt = replace(diagnosis.attempt, byproducts={**diagnosis.attempt.byproducts, "null_vector": v})
    note = f"null vector v, largest at {int(np.abs(v).argmax())}: ||A v|| = {residual:.3g} ||A|| ||v||"
    return replace(diagnosis, attempt=attempt, notes=(*diagnosis.notes, note))


def _sparse_sides(A: Any, b: Any, dtype: Any) -> Any:
    """Blocks of columns of a sparse b, and the answer as a container of A's class; None if A is singular."""
    pieces = []
    for start in range(0, b.shape[1], _COLUMNS_AT_ONCE):
        block = np.asfortranarray(b[:, start : start + _COLUMNS_AT_ONCE].toarray(), dtype=dtype)
        diagnosis = solved(A, block, "sparse.linalg.spsolve")
        if diagnosis is None or diagnosis.attempt is None or diagnosis.attempt.value is None:
            return None
        pieces.append(scipy_sparse.csc_array(_told(diagnosis, block)))
    joined = pieces[0] if len(pieces) == 1 else scipy_sparse.hstack(pieces, format="csc")
    return A.__class__(joined)
