"""Triangular and banded systems of medium order that nobody declared: found and solved in one compiled call, checked.

A look that costs n^2 / 2 comparisons finds the bandwidths; the rest is substitution (LAPACK's trsv) or a band
factorization (gbtrf), so that a structured matrix costs no more here than SciPy's own look at it. Tried first where
the first or the last row is half empty; the portfolio's structured kernels have the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.blocked_lu import irregular
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, letter, routine

__all__ = ["bandwidths", "solve_structured"]

OK, DECLINED, NO_STRUCTURE = range(3)
# The estimate is a lower bound, nearly always within a factor of 3 (Higham 2002, section 15.3).
_SAFETY = 3.0
_N, _T, _U, _L = letter("N"), letter("T"), letter("U"), letter("L")
_DTYPES = ("float64", "float32", "complex128", "complex64")

trsv = routine("trsv", "cccixixi")  # uplo trans diag n a lda x incx
gbtrf = routine("gbtrf", "iiiixiii")  # m n kl ku ab ldab ipiv info
gbtrs = routine("gbtrs", "ciiiixiixii")  # trans n kl ku nrhs ab ldab ipiv b ldb info


@jit(inline=True)
def _size(v):  # type: ignore[no-untyped-def]
    """Modulus, or for complex numbers a bound at most sqrt(2) above it, as LAPACK's cabs1."""
    return np.float64(abs(v.real)) + np.float64(abs(v.imag))


@jit([f"UniTuple(int64, 2)({t}[:, ::1])" for t in _DTYPES])
def bandwidths(m):  # type: ignore[no-untyped-def]
    """Lower and upper bandwidth; -1 for both as soon as neither a triangle nor a band is left."""
    n = m.shape[0]
    below, above = 0, 0
    for i in range(n):
        row = m[i]
        j, stop = 0, i - below
        while j + 8 <= stop and (
            (row[j] == 0) & (row[j + 1] == 0) & (row[j + 2] == 0) & (row[j + 3] == 0)
            & (row[j + 4] == 0) & (row[j + 5] == 0) & (row[j + 6] == 0) & (row[j + 7] == 0)
        ):  # fmt: skip
            j += 8
        while j < stop and row[j] == 0:
            j += 1
        if j < stop:
            below = i - j
        j, stop = n - 1, i + above
        while j - 8 >= stop and (
            (row[j] == 0) & (row[j - 1] == 0) & (row[j - 2] == 0) & (row[j - 3] == 0)
            & (row[j - 4] == 0) & (row[j - 5] == 0) & (row[j - 6] == 0) & (row[j - 7] == 0)
        ):  # fmt: skip
            j -= 8
        while j > stop and row[j] == 0:
            j -= 1
        if j > stop:
            above = j - i
        if below > 0 and above > 0 and 4 * (below + above) > n:
            return -1, -1
    return below, above


@jit(
    [
        f"void({t}[:, ::1], {t}[:, ::1], int32[::1], boolean, boolean, int64, int64, {t}[::1])"
        for t in _DTYPES
    ]
)  # fmt: skip
def substitute(m, band, pivots, triangular, adjoint, below, above, x):  # type: ignore[no-untyped-def]
    """Overwrite `x` by the solution with `m`, with its transpose where `adjoint`. LAPACK sees ``m.T``."""
    n = m.shape[0]
    size, one = byref(np.int32(n)), byref(np.int32(1))
    trans = _N if adjoint else _T
    if triangular:
        uplo = _L if below == 0 else _U
        trsv(m, byref(uplo), byref(trans), byref(_N), size, m.ctypes, size, x.ctypes, one)
        return
    gbtrs(
        m, byref(trans), size, byref(np.int32(above)), byref(np.int32(below)), one, band.ctypes,
        byref(np.int32(band.shape[1])), pivots.ctypes, x.ctypes, size, byref(np.int32(0)),
    )  # fmt: skip


@jit(
    [f"float64({t}[:, ::1], {t}[:, ::1], int32[::1], boolean, boolean, int64, int64)" for t in _DTYPES]
)  # fmt: skip
def inverse_norm(m, band, pivots, triangular, turned, below, above):  # type: ignore[no-untyped-def]
    """Estimate of the 1-norm of ``inv(A)`` from below, by three solves (Hager, 1984)."""
    n = m.shape[0]
    x = np.empty(n, m.dtype)
    best, row, peak = 0.0, 0, 0.0
    for step in range(3):
        for i in range(n):
            if step == 0:
                x[i] = irregular(i) / n
            elif step == 2:
                x[i] = 1.0 if i == row else 0.0
            else:
                size = abs(x[i])
                x[i] = np.conj(x[i]) / size if size > 0.0 else 1.0
        # The climb needs the transpose, not the adjoint: conjugation changes no modulus.
        substitute(m, band, pivots, triangular, turned if step != 1 else not turned, below, above, x)
        if step == 1:
            for i in range(n):
                if not abs(x[i]) <= peak:
                    row, peak = i, np.float64(abs(x[i]))
            best = max(best, peak)
        else:
            found = 0.0
            for i in range(n):
                found += abs(x[i])
            if not found < np.inf:
                return np.inf
            best = max(best, found)
    return best


@jit([f"int64({t}[:, ::1], boolean, {t}[:, ::1], {t}[:, ::1])" for t in _DTYPES])
def solve_structured(m, turned, b, x):  # type: ignore[no-untyped-def]
    """Solve ``m @ x = b`` (``m.T @ x = b`` where `turned`); right-hand sides and solutions are rows.

    Gives OK, NO_STRUCTURE, or DECLINED (singular, or so ill-conditioned or scaled that others must look).
    """
    n, columns = m.shape[0], b.shape[0]
    eps = np.float64(np.finfo(m.dtype).eps)
    tiny = np.float64(np.finfo(m.dtype).tiny)
    smallest, largest = np.sqrt(np.sqrt(tiny)), np.sqrt(np.sqrt(1.0 / tiny))
    below, above = bandwidths(m)
    if below < 0:
        return NO_STRUCTURE
    triangular = (below == 0 or above == 0) and 4 * (below + above) > n
    # Norms of m; those of A are the other way round where it is turned.
    by_row, by_column = np.zeros(n), np.zeros(n)
    for i in range(n):
        for j in range(max(0, i - below), min(n, i + above + 1)):
            v = _size(m[i, j])
            by_row[i] += v
            by_column[j] += v
    norm1, norm_inf = (by_row.max(), by_column.max()) if turned else (by_column.max(), by_row.max())
    if not by_row.sum() <= largest or not norm1 >= smallest:
        return DECLINED
    width = 2 * above + below + 1
    band = np.zeros((1 if triangular else n, width), m.dtype)
    pivots = np.zeros(1 if triangular else n, np.int32)
    if triangular:
        for i in range(n):
            if m[i, i] == 0:
                return DECLINED
    else:
        for j in range(n):
            for i in range(max(0, j - below), min(n, j + above + 1)):
                band[j, above + below + i - j] = m[j, i]
        info = byref(np.int32(0))
        gbtrf(
            m, byref(np.int32(n)), byref(np.int32(n)), byref(np.int32(above)), byref(np.int32(below)), band.ctypes,
            byref(np.int32(width)), pivots.ctypes, info,
        )  # fmt: skip
        if deref(info) != 0:
            return DECLINED
    normwise = 0.0
    residual = np.empty(n, m.dtype)
    for q in range(columns):
        size_b = size_x = peak = 0.0
        for i in range(n):
            v = _size(b[q, i])
            size_b = max(size_b, v)
            if not v <= largest:
                return DECLINED
            x[q, i] = b[q, i]
            residual[i] = b[q, i]
        substitute(m, band, pivots, triangular, turned, below, above, x[q])
        for i in range(n):
            v = _size(x[q, i])
            size_x = max(size_x, v)
            if not v <= largest:
                return DECLINED
        if size_b == 0.0:
            continue
        if size_x < smallest:
            return DECLINED
        for i in range(n):
            start, stop = max(0, i - below), min(n, i + above + 1)
            if turned:
                value = x[q, i]
                for j in range(start, stop):
                    residual[j] -= m[i, j] * value
            else:
                total = residual[i]
                for j in range(start, stop):
                    total -= m[i, j] * x[q, j]
                residual[i] = total
        for i in range(n):
            peak = max(peak, _size(residual[i]))
        normwise = max(normwise, peak / (norm_inf * size_x + size_b))
    if not normwise <= 8 * eps * np.sqrt(n):
        return DECLINED
    # Close to the limit of SciPy's warning the estimate of the warning itself must decide.
    rcond = 1.0 / (norm1 * inverse_norm(m, band, pivots, triangular, turned, below, above))
    return OK if rcond >= 4 * _SAFETY * eps else DECLINED


def fast(a: Any, b: Any) -> Any:
    """Solution, or None where the caller must look closer."""
    m, turned = (a, False) if a.flags.carray else (a.T, True) if a.flags.farray else (np.array(a, order="C"), False)
    sides = b.reshape(1, -1) if b.ndim == 1 else b.T
    if not sides.flags.carray:
        sides = np.array(sides, order="C")
    x = np.empty_like(sides)
    if solve_structured(m, turned, sides, x) != OK:
        return None
    return x.reshape(-1) if b.ndim == 1 else x.T


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    # Set where nobody asks for more than the answer: the structured kernels behind the probe say more, and cost more.
    return (
        None if problem.parameters.get("half_empty") else Refusal("for a matrix whose first or last row is half zero")
    )


def work(problem: Problem, evidence: Evidence) -> float:
    return 2.0 * float(problem.size) ** 2 + 4.0 * float(problem.operands[1].size * problem.size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    x = fast(*problem.operands)
    return Attempt(x, status="declined" if x is None else "ok")


register(
    Kernel(
        name="fused_structured",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="LAPACK trsv, gbtrf, gbtrs; estimator of Hager (1984)",
    )
)
