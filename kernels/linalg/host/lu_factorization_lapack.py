"""LU factors with partial pivoting: LAPACK's getrf, with norm and random check in the same compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, gemv, getrf, letter, routine
from fsci.kernels.linalg.host.inverse_small import EPS, memory_of

__all__ = ["norm_of", "trmv"]

_DTYPES = ("float64", "float32", "complex128", "complex64")
_NORM = tuple(f"float64({t}[:, ::1])" for t in _DTYPES)
_SIGNATURES = tuple(f"int64({t}[:, ::1], {t}[:, ::1], int32[::1], boolean, float64[::1])" for t in _DTYPES)

trmv = routine("trmv", "cccixixi")  # uplo trans diag n a lda x incx
_T, _N, _U, _L = letter("T"), letter("N"), letter("U"), letter("L")


@jit(_NORM)
def norm_of(a):  # type: ignore[no-untyped-def]
    """Largest column sum of ``|re| + |im|``, infinite if an entry is not finite."""
    m, n = a.shape
    columns = np.zeros(n, np.float64)
    for i in range(m):
        for j in range(n):
            v = a[i, j]
            columns[j] += abs(v.real) + abs(v.imag)
    norm = 0.0
    for j in range(n):
        if not columns[j] <= norm:
            norm = columns[j]
            if not norm < np.inf:
                return np.inf
    return norm


@jit(_SIGNATURES)
def factor_lu(a, lu, pivots, by_rows, record):  # type: ignore[no-untyped-def]
    """Factor `lu`, memory by columns, in place; `a` is the matrix still, its memory by rows or by columns.

    Gives 0, the number of the first zero pivot, or -1 if not finite. The record holds the norm and
    Freivalds' (1979) random check, for square matrices.
    """
    record[0] = norm_of(lu)
    record[1] = np.inf
    if not record[0] < np.inf:
        return -1
    n, m = lu.shape
    rows, columns, step, info = np.int32(m), np.int32(n), np.int32(1), byref(np.int32(0))
    getrf(lu, byref(rows), byref(columns), lu.ctypes, byref(rows), pivots.ctypes, info)
    for i in range(pivots.size):
        pivots[i] -= 1
    if m == n:
        scalars = np.zeros(2, a.dtype)
        scalars[0] = 1
        z, y = np.empty(n, a.dtype), np.empty(n, a.dtype)
        state = np.uint32(0x9E3779B9)
        for i in range(n):
            state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
            z[i] = 1 if state >> np.uint32(31) else -1
        gemv(a, byref(_T if by_rows else _N), byref(columns), byref(columns), byref(scalars[0]), a.ctypes,
             byref(columns), z.ctypes, byref(step), byref(scalars[1]), y.ctypes, byref(step))  # fmt: skip
        trmv(lu, byref(_U), byref(_N), byref(_N), byref(columns), lu.ctypes, byref(columns), z.ctypes, byref(step))
        trmv(lu, byref(_L), byref(_N), byref(_U), byref(columns), lu.ctypes, byref(columns), z.ctypes, byref(step))
        largest = 0.0
        for i in range(n):
            p = pivots[i]
            if p != i:
                y[i], y[p] = y[p], y[i]
            d = abs(y[i] - z[i])
            if not d <= largest:
                largest = np.float64(d)
        record[1] = largest / record[0] if record[0] > 0.0 else 0.0
    return np.int64(deref(info))


def _factored(a: Any) -> tuple[Any, Any, int, Any]:
    memory, flipped = memory_of(a)
    lu, pivots, record = np.array(a, order="F"), np.empty(min(a.shape), np.int32), np.empty(2)
    return lu, pivots, factor_lu(memory, lu.T, pivots, not flipped, record), record


def fast(a: Any) -> Any:
    """Factors, or None where the caller must look closer."""
    memory, flipped = (a, False) if a.flags.carray else memory_of(a)
    n = a.shape[0]
    lu, pivots, record = np.array(a, order="F"), np.empty(n, np.int32), np.empty(2)
    status = factor_lu(memory, lu.T, pivots, not flipped, record)
    if status == 0 and record[1] <= 0.5 * BACKWARD_SLACK * EPS[a.dtype] * n**0.5:
        return lu, pivots
    return None


def fast_any(a: Any) -> Any:
    """Only square matrices have a random check that is quick."""
    return fast(a) if a.shape[0] == a.shape[1] else None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if problem.operands[0].ndim == 2 else Refusal("for one matrix, not a stack")


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = problem.operands[0].shape
    return 2.0 / 3.0 * float(max(m, n)) * min(m, n) ** 2


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    lu, pivots, status, record = _factored(a)
    if status < 0:
        return Attempt(None, status="nonfinite", final=True)
    if lu.shape[0] != lu.shape[1]:
        record[1] = _residual(a, lu, pivots) / record[0] if record[0] > 0.0 else 0.0
    facts = {"rcond": Fact(0.0)} if status else {}
    return Attempt(
        (lu, pivots), byproducts={"zero": int(status), "norm": record[0], "residual": record[1]}, facts=facts
    )


def _residual(a: Any, lu: Any, pivots: Any) -> float:
    """Largest entry of ``(P A - L U) z`` for random signs z, of a rectangular matrix."""
    m, n = lu.shape
    k = min(m, n)
    z = np.where(np.random.default_rng(n).random(n) < 0.5, -1.0, 1.0)
    y = np.triu(lu[:k]) @ z
    below = np.tril(lu[:, :k], -1) @ y
    below[:k] += y
    direct = a @ z
    for i, p in enumerate(pivots):
        direct[[i, p]] = direct[[p, i]]
    return float(np.abs(direct - below).max(initial=0.0))


register(
    Kernel(
        name="lapack",
        kind="lu_factorization",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast_any,
        source="LAPACK getrf; check after Freivalds (1979)",
    )
)
