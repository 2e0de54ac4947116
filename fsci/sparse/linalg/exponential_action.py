"""`expm_multiply`: the action of a matrix exponential."""

from __future__ import annotations

import math
from numbers import Number, Real
from typing import Any

import numpy as np
import scipy.sparse as scipy_sparse
import scipy.sparse.linalg as scipy_sparse_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._rows import checked_rows
from fsci.sparse.linalg._told import warn_uncertified

__all__ = ["expm_multiply"]

_scipy_expm_multiply = scipy_sparse_linalg.expm_multiply


def classify(problem: Problem, evidence: Evidence) -> str:
    """One time or several, one column or several."""
    return f"{'one' if problem.parameters['times'] is None else 'many'} times/{problem.operands[1].ndim}"


declare_kind(
    "exponential_action",
    "sparse",
    classify,
    "exp(t A) @ B, A sparse",
    certificate_on_request=True,
)


def expm_multiply(
    A: Any,
    B: Any,
    start: float | None = None,
    stop: float | None = None,
    num: int | None = None,
    endpoint: bool | None = None,
    traceA: Any = None,
) -> Any:
    """Compute the action of the matrix exponential of A on B, as `scipy.sparse.linalg.expm_multiply`.

    Parameters
    ----------
    A : (n, n) sparse array or matrix
        Of float32, float64, complex64 or complex128; dense matrices and operators are SciPy's to answer.
    B : (n,) or (n, k) ndarray
    start, stop, num, endpoint
        Times, as `numpy.linspace` takes them.
    traceA : scalar, optional
        Trace of `A`, by which it is shifted.

    Returns
    -------
    (n,), (n, k) or, with times, (num, n) or (num, n, k) ndarray

    Raises
    ------
    ValueError
        As SciPy; and for a malformed matrix (the offending entry is named).

    Warns
    -----
    UncertifiedWarning
        Hardened mode: the bound does not meet the accuracy of the policy.

    Notes
    -----
    Times may descend, for which SciPy 1.17 gives numbers that are no answer.

    The certificate proves a bound on rounding and truncation together, in the infinity norm; it is sharp where
    the logarithmic norm of A is small (Laplacians, Markov generators), and large where ``exp(A)`` may grow.
    """
    operands = _operands(A, B, start, stop, num, endpoint, traceA)
    if operands is None:
        return hand_over(
            _scipy_expm_multiply,
            "sparse.linalg.expm_multiply",
            "no sparse matrix and array of native dtypes with finite entries, or times that SciPy must judge",
            A, B, start, stop, num, endpoint, traceA,
        )  # fmt: skip
    a, b, times, mean, dtype = operands
    key = ("expm_multiply", dtype.char, a.nnz.bit_length(), b.ndim)
    plan = FRAME.get().plans.get(key)
    if plan is not None:
        found = plan(a, b, times, mean)
        return found if found.dtype == dtype else found.astype(dtype)
    parameters = {"times": times, "mean": mean}
    # A plan takes what it needs of the parameters as operands.
    problem = Problem("exponential_action", (a, b, times, mean), parameters, HOST, dtype, None, a.shape[0])
    diagnosis = selector.run(problem, "sparse.linalg.expm_multiply", key)
    if FRAME.get().policy.wants_forward:
        warn_uncertified(diagnosis, "the action of the exponential is not shown to be accurate")
    return diagnosis.value


def _is_number(value: Any) -> bool:
    return isinstance(value, Number)


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(float(value))


def _operands(A: Any, B: Any, start: Any, stop: Any, num: Any, endpoint: Any, traceA: Any) -> Any:
    """Matrix, block, times, mean of the diagonal and dtype of the answer; None where SciPy must answer, or refuse."""
    if type(B) is not np.ndarray or B.ndim not in (1, 2) or B.size == 0 or B.dtype.char not in "fdFDilq?":
        return None
    a = checked_rows(A) if scipy_sparse.issparse(A) else None
    if a is None or a.shape[0] != a.shape[1] or a.shape[0] != B.shape[0]:
        return None
    times: Any = None
    if not (start is None and stop is None and num is None and endpoint is None):
        if not (_is_finite(start) and _is_finite(stop)):
            return None
        options: dict[str, Any] = {name: v for name, v in (("num", num), ("endpoint", endpoint)) if v is not None}
        times = np.linspace(start, stop, **options)
        if len(times) < 2:
            return None
    dtype = np.result_type(a.dtype, B.dtype) if times is None else np.result_type(a.dtype, B.dtype, float)
    mean = None
    if traceA is not None:
        if not _is_number(traceA) or (np.iscomplexobj(traceA) and dtype.kind != "c"):
            return None
        mean = traceA / a.shape[0]
        # A trace of double precision makes the answer so, as SciPy has it.
        dtype = np.result_type(dtype, np.exp(mean).dtype)
    if not (np.isfinite(a.data).all() and np.isfinite(B).all()):
        return None
    wide = np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
    if a.dtype != wide:
        a = a.astype(wide)
    return a, np.ascontiguousarray(B, wide), times, mean, dtype
