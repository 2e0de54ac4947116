"""Small linear systems in one compiled call: LU with partial pivoting, inverse, certificate.

At n = 3 a call of LAPACK costs more than the arithmetic, so everything is one
compiled function. The inverse is formed for the certificate only: at this size it costs less
than a condition estimator, and the bound that it gives has no estimator in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit

__all__: list[str] = []

LARGEST = 24  # beyond, LAPACK's blocked LU wins (measured: crossover 20 to 28)

# Slots of the record that the compiled call leaves.
NORMWISE, COMPONENTWISE, RCOND, FORWARD = range(4)
RECORD = 4

_SIGNATURES = tuple(
    f"int64({t}[:, ::1], {t}[::1], {t}[::1], float64[::1])" for t in ("float64", "float32", "complex128", "complex64")
)


@jit(_SIGNATURES)
def solve_small(a, b, x, record):  # type: ignore[no-untyped-def]
    """Solve ``a @ x = b``; 0 if the answer may be returned at once, else why not.

    1: singular, not finite or too ill-conditioned to be returned without a word.
    """
    n = a.shape[0]
    eps = np.finfo(a.dtype).eps
    lu = a.copy()
    inverse = np.zeros_like(a)
    for i in range(n):
        inverse[i, i] = 1
        x[i] = b[i]
    norm1 = 0.0
    for j in range(n):
        column = 0.0
        for i in range(n):
            column += abs(a[i, j])
        if not column < np.inf:
            return 1
        norm1 = max(norm1, column)
    # Gauss-Jordan on the right-hand sides [b, I] together.
    for k in range(n):
        pivot, largest = k, abs(lu[k, k])
        for i in range(k + 1, n):
            if abs(lu[i, k]) > largest:
                pivot, largest = i, abs(lu[i, k])
        if largest == 0.0:
            return 1
        if pivot != k:
            for j in range(k, n):
                lu[k, j], lu[pivot, j] = lu[pivot, j], lu[k, j]
            for j in range(n):
                inverse[k, j], inverse[pivot, j] = inverse[pivot, j], inverse[k, j]
            x[k], x[pivot] = x[pivot], x[k]
        for i in range(k + 1, n):
            factor = lu[i, k] / lu[k, k]
            for j in range(k + 1, n):
                lu[i, j] -= factor * lu[k, j]
            for j in range(n):
                inverse[i, j] -= factor * inverse[k, j]
            x[i] -= factor * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            factor = lu[k, j]
            x[k] -= factor * x[j]
            for i in range(n):
                inverse[k, i] -= factor * inverse[j, i]
        scale = 1 / lu[k, k]
        x[k] /= lu[k, k]
        for i in range(n):
            inverse[k, i] *= scale
    inverse_norm1 = 0.0
    for j in range(n):
        column = 0.0
        for i in range(n):
            column += abs(inverse[i, j])
        inverse_norm1 = max(inverse_norm1, column)
    largest_x, largest_b, largest_r, norm_inf, componentwise = 0.0, 0.0, 0.0, 0.0, 0.0
    weight = np.empty(n, np.float64)
    for i in range(n):
        r = b[i]
        w = abs(b[i]) + 0.0
        row = 0.0
        for j in range(n):
            r -= a[i, j] * x[j]
            w += abs(a[i, j]) * abs(x[j])
            row += abs(a[i, j])
        norm_inf = max(norm_inf, row)
        largest_r = max(largest_r, abs(r))
        largest_x = max(largest_x, abs(x[i]))
        largest_b = max(largest_b, abs(b[i]))
        if w > 0.0:
            componentwise = max(componentwise, abs(r) / w)
        # LAPACK's expert-driver form (Arioli, Demmel and Duff, 1989): the second
        # term bounds the rounding of the computed residual.
        weight[i] = abs(r) + (n + 1) * 0.5 * eps * w
    forward = 0.0
    for i in range(n):
        bound = 0.0
        for j in range(n):
            bound += abs(inverse[i, j]) * weight[j]
        forward = max(forward, bound)
    record[0] = largest_r / (norm_inf * largest_x + largest_b) if largest_r > 0.0 else 0.0
    record[1] = componentwise
    record[2] = 1.0 / (norm1 * inverse_norm1)
    record[3] = forward / largest_x if largest_x > 0.0 else 0.0
    # Comparisons are written so that a NaN declines.
    if record[2] >= eps and largest_x < np.inf and record[0] <= 16 * eps:
        return 0
    return 1


def fast(a: Any, b: Any) -> Any:
    """Solution, or None where the caller must look closer."""
    x = np.empty_like(b)
    return x if solve_small(a, b, x, np.empty(RECORD)) == 0 else None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a, b = problem.operands
    if a.ndim != 2 or b.ndim != 1 or a.shape[0] > LARGEST or problem.structure or problem.parameters.get("transposed"):
        return Refusal(f"for one undeclared system of order {LARGEST} or less with one right-hand side")
    if not (a.flags.c_contiguous and b.flags.c_contiguous and a.flags.writeable and b.flags.writeable):
        return Refusal("for contiguous arrays")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 3.0 * float(problem.size) ** 3


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    x, record = np.empty_like(b), np.full(RECORD, np.inf)
    status = solve_small(a, b, x, record)
    if status:
        return Attempt(None, status="declined")
    facts = {"rcond": Fact(record[RCOND])}
    certified = {
        "backward_error": record[NORMWISE],
        "componentwise": record[COMPONENTWISE],
        "forward_error": record[FORWARD],
        "rcond": record[RCOND],
    }
    return Attempt(x, byproducts={"certified": certified}, facts=facts)


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
