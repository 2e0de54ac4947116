"""Inverse of a Hermitian positive definite matrix: LAPACK's potrf and potri in one compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, letter, routine
from fsci.kernels.linalg.host.inverse_lu import copy_and_norm, finish
from fsci.kernels.linalg.host.inverse_small import RECORD, attempt_of, memory_of

__all__ = ["hermitian_of", "invert_cholesky", "potrf"]

_DTYPES = ("float64", "float32", "complex128", "complex64")
_SIGNATURES = tuple(f"int64({t}[:, ::1], {t}[:, ::1], float64[::1])" for t in _DTYPES)

potrf = routine("potrf", "cixii")  # uplo n a lda info
potri = routine("potri", "cixii")  # uplo n a lda info
_L = letter("L")


@jit(_SIGNATURES)
def invert_cholesky(a, x, record):  # type: ignore[no-untyped-def]
    """Invert a Hermitian `a`; 0, the order of the minor that is not positive, or -1 if not finite."""
    n = a.shape[0]
    record[0] = copy_and_norm(a, x)
    if not record[0] < np.inf:
        return -1
    order, info = np.int32(n), byref(np.int32(0))
    potrf(x, byref(_L), byref(order), x.ctypes, byref(order), info)
    if deref(info) > 0:
        return np.int64(deref(info))
    potri(x, byref(_L), byref(order), x.ctypes, byref(order), info)
    if deref(info) > 0:
        return np.int64(deref(info))
    # LAPACK's lower triangle is the upper one of C-ordered memory.
    block = 32
    for start in range(0, n, block):
        stop = min(start + block, n)
        for left in range(0, stop, block):
            right = min(left + block, n)
            for i in range(start, stop):
                for j in range(left, min(right, i)):
                    x[i, j] = np.conj(x[j, i])
    finish(a, x, record)
    return 0


def hermitian_of(a: Any, lower: bool) -> Any:
    """The Hermitian matrix that one triangle of `a` stands for."""
    half = np.tril(a, -1) if lower else np.triu(a, 1)
    return half + half.conj().T + np.diag(a.diagonal().real).astype(a.dtype)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[0].ndim != 2:
        return Refusal("for one matrix, not a stack")
    if (problem.structure or evidence.get("structure")) in ("pos", "spd_candidate"):
        return None
    return Refusal("for Hermitian matrices with a positive diagonal")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) ** 3


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    if problem.structure == "pos":
        a = hermitian_of(a, bool(problem.parameters.get("lower")))
    a, flipped = memory_of(a)
    x, record = np.empty_like(a), np.full(RECORD, np.inf)
    status = invert_cholesky(a, x, record)
    if status > 0:
        # Only where the caller declared it definite is that the problem's own fault.
        return Attempt(None, "not_definite", {"minor": status}, final=problem.structure == "pos")
    return attempt_of(x.T if flipped else x, record, np.int64(status))


register(
    Kernel(
        name="cholesky",
        kind="inverse",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK potrf, potri",
    )
)
