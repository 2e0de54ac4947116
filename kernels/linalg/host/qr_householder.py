"""QR by Householder reflections: LAPACK's geqrf and geqp3, with the workspace known and no copies to ask for it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.products import ROUNDOFF, adjoint_times, probe_vector, square_sum, times
from fsci.kernels.workspace import lapack_function, workspace

__all__ = ["factored", "reflected", "upper_triangle"]


@lru_cache(maxsize=256)
def _mask(m: int, n: int) -> np.ndarray:
    return np.tri(m, n, -1, dtype=bool)


def upper_triangle(a: np.ndarray) -> Any:
    """`numpy.triu`, whose mask costs more than a small factorization."""
    return np.where(_mask(*a.shape), a.dtype.type(0), a) if a.size <= 4096 else np.triu(a)


def factored(a: np.ndarray, mode: str, pivoting: bool) -> tuple[Any, ...]:
    """SciPy's tuple: ``(Q, R)``, ``(R,)`` or ``((QR, tau), R)``, and the column order if pivoted."""
    m, n = a.shape
    char = a.dtype.char
    pivots: tuple[Any, ...] = ()
    if pivoting:
        reflectors, order, tau, _, _ = lapack_function("geqp3", char)(a, lwork=workspace("geqp3", char, m, n))
        order -= 1
        pivots = (order,)
    else:
        reflectors, tau, _, _ = lapack_function("geqrf", char)(a, lwork=workspace("geqrf", char, m, n))
    short = mode in ("economic", "raw") and m >= n
    r = upper_triangle(reflectors[:n] if short else reflectors)
    if mode == "r":
        return (r, *pivots)
    if mode == "raw":
        return ((reflectors, tau), r, *pivots)
    orgqr = lapack_function("orgqr", char)
    if m < n:
        basis = reflectors[:, :m]
    elif mode == "economic":
        basis = reflectors
    else:
        basis = np.empty((m, m), dtype=a.dtype, order="F")
        basis[:, :n] = reflectors
    lwork = workspace("orgqr", char, m, min(m, n), columns=basis.shape[1])
    return (orgqr(basis, tau, lwork=lwork, overwrite_a=1)[0], r, *pivots)


def reflected(reflectors: np.ndarray, tau: np.ndarray, vector: np.ndarray) -> Any:
    """``Q @ vector`` from the reflectors."""
    tall = np.zeros((reflectors.shape[0], 1), dtype=vector.dtype)
    tall[: vector.shape[0], 0] = vector
    k = tau.shape[0]
    return lapack_function("ormqr", vector.dtype.char)("L", "N", reflectors[:, :k], tau, tall, 4160 + 64)[0][:, 0]


def _fast(a: np.ndarray, mode: str, pivoting: bool) -> Any:
    """The factors, after one vector met ``A = Q R`` and ``Q^H A = R``; None to look closer."""
    size = square_sum(a)
    if not 0.0 < size < math.inf:
        return None
    value = factored(a, mode, pivoting)
    vector = probe_vector(a.shape[1], a.dtype.char)
    if pivoting:
        shuffled = np.empty_like(vector)
        shuffled[value[-1]] = vector
        image = times(a, shuffled)
    else:
        image = times(a, vector)
    tolerance = (BACKWARD_SLACK * ROUNDOFF[a.dtype.char]) ** 2 * max(a.shape) * size
    if mode == "r":
        # Only R is there: it must keep the length of the image.
        lost = math.sqrt(square_sum(times(value[0], vector))) - math.sqrt(square_sum(image))
        return value if lost * lost <= tolerance else None
    short = times(value[1], vector)
    if mode == "raw":
        departure = square_sum(reflected(*value[0], short) - image)  # type: ignore[call-arg]
    else:
        departure = square_sum(times(value[0], short) - image) + square_sum(adjoint_times(value[0], image) - short)
    return value if departure <= tolerance else None


def fast_householder(a: np.ndarray, mode: str, pivoting: bool) -> Any:
    return _fast(a, mode, False)


def fast_pivoted(a: np.ndarray, mode: str, pivoting: bool) -> Any:
    return _fast(a, mode, True)


def _finite(evidence: Evidence) -> Refusal | None:
    return None if evidence.get("finite", True) else Refusal("for finite entries")


def applies_householder(problem: Problem, evidence: Evidence) -> Refusal | None:
    return Refusal("the caller asked for column pivoting") if problem.parameters["pivoting"] else _finite(evidence)


def applies_pivoted(problem: Problem, evidence: Evidence) -> Refusal | None:
    return _finite(evidence) if problem.parameters["pivoting"] else Refusal("the caller asked for no column pivoting")


def work_householder(problem: Problem, evidence: Evidence) -> float:
    m, n = problem.operands[0].shape
    k = min(m, n)
    basis = {"r": 0.0, "raw": 0.0, "economic": 2.0 * m * k * k}.get(problem.parameters["mode"], 4.0 * m * m * k)
    return 2.0 * m * n * k + basis


def work_pivoted(problem: Problem, evidence: Evidence) -> float:
    # Half of the operations are matrix-vector products, bound by memory.
    m, n = problem.operands[0].shape
    return work_householder(problem, evidence) + 4.0 * m * n * min(m, n)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    (a,) = problem.operands
    if not evidence.get("finite", False) and not np.isfinite(a).all():
        return Attempt(None, status="declined")
    return Attempt(factored(a, problem.parameters["mode"], problem.parameters["pivoting"]))


for _name, _applies, _work, _plan, _source in (
    ("householder", applies_householder, work_householder, fast_householder, "LAPACK geqrf, orgqr"),
    ("pivoted", applies_pivoted, work_pivoted, fast_pivoted, "Businger and Golub (1965); LAPACK geqp3, orgqr"),
):
    register(
        Kernel(
            name=_name,
            kind="qr_factorization",
            shelf="host",
            applies=_applies,
            work=_work,
            run=run,
            fast=_plan,
            safest=True,
            source=_source,
        )
    )
