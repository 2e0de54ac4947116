"""Inverse of a triangular or diagonal matrix: LAPACK's trtri in one compiled call."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, letter, routine
from fsci.kernels.linalg.host.inverse_lu import copy_and_norm, finish
from fsci.kernels.linalg.host.inverse_small import RECORD, attempt_of, memory_of

__all__ = ["invert_triangular"]

_DTYPES = ("float64", "float32", "complex128", "complex64")
_SIGNATURES = tuple(f"int64({t}[:, ::1], {t}[:, ::1], float64[::1], boolean)" for t in _DTYPES)

trtri = routine("trtri", "ccixii")  # uplo diag n a lda info
_L, _U, _N = letter("L"), letter("U"), letter("N")


@jit(_SIGNATURES)
def invert_triangular(a, x, record, lower):  # type: ignore[no-untyped-def]
    """Invert a triangular `a` (zeros in the other triangle); codes as the other inversions."""
    n = a.shape[0]
    record[0] = copy_and_norm(a, x)
    if not record[0] < np.inf:
        return -1
    order, info = np.int32(n), byref(np.int32(0))
    # A lower triangle of C-ordered memory is an upper one to LAPACK.
    trtri(x, byref(_U if lower else _L), byref(_N), byref(order), x.ctypes, byref(order), info)
    if deref(info) > 0:
        return np.int64(deref(info))
    finish(a, x, record)
    return 0


_LOWER = {"lower": True, "upper": False, "diagonal": True, "lower triangular": True, "upper triangular": False}


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[0].ndim != 2:
        return Refusal("for one matrix, not a stack")
    if (problem.structure or evidence.get("structure")) in _LOWER:
        return None
    return Refusal("for triangular matrices")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) ** 3 / 3.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    lower = _LOWER[problem.structure or evidence.get("structure")]
    if problem.structure:
        a = np.tril(a) if lower else np.triu(a)
    memory, flipped = memory_of(a)
    x, record = np.empty_like(memory), np.full(RECORD, np.inf)
    status = invert_triangular(memory, x, record, lower != flipped)
    return attempt_of(x.T if flipped else x, record, np.int64(status))


register(
    Kernel(
        name="triangular",
        kind="inverse",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK trtri; the residual of a triangular inverse is small on one side (Higham, 2002, section 14.2)",
    )
)
