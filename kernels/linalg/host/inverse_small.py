"""Inverses of small matrices in one compiled call: LU with partial pivoting, condition, residual check."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.threads import chunked

__all__ = ["EPS", "LARGEST", "NORM", "NORM_INVERSE", "RECORD", "RESIDUAL", "attempt_of", "memory_of", "passes"]

LARGEST = 16  # beyond, LAPACK's blocked routines win (measured: crossover 14 to 20)

# Slots of the record: 1-norms of the matrix and of its inverse, and the residual of a random check.
NORM, NORM_INVERSE, RESIDUAL = range(3)
RECORD = 3

_DTYPES = ("float64", "float32", "complex128", "complex64")
_ONE = tuple(f"int64({t}[:, ::1], {t}[:, ::1], float64[::1])" for t in _DTYPES)
_MANY = tuple(f"void({t}[:, :, ::1], {t}[:, :, ::1], float64[:, ::1], int64[::1], int64, int64)" for t in _DTYPES)


@jit(_ONE)
def invert_small(a, x, record):  # type: ignore[no-untyped-def]
    """Invert `a` into `x`; 0, or the number of the pivot that is exactly zero, or -1 if not finite."""
    n = a.shape[0]
    lu = a.copy()
    norm = 0.0
    for j in range(n):
        column = 0.0
        for i in range(n):
            column += abs(a[i, j].real) + abs(a[i, j].imag)
            x[i, j] = 0
        if not column < np.inf:
            return -1
        norm = max(norm, column)
        x[j, j] = 1
    for k in range(n):
        pivot, largest = k, abs(lu[k, k])
        for i in range(k + 1, n):
            if abs(lu[i, k]) > largest:
                pivot, largest = i, abs(lu[i, k])
        if largest == 0.0:
            return k + 1
        if pivot != k:
            for j in range(k, n):
                lu[k, j], lu[pivot, j] = lu[pivot, j], lu[k, j]
            for j in range(n):
                x[k, j], x[pivot, j] = x[pivot, j], x[k, j]
        for i in range(k + 1, n):
            factor = lu[i, k] / lu[k, k]
            if factor != 0:
                for j in range(k + 1, n):
                    lu[i, j] -= factor * lu[k, j]
                for j in range(n):
                    x[i, j] -= factor * x[k, j]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            factor = lu[k, j]
            for i in range(n):
                x[k, i] -= factor * x[j, i]
        for i in range(n):
            x[k, i] /= lu[k, k]
    # Freivalds (1979): with random signs z, |(I - A X) z| finds a wrong X in O(n^2).
    y = np.zeros(n, a.dtype)
    state = np.uint32(0x9E3779B9)
    norm_inverse = 0.0
    for j in range(n):
        column = 0.0
        for i in range(n):
            column += abs(x[i, j].real) + abs(x[i, j].imag)
        norm_inverse = max(norm_inverse, column)
    signs = np.empty(n, np.float64)
    for j in range(n):
        state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
        signs[j] = 1.0 if state >> np.uint32(31) else -1.0
    for i in range(n):
        for j in range(n):
            y[i] += x[i, j] if signs[j] > 0 else -x[i, j]
    largest = 0.0
    for i in range(n):
        r = y[i] * 0 + signs[i]
        for j in range(n):
            r -= a[i, j] * y[j]
        largest = max(largest, abs(r))
        if not abs(r) < np.inf:
            largest = np.inf
    record[0] = norm
    record[1] = norm_inverse
    record[2] = largest / (norm * norm_inverse)
    return 0


@jit(_MANY)
def invert_small_many(a, x, records, statuses, start, stop):  # type: ignore[no-untyped-def]
    """`invert_small` for the slices from `start` to `stop`."""
    for i in range(start, stop):
        statuses[i] = invert_small(a[i], x[i], records[i])


def memory_of(a: Any) -> tuple[Any, bool]:
    """C-contiguous, writeable memory of a matrix, and whether it holds the transpose; a copy where there is none."""
    if a.flags.carray:
        return a, False
    if a.T.flags.carray:
        return a.T, True
    return np.array(a, order="C"), False


def passes(record: Any, n: int, eps: float) -> bool:
    """Whether an inverse may be returned without a word; a NaN does not pass."""
    rcond_is_fine = record[0] * record[1] * eps <= 1.0
    return bool(rcond_is_fine and record[2] <= 0.5 * BACKWARD_SLACK * eps * n**0.5)


EPS = {np.dtype(c): float(np.finfo(c).eps) for c in "fdFD"}


def fast(a: Any) -> Any:
    """Inverse, or None where the caller must look closer."""
    memory, flipped = (a, False) if a.flags.carray else memory_of(a)
    x, record = np.empty(a.shape, a.dtype), np.empty(RECORD)
    if invert_small(memory, x, record) == 0 and passes(record, a.shape[0], EPS[a.dtype]):
        return x.T if flipped else x
    return None


def fast_batch(a: Any) -> Any:
    """Inverses of a stack, or None where one of them needs a closer look."""
    x, records, statuses = _stack(a if a.flags.carray else np.array(a, order="C"))
    n = a.shape[-1]
    sizes = records[:, NORM] * records[:, NORM_INVERSE] * EPS[a.dtype]
    tolerance = 0.5 * BACKWARD_SLACK * EPS[a.dtype] * n**0.5
    fine = bool((statuses == 0).all() and (sizes <= 1.0).all() and (records[:, RESIDUAL] <= tolerance).all())
    return x if fine else None


def _stack(a: Any) -> tuple[Any, Any, Any]:
    n = a.shape[-1]
    flat = a.reshape(-1, n, n)
    x, count = np.empty(a.shape, a.dtype), flat.shape[0]
    records, statuses = np.full((count, RECORD), np.inf), np.empty(count, np.int64)
    out = x.reshape(-1, n, n)
    chunked(lambda i, j: invert_small_many(flat, out, records, statuses, i, j), count, max(1, 20000 // n**3))
    return x, records, statuses


def attempt_of(x: Any, record: Any, status: Any, facts: dict[str, Fact] | None = None) -> Attempt:
    """Attempt from what the compiled inversions leave; `record` and `status` have the shape of the batch."""
    if np.any(np.asarray(status) < 0):
        return Attempt(None, status="nonfinite", final=True)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        rcond = np.where(np.asarray(status) > 0, 0.0, 1.0 / record[..., NORM] / record[..., NORM_INVERSE])
    found = {"rcond": Fact(rcond[()])} | (facts or {})
    if np.any(np.asarray(status) > 0):
        return Attempt(None, "singular", {"rcond": rcond[()]}, found, final=True)
    return Attempt(x, byproducts={"rcond": rcond[()], "residual": record[..., RESIDUAL]}, facts=found)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a = problem.operands[0]
    if a.shape[-1] > LARGEST or problem.structure not in (None, "general"):
        return Refusal(f"for matrices of order {LARGEST} or less without a declared structure")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 2.0 * float(problem.operands[0].size) * problem.size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = np.ascontiguousarray(problem.operands[0])
    a = a if a.flags.writeable else a.copy()
    x, records, statuses = _stack(a)
    batch = a.shape[:-2]
    return attempt_of(x, records.reshape(*batch, RECORD), statuses.reshape(batch))


def _kernel(name: str, one: bool, call: Any) -> Kernel:
    def applies_to(problem: Problem, evidence: Evidence) -> Refusal | None:
        if (problem.operands[0].ndim == 2) != one:
            return Refusal("for one matrix" if one else "for a stack of matrices")
        return applies(problem, evidence)

    return register(
        Kernel(
            name=name,
            kind="inverse",
            shelf="host",
            applies=applies_to,
            work=work,
            run=run,
            fast=call,
            source="Gaussian elimination with partial pivoting on [A, I]; check after Freivalds (1979)",
        )
    )


_kernel("small", True, fast)
_kernel("small_batch", False, fast_batch)
