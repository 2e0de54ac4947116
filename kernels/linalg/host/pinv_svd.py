"""Pseudoinverse by the singular value decomposition: every shape and rank."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.products import ROUNDOFF, adjoint_times, probe_vector, square_sum, times
from fsci.kernels.workspace import blas_function, svd_driver

__all__: list[str] = []


def inverted(a: np.ndarray, atol: float, rtol: float) -> tuple[Any, int, Any] | None:
    """Pseudoinverse, rank and singular values; None where the iteration fails."""
    m, n = a.shape
    char = a.dtype.char
    gesdd, lwork = svd_driver("gesdd", char, m, n, True, False)
    u, s, vh, info = gesdd(a, True, False, lwork)
    if info != 0:
        return None
    rank = int(np.count_nonzero(s > atol + rtol * s[0]))
    if rank == 0:
        return np.zeros((n, m), dtype=a.dtype), 0, s
    u = u[:, :rank]
    u /= s[:rank]
    return blas_function("gemm", char)(1.0, vh[:rank], u, trans_a=2, trans_b=2), rank, s


def fast(a: np.ndarray) -> Any:
    """At the default cutoff, with both Penrose residuals looked at by one vector each; None to look closer."""
    size_a = square_sum(a)
    if not 0.0 < size_a < math.inf:
        return None
    found = inverted(a, 0.0, max(a.shape) * 2.0 * ROUNDOFF[a.dtype.char])
    if found is None:
        return None
    x, rank, _ = found
    size_x = square_sum(x)
    image = times(a, probe_vector(a.shape[1], a.dtype.char))
    left = times(a, times(x, image)) - image
    image = adjoint_times(x, probe_vector(a.shape[1], a.dtype.char))
    right = adjoint_times(x, adjoint_times(a, image)) - image
    tolerance = (BACKWARD_SLACK * ROUNDOFF[a.dtype.char]) ** 2 * max(a.shape)
    if (
        square_sum(left) <= tolerance * size_a * size_a * size_x
        and square_sum(right) <= tolerance * size_x * size_x * size_a
    ):
        return x, rank
    return None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if evidence.get("finite", True) else Refusal("for finite entries")


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    return 8.0 * m * n * n + 30.0 * float(n) ** 3


def run(problem: Problem, evidence: Evidence) -> Attempt:
    (a,) = problem.operands
    if not evidence.get("finite", False) and not np.isfinite(a).all():
        return Attempt(None, status="declined")
    found = inverted(a, problem.parameters["atol"], problem.parameters["rtol"])
    if found is None:
        return Attempt(None, status="not_converged")
    x, rank, s = found
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    return Attempt((x, rank), byproducts={"s": s}, facts={"condition": Fact(condition)})


register(
    Kernel(
        name="svd",
        kind="pseudoinverse",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        safest=True,
        source="Golub and Kahan (1965); LAPACK gesdd",
    )
)
