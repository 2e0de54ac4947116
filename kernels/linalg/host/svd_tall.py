"""Singular value decomposition of long matrices by way of their small factor.

Tall: ``A = Q R`` by Cholesky-QR, ``R = U s Vh``, ``U <- Q U``; wide: the adjoint, with L of ``A = L Q^H``. R carries
the signs of LAPACK's own QR, so that the vectors agree with gesdd's, which goes the same way by slower panels.
Values alone need R alone, or, where the condition is low, the eigenvalues of the Gram matrix.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.cholesky_qr import refusal
from fsci.kernels.linalg.host.svd_drivers import decomposed
from fsci.kernels.products import times
from fsci.kernels.tall import cholesky_qr, gram, householder_signs, scaled_rows
from fsci.kernels.workspace import lapack_function

__all__: list[str] = []


def _upright(problem: Problem) -> tuple[np.ndarray, bool]:
    """The matrix, or its adjoint if that is the tall one."""
    (a,) = problem.operands
    wide = a.shape[0] < a.shape[1]
    return (a.conj().T if wide else a), wide


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure not in (None, "gesdd"):
        return Refusal(f"the caller asked for {problem.structure}")
    if problem.parameters.get("full_matrices"):
        return Refusal("for full_matrices=False")
    return refusal(replace(problem, operands=(_upright(problem)[0],)), evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    return 4.0 * m * n * n + 20.0 * float(n) ** 3


def _declined(condition: float) -> Attempt:
    return Attempt(None, status="declined", facts={"condition": Fact(condition, exact=False)})


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, wide = _upright(problem)
    n = a.shape[1]
    factors = cholesky_qr(a, problem.unit_roundoff * math.sqrt(problem.size))
    if factors is None:
        return _declined(math.inf)
    signs = householder_signs(factors.q[:n])
    r = scaled_rows(signs, factors.r)
    q = factors.q
    q *= signs.astype(q.real.dtype)
    small = decomposed("gesdd", r.conj().T if wide else r, True, False)
    if small is None:
        return Attempt(None, status="not_converged")
    u, s, vh = small
    value = (u, s, times(q, vh.conj().T).conj().T) if wide else (times(q, u), s, vh)
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    return Attempt(value, facts={"condition": Fact(condition)})


register(
    Kernel(
        name="tall_qr",
        kind="svd",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Chan (1982); Yamamoto et al. (2015); signs after Ballard et al. (2014)",
    )
)


def work_values(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    return 1.8 * m * n * n + 8.0 * float(n) ** 3


def run_values(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = _upright(problem)
    factors = cholesky_qr(a, problem.unit_roundoff * math.sqrt(problem.size))
    if factors is None:
        return _declined(math.inf)
    small = decomposed("gesdd", factors.r, False, False)
    if small is None:
        return Attempt(None, status="not_converged")
    s = small[1]
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    return Attempt(s, facts={"condition": Fact(condition)})


register(
    Kernel(
        name="tall_qr",
        kind="singular_values",
        shelf="host",
        applies=applies,
        work=work_values,
        run=run_values,
        source="Chan (1982); Yamamoto et al. (2015)",
    )
)


def applies_gram(problem: Problem, evidence: Evidence) -> Refusal | None:
    if evidence.get("condition", 1.0) > BACKWARD_SLACK * math.sqrt(problem.size):
        return Refusal("the condition number is too large for the Gram matrix")
    return applies(problem, evidence)


def work_gram(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    return 1.0 * m * n * n + 4.0 * float(n) ** 3


def run_gram(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = _upright(problem)
    char = a.dtype.char
    w, _, info = lapack_function("heevd" if char in "FD" else "syevd", char)(gram(a), compute_v=0, lower=0)
    if info or not w[0] > 0:
        return _declined(math.inf)
    s = np.sqrt(w[::-1])
    condition = float(s[0] / s[-1])
    # An eigenvalue is off by u s_1^2, so a singular value by u kappa s_1.
    spoiled = problem.unit_roundoff * condition
    if not condition <= BACKWARD_SLACK * math.sqrt(problem.size):
        return _declined(condition)
    return Attempt(s, byproducts={"error": spoiled}, facts={"condition": Fact(condition, exact=False)})


register(
    Kernel(
        name="gram",
        kind="singular_values",
        shelf="host",
        applies=applies_gram,
        work=work_gram,
        run=run_gram,
        source="eigenvalues of A^H A; LAPACK syevd",
    )
)
