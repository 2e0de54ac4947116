"""Linear systems of medium order in one compiled call around LAPACK's getrf, certified.

Double precision is factored in single and refined with double residuals (Langou and others, 2006)
where the order makes that pay; if that stalls, the same call factors again in the working precision.
The memory of a C-ordered matrix is factored as it lies, as the transpose.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.blocked_lu import irregular
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, gemm, gemv, getrf, getrs, letter
from fsci.kernels.linalg.host.fused_small import RECORD, attempt_of

__all__ = ["solve_lapack", "solve_one"]

LARGEST = 1024  # beyond, the passes over the matrix need threads, and the portfolio's large kernels have them
REFINED_FROM = 192  # below, three refinements cost what single precision saves (measured)
# The estimate is a lower bound, nearly always within a factor of 3 (Higham 2002, section 15.3).
ESTIMATOR_SAFETY = 3.0
MOST_REFINEMENTS = 6

N, T = letter("N"), letter("T")
OK, DECLINED, LOW_PRECISION_FAILED = range(3)

_PAIRS = (
    ("float64", "float32"),
    ("float64", "float64"),
    ("float32", "float32"),
    ("complex128", "complex64"),
    ("complex128", "complex128"),
    ("complex64", "complex64"),
)


@jit(inline=True)
def _size(v):  # type: ignore[no-untyped-def]
    """Modulus, or for complex numbers a bound at most sqrt(2) above it, as LAPACK's cabs1."""
    return np.float64(abs(v.real)) + np.float64(abs(v.imag))


@jit([f"void({t}[:, ::1], float64[::1], float64[::1])" for t in ("float64", "float32", "complex128", "complex64")])
def sums(m, by_row, by_column):  # type: ignore[no-untyped-def]
    """Sums of moduli over the rows and the columns of `m`."""
    n = m.shape[0]
    size = np.empty(n)
    by_column[:] = 0.0
    for i in range(n):
        row = m[i]
        for j in range(n):
            v = _size(row[j])
            size[j] = v
            by_column[j] += v
        s0 = s1 = s2 = s3 = 0.0
        for j in range(0, n - 3, 4):
            s0, s1, s2, s3 = s0 + size[j], s1 + size[j + 1], s2 + size[j + 2], s3 + size[j + 3]
        for j in range(n // 4 * 4, n):
            s0 += size[j]
        by_row[i] = (s0 + s1) + (s2 + s3)


@jit([f"void({t}[:, ::1], {t}[::1], float64[::1], boolean)" for t in ("float64", "float32", "complex128", "complex64")])
def sizes(m, x, size, turned):  # type: ignore[no-untyped-def]
    """``size = |A| @ |x|``; A is the transpose of `m` where `turned`."""
    n = m.shape[0]
    length, each = np.empty(n), np.empty(n)
    for j in range(n):
        length[j] = _size(x[j])
        size[j] = 0.0
    for i in range(n):
        row = m[i]
        if turned:
            for j in range(n):
                size[j] += _size(row[j]) * length[i]
            continue
        for j in range(n):
            each[j] = _size(row[j]) * length[j]
        s0 = s1 = s2 = s3 = 0.0
        for j in range(0, n - 3, 4):
            s0, s1, s2, s3 = s0 + each[j], s1 + each[j + 1], s2 + each[j + 2], s3 + each[j + 3]
        for j in range(n // 4 * 4, n):
            s0 += each[j]
        size[i] = (s0 + s1) + (s2 + s3)


@jit(
    [f"float64({t}[:, ::1], int32[::1], float64[::1], int8)" for t in ("float64", "float32", "complex128", "complex64")]
)
def inverse_norm(factor, pivots, w, trans):  # type: ignore[no-untyped-def]
    """Estimate of ``|| |inv(A)| w ||`` (infinity norm) from below, by three solves (Hager, 1984).

    `trans` is what solves with A. The climb needs the transpose, not the adjoint: conjugation changes no modulus.
    """
    n = factor.shape[0]
    x = np.empty(n, factor.dtype)
    # Weights are brought to one first: single precision would underflow.
    top = w.max()
    scale = 1.0 / top if top > 0.0 else 1.0
    info = byref(np.int32(0))
    best, row, peak = 0.0, 0, 0.0
    for step in range(3):
        for i in range(n):
            if step == 0:
                x[i] = irregular(i) / n
            elif step == 2:
                x[i] = 1.0 if i == row else 0.0
            else:
                size = abs(x[i])
                x[i] = w[i] * scale * (np.conj(x[i]) / size if size > 0.0 else 1.0)
        how = trans if step == 1 else (N if trans == T else T)
        getrs(
            factor, byref(how), byref(np.int32(n)), byref(np.int32(1)), factor.ctypes, byref(np.int32(n)),
            pivots.ctypes, x.ctypes, byref(np.int32(n)), info,
        )  # fmt: skip
        if step == 1:
            for i in range(n):
                if not abs(x[i]) <= peak:
                    row, peak = i, np.float64(abs(x[i]))
            best = max(best, peak)
        else:
            found = 0.0
            for i in range(n):
                found += w[i] * scale * abs(x[i])
            if not found < np.inf:
                return np.inf
            best = max(best, found)
    return best * top


@jit([f"int64({w}[:, ::1], boolean, {w}[:, ::1], {w}[:, ::1], {f}[:, ::1], float64[::1], boolean)" for w, f in _PAIRS])
def solve_lapack(m, turned, b, x, factor, record, thorough):  # type: ignore[no-untyped-def]
    """Solve ``m @ x = b`` (``m.T @ x = b`` where `turned`) with a factorization in the dtype of `factor`.

    Right-hand sides and solutions are rows of `b` and `x`. Gives OK, DECLINED, or LOW_PRECISION_FAILED.
    """
    n, columns = m.shape[0], b.shape[0]
    one, zero = b.dtype.type(1), b.dtype.type(0)
    eps = np.float64(np.finfo(m.dtype).eps)
    low = np.float64(np.finfo(factor.dtype).eps) > eps
    tiny = np.float64(np.finfo(m.dtype).tiny)
    smallest, largest = np.sqrt(np.sqrt(tiny)), np.sqrt(np.sqrt(1.0 / tiny))
    by_row, by_column, w = np.empty(n), np.empty(n), np.empty(n)
    sums(m, by_row, by_column)
    if turned:
        by_row, by_column = by_column, by_row
    norm1, norm_inf = by_column.max(), by_row.max()
    total = by_row.sum()  # a maximum skips NaN, a sum does not
    if not total <= largest or not norm1 >= smallest:
        return DECLINED
    if low and not (1e-10 <= norm1 <= 1e10):
        return LOW_PRECISION_FAILED  # the range of single precision
    size, last = byref(np.int32(n)), byref(np.int32(columns))
    trans, other = (N, T) if turned else (T, N)
    for i in range(n):
        target, source = factor[i], m[i]
        for j in range(n):
            target[j] = source[j]
    pivots = np.empty(n, np.int32)
    info = byref(np.int32(0))
    getrf(factor, size, size, factor.ctypes, size, pivots.ctypes, info)
    if deref(info) != 0:
        return LOW_PRECISION_FAILED if low else DECLINED
    step = np.empty((columns, n), factor.dtype)
    residual = b.copy()
    for q in range(columns):
        for i in range(n):
            x[q, i] = zero
    size_b, size_x, size_r = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    for q in range(columns):
        for i in range(n):
            size_b[q] = max(size_b[q], _size(b[q, i]))
            if not size_b[q] <= largest or _size(b[q, i]) != _size(b[q, i]):
                return DECLINED
    tolerance = eps  # twice the unit roundoff: what is left is the rounding of x itself
    normwise, before = np.inf, np.inf
    for _ in range(MOST_REFINEMENTS if low else 1):
        for q in range(columns):
            # Residuals shrink below the range of single precision: scale each to one.
            scale = residual.dtype.type(1)
            peak = 0.0
            for i in range(n):
                peak = max(peak, _size(residual[q, i]))
            size_r[q] = peak if low and peak > 0.0 else 1.0
            scale = residual.dtype.type(1.0 / size_r[q])
            for i in range(n):
                step[q, i] = residual[q, i] * scale
        getrs(
            factor, byref(trans), size, last, factor.ctypes, size, pivots.ctypes, step.ctypes, size, info
        )  # fmt: skip
        for q in range(columns):
            size_x[q] = 0.0
            scale = residual.dtype.type(size_r[q])
            for i in range(n):
                x[q, i] += step[q, i] * scale
                residual[q, i] = b[q, i]
                size_x[q] = max(size_x[q], _size(x[q, i]))
            if not size_x[q] <= largest:
                return LOW_PRECISION_FAILED if low else DECLINED
        if columns == 1:
            gemv(
                m, byref(trans), size, size, byref(-one), m.ctypes, size, x.ctypes, byref(np.int32(1)), byref(one),
                residual.ctypes, byref(np.int32(1)),
            )  # fmt: skip
        else:
            gemm(
                m, byref(trans), byref(N), size, last, size, byref(-one), m.ctypes, size, x.ctypes, size, byref(one),
                residual.ctypes, size,
            )  # fmt: skip
        normwise = 0.0
        for q in range(columns):
            peak = 0.0
            for i in range(n):
                peak = max(peak, _size(residual[q, i]))
            if peak > 0.0:
                normwise = max(normwise, peak / (norm_inf * size_x[q] + size_b[q]))
        if not low or normwise <= tolerance * 0.25:
            break
        if not normwise <= 0.25 * before:
            if normwise <= tolerance:
                break
            return LOW_PRECISION_FAILED  # stalled: too ill-conditioned for single precision
        before = normwise
    # Weights of the bound (Arioli, Demmel and Duff, 1989), with the largest over the columns, each
    # relative to its solution; several columns share the cheaper bound |A||x| <= rowsum(A) max|x|.
    u, componentwise = 0.5 * eps, 0.0
    w[:] = 0.0
    part = np.empty(n)
    for q in range(columns):
        if size_x[q] == 0.0 and size_b[q] == 0.0:
            continue
        if size_x[q] < smallest:
            return DECLINED
        if columns == 1:
            sizes(m, x[q], part, turned)
        else:
            part[:] = by_row * size_x[q]
        for i in range(n):
            r, full = _size(residual[q, i]), part[i] + _size(b[q, i])
            if r > 0.0:
                componentwise = max(componentwise, r / full)
            # A complex product rounds as up to four real ones; moduli count at least half of size_x.
            w[i] = max(w[i], (r + (n + 4) * (2.0 * u * full + n * tiny)) / size_x[q])
    complexity = 1.0 if _size(one * 1) == 1.0 and x.dtype == w.dtype else 1.5
    forward = ESTIMATOR_SAFETY * complexity * inverse_norm(factor, pivots, w, trans)
    rcond = 0.0
    if w.min() > 0.0:
        # || inv(A) ||_inf <= forward / min(w), and its 1-norm is at most n times that.
        rcond = w.min() / (n * norm1 * forward)
    # How far the factors' own error blurs the estimate: it is that of their precision.
    blur = np.sqrt(np.float64(n)) * np.float64(np.finfo(factor.dtype).eps)
    if thorough or not rcond >= 4 * eps or (low and not blur / rcond < 0.25):
        # Too rough, as where rows are badly scaled: estimate the norm of the inverse itself.
        by_row[:] = 1.0
        rcond = 1.0 / (norm1 * inverse_norm(factor, pivots, by_row, other))
        # Close to the warning's limit the estimate of the warning itself must decide.
        if not rcond >= 4 * ESTIMATOR_SAFETY * eps:
            return LOW_PRECISION_FAILED if low else DECLINED
    loss = blur / rcond
    if low and not loss < 0.5:
        return LOW_PRECISION_FAILED  # the estimate was made with factors of another matrix
    record[0], record[1], record[2] = normwise, componentwise, rcond
    forward *= 1.0 + 2.0 * loss
    # Relative to the solution computed; relative to the true one it is larger by 1 / (1 - forward).
    record[3] = forward / (1.0 - forward) if loss < 0.5 and forward < 0.5 else np.inf
    return OK if normwise <= 8 * eps * np.sqrt(n) else DECLINED


_unread = np.empty(RECORD)
_LOWER = {"d": np.float32, "D": np.complex64}


def solve_one(a: Any, b: Any, record: Any, thorough: bool) -> Any:
    """Solution, or None where the call declined."""
    n = a.shape[0]
    m, turned = (a, False) if a.flags.carray else (a.T, True) if a.flags.farray else (np.array(a, order="C"), False)
    sides = b.reshape(1, n) if b.ndim == 1 else b.T
    if not sides.flags.carray:
        sides = np.array(sides, order="C")
    x = np.empty_like(sides)
    status = LOW_PRECISION_FAILED
    if n >= REFINED_FROM and a.dtype.char in _LOWER:
        status = solve_lapack(m, turned, sides, x, np.empty((n, n), _LOWER[a.dtype.char]), record, thorough)
    if status == LOW_PRECISION_FAILED:
        status = solve_lapack(m, turned, sides, x, np.empty((n, n), a.dtype), record, thorough)
    if status != OK:
        return None
    return x.reshape(n) if b.ndim == 1 else x.T


def fast(a: Any, b: Any) -> Any:
    """Solution, or None where the caller must look closer."""
    return solve_one(a, b, _unread, False)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a, b = problem.operands
    if a.ndim != 2 or b.ndim > 2 or problem.structure or problem.parameters.get("transposed"):
        return Refusal("for one undeclared system")
    return None if a.shape[0] <= LARGEST else Refusal(f"for orders up to {LARGEST}")


def work(problem: Problem, evidence: Evidence) -> float:
    b = problem.operands[1]
    columns = 1 if b.ndim == 1 else b.shape[1]
    return float(problem.size) ** 2 * (problem.size * 2.0 / 3.0 + 10.0 * columns)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    record = np.full(RECORD, np.inf)
    x = solve_one(*problem.operands, record, True)  # type: ignore[call-arg]
    return attempt_of(x, 1 if x is None else 0, record)


register(
    Kernel(
        name="fused_lapack",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="LAPACK getrf; refinement after Langou and others (2006); bound after Arioli, Demmel and Duff (1989)",
    )
)
