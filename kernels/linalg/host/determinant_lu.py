"""Determinant from LU with partial pivoting in one compiled call; the product is kept scaled too.

The plain product of pivots is what SciPy gives, overflow and underflow included; beside it
stands a mantissa and a power of two that neither overflow nor underflow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, gemv, getrf, letter, routine
from fsci.kernels.linalg.host.inverse_small import EPS
from fsci.kernels.threads import chunked

__all__ = ["attempt_of", "contiguous", "determinants"]

SMALLEST_BLOCKED = 17  # from here on LAPACK's blocked LU wins (measured: crossover 12 to 20)

# Slots of the record: plain product, mantissa and exponent of the scaled one, residual of a random check, 1-norm.
PLAIN, MANTISSA, EXPONENT, RESIDUAL, NORM = 0, 2, 4, 5, 6
RECORD = 7

_DTYPES = ("float64", "float32", "complex128", "complex64")
_SIGNATURES = tuple(f"void({t}[:, ::1], {t}[:, ::1], float64[::1])" for t in _DTYPES)
_MANY = tuple(f"void({t}[:, :, ::1], float64[:, ::1], int64, int64)" for t in _DTYPES)

trmv = routine("trmv", "cccixixi")  # uplo trans diag n a lda x incx
_T, _N, _U, _L = letter("T"), letter("N"), letter("U"), letter("L")


@jit(_SIGNATURES)
def factor_and_multiply(a, lu, record):  # type: ignore[no-untyped-def]
    """Factor the memory of `a` into `lu` and multiply the pivots."""
    n = a.shape[0]
    columns = np.zeros(n, np.float64)
    for i in range(n):
        for j in range(n):
            v = a[i, j]
            lu[i, j] = v
            columns[j] += abs(v.real) + abs(v.imag)
    norm = 0.0
    for j in range(n):
        if not columns[j] <= norm:
            norm = columns[j]
    swaps = 0
    z = np.empty(n, a.dtype)
    y = np.empty(n, a.dtype)
    scalars = np.zeros(2, a.dtype)
    scalars[0] = 1
    one, zero = scalars[0], scalars[1]
    state = np.uint32(0x9E3779B9)
    for i in range(n):
        state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
        z[i] = 1 if state >> np.uint32(31) else -1
    # Freivalds (1979): |(P A - L U) z| finds a wrong factorization in O(n^2).
    if n >= 17:
        order, step = np.int32(n), np.int32(1)
        pivots = np.empty(n, np.int32)
        getrf(lu, byref(order), byref(order), lu.ctypes, byref(order), pivots.ctypes, byref(np.int32(0)))
        # LAPACK has factored the transpose: M = A^T.
        gemv(a, byref(_N), byref(order), byref(order), byref(one), a.ctypes, byref(order), z.ctypes, byref(step),
             byref(zero), y.ctypes, byref(step))  # fmt: skip
        trmv(lu, byref(_U), byref(_N), byref(_N), byref(order), lu.ctypes, byref(order), z.ctypes, byref(step))
        trmv(lu, byref(_L), byref(_N), byref(_U), byref(order), lu.ctypes, byref(order), z.ctypes, byref(step))
        for i in range(n):
            p = pivots[i] - 1
            if p != i:
                swaps += 1
                y[i], y[p] = y[p], y[i]
    else:
        for i in range(n):
            y[i] = 0
            for j in range(n):
                y[i] += a[i, j] * z[j]
        for k in range(n):
            p, largest = k, abs(lu[k, k])
            for i in range(k + 1, n):
                if abs(lu[i, k]) > largest:
                    p, largest = i, abs(lu[i, k])
            if p != k:
                swaps += 1
                for j in range(n):
                    lu[k, j], lu[p, j] = lu[p, j], lu[k, j]
                y[k], y[p] = y[p], y[k]
            if largest > 0.0:
                for i in range(k + 1, n):
                    factor = lu[i, k] / lu[k, k]
                    lu[i, k] = factor
                    if factor != 0:
                        for j in range(k + 1, n):
                            lu[i, j] -= factor * lu[k, j]
        for i in range(n):
            v = lu[i, i] * z[i]
            for j in range(i + 1, n):
                v += lu[i, j] * z[j]
            z[i] = v
        for i in range(n - 1, -1, -1):
            for j in range(i):
                z[i] += lu[i, j] * z[j]
    largest = 0.0
    for i in range(n):
        d = abs(y[i] - z[i])
        if not d <= largest:
            largest = np.float64(d)
    wide = np.complex128(1.0)
    plain = np.complex128(1.0)
    exponent = 0
    for i in range(n):
        v = np.complex128(lu[i, i])
        # Real factors times complex ones would make NaN of infinities: multiply as SciPy does, part by part.
        plain = complex(plain.real * v.real, 0.0) if v.imag == 0.0 and plain.imag == 0.0 else plain * v  # type: ignore[assignment]
        wide = complex(wide.real * v.real, 0.0) if v.imag == 0.0 and wide.imag == 0.0 else wide * v  # type: ignore[assignment]
        size = max(abs(wide.real), abs(wide.imag))
        if size > 0.0 and size < np.inf:
            shift = math.frexp(size)[1]
            wide = complex(math.ldexp(wide.real, -shift), math.ldexp(wide.imag, -shift))  # type: ignore[assignment]
            exponent += shift
    if swaps % 2:
        plain, wide = -plain, -wide
    record[0] = plain.real
    record[1] = plain.imag
    record[2] = wide.real
    record[3] = wide.imag
    record[4] = exponent
    # Zero by zero is the zero matrix, whose determinant is exact.
    record[5] = largest / norm if norm > 0.0 else 0.0
    record[6] = norm


@jit(_MANY)
def determinants(a, records, start, stop):  # type: ignore[no-untyped-def]
    """`factor_and_multiply` for the slices from `start` to `stop`."""
    lu = np.empty_like(a[0])
    for i in range(start, stop):
        factor_and_multiply(a[i], lu, records[i])


def contiguous(a: Any) -> Any:
    """C-contiguous memory with the same determinants."""
    if a.flags.carray:
        return a
    return a.T if a.ndim == 2 and a.T.flags.carray else np.array(a, order="C")


def fast(a: Any) -> Any:
    """Determinant, or None where the caller must look closer."""
    if not a.flags.carray:
        a = contiguous(a)
    if a.ndim > 2:
        return _fast_stack(a)
    record = np.empty(RECORD)
    factor_and_multiply(a, np.empty(a.shape, a.dtype), record)
    n = a.shape[0]
    if not (record[RESIDUAL] <= 0.5 * BACKWARD_SLACK * EPS[a.dtype] * n**0.5 and record[NORM] < np.inf):
        return None
    return np.complex128(complex(record[0], record[1])) if a.dtype.kind == "c" else record[PLAIN]


def _fast_stack(a: Any) -> Any:
    n = a.shape[-1]
    records = _stack(a)
    tolerance = 0.5 * BACKWARD_SLACK * EPS[a.dtype] * n**0.5
    fine = bool((records[:, RESIDUAL] <= tolerance).all() and (records[:, NORM] < np.inf).all())
    return _plain(records, a) if fine else None


def _plain(records: Any, a: Any) -> Any:
    batch = a.shape[:-2]
    if a.dtype.kind == "c":
        return np.ascontiguousarray(records[:, :2]).view(np.complex128).reshape(batch)
    return records[:, PLAIN].reshape(batch).copy()


def _stack(a: Any) -> Any:
    n = a.shape[-1]
    flat = a.reshape(-1, n, n)
    records = np.full((flat.shape[0], RECORD), np.inf)
    # LAPACK has threads of its own: only what never calls it is spread over ours.
    if n < SMALLEST_BLOCKED:
        chunked(lambda i, j: determinants(flat, records, i, j), flat.shape[0], max(1, 20000 // n**3))
    else:
        determinants(flat, records, 0, flat.shape[0])
    return records


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 2.0 / 3.0 * float(problem.operands[0].size) * problem.size


def attempt_of(records: Any, a: Any, factor: Any = None) -> Attempt:
    """Attempt from the records of one matrix or a stack."""
    batch = a.shape[:-2]
    value = _plain(records, a)
    mantissa = np.ascontiguousarray(records[:, 2:4]).view(np.complex128).reshape(batch)
    value = value[()] if not batch else value
    if not np.all(np.isfinite(records[:, NORM])):
        return Attempt(None, status="nonfinite", final=True)
    singular = mantissa == 0
    return Attempt(
        value,
        byproducts={
            "mantissa": mantissa if a.dtype.kind == "c" else mantissa.real,
            "exponent": records[:, EXPONENT].reshape(batch),
            "residual": records[:, RESIDUAL].reshape(batch),
        },
        facts={"singular": Fact(bool(np.any(singular)), exact=False)},
    )


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = contiguous(problem.operands[0])
    return attempt_of(_stack(a), a)


register(
    Kernel(
        name="lu",
        kind="determinant",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="LAPACK getrf (unblocked below its crossover); check after Freivalds (1979)",
    )
)
