"""Tall least squares by corrected seminormal equations, R from the Cholesky factor of the Gram matrix.

One pass of syrk over the matrix, in its own memory order; then ``R^H R dx = A^H (b - A x)`` until the correction
is rounding (Bjorck, 1987). The correction's contraction tells whether the condition was low enough.
Singular values are the square roots of the Gram matrix's eigenvalues, which are off by u kappa
relative to the largest: the route is taken only while that is within what a backward stable method leaves.
"""

from __future__ import annotations

import math

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.cholesky_solve import cholesky_solver
from fsci.kernels.products import adjoint_times, column_norms, times
from fsci.kernels.tall import condition_of, gram, gram_factor
from fsci.kernels.workspace import lapack_function

__all__: list[str] = []

_STEPS = 4  # a contraction of 0.1 a step reaches double precision from half of it


def reachable(problem: Problem) -> float:
    """Largest condition number at which singular values from the Gram matrix are still backward stable."""
    m, n = problem.operands[0].shape
    return float(min(BACKWARD_SLACK * math.sqrt(m), 0.1 / math.sqrt(n * problem.unit_roundoff)))


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    m, n = problem.operands[0].shape
    if not evidence.get("comfortable", False):
        return Refusal("for finite entries whose squares neither overflow nor underflow")
    if m < 2 * n:
        return Refusal("for tall matrices, at least twice as many rows as columns")
    if evidence.get("condition", 1.0) > reachable(problem):
        return Refusal("the condition number is too large for the Gram matrix")
    if problem.parameters["cond"] * reachable(problem) >= 0.1:
        return Refusal("the cutoff of the rank is too coarse to be decided by the Gram matrix")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = problem.operands[0].shape
    return 1.0 * m * n * n + 8.0 * m * n + 4.0 * float(n) ** 3


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    char = a.dtype.char
    product = gram(a)
    r = gram_factor(product)
    if r is None:
        return Attempt(None, status="not_definite", facts={"condition": Fact(math.inf, exact=False)})
    limit = reachable(problem)
    s = None
    condition = condition_of(r)
    if problem.parameters["driver"] != "gelsy":
        if condition > limit * r.shape[0]:  # kappa_1 <= n kappa_2
            return Attempt(None, status="declined", facts=_found(condition, r))
        w, _, info = lapack_function("heevd" if char in "FD" else "syevd", char)(product, compute_v=0, lower=0)
        if info or not w[0] > 0:
            return Attempt(None, status="declined", facts=_found(condition, r))
        s = np.sqrt(w[::-1])
        condition = float(s[0] / s[-1])
    if not condition <= limit:
        return Attempt(None, status="declined", facts=_found(condition, r))
    solve = cholesky_solver(r, lower=False)
    x = solve(adjoint_times(a, b))
    previous = math.inf
    rounding = 4.0 * problem.unit_roundoff
    scale, tiny = float(np.abs(np.diagonal(r)).max()), np.finfo(x.dtype).tiny
    for _ in range(_STEPS):
        residual = b - times(a, x)
        gradient = adjoint_times(a, residual)
        correction = solve(gradient)
        size = float(np.max(column_norms(correction) / np.maximum(column_norms(x), tiny), initial=0.0))
        # Where rounding is all that is left, a correction no longer shrinks. That of the gradient is
        # sqrt(m) u |A| |r|, and the correction's condition^2 |r| / (|A| |x|) times it (Bjorck, 1987).
        share = float(np.max(column_norms(residual) / np.maximum(scale * column_norms(x), tiny), initial=0.0))
        floor = rounding * condition**2 * (1.0 + math.sqrt(a.shape[0]) * share)
        if size <= rounding or (size > 0.1 * previous and size <= floor):
            break
        if not size <= 0.5 * previous:
            return Attempt(None, status="stalled", facts=_found(condition, r))
        x = x + correction
        previous = size
    else:
        return Attempt(None, status="stalled", facts=_found(condition, r))
    squares = np.einsum("i...,i...->...", residual.conj(), residual).real
    resids = squares if s is not None else np.empty(0, x.dtype)
    byproducts = {"residual": residual, "gradient": gradient, "correction": correction, "r_factor": r, "gram": True}
    return Attempt((x, resids, r.shape[0], s), byproducts=byproducts, facts={"condition": Fact(condition, exact=False)})


def _found(condition: float, r: np.ndarray) -> dict[str, Fact]:
    """What a refused attempt leaves for the next: the condition, and the factor for Cholesky-QR to go on from."""
    return {"condition": Fact(condition, exact=False), "gram_factor": Fact(r, exact=False)}


register(
    Kernel(
        name="seminormal",
        kind="least_squares",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Bjorck (1987), corrected seminormal equations; LAPACK potrf, syevd",
    )
)
