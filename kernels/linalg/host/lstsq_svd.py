"""Least squares by the singular value decomposition: LAPACK's gelsd (divide and conquer) and gelss.

The one kernel that serves every shape and rank. Its plan is the driver with the workspace known, and a check
of the residual that costs two products with the matrix.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.products import ROUNDOFF, adjoint_times, square_sum, times
from fsci.kernels.workspace import gelsd_workspace, lapack_function, workspace

__all__: list[str] = []


def drive(a: np.ndarray, b: np.ndarray, cond: float, driver: str) -> tuple[Any, Any, int, Any] | None:
    """``x, resids, rank, s`` as SciPy returns them; None where the iteration of the SVD failed."""
    m, n = a.shape
    char = a.dtype.char
    columns = 1 if b.ndim == 1 else b.shape[1]
    if m < n:
        # LAPACK writes the longer solution over the right-hand side.
        wide = np.zeros((n, *b.shape[1:]), dtype=b.dtype)
        wide[:m] = b
        b = wide
    if driver == "gelss":
        _, x, s, rank, _, info = lapack_function("gelss", char)(
            a, b, cond, workspace("gelss", char, m, n, nrhs=columns)
        )
    else:
        x, s, rank, info = lapack_function("gelsd", char)(
            a, b, *gelsd_workspace(char, m, n, columns), cond, False, False
        )
    if info != 0:
        return None
    if m <= n:
        return x, np.empty(0, x.dtype), rank, s
    tail = x[n:]
    resids = np.sum(np.abs(tail) ** 2, axis=0) if rank == n else np.empty(0, x.dtype)
    return x[:n], resids, rank, s


def fast(a: np.ndarray, b: np.ndarray, cond: float, driver: str) -> Any:
    """The driver and a check of its residual, for one right-hand side; None where the caller must look closer."""
    if b.ndim != 1 or driver == "gelsy":
        return None
    size_a, size_b = square_sum(a), square_sum(b)
    if not (0.0 < size_a < math.inf and size_b < math.inf):
        return None
    value = drive(a, b, cond, driver)
    if value is None:
        return None
    x = value[0]
    residual = b - times(a, x)
    size_r = square_sum(residual)
    # Backward errors after Stewart (1977), and of a consistent system; squared, and with the Frobenius norm.
    tolerance = (BACKWARD_SLACK * ROUNDOFF[a.dtype.char]) ** 2 * max(a.shape)
    if size_r <= tolerance * (size_a * square_sum(x) + size_b):
        return value
    if square_sum(adjoint_times(a, residual)) <= tolerance * size_a * size_r:
        return value
    return None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not evidence.get("finite", True):
        return Refusal("for finite entries")
    if problem.parameters["driver"] == "gelsy":
        return Refusal("the caller asked for gelsy, whose rank is that of pivoted QR")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    # QR first, then bidiagonal form of R: half of its operations are matrix-vector products.
    return 4.0 * m * n * n + 12.0 * float(n) ** 3


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    if not evidence.get("finite", False) and not (np.isfinite(a).all() and np.isfinite(b).all()):
        return Attempt(None, status="declined")
    value = drive(a, b, problem.parameters["cond"], problem.parameters["driver"])
    if value is None:
        return Attempt(None, status="not_converged")
    s = value[3]
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    return Attempt(value, facts={"condition": Fact(condition)})


register(
    Kernel(
        name="svd",
        kind="least_squares",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        safest=True,
        source="LAPACK gelsd, gelss",
    )
)
