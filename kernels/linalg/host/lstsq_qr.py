"""Least squares of full rank by an orthogonal factorization: Householder's QR, or Cholesky-QR repeated.

Tall: ``R x = Q^H b``. Wide: the minimum-norm solution ``x = Q R^-H b`` with ``A^H = Q R``. The singular values are
those of R; where one of them is below the cutoff, the problem is left to a kernel that reveals rank.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.products import adjoint_times, times
from fsci.kernels.tall import cholesky_qr, condition_of
from fsci.kernels.workspace import lapack_function, workspace

__all__ = ["rank_of", "singular_values"]


def singular_values(r: np.ndarray) -> np.ndarray | None:
    """Singular values of a square factor; None if the iteration fails."""
    n = r.shape[0]
    char = r.dtype.char
    lwork = workspace("gesdd", char, n, n, compute_uv=False, full_matrices=False)
    _, s, _, info = lapack_function("gesdd", char)(r, compute_uv=0, full_matrices=0, lwork=lwork)
    return s if info == 0 else None


def rank_of(r: np.ndarray, problem: Problem) -> tuple[bool, Any, dict[str, Fact]]:
    """Whether the rank is full beyond doubt, singular values (None for gelsy), and the facts found."""
    u = problem.unit_roundoff
    margin = problem.parameters["cond"] + 4.0 * math.sqrt(problem.size) * u
    if problem.parameters["driver"] == "gelsy":
        condition = condition_of(r)
        # gelsy's own estimate is in another norm: a decision this close is left to it.
        return condition * math.sqrt(r.shape[0]) * margin < 0.1, None, {"condition": Fact(condition, exact=False)}
    s = singular_values(r)
    if s is None:
        return False, None, {}
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    return bool(s[-1] > margin * s[0]), s, {"condition": Fact(condition)}


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not evidence.get("finite", False):
        return Refusal("for entries known to be finite")
    if evidence.get("condition", 1.0) * problem.parameters["cond"] >= 1.0:
        return Refusal("the matrix is rank deficient at this cutoff")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    values = 0.0 if problem.parameters["driver"] == "gelsy" else 10.0 * float(n) ** 3
    return 3.0 * m * n * n + values


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    char = a.dtype.char
    wide = a.shape[0] < a.shape[1]
    matrix = a.conj().T if wide else a
    m, n = matrix.shape
    reflectors, tau, _, _ = lapack_function("geqrf", char)(matrix, lwork=workspace("geqrf", char, m, n))
    r = np.triu(reflectors[:n])
    certain, s, facts = rank_of(r, problem)
    if not certain:
        return Attempt(None, status="declined", facts=facts)
    rhs = np.asfortranarray(b.reshape(b.shape[0], -1))
    ormqr, trtrs = lapack_function("ormqr", char), lapack_function("trtrs", char)
    # ormqr's workspace: columns times LAPACK's largest block.
    lwork = 64 * rhs.shape[1] + 4160
    if wide:
        y, _ = trtrs(r, rhs, trans=2)
        padded = np.zeros((m, rhs.shape[1]), dtype=a.dtype, order="F")
        padded[:n] = y
        x = ormqr("L", "N", reflectors, tau, padded, lwork, overwrite_c=1)[0]
    else:
        rotated = ormqr("L", "T" if char in "fd" else "C", reflectors, tau, rhs, lwork)[0]
        x, _ = trtrs(r, rotated[:n])
    x = x.reshape((x.shape[0], *b.shape[1:]))
    return answered(problem, x, s, r, facts, {"in_row_space": True} if wide else {})


def answered(
    problem: Problem, x: np.ndarray, s: Any, r: np.ndarray, facts: dict[str, Fact], more: dict[str, Any]
) -> Attempt:
    """SciPy's tuple for a problem of full rank, and what the check needs."""
    a, b = problem.operands
    m, n = a.shape
    residual = b - times(a, x)
    resids = np.empty(0, x.dtype)
    if m > n and s is not None:
        resids = np.einsum("i...,i...->...", residual.conj(), residual).real
    byproducts = {"residual": residual, "r_factor": r, **more}
    return Attempt((x, resids, min(m, n), s), byproducts=byproducts, facts=facts)


register(
    Kernel(
        name="qr",
        kind="least_squares",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Golub (1965); LAPACK geqrf, ormqr, trtrs",
    )
)


def applies_cholesky(problem: Problem, evidence: Evidence) -> Refusal | None:
    m, n = problem.operands[0].shape
    if not evidence.get("comfortable", False):
        return Refusal("for finite entries whose squares neither overflow nor underflow")
    if m < 2 * n:
        return Refusal("for tall matrices, at least twice as many rows as columns")
    if evidence.get("condition", 1.0) * math.sqrt(8.0 * m * problem.unit_roundoff) >= 1.0:
        return Refusal("the condition number is too large for the Gram matrix")
    return applies(problem, evidence)


def work_cholesky(problem: Problem, evidence: Evidence) -> float:
    m, n = problem.operands[0].shape
    passes = 2.0 if "gram_factor" in evidence else 3.0
    return 0.6 * passes * m * n * n + work(problem, evidence) - 3.0 * m * n * n


def run_cholesky(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    factors = cholesky_qr(a, problem.unit_roundoff * math.sqrt(problem.size), evidence.get("gram_factor"))
    if factors is None:
        return Attempt(None, status="declined")
    certain, s, facts = rank_of(factors.r, problem)
    if not certain:
        return Attempt(None, status="declined", facts=facts)
    trtrs = lapack_function("trtrs", a.dtype.char)
    x = trtrs(factors.r, adjoint_times(factors.q, b))[0]
    # Q^H b with a Q that is orthonormal to rounding; one correction removes what its departure left.
    correction = trtrs(factors.r, adjoint_times(factors.q, b - times(a, x)))[0]
    return answered(problem, x + correction, s, factors.r, facts, {})


register(
    Kernel(
        name="cholesky_qr",
        kind="least_squares",
        shelf="host",
        applies=applies_cholesky,
        work=work_cholesky,
        run=run_cholesky,
        source="Yamamoto, Nakatsukasa, Yanagisawa and Fukaya (2015)",
    )
)
