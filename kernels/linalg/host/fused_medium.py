"""Real linear systems of order up to about 200 in one compiled call: own blocked LU, estimator, certificate.

Where the matrix lies by columns its memory is the transpose: that is factored, and the solves swap
their roles. Zero parts of banded and triangular matrices are skipped as the factorization meets them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.blocked_lu import factor, solve_adjoint_factored, solve_factored, stride_of, weighted_inverse_norm
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, load, magnitude, splat, store, total
from fsci.kernels.linalg.host.fused_small import LARGEST_NORM, RECORD, SMALLEST_NORM, TINY, attempt_of

__all__ = ["solve_medium"]

# Measured: beyond, LAPACK's threads and its blocking for larger caches win; a factor is read again for each column.
LARGEST, MOST_COLUMNS = 200, 4
# The estimate is a lower bound, nearly always within a factor of 3 (Higham 2002, section 15.3).
ESTIMATOR_SAFETY = 3.0

_SIGNATURES = tuple(
    f"int64({t}[:, ::1], boolean, {t}[::1], int64, {t}[::1], float64[::1], boolean)" for t in ("float64", "float32")
)


@jit(["void(float64[::1], int64, int64, float64[::1], float64[::1], float64[::1], boolean)"])
def products(m, n, stride, x, product, size, turned):  # type: ignore[no-untyped-def]
    """``product = A @ x`` and ``size = |A| @ |x|`` for A in padded rows, or its transpose where `turned`."""
    if turned:
        for c in range(0, stride, 8):
            one, two = splat(0.0), splat(0.0)
            for i in range(n):
                entries = load(m, i * stride + c)
                one = fma(entries, splat(x[i]), one)
                two = fma(magnitude(entries), splat(abs(x[i])), two)
            store(product, c, one)
            store(size, c, two)
        return
    for i in range(n):
        one, two = splat(0.0), splat(0.0)
        for c in range(0, stride, 8):
            entries, values = load(m, i * stride + c), load(x, c)
            one = fma(entries, values, one)
            two = fma(magnitude(entries), magnitude(values), two)
        product[i], size[i] = total(one), total(two)


@jit(_SIGNATURES)
def solve_medium(a, turned, b, columns, x, record, thorough):  # type: ignore[no-untyped-def]
    """Solve ``a @ x = b`` (``a.T @ x = b`` where `turned`); 0 if `x` may be returned at once, 1 if not.

    `b` and `x` are laid end to end, row by row. A condition number is estimated for its own sake only
    where `thorough`; else a lower bound of rcond, got with the error bound, has to clear the warning.
    """
    n = a.shape[0]
    eps = np.float64(np.finfo(a.dtype).eps)
    u = 2.0**-53
    stride = stride_of(n)
    m = np.empty(n * stride)
    for i in range(n):
        row = i * stride
        store(m, row + n // 8 * 8, splat(0.0)) if n % 8 else None
        for c in range((n + 7) // 8 * 8, stride, 8):
            store(m, row + c, splat(0.0))
        for j in range(n):
            m[row + j] = np.float64(a[i, j])
    size, product, trial, weight = np.empty(stride), np.empty(stride), np.zeros(stride), np.zeros(stride)
    ones = np.zeros(stride)
    for i in range(n):
        ones[i] = 1.0
    products(m, n, stride, ones, product, size, turned)
    norm_inf = 0.0
    for i in range(n):
        if not size[i] <= LARGEST_NORM:
            return 1
        norm_inf = max(norm_inf, size[i])
    products(m, n, stride, ones, product, size, not turned)
    norm1 = 0.0
    for i in range(n):
        norm1 = max(norm1, size[i])
    if not SMALLEST_NORM <= norm1 <= LARGEST_NORM:
        return 1
    for i in range(n * columns):
        if not abs(b[i]) <= LARGEST_NORM:
            return 1
    s, order = m.copy(), np.empty(n, np.int64)
    if factor(s, n, stride, order):
        return 1
    normwise, componentwise, forward, rcond = 0.0, 0.0, 0.0, 0.0
    right = np.zeros(stride)
    for q in range(columns):
        size_b = 0.0
        for i in range(n):
            right[i] = np.float64(b[i * columns + q])
            size_b = max(size_b, abs(right[i]))
        if turned:
            solve_adjoint_factored(s, n, stride, order, right, trial)
        else:
            solve_factored(s, n, stride, order, right, trial)
        largest_x, largest_r, smallest_w, largest_ratio = 0.0, 0.0, np.inf, 0.0
        for i in range(n):
            x[i * columns + q] = trial[i]
            trial[i] = np.float64(x[i * columns + q])
            largest_x = max(largest_x, abs(trial[i]))
        if size_b == 0.0 and largest_x == 0.0:
            continue
        if not largest_x <= LARGEST_NORM or largest_x < SMALLEST_NORM:
            return 1
        products(m, n, stride, trial, product, size, turned)
        for i in range(n):
            given = np.float64(b[i * columns + q])
            residual, w = abs(given - product[i]), abs(given) + size[i]
            largest_r = max(largest_r, residual)
            if residual > 0.0:
                largest_ratio = max(largest_ratio, residual / w)
            # Arioli, Demmel and Duff (1989); the last term is for underflow.
            weight[i] = residual + (n + 1) * (u * w + TINY)
            smallest_w = min(smallest_w, weight[i])
        bound = ESTIMATOR_SAFETY * weighted_inverse_norm(s, n, stride, order, weight, turned)
        normwise = max(normwise, largest_r / (norm_inf * largest_x + size_b))
        componentwise = max(componentwise, largest_ratio)
        forward = max(forward, bound / largest_x)
        # || inv(A) ||_inf <= bound / min(weight), and its 1-norm is at most n times that.
        rcond = max(rcond, smallest_w / (n * norm1 * bound))
    if thorough or not rcond >= 4 * eps:
        # Too rough, as where rows are badly scaled: estimate the norm of the inverse itself.
        inverse = weighted_inverse_norm(s, n, stride, order, ones, not turned)
        rcond = 1.0 / (norm1 * inverse)
        # Close to the warning's limit the estimate of the warning itself must decide.
        if not rcond >= 4 * ESTIMATOR_SAFETY * eps:
            return 1
    # The factors' own error: |inv(A)| is known to about n u / rcond.
    loss = n * u / rcond
    record[0], record[1], record[2] = normwise, componentwise, rcond
    forward *= 1.0 + 2.0 * loss
    # Relative to the solution computed; relative to the true one it is larger by 1 / (1 - forward).
    record[3] = forward / (1.0 - forward) if loss < 0.25 and forward < 0.25 else np.inf
    return 0 if normwise <= 8 * eps * np.sqrt(n) else 1


_unread = np.empty(RECORD)  # the fast call looks at the status only; threads may write here at once


def _memory(a: Any) -> tuple[Any, bool]:
    """Writable C-ordered memory of `a`, and whether it holds the transpose."""
    if a.flags.carray:
        return a, False
    return (a.T, True) if a.flags.farray else (np.array(a, order="C"), False)


def fast(a: Any, b: Any) -> Any:
    """Solution, or None where the caller must look closer."""
    m, turned = _memory(a)
    if not b.flags.carray:
        b = np.array(b, order="C")
    x = np.empty_like(b)
    if b.ndim == 1:
        return x if solve_medium(m, turned, b, 1, x, _unread, False) == 0 else None
    return x if solve_medium(m, turned, b.reshape(-1), b.shape[1], x.reshape(-1), _unread, False) == 0 else None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a, b = problem.operands
    if a.ndim != 2 or b.ndim > 2 or a.shape[0] > LARGEST or problem.structure or problem.parameters.get("transposed"):
        return Refusal(f"for one undeclared system of order {LARGEST} or less")
    if a.dtype.kind != "f" or (b.ndim == 2 and b.shape[1] > MOST_COLUMNS):
        return Refusal(f"for real systems with {MOST_COLUMNS} right-hand sides or less")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    b = problem.operands[1]
    columns = 1 if b.ndim == 1 else b.shape[1]
    return float(problem.size) ** 2 * (problem.size * 2.0 / 3.0 + 10.0 * columns)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    m, turned = _memory(a)
    b = np.array(b, order="C")
    x, record = np.empty_like(b), np.full(RECORD, np.inf)
    status = solve_medium(m, turned, b.reshape(-1), 1 if b.ndim == 1 else b.shape[1], x.reshape(-1), record, True)
    return attempt_of(x, status, record)


register(
    Kernel(
        name="fused_medium",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="blocked Gaussian elimination; bound after Arioli, Demmel and Duff (1989), estimator of Hager (1984)",
    )
)
