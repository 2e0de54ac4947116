"""Least squares refined to working precision: residuals and ``A^H r`` in extended precision.

Corrected seminormal equations with Householder's R (Bjorck, 1987): x is kept in two words, r in two
words, and ``A^H r`` is accumulated in three-fold precision, so that the correction has the relative
accuracy u kappa whatever the size of the residual. The last correction bounds what is left.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.cholesky_solve import cholesky_solver
from fsci.kernels.doubled import doubled_residual
from fsci.kernels.linalg.host.lstsq_qr import applies as applies_qr
from fsci.kernels.linalg.host.lstsq_qr import rank_of
from fsci.kernels.linalg.host.lstsq_qr import work as work_qr
from fsci.kernels.workspace import lapack_function, workspace

__all__: list[str] = []

_STEPS = 12


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    m, n = problem.operands[0].shape
    if m < n:
        return Refusal("for as many rows as columns, or more")
    if not evidence.get("comfortable", False):
        return Refusal("for finite entries whose products neither overflow nor underflow")
    return applies_qr(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = problem.operands[0].shape
    columns = 1 if problem.operands[1].ndim == 1 else problem.operands[1].shape[1]
    # A product in three words costs some thirty operations an entry; three of them a step, some four steps.
    return work_qr(problem, evidence) + 400.0 * m * n * columns


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    m, n = a.shape
    char = a.dtype.char
    reflectors = lapack_function("geqrf", char)(a, lwork=workspace("geqrf", char, m, n))[0]
    r = np.triu(reflectors[:n])
    certain, s, facts = rank_of(r, problem)
    if not certain:
        return Attempt(None, status="declined", facts=facts)
    values = s if s is not None else np.linalg.svd(r, compute_uv=False)
    wide = np.result_type(a.dtype, np.float64)
    # b stands beside A, so that the residual of the residual is one product of the same kind.
    beside = np.empty((m, n + 1), dtype=a.dtype, order="C" if a.flags.c_contiguous else "F")
    beside[:, :n] = a
    columns = b.reshape(m, -1)
    x = np.empty((n, columns.shape[1]), dtype=a.dtype)
    residual = np.empty_like(columns)
    forward = 0.0
    for k in range(columns.shape[1]):
        beside[:, n] = columns[:, k]
        found = _refined(a, beside, r, values, columns[:, k].astype(wide), problem.unit_roundoff)
        if found is None:
            return Attempt(None, status="stalled", facts=facts)
        x[:, k], residual[:, k], bound = found
        forward = max(forward, bound)
    x, residual = x.reshape((n, *b.shape[1:])), residual.reshape(b.shape)
    resids: Any = np.empty(0, x.dtype)
    if m > n and s is not None:
        resids = np.einsum("i...,i...->...", residual.conj(), residual).real
    byproducts = {"residual": residual, "r_factor": r, "forward_error": forward}
    return Attempt((x, resids, n, s), byproducts=byproducts, facts=facts)


def _refined(
    a: np.ndarray, beside: np.ndarray, r: np.ndarray, s: np.ndarray, b: np.ndarray, u: float
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Solution and residual rounded to working precision, and the relative forward bound, infinity norm."""
    m, n = a.shape
    solve = cholesky_solver(r, lower=False)
    x = np.zeros(n + 1, dtype=b.dtype)
    low = np.zeros_like(x)
    x[n] = -1.0
    nothing = np.zeros(n, dtype=b.dtype)
    previous = contraction = math.inf
    size = math.inf
    for step in range(_STEPS):
        high = doubled_residual(beside, x, low, np.zeros(m, dtype=b.dtype))
        high_low = doubled_residual(beside, x, low, -high)
        gradient = -np.conj(doubled_residual(a.T, np.conj(high), np.conj(high_low), nothing))
        scale = float(np.abs(gradient).max(initial=0.0))
        if scale == 0.0:
            size, contraction = 0.0, 0.0
            break
        correction = solve((gradient / scale).astype(r.dtype)).astype(b.dtype) * scale
        x[:n], carry = _two_sum(x[:n], correction)
        low[:n] += carry
        largest = float(np.abs(x[:n]).max(initial=0.0))
        if not 0.0 < largest < math.inf:
            return None
        size = float(np.abs(correction).max()) / largest
        if step:
            contraction = size / previous
            if not contraction < 0.5:
                # Rounding of the corrections themselves ends the descent.
                if previous <= 0.01 * u:
                    break
                return None
        if step and size <= 0.01 * u:
            break
        previous = size
    if not size <= u or not contraction < 1.0:
        return None
    rounded = (x[:n] + low[:n]).astype(r.dtype)
    return rounded, high.astype(r.dtype), _bound(rounded, x[:n], low[:n], a, b, high, s, size, u)


def _bound(
    rounded: np.ndarray,
    x: np.ndarray,
    low: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    residual: np.ndarray,
    s: np.ndarray,
    size: float,
    u: float,
) -> float:
    """Rounding of the answer, the last correction, and the rounding of the doubled products."""
    m, n = a.shape
    largest = float(np.abs(rounded).max())
    smallest = float(s[-1]) - 16.0 * math.sqrt(m) * u * float(s[0])
    if not smallest > 0.0:
        return math.inf
    apart = float(np.abs((x - rounded) + low).max()) / largest
    doubled = 2.0**-104
    norm = float(s[0]) * math.sqrt(n)
    norm_x, norm_b, norm_r = (float(np.linalg.norm(v)) for v in (rounded, b, residual))
    rounding_r = doubled * math.sqrt(n) * (norm_b + norm * norm_x)
    rounding_g = (doubled * math.sqrt(m) * norm) * norm_r
    return 1.001 * apart + 2.0 * size + (rounding_r / smallest + rounding_g / smallest**2) / largest


register(
    Kernel(
        name="extra_precise",
        kind="least_squares",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Bjorck (1987); products after Ogita, Rump and Oishi (2005)",
        tags=frozenset({"repair"}),
    )
)
