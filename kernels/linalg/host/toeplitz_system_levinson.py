"""Toeplitz systems by Levinson's recursion (Levinson, 1947; Trench, 1964), compiled, with its backward error.

The recursion passes through all leading minors: one that is nearly singular spoils what follows, whatever the
condition of the matrix (Cybenko, 1980; Bojanczyk and others, 1995). So the residual is computed every time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, load, splat, total

__all__ = ["solver_of", "values_of"]


_DTYPES = ("float64", "complex128")


def dot(a, start, v, count):  # type: ignore[no-untyped-def]
    """Sum of ``a[start + j] * v[j]`` over j below `count`, in compiled code; nothing is conjugated."""
    raise NotImplementedError


@overload(dot)
def _typed_dot(a, start, v, count):  # type: ignore[no-untyped-def]
    if a.dtype != types.float64:

        def plain(a, start, v, count):  # type: ignore[no-untyped-def]
            result = a[0] * 0
            for j in range(count):
                result += a[start + j] * v[j]
            return result

        return plain

    def in_lanes(a, start, v, count):  # type: ignore[no-untyped-def]
        first, second = splat(0.0), splat(0.0)
        j = 0
        while j + 16 <= count:
            first = fma(load(a, start + j), load(v, j), first)
            second = fma(load(a, start + j + 8), load(v, j + 8), second)
            j += 16
        result = total(first + second)
        while j < count:
            result += a[start + j] * v[j]
            j += 1
        return result

    return in_lanes


@jit(tuple(f"boolean({t}[::1], {t}[::1], {t}[::1], {t}[::1])" for t in _DTYPES))
def levinson(values, flipped, b, x):  # type: ignore[no-untyped-def]
    """Solve for one right-hand side; False where a leading minor is exactly singular.

    `values` is the reversed first row followed by the first column; `flipped` the same, reversed.
    """
    n = b.shape[0]
    center = values[n - 1]
    if center == 0:
        return False
    x[0] = b[0] / center
    if n == 1:
        return True
    g, h, gr, hr = np.zeros(n, b.dtype), np.zeros(n, b.dtype), np.zeros(n, b.dtype), np.zeros(n, b.dtype)
    g[0], h[0] = values[n - 2] / center, values[n] / center
    for m in range(1, n):
        for j in range(m):
            gr[j] = g[m - 1 - j]
        top = dot(flipped, n - 1 - m, x, m) - b[m]
        bottom = dot(values, n, g, m) - center
        if bottom == 0:
            return False
        x[m] = top / bottom
        factor = x[m]
        for j in range(m):
            x[j] -= factor * gr[j]
        if m == n - 1:
            return True
        for j in range(m):
            hr[j] = h[m - 1 - j]
        forward = dot(values, n - 1 - m, g, m) - values[n - m - 2]
        backward = dot(flipped, n - 1 - m, h, m) - values[n + m]
        below = dot(flipped, n, h, m) - center
        if below == 0:
            return False
        c, d = forward / below, backward / bottom
        for j in range(m):
            g[j] -= c * hr[j]
            h[j] -= d * gr[j]
        g[m], h[m] = c, d
    return True


@jit(tuple(f"int64({t}[::1], {t}[:, ::1], {t}[:, ::1], float64[::1])" for t in _DTYPES))
def solve_rows(values, b, x, record):  # type: ignore[no-untyped-def]
    """Solve for the rows of `b`; 0, or 1 for a singular minor. The record holds the backward error."""
    count, n = b.shape
    flipped = values[::-1].copy()
    record[0] = np.inf
    norm, size = 0.0, 0.0
    for j in range(n):
        size += abs(values[n - 1 - j])
    norm = size
    for i in range(1, n):
        # Row i gains an entry on the left and loses one on the right.
        size += abs(values[n - 1 + i]) - abs(values[i - 1])
        norm = max(norm, size)
    worst = 0.0
    for k in range(count):
        if not levinson(values, flipped, b[k], x[k]):
            return 1
        top, largest, scale = 0.0, 0.0, 0.0
        for i in range(n):
            r = abs(b[k, i] - dot(flipped, n - 1 - i, x[k], n))
            if not r <= top:
                top = r
            largest = max(largest, abs(x[k, i]))
            scale = max(scale, abs(b[k, i]))
        if not top <= 0.0:
            error = top / (norm * largest + scale)
            if not error <= worst:
                worst = error
    record[0] = worst
    return 0


def values_of(column: Any, row: Any) -> Any:
    """The reversed first row (without its first entry) followed by the first column."""
    return np.concatenate((row[:0:-1], column))


def _solved(values: Any, b: Any) -> tuple[Any, int, Any]:
    rows = np.ascontiguousarray(b.T).reshape(-1, b.shape[0])
    if not rows.flags.writeable:
        rows = rows.copy()
    x, record = np.empty_like(rows), np.full(1, np.inf)
    status = solve_rows(values, rows, x, record)
    return (x[0] if b.ndim == 1 else x.T), status, record


_TOLERANCE = BACKWARD_SLACK * 2.0**-53


def fast(column: Any, row: Any, b: Any) -> Any:
    """Solution, or None where the caller must look closer."""
    x, status, record = _solved(values_of(column, row), b)
    return x if status == 0 and record[0] <= _TOLERANCE * b.shape[0] ** 0.5 else None


def solver_of(problem: Problem) -> Callable[..., Any]:
    """``solve(rhs, adjoint=False)``: the adjoint of a Toeplitz matrix is one too."""
    values = values_of(*problem.operands[:2])
    adjoint_values = values[::-1].conj().copy()

    def solve(rhs: Any, adjoint: bool = False) -> Any:
        rhs = rhs.astype(values.dtype, copy=False)
        x, status, _ = _solved(adjoint_values if adjoint else values, rhs)
        return x if status == 0 else np.full(rhs.shape, np.nan)

    return solve


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if evidence.get("breakdown"):
        return Refusal("a leading minor is singular")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 4.0 * float(problem.size) * float(problem.operands[2].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    column, row, b = problem.operands
    x, status, record = _solved(values_of(column, row), b)
    if status:
        # The matrix itself may be fine: another method can tell.
        return Attempt(None, status="singular_minor")
    return Attempt(x, byproducts={"residual": float(record[0]), "solve": solver_of(problem)})


register(
    Kernel(
        name="levinson",
        kind="toeplitz_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="Levinson (1947), Trench (1964)",
    )
)
