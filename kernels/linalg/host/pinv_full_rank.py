"""Pseudoinverse of a matrix that its condition shows to be of full rank: LU, Householder QR, Cholesky-QR.

Square: the inverse. Tall: ``R^-1 Q^H``. Wide: the adjoint of the tall case.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.products import column_norms
from fsci.kernels.tall import cholesky_qr, condition_of
from fsci.kernels.workspace import blas_function, lapack_function, workspace

__all__: list[str] = []


def surely_full(problem: Problem, condition: float, norm_fro: float) -> bool:
    """Whether the smallest singular value is beyond doubt above the cutoff, given a 1-norm condition estimate.

    The estimate is taken 3 times (Higham, 2002, section 15.3); ``kappa_2 <= sqrt(n)`` times it in practice.
    """
    n = min(problem.operands[0].shape)
    cutoff = problem.parameters["rtol"] + problem.parameters["atol"] * math.sqrt(n) / max(norm_fro, 1e-300)
    return condition * 3.0 * math.sqrt(n) * cutoff < 0.5


def _declined(condition: float) -> Attempt:
    return Attempt(None, status="declined", facts={"condition": Fact(condition, exact=False)})


def _refused(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not evidence.get("finite", False):
        return Refusal("for entries known to be finite")
    # What an earlier attempt estimated is within this factor of the truth, or the rank is in doubt.
    if not surely_full(problem, evidence.get("condition", 1.0), evidence.get("norm_fro")):
        return Refusal("full rank is in doubt at this cutoff")
    return None


def _answered(x: Any, condition: float, full: int) -> Attempt:
    return Attempt((x, full), byproducts={"full_rank": True}, facts={"condition": Fact(condition, exact=False)})


def applies_lu(problem: Problem, evidence: Evidence) -> Refusal | None:
    m, n = problem.operands[0].shape
    return _refused(problem, evidence) if m == n else Refusal("for square matrices")


def work_lu(problem: Problem, evidence: Evidence) -> float:
    return 2.0 * float(problem.size) ** 3


def run_lu(problem: Problem, evidence: Evidence) -> Attempt:
    (a,) = problem.operands
    char = a.dtype.char
    by_rows = a.flags.c_contiguous and not a.flags.f_contiguous
    # The inverse of the transpose is the transpose of the inverse: no copy to turn the matrix.
    factor, pivots, info = lapack_function("getrf", char)(a.T if by_rows else a)
    if info:
        return _declined(math.inf)
    norm = float(np.abs(a).sum(axis=1 if by_rows else 0).max())
    rcond = float(lapack_function("gecon", char)(factor, norm)[0])
    condition = 1.0 / rcond if rcond > 0 else math.inf
    if not surely_full(problem, condition, evidence.get("norm_fro")):
        return _declined(condition)
    n = a.shape[0]
    x, info = lapack_function("getri", char)(factor, pivots, lwork=64 * n, overwrite_lu=1)
    return _answered(x.T if by_rows else x, condition, n) if info == 0 else _declined(condition)


register(
    Kernel(
        name="lu",
        kind="pseudoinverse",
        shelf="host",
        applies=applies_lu,
        work=work_lu,
        run=run_lu,
        source="LAPACK getrf, gecon, getri",
    )
)


def work_qr(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    return 7.0 * m * n * n


def run_qr(problem: Problem, evidence: Evidence) -> Attempt:
    (a,) = problem.operands
    wide = a.shape[0] < a.shape[1]
    matrix = a.conj().T if wide else a
    m, n = matrix.shape
    char = a.dtype.char
    reflectors, tau, _, _ = lapack_function("geqrf", char)(matrix, lwork=workspace("geqrf", char, m, n))
    r = np.triu(reflectors[:n])
    condition = condition_of(r)
    if not surely_full(problem, condition, evidence.get("norm_fro")):
        return _declined(condition)
    lwork = workspace("orgqr", char, m, n, columns=n)
    q = lapack_function("orgqr", char)(reflectors, tau, lwork=lwork, overwrite_a=1)[0]
    return _answered(_from_factors(q, r, wide), condition, n)


def _from_factors(q: np.ndarray, r: np.ndarray, wide: bool) -> Any:
    """``R^-1 Q^H``, or its adjoint, in one triangular solve that overwrites Q."""
    trsm = blas_function("trsm", q.dtype.char)
    if q.flags.f_contiguous:
        adjoint = trsm(1.0, r, q, side=1, trans_a=2, overwrite_b=1)  # Q R^-H
    else:
        # The memory of a C-ordered Q is Q^T; conj(Q R^-H)^T = R^-1 Q^H.
        memory = q.T if q.dtype.char in "fd" else np.conj(q.T)
        adjoint = trsm(1.0, r, memory, overwrite_b=1).conj().T
    return adjoint if wide else adjoint.conj().T


register(
    Kernel(
        name="qr",
        kind="pseudoinverse",
        shelf="host",
        applies=_refused,
        work=work_qr,
        run=run_qr,
        source="LAPACK geqrf, orgqr",
    )
)


def applies_cholesky_qr(problem: Problem, evidence: Evidence) -> Refusal | None:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    if not evidence.get("comfortable", False):
        return Refusal("for finite entries whose squares neither overflow nor underflow")
    if m < 2 * n:
        return Refusal("for matrices at least twice as long as wide, either way")
    if evidence.get("condition", 1.0) * math.sqrt(8.0 * m * problem.unit_roundoff) >= 1.0:
        return Refusal("the condition number is too large for the Gram matrix")
    return _refused(problem, evidence)


def work_cholesky_qr(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    return 3.0 * m * n * n


def run_cholesky_qr(problem: Problem, evidence: Evidence) -> Attempt:
    (a,) = problem.operands
    wide = a.shape[0] < a.shape[1]
    matrix = a.conj().T if wide else a
    factors = cholesky_qr(matrix, problem.unit_roundoff * math.sqrt(problem.size))
    if factors is None:
        return Attempt(None, status="declined")
    condition = condition_of(factors.r)
    if not surely_full(problem, condition, float(np.linalg.norm(column_norms(factors.r)))):
        return _declined(condition)
    return _answered(_from_factors(factors.q, factors.r, wide), condition, matrix.shape[1])


register(
    Kernel(
        name="cholesky_qr",
        kind="pseudoinverse",
        shelf="host",
        applies=applies_cholesky_qr,
        work=work_cholesky_qr,
        run=run_cholesky_qr,
        source="Yamamoto, Nakatsukasa, Yanagisawa and Fukaya (2015)",
    )
)
