"""Inverse, determinant, Cholesky factor, Hermitian eigenproblem and exponential on a device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.types import Attempt, Problem, relative_to_truth
from fsci.kernels.linalg.portable.linear_systems import meant
from fsci.kernels.linalg.portable.namespace import Namespace, adjoint, norm_inf
from fsci.kernels.linalg.portable.topic import Bound, Route, Topic, spread

__all__ = ["CHOLESKY", "DETERMINANT", "EIGEN", "EXPONENTIAL", "INVERSE"]


def _eye(space: Namespace, a: Any) -> Any:
    return space.xp.eye(a.shape[-1], dtype=a.dtype)


def _triangle(space: Namespace, a: Any, lower: bool) -> Any:
    """The Hermitian matrix that one triangle of `a` names: LAPACK reads no more."""
    xp = space.xp
    half = xp.tril(a, -1) if lower else xp.triu(a, 1)
    diagonal = xp.diagonal(a, axis1=-2, axis2=-1).real.astype(a.dtype)
    return half + adjoint(half) + diagonal[..., None] * _eye(space, a)


# --- inverse


def _inverted(space: Namespace, problem: Problem, x: Any) -> Attempt:
    a = meant(space, problem)
    if space.traced(a):
        return Attempt(x)
    if not space.truth(space.xp.isfinite(x).all()):
        return Attempt(None, status="singular", final=True)
    rcond = float(space.xp.min(1.0 / (norm_inf(space.xp, a) * norm_inf(space.xp, x))))
    return Attempt(x, byproducts={"rcond": rcond})


def _inverse_lu(space: Namespace, problem: Problem) -> Attempt:
    return _inverted(space, problem, space.xp.linalg.inv(meant(space, problem)))


def _inverse_qr(space: Namespace, problem: Problem) -> Attempt:
    q, r = space.xp.linalg.qr(meant(space, problem))
    return _inverted(space, problem, space.solve_triangular(r, adjoint(q), lower=False))


def _judge_inverse(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    xp, a, x, n = space.xp, meant(space, problem), attempt.value, problem.size
    residual = norm_inf(xp, _eye(space, a) - a @ x)
    norms = norm_inf(xp, a) * norm_inf(xp, x)
    # X = A^-1 (I - R): with the rounding of R itself, rho < 1 bounds the error (Higham, 2002, section 14.1).
    rho = spread(space, residual + (n + 2) * problem.unit_roundoff * norm_inf(xp, xp.abs(a) @ xp.abs(x)))
    forward = rho * (1.0 + rho) / (1.0 - rho) if rho < 1.0 else math.inf
    return Bound(spread(space, residual / norms), forward, spread(space, norms))


def _one_matrix(space: Namespace, problem: Problem) -> str | None:
    return "for one matrix, not a batch" if problem.operands[0].ndim > 2 else None


INVERSE = Topic(
    "inverse",
    (
        Route("lu", _inverse_lu, "LU with partial pivoting, the library's inv", 2.0),
        Route("qr", _inverse_qr, "Householder QR and substitution", 4.0, _one_matrix),
    ),
    _judge_inverse,
)


# --- determinant


def _determinant_lu(space: Namespace, problem: Problem) -> Attempt:
    return Attempt(space.xp.linalg.det(problem.operands[0]))


def _determinant_log(space: Namespace, problem: Problem) -> Attempt:
    sign, logarithm = space.xp.linalg.slogdet(problem.operands[0])
    return Attempt(sign * space.xp.exp(logarithm))


def _judge_determinant(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    xp, a, n, u = space.xp, problem.operands[0], problem.size, problem.unit_roundoff
    if a.ndim > 2:
        return Bound(backward=n * u)
    factor = space.lu_factor(a)[0]
    growth = norm_inf(xp, xp.abs(xp.tril(factor, -1) + _eye(space, a)) @ xp.abs(xp.triu(factor)))
    norm, inverse = norm_inf(xp, a), norm_inf(xp, xp.linalg.inv(a))
    # The computed value is the determinant of A + E, |E| <= n u |L||U| (Higham, 2002, section 14.6), and
    # det(A + E) / det(A) - 1 is trace(A^-1 E) to first order, at most n ||A^-1|| ||E||.
    backward = n * u * spread(space, growth / norm) if space.truth(norm > 0) else 0.0
    first = n * backward * spread(space, norm * inverse) + n * u
    largest = float(xp.abs(attempt.value))
    inside = float(np.finfo(problem.dtype or float).tiny) < largest < math.inf
    return Bound(backward, 2.0 * first if first < 0.1 and inside else math.inf, spread(space, norm * inverse))


DETERMINANT = Topic(
    "determinant",
    (
        Route("lu", _determinant_lu, "LU with partial pivoting, the library's det", 0.7),
        Route("log", _determinant_log, "LU, product of pivots in logarithms", 0.8),
    ),
    _judge_determinant,
)


# --- Cholesky


def _cholesky(space: Namespace, problem: Problem) -> Attempt:
    lower = bool(problem.parameters["lower"])
    a = _triangle(space, problem.operands[0], lower)
    try:
        factor = space.xp.linalg.cholesky(a)
    except np.linalg.LinAlgError:  # CuPy raises, JAX marks an indefinite matrix by NaN
        return Attempt(None, status="not_definite", final=True)
    if not space.traced(a) and not space.truth(space.xp.isfinite(factor).all()):
        return Attempt(None, status="not_definite", final=True)
    return Attempt(factor if lower else adjoint(factor))


def _judge_cholesky(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    xp, n, u, c = space.xp, problem.size, problem.unit_roundoff, attempt.value
    lower = bool(problem.parameters["lower"])
    a = _triangle(space, problem.operands[0], lower)
    product = c @ adjoint(c) if lower else adjoint(c) @ c
    backward = spread(space, norm_inf(xp, a - product) / norm_inf(xp, a))
    condition = spread(space, norm_inf(xp, a) * norm_inf(xp, xp.linalg.inv(a)))
    # ||dL||_F / ||L||_2 <= kappa ||dA||_F / (sqrt 2 ||A||_2) to first order (Sun, 1991); n for the norms.
    first = n * condition * (backward + (n + 1) * u)
    return Bound(backward, 2.0 * first if first < 0.1 else math.inf, condition)


CHOLESKY = Topic("cholesky", (Route("lapack", _cholesky, "the library's cholesky", 0.4),), _judge_cholesky)


# --- Hermitian eigenproblem


def _whole(space: Namespace, problem: Problem) -> str | None:
    asked = problem.parameters
    if asked["b"] is not None:
        return "the generalized problem has no kernel on a device"
    if asked["subset_by_index"] is not None or asked["subset_by_value"] is not None:
        return "a part of the spectrum has no kernel on a device"
    return None


def _eigh(space: Namespace, problem: Problem) -> Attempt:
    a = _triangle(space, problem.operands[0], bool(problem.parameters["lower"]))
    if problem.parameters["eigvals_only"]:
        return Attempt(space.xp.linalg.eigvalsh(a))
    w, v = space.xp.linalg.eigh(a)
    return Attempt((w, v))


def _frobenius(space: Namespace, a: Any) -> Any:
    return space.xp.sqrt((space.xp.abs(a) ** 2).sum(axis=(-2, -1)))


def _judge_eigen(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    xp, n, u = space.xp, problem.size, problem.unit_roundoff
    a = _triangle(space, problem.operands[0], bool(problem.parameters["lower"]))
    size = _frobenius(space, a)
    scale = xp.where(size > 0, size, 1)
    if problem.parameters["eigvals_only"]:
        # Necessary, not sufficient: the trace. Nothing is vouched for.
        trace = xp.diagonal(a, axis1=-2, axis2=-1).real.sum(axis=-1)
        return Bound(spread(space, xp.abs(attempt.value.sum(axis=-1) - trace) / (n * scale)), condition=1.0)
    w, v = attempt.value
    residual = _frobenius(space, a @ v - v * w[..., None, :]) / scale
    lost = _frobenius(space, adjoint(v) @ v - _eye(space, a))
    # Weyl: eigenvalues move by the norm of the change, ||R|| / sigma_min(V); then the rounding of R itself.
    defect = spread(space, lost) + (n + 1) * u
    largest = spread(space, scale / xp.where(xp.abs(w).max(axis=-1) > 0, xp.abs(w).max(axis=-1), 1))
    total = spread(space, residual) + (n + 2) * n**0.5 * u + defect
    forward = relative_to_truth(total * largest / (1.0 - defect)) if defect < 0.5 else math.inf
    return Bound(spread(space, residual), forward, 1.0, {"orthogonality": spread(space, lost)})


EIGEN = Topic("symmetric_eigen", (Route("eigh", _eigh, "the library's eigh", 9.0, _whole),), _judge_eigen)


# --- exponential


def _expm(space: Namespace, problem: Problem) -> Attempt:
    a = problem.operands[0]
    if a.ndim == 2:
        return Attempt(space.expm(a))
    flat = a.reshape(-1, *a.shape[-2:])
    return Attempt(space.xp.stack([space.expm(flat[i]) for i in range(flat.shape[0])]).reshape(a.shape))


def _expm_hermitian(space: Namespace, problem: Problem) -> Attempt:
    w, v = space.xp.linalg.eigh(problem.operands[0])
    return Attempt((v * space.xp.exp(w)[..., None, :]) @ adjoint(v))


def _not_hermitian(space: Namespace, problem: Problem) -> str | None:
    a = problem.operands[0]
    if space.traced(a) or not space.truth((a == adjoint(a)).all()):
        return "not known to be Hermitian"
    return None


def _judge_expm(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    xp, x = space.xp, attempt.value
    back = _expm(space, Problem(problem.kind, (-problem.operands[0],), backend=problem.backend)).value
    # exp(A) exp(-A) = I: necessary; how far exp moves with A is not estimated here, so nothing is vouched for.
    norms = norm_inf(xp, x) * norm_inf(xp, back)
    return Bound(spread(space, norm_inf(xp, x @ back - _eye(space, x)) / norms))


EXPONENTIAL = Topic(
    "matrix_exponential",
    (
        Route("pade", _expm, "scaling and squaring, the library's expm", 20.0),
        Route("hermitian", _expm_hermitian, "spectral decomposition of a Hermitian matrix", 12.0, _not_hermitian),
    ),
    _judge_expm,
)
