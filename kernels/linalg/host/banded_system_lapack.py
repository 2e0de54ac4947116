"""Banded systems in one compiled call each: LAPACK's gtsv, gbsv, ptsv, pbsv, with the backward error of the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, letter, routine
from fsci.kernels.linalg.host.banded_system_operator import solver_of
from fsci.kernels.linalg.host.factored_system_lapack import finite_rows
from fsci.kernels.linalg.host.inverse_small import EPS

__all__: list[str] = []

_DTYPES = ("float64", "float32", "complex128", "complex64")
_GENERAL = tuple(f"int64({t}[:, ::1], {t}[:, ::1], int64, boolean, float64[::1])" for t in _DTYPES)
_DEFINITE = tuple(f"int64({t}[:, ::1], {t}[:, ::1], boolean, boolean, float64[::1])" for t in _DTYPES)
_RESIDUAL = tuple(f"float64({t}[:, ::1], {t}[:, ::1], {t}[:, ::1], int64, boolean)" for t in _DTYPES)

gtsv = routine("gtsv", "iixxxxii")  # n nrhs dl d du b ldb info
gbsv = routine("gbsv", "iiiixiixii")  # n kl ku nrhs ab ldab ipiv b ldb info
ptsv = routine("ptsv", "iirxxii")  # n nrhs d e b ldb info
pbsv = routine("pbsv", "ciiixixii")  # uplo n kd nrhs ab ldab b ldb info
_U, _L = letter("U"), letter("L")


@jit(_RESIDUAL)
def backward_error(ab, x, b, upper, mirrored):  # type: ignore[no-untyped-def]
    """Largest normwise backward error over the rows of `x`; `mirrored` for half of a Hermitian band."""
    rows, n = ab.shape
    count = x.shape[0]
    sums = np.zeros(n, np.float64)
    r = np.empty(n, x.dtype)
    worst, norm = 0.0, 0.0
    for d in range(rows):
        k = d - upper  # row minus column
        first, last = max(0, -k), min(n, n - k)
        for j in range(first, last):
            v = ab[d, j]
            sums[j + k] += abs(v.real) + abs(v.imag)
        if mirrored and k != 0:
            for j in range(first, last):
                v = ab[d, j]
                sums[j] += abs(v.real) + abs(v.imag)
    for i in range(n):
        norm = max(norm, sums[i])
    for s in range(count):
        top, size, scale = 0.0, 0.0, 0.0
        for i in range(n):
            r[i] = b[s, i]
        for d in range(rows):
            k = d - upper
            first, last = max(0, -k), min(n, n - k)
            for j in range(first, last):
                r[j + k] -= ab[d, j] * x[s, j]
            if mirrored and k != 0:
                for j in range(first, last):
                    r[j] -= np.conj(ab[d, j]) * x[s, j + k]
        for i in range(n):
            m = np.float64(abs(r[i].real) + abs(r[i].imag))
            if not m <= top:
                top = m
            size = max(size, abs(x[s, i].real) + abs(x[s, i].imag))
            scale = max(scale, abs(b[s, i].real) + abs(b[s, i].imag))
        if not top <= 0.0:
            error = top / (norm * size + scale)
            if not error <= worst:
                worst = error
    return worst


@jit(_GENERAL)
def solve_general(ab, x, upper, look, record):  # type: ignore[no-untyped-def]
    """Overwrite the rows of `x` by solutions; 0, the number of a zero pivot, or -1 if not finite."""
    if look and not finite_rows(ab):
        return -1
    rows, n = ab.shape
    b = x.copy()
    lower = rows - 1 - upper
    order, count, info = np.int32(n), np.int32(x.shape[0]), byref(np.int32(0))
    if lower == 1 and upper == 1:
        below, diagonal, above = np.empty(n, ab.dtype), np.empty(n, ab.dtype), np.empty(n, ab.dtype)
        for j in range(n):
            diagonal[j] = ab[1, j]
            below[j] = ab[2, j]
        for j in range(1, n):
            above[j - 1] = ab[0, j]
        gtsv(ab, byref(order), byref(count), below.ctypes, diagonal.ctypes, above.ctypes, x.ctypes, byref(order), info)
    else:
        height = 2 * lower + upper + 1
        band = np.zeros((n, height), ab.dtype)
        for j in range(n):
            for d in range(rows):
                band[j, lower + d] = ab[d, j]
        pivots = np.empty(n, np.int32)
        gbsv(ab, byref(order), byref(np.int32(lower)), byref(np.int32(upper)), byref(count), band.ctypes,
             byref(np.int32(height)), pivots.ctypes, x.ctypes, byref(order), info)  # fmt: skip
    if deref(info) == 0:
        record[0] = backward_error(ab, x, b, upper, False)
    return np.int64(deref(info))


@jit(_DEFINITE)
def solve_definite(ab, x, lower, look, record):  # type: ignore[no-untyped-def]
    """As `solve_general`, for half of a Hermitian positive definite band."""
    if look and not finite_rows(ab):
        return -1
    rows, n = ab.shape
    b = x.copy()
    order, count, info = np.int32(n), np.int32(x.shape[0]), byref(np.int32(0))
    if rows == 2:
        # Real like the dtype: the sizes of a float32 array are float32.
        diagonal, beside = np.abs(np.empty(n, ab.dtype)), np.empty(n, ab.dtype)
        for j in range(n):
            diagonal[j] = ab[0 if lower else 1, j].real
        for j in range(n - 1):
            beside[j] = ab[1, j] if lower else np.conj(ab[0, j + 1])
        ptsv(ab, byref(order), byref(count), diagonal.ctypes, beside.ctypes, x.ctypes, byref(order), info)
    else:
        band = np.empty((n, rows), ab.dtype)
        for j in range(n):
            for d in range(rows):
                band[j, d] = ab[d, j]
        pbsv(ab, byref(_L if lower else _U), byref(order), byref(np.int32(rows - 1)), byref(count), band.ctypes,
             byref(np.int32(rows)), x.ctypes, byref(order), info)  # fmt: skip
    if deref(info) == 0:
        record[0] = backward_error(ab, x, b, 0 if lower else rows - 1, True)
    return np.int64(deref(info))


def _rows_of(b: Any) -> tuple[Any, Any]:
    x = np.array(b.T, order="C")
    return x, x if x.ndim == 2 else x.reshape(1, -1)


def _passes(record: Any, ab: Any) -> bool:
    return bool(record[0] <= 0.5 * BACKWARD_SLACK * EPS[ab.dtype] * ab.shape[1] ** 0.5)


def fast_general(ab: Any, b: Any, upper: int, look: bool) -> Any:
    """Solution, or None where the caller must look closer."""
    ab = ab if ab.flags.carray else np.array(ab, order="C")
    x, rows = _rows_of(b)
    record = np.empty(1)
    return x.T if solve_general(ab, rows, upper, look, record) == 0 and _passes(record, ab) else None


def fast_definite(ab: Any, b: Any, lower: bool, look: bool) -> Any:
    """Solution, or None where the caller must look closer."""
    ab = ab if ab.flags.carray else np.array(ab, order="C")
    x, rows = _rows_of(b)
    record = np.empty(1)
    return x.T if solve_definite(ab, rows, lower, look, record) == 0 and _passes(record, ab) else None


def _work(problem: Problem, evidence: Evidence) -> float:
    rows, n = problem.operands[0].shape
    return float(n) * rows * (rows + 2.0 * problem.operands[1].size / n)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    ab, b = problem.operands
    ab = np.array(ab, order="C") if not ab.flags.carray else ab
    p = problem.parameters
    x, rows = _rows_of(b)
    record = np.full(1, np.inf)
    if p["hermitian"]:
        status = solve_definite(ab, rows, p["lower"], False, record)
    else:
        status = solve_general(ab, rows, p["upper"], False, record)
    if status > 0:
        code = "not_definite" if p["hermitian"] else "singular"
        return Attempt(None, code, {"at": int(status)}, {"rcond": Fact(0.0)}, final=True)
    return Attempt(x.T, byproducts={"residual": float(record[0]), "solve": solver_of(problem)})


def _register(name: str, hermitian: bool, call: Any, source: str) -> None:
    def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
        if bool(problem.parameters["hermitian"]) == hermitian:
            return None
        return Refusal("for half of a Hermitian band" if hermitian else "for a whole band")

    register(Kernel(name, "banded_system", "host", applies, _work, _run, fast=call, source=source))


_register("general", False, fast_general, "LAPACK gtsv, gbsv")
_register("definite", True, fast_definite, "LAPACK ptsv, pbsv")
