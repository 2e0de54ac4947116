"""Singular value decomposition by LAPACK: gesdd (divide and conquer) and gesvd (QR iteration)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.products import ROUNDOFF, probe_vector, square_sum, times
from fsci.kernels.workspace import svd_driver

__all__ = ["decomposed"]


def decomposed(driver: str, a: np.ndarray, compute_uv: bool, full_matrices: bool) -> tuple[Any, Any, Any] | None:
    """``U, s, Vh`` by `driver`; None where its iteration fails."""
    m, n = a.shape
    routine, lwork = svd_driver(driver, a.dtype.char, m, n, compute_uv, full_matrices)
    u, s, vh, info = routine(a, compute_uv, full_matrices, lwork)
    return (u, s, vh) if info == 0 else None


def fast(driver: str, a: np.ndarray, compute_uv: bool, full_matrices: bool) -> Any:
    """The decomposition, met with one vector, and with the Frobenius norm for its values; None to look closer."""
    size = square_sum(a)
    if not 0.0 < size < math.inf:
        return None
    value = decomposed(driver, a, compute_uv, full_matrices)
    if value is None:
        return None
    u, s, vh = value
    char = a.dtype.char
    tolerance = BACKWARD_SLACK * ROUNDOFF[char] * math.sqrt(max(a.shape))
    if not compute_uv:
        return s if abs(square_sum(s) - size) <= 2.0 * tolerance * size else None
    k = s.shape[0]
    vector = probe_vector(a.shape[1], char)
    scaled = times(vh if vh.shape[0] == k else vh[:k], vector) * s
    image = times(u if u.shape[1] == k else u[:, :k], scaled)
    length = np.vdot(image, image).real
    # The image meets A and the product; its length meets U.
    image -= times(a, vector)
    if np.vdot(image, image).real <= tolerance * tolerance * size:
        return value if abs(length - np.vdot(scaled, scaled).real) <= 4.0 * tolerance * size else None
    return None


def fast_values(a: np.ndarray) -> Any:
    return fast("gesdd", a, False, False)


def _applies(driver: str, problem: Problem, evidence: Evidence) -> Refusal | None:
    if not evidence.get("finite", True):
        return Refusal("for finite entries")
    asked = problem.structure
    return None if asked in (None, driver) else Refusal(f"the caller asked for {asked}")


def _work(factor: float, problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    longest = float(m if problem.parameters.get("full_matrices") else n)
    # Bidiagonal form: half of its operations are matrix-vector products; gesvd rotates all vectors at each step.
    return factor * (6.0 * m * n * n + 12.0 * float(n) ** 3 + 2.0 * m * n * longest)


def _work_values(factor: float, problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    return factor * (2.0 * m * n * n + 8.0 * float(n) ** 3)


def _run(driver: str, problem: Problem, evidence: Evidence) -> Attempt:
    (a,) = problem.operands
    if not evidence.get("finite", False) and not np.isfinite(a).all():
        return Attempt(None, status="declined")
    vectors = problem.kind == "svd"
    value = decomposed(driver, a, vectors, bool(problem.parameters.get("full_matrices")))
    if value is None:
        return Attempt(None, status="not_converged")
    s = value[1]
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    return Attempt(value if vectors else s, facts={"condition": Fact(condition)})


for _driver, _factor in (("gesdd", 1.0), ("gesvd", 4.0)):
    register(
        Kernel(
            name=_driver,
            kind="svd",
            shelf="host",
            applies=partial(_applies, _driver),
            work=partial(_work, _factor),
            run=partial(_run, _driver),
            fast=partial(fast, _driver),
            safest=_driver == "gesdd",
            source=f"LAPACK {_driver}",
        )
    )
    register(
        Kernel(
            name=_driver,
            kind="singular_values",
            shelf="host",
            applies=partial(_applies, _driver),
            work=partial(_work_values, 1.0 if _driver == "gesdd" else 1.2),
            run=partial(_run, _driver),
            fast=fast_values if _driver == "gesdd" else None,
            safest=_driver == "gesdd",
            source=f"LAPACK {_driver}, values only",
        )
    )
