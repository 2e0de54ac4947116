"""Inverse from LU with partial pivoting: LAPACK's getrf, then getri or the identity solved, in one compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, gemv, getrf, getrs, letter, routine
from fsci.kernels.linalg.host.inverse_small import RECORD, attempt_of, memory_of

__all__ = ["finish", "invert_lu", "invert_lu_identity"]

_DTYPES = ("float64", "float32", "complex128", "complex64")
_SIGNATURES = tuple(f"int64({t}[:, ::1], {t}[:, ::1], float64[::1])" for t in _DTYPES)
_FINISH = tuple(f"void({t}[:, ::1], {t}[:, ::1], float64[::1])" for t in _DTYPES)
_COPY = tuple(f"float64({t}[:, ::1], {t}[:, ::1])" for t in _DTYPES)

getri = routine("getri", "ixiixii")  # n a lda ipiv work lwork info
_T, _N = letter("T"), letter("N")
_BLOCK = 64  # columns of LAPACK's work array: its own block size


@jit(_COPY)
def copy_and_norm(a, x):  # type: ignore[no-untyped-def]
    """Copy `a` into `x`; the 1-norm, with ``|re| + |im|`` for complex moduli, NaN or infinity if not finite."""
    n = a.shape[0]
    columns = np.zeros(n, np.float64)
    for i in range(n):
        for j in range(n):
            v = a[i, j]
            x[i, j] = v
            columns[j] += abs(v.real) + abs(v.imag)
    norm = 0.0
    for j in range(n):
        if not columns[j] <= norm:
            norm = columns[j]
            if not norm < np.inf:
                return np.inf
    return norm


@jit(_FINISH)
def finish(a, x, record):  # type: ignore[no-untyped-def]
    """Fill the record: the norm of the inverse, and Freivalds' (1979) random check of ``A @ X = I``."""
    n = a.shape[0]
    scalars = np.zeros(3, a.dtype)
    scalars[0], scalars[1] = 1, -1
    one, minus, zero = scalars[0], scalars[1], scalars[2]
    columns = np.zeros(n, np.float64)
    z = np.empty(n, a.dtype)
    state = np.uint32(0x9E3779B9)
    for i in range(n):
        state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
        z[i] = one if state >> np.uint32(31) else minus
        for j in range(n):
            columns[j] += abs(x[i, j].real) + abs(x[i, j].imag)
    norm = 0.0
    for j in range(n):
        if not columns[j] <= norm:
            norm = columns[j]
    y = np.empty(n, a.dtype)
    order, step = np.int32(n), np.int32(1)
    # The memory of a C-ordered array is its transpose to BLAS.
    gemv(x, byref(_T), byref(order), byref(order), byref(one), x.ctypes, byref(order), z.ctypes, byref(step),
         byref(zero), y.ctypes, byref(step))  # fmt: skip
    gemv(a, byref(_T), byref(order), byref(order), byref(minus), a.ctypes, byref(order), y.ctypes, byref(step),
         byref(one), z.ctypes, byref(step))  # fmt: skip
    largest = 0.0
    for i in range(n):
        if not abs(z[i]) <= largest:
            largest = np.float64(abs(z[i]))
    record[1] = norm
    record[2] = largest / (record[0] * norm)


@jit(_SIGNATURES)
def invert_lu(a, x, record):  # type: ignore[no-untyped-def]
    """Invert by getri; 0, the number of a zero pivot, or -1 if not finite."""
    n = a.shape[0]
    record[0] = copy_and_norm(a, x)
    if not record[0] < np.inf:
        return -1
    order, info = np.int32(n), byref(np.int32(0))
    pivots = np.empty(n, np.int32)
    getrf(x, byref(order), byref(order), x.ctypes, byref(order), pivots.ctypes, info)
    if deref(info) > 0:
        return np.int64(deref(info))
    work = np.empty(n * 64, a.dtype)
    getri(x, byref(order), x.ctypes, byref(order), pivots.ctypes, work.ctypes, byref(np.int32(n * 64)), info)
    finish(a, x, record)
    return 0


@jit(_SIGNATURES)
def invert_lu_identity(a, x, record):  # type: ignore[no-untyped-def]
    """Invert by solving for the columns of the identity; codes as `invert_lu`."""
    n = a.shape[0]
    lu = np.empty_like(a)
    record[0] = copy_and_norm(a, lu)
    if not record[0] < np.inf:
        return -1
    order, info = np.int32(n), byref(np.int32(0))
    pivots = np.empty(n, np.int32)
    getrf(lu, byref(order), byref(order), lu.ctypes, byref(order), pivots.ctypes, info)
    if deref(info) > 0:
        return np.int64(deref(info))
    x[:] = 0
    for i in range(n):
        x[i, i] = 1
    getrs(lu, byref(_N), byref(order), byref(order), lu.ctypes, byref(order), pivots.ctypes, x.ctypes, byref(order),
          info)  # fmt: skip
    finish(a, x, record)
    return 0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[0].ndim != 2:
        return Refusal("for one matrix, not a stack")
    if problem.structure not in (None, "general"):
        return Refusal(f"the matrix was declared {problem.structure}")
    return None if "structure" in evidence else Refusal("waits for the probe: a structured matrix has cheaper routes")


def _register(name: str, invert: Any, flops: float, source: str) -> None:
    def work(problem: Problem, evidence: Evidence) -> float:
        return flops * float(problem.size) ** 3

    def run(problem: Problem, evidence: Evidence) -> Attempt:
        a, flipped = memory_of(problem.operands[0])
        x, record = np.empty_like(a), np.full(RECORD, np.inf)
        status = invert(a, x, record)
        return attempt_of(x.T if flipped else x, record, np.int64(status))

    register(Kernel(name, "inverse", "host", _applies, work, run, source=source))


_register("lu", invert_lu, 2.0, "LAPACK getrf, getri")
_register("lu_identity", invert_lu_identity, 8.0 / 3.0, "LAPACK getrf, getrs on the identity")
