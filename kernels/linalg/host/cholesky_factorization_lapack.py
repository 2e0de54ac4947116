"""Cholesky factors: LAPACK's potrf, with norm and random check in the same compiled call.

Memory order is kept: LAPACK's lower triangle of C-ordered memory is the upper triangle of the array, and
the conjugate of the matrix that it sees has the conjugate factor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, letter
from fsci.kernels.linalg.host.inverse_cholesky import potrf
from fsci.kernels.linalg.host.inverse_lu import copy_and_norm
from fsci.kernels.linalg.host.inverse_small import EPS, memory_of
from fsci.kernels.linalg.host.lu_factorization_lapack import trmv

__all__: list[str] = []

_DTYPES = ("float64", "float32", "complex128", "complex64")
_SIGNATURES = tuple(f"int64({t}[:, ::1], {t}[:, ::1], boolean, boolean, float64[::1])" for t in _DTYPES)
_U, _L, _N, _C = letter("U"), letter("L"), letter("N"), letter("C")


@jit(_SIGNATURES)
def factor_cholesky(a, c, lower, clean, record):  # type: ignore[no-untyped-def]
    """Factor one triangle of C-ordered `a` into `c`; 0, the order of the minor that fails, or -1 if not finite."""
    n = a.shape[0]
    record[0] = copy_and_norm(a, c)
    if not record[0] < np.inf:
        return -1
    order, step, info = np.int32(n), np.int32(1), byref(np.int32(0))
    triangle = _U if lower else _L
    potrf(c, byref(triangle), byref(order), c.ctypes, byref(order), info)
    if deref(info) > 0:
        return np.int64(deref(info))
    if clean:
        for i in range(n):
            if lower:
                c[i, i + 1 :] = 0
            else:
                c[i, :i] = 0
    # A z by its triangle T: T z + T^H z - diag z, the second with a unit diagonal.
    z, y, w = np.empty(n, a.dtype), np.empty(n, a.dtype), np.empty(n, a.dtype)
    state = np.uint32(0x9E3779B9)
    for i in range(n):
        state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
        z[i] = 1 if state >> np.uint32(31) else -1
        y[i] = z[i]
        w[i] = z[i]
    trmv(a, byref(triangle), byref(_N), byref(_N), byref(order), a.ctypes, byref(order), y.ctypes, byref(step))
    trmv(a, byref(triangle), byref(_C), byref(_U), byref(order), a.ctypes, byref(order), w.ctypes, byref(step))
    for i in range(n):
        y[i] += w[i] - z[i]
    if lower:  # memory holds an upper factor R of R^H R
        trmv(c, byref(_U), byref(_N), byref(_N), byref(order), c.ctypes, byref(order), z.ctypes, byref(step))
        trmv(c, byref(_U), byref(_C), byref(_N), byref(order), c.ctypes, byref(order), z.ctypes, byref(step))
    else:
        trmv(c, byref(_L), byref(_C), byref(_N), byref(order), c.ctypes, byref(order), z.ctypes, byref(step))
        trmv(c, byref(_L), byref(_N), byref(_N), byref(order), c.ctypes, byref(order), z.ctypes, byref(step))
    largest = 0.0
    for i in range(n):
        d = abs(y[i] - z[i])
        if not d <= largest:
            largest = np.float64(d)
    # The trace bounds the norm from above within n, and the largest entry from below: take the norm read.
    record[1] = largest / record[0] if record[0] > 0.0 else 0.0
    return 0


def _factored(a: Any, lower: bool, clean: bool) -> tuple[Any, int, Any]:
    memory, flipped = memory_of(a)
    c, record = np.empty_like(memory), np.full(2, np.inf)
    status = factor_cholesky(memory, c, lower != flipped, clean, record)
    return c.T if flipped else c, status, record


def fast(a: Any, lower: bool, clean: bool) -> Any:
    """Factor, or None where the caller must look closer."""
    memory, flipped = (a, False) if a.flags.carray else memory_of(a)
    c, record = np.empty_like(memory), np.empty(2)
    status = factor_cholesky(memory, c, lower != flipped, clean, record)
    if status == 0 and record[1] <= 0.5 * BACKWARD_SLACK * EPS[a.dtype] * a.shape[0] ** 0.5:
        return c.T if flipped else c
    return None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if problem.operands[0].ndim == 2 else Refusal("for one matrix, not a stack")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) ** 3 / 3.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    c, status, record = _factored(a, bool(problem.parameters["lower"]), bool(problem.parameters["clean"]))
    if status < 0:
        return Attempt(None, status="nonfinite", final=True)
    if status > 0:
        return Attempt(None, "not_definite", {"minor": int(status)}, {"positive_definite": Fact(False)}, final=True)
    return Attempt(c, byproducts={"norm": record[0], "residual": record[1]})


register(
    Kernel(
        name="lapack",
        kind="cholesky",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="LAPACK potrf; check after Freivalds (1979)",
    )
)
