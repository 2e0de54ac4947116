"""Small real linear systems in one compiled call: LU with partial pivoting, inverse, certificate.

At n = 3 a call of LAPACK costs more than the arithmetic, so everything is one
compiled function over rows in SIMD registers. The inverse is formed for the certificate only:
at this size it costs less than a condition estimator, and the bound that it gives
has no estimator in it. float32 systems are computed in float64: that costs nothing here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, fnma, load, magnitude, splat, store, total

__all__ = ["COMPONENTWISE", "FORWARD", "NORMWISE", "RCOND", "RECORD", "attempt_of", "solve_small"]

LARGEST = 36  # beyond, the inverse costs more than an estimator (measured: crossover 36 to 48)

# Slots of the record that the compiled call leaves.
NORMWISE, COMPONENTWISE, RCOND, FORWARD = range(4)
RECORD = 4

# Inside this range no sum of products over- or underflows; beyond it the call declines.
SMALLEST_NORM, LARGEST_NORM = 2.0**-480, 2.0**480
TINY = 2.0**-1022

_SIGNATURES = tuple(f"int64({t}[:, ::1], {t}[::1], int64, {t}[::1], float64[::1])" for t in ("float64", "float32"))


@jit(_SIGNATURES)
def solve_small(a, b, columns, x, record):  # type: ignore[no-untyped-def]
    """Solve ``a @ x = b`` for the rows of `b` laid end to end; 0 if `x` may be returned at once.

    1: singular, not finite, out of range, or too ill-conditioned to be returned without a word.
    """
    n = a.shape[0]
    eps = np.float64(np.finfo(a.dtype).eps)
    u = 2.0**-53
    # Workspace: the padded matrix; rows of [matrix | right-hand sides | inverse]; weights; one solution; row order.
    p, q = (n + 7) // 8 * 8, (columns + 7) // 8 * 8
    width = p + q + p
    rows = n * p
    weights = rows + n * width
    trial = weights + p
    order = trial + p
    s = np.empty(order + n)
    largest_b = 0.0
    for i in range(n):
        base, row = i * p, rows + i * width
        for c in range(p - 8, width, 8):
            store(s, row + c, splat(0.0))
        for j in range(n):
            s[row + j] = np.float64(a[i, j])
        for c in range(0, p, 8):
            store(s, base + c, load(s, row + c))
        for j in range(columns):
            value = np.float64(b[i * columns + j])
            s[row + p + j] = value
            if not abs(value) <= LARGEST_NORM:
                return 1
            largest_b = max(largest_b, abs(value))
        s[order + i] = i
    if 0.0 < largest_b < SMALLEST_NORM:
        return 1
    norm1 = 0.0
    for c in range(0, p, 8):
        column = splat(0.0)
        for i in range(n):
            column = column + magnitude(load(s, i * p + c))
        store(s, weights + c, column)
    for j in range(n):
        if not s[weights + j] <= LARGEST_NORM:
            return 1
        norm1 = max(norm1, s[weights + j])
    if norm1 < SMALLEST_NORM:
        return 1

    # Eliminate; the last part of a row becomes its row of inv(L), unit entries set at pivot time.
    for k in range(n):
        top = rows + k * width
        pivot, best = k, abs(s[top + k])
        for i in range(k + 1, n):
            value = abs(s[rows + i * width + k])
            if value > best:
                pivot, best = i, value
        if best == 0.0:
            return 1
        if pivot != k:
            other = rows + pivot * width
            for c in range(0, width, 8):
                held = load(s, top + c)
                store(s, top + c, load(s, other + c))
                store(s, other + c, held)
            s[order + k], s[order + pivot] = s[order + pivot], s[order + k]
        s[top + p + q + k] = 1.0
        scale = 1.0 / s[top + k]
        first, last = k // 8 * 8, p + q + k // 8 * 8 + 8
        for i in range(k + 1, n):
            row = rows + i * width
            factor = splat(s[row + k] * scale)
            for c in range(first, last, 8):
                store(s, row + c, fnma(factor, load(s, top + c), load(s, row + c)))
    for k in range(n - 1, -1, -1):
        top = rows + k * width
        scale = 1.0 / s[top + k]
        for c in range(p, width, 8):
            value = load(s, top + c)
            for j in range(k + 1, n):
                value = fnma(splat(s[top + j]), load(s, rows + j * width + c), value)
            store(s, top + c, value / splat(s[top + k]) if c < p + q else value * splat(scale))

    # The certificate.
    norm_inf, inverse_norm1 = 0.0, 0.0
    for c in range(0, p, 8):
        column = splat(0.0)
        for i in range(n):
            column = column + magnitude(load(s, rows + i * width + p + q + c))
        store(s, weights + c, column)
    for j in range(n):
        inverse_norm1 = max(inverse_norm1, s[weights + j])
    rcond = 1.0 / (norm1 * inverse_norm1)
    normwise, componentwise, forward = 0.0, 0.0, 0.0
    store(s, trial + p - 8, splat(0.0))
    store(s, weights + p - 8, splat(0.0))
    for m in range(columns):
        largest_x, largest_r, size_b = 0.0, 0.0, 0.0
        for i in range(n):
            x[i * columns + m] = s[rows + i * width + p + m]
            s[trial + i] = np.float64(x[i * columns + m])
            largest_x = max(largest_x, abs(s[trial + i]))
        for j in range(n):
            i = np.int64(s[order + j])  # type: ignore[assignment]
            product, size, row_sum = splat(0.0), splat(0.0), splat(0.0)
            for c in range(0, p, 8):
                entries, values = load(s, i * p + c), load(s, trial + c)
                product = fma(entries, values, product)
                size = fma(magnitude(entries), magnitude(values), size)
                row_sum = row_sum + magnitude(entries)
            right = np.float64(b[i * columns + m])
            residual = abs(right - total(product))
            weight = abs(right) + total(size)
            norm_inf = max(norm_inf, total(row_sum))
            largest_r, size_b = max(largest_r, residual), max(size_b, abs(right))
            if residual > 0.0:
                componentwise = max(componentwise, residual / weight)
            # LAPACK's expert-driver form (Arioli, Demmel and Duff, 1989): the second
            # term bounds the rounding of the computed residual, the last its underflow.
            s[weights + j] = residual + (n + 1) * (u * weight + TINY)
        if not largest_x <= LARGEST_NORM or 0.0 < largest_x < SMALLEST_NORM:
            return 1
        bound = 0.0
        for i in range(n):
            size = splat(0.0)
            for c in range(0, p, 8):
                size = fma(magnitude(load(s, rows + i * width + p + q + c)), load(s, weights + c), size)
            bound = max(bound, total(size))
        if largest_r > 0.0:
            normwise = max(normwise, largest_r / (norm_inf * largest_x + size_b))
        if largest_x > 0.0:
            forward = max(forward, bound / largest_x)
        elif size_b > 0.0:
            forward = np.inf
    # The computed inverse is off by at most about n u / rcond of each column
    # (Higham 2002, section 14.3), the sum over columns by n times that.
    loss = n * n * u / rcond
    record[0], record[1], record[2] = normwise, componentwise, rcond
    forward *= 1.0 + 2.0 * loss
    # Relative to the solution computed; relative to the true one it is larger by 1 / (1 - forward).
    record[3] = forward / (1.0 - forward) if loss < 0.25 and forward < 0.25 else np.inf
    # Comparisons are written so that a NaN declines; 8 eps sqrt(n) is the policy's own tolerance.
    if rcond >= eps and normwise <= 8 * eps * np.sqrt(n):
        return 0
    return 1


_unread = np.empty(RECORD)  # the fast call looks at the status only; threads may write here at once


def fast(a: Any, b: Any) -> Any:
    """Solution, or None where the caller must look closer."""
    # Compiled code takes writable C-ordered arrays; at this size a copy is cheap.
    if not a.flags.carray:
        a = np.array(a, order="C")
    if not b.flags.carray:
        b = np.array(b, order="C")
    x = np.empty_like(b)
    if b.ndim == 1:
        return x if solve_small(a, b, 1, x, _unread) == 0 else None
    return x if solve_small(a, b.reshape(-1), b.shape[1], x.reshape(-1), _unread) == 0 else None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a, b = problem.operands
    if a.ndim != 2 or b.ndim > 2 or a.shape[0] > LARGEST or problem.structure or problem.parameters.get("transposed"):
        return Refusal(f"for one undeclared system of order {LARGEST} or less")
    if a.dtype.kind != "f":
        return Refusal("for real systems")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    b = problem.operands[1]
    columns = 1 if b.ndim == 1 else b.shape[1]
    return 3.0 * float(problem.size) ** 2 * (problem.size + columns)


def attempt_of(x: Any, status: int, record: Any) -> Attempt:
    """What a fused call left, for the loop."""
    if status:
        return Attempt(None, status="declined")
    certified = {
        "backward_error": float(record[NORMWISE]),
        "componentwise": float(record[COMPONENTWISE]),
        "forward_error": float(record[FORWARD]),
        "rcond": float(record[RCOND]),
    }
    return Attempt(x, byproducts={"certified": certified}, facts={"rcond": Fact(certified["rcond"])})


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = (np.array(operand, order="C") for operand in problem.operands)
    x, record = np.empty_like(b), np.full(RECORD, np.inf)
    status = solve_small(a, b.reshape(-1), 1 if b.ndim == 1 else b.shape[1], x.reshape(-1), record)
    return attempt_of(x, status, record)


register(
    Kernel(
        name="fused_small",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="Gaussian elimination with partial pivoting; bound after Arioli, Demmel and Duff (1989)",
    )
)
