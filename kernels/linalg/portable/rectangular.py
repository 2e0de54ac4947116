"""Least squares, pseudoinverse, QR and SVD on a device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.types import Attempt, Problem, relative_to_truth
from fsci.kernels.linalg.portable.namespace import Namespace, adjoint
from fsci.kernels.linalg.portable.topic import Bound, Route, Topic, spread

__all__ = ["LEAST_SQUARES", "PSEUDOINVERSE", "QR", "SVD"]


def _eps(problem: Problem) -> float:
    return 2.0 * problem.unit_roundoff


def _norm(space: Namespace, a: Any) -> Any:
    return space.xp.sqrt((space.xp.abs(a) ** 2).sum(axis=(-2, -1)))


def _eager_and_tall(space: Namespace, problem: Problem) -> str | None:
    a = problem.operands[0]
    if a.ndim > 2 or space.traced(*problem.operands):
        return "the rank of a batch, or under tracing, cannot be looked at"
    return None if a.shape[0] >= a.shape[1] else "for at least as many rows as columns"


# --- least squares


def _answer(space: Namespace, problem: Problem, x: Any, s: Any, rank: Any) -> Attempt:
    a, b = problem.operands
    m, n = a.shape
    traced = space.traced(a, b)
    full = m > n and (traced or int(rank) == n)
    squares = (space.xp.abs(b - a @ x) ** 2).sum(axis=0)
    resids = squares if full else space.xp.zeros((0,), dtype=s.dtype)
    return Attempt((x, resids, rank if traced else int(rank), s), byproducts={"s": s})


def _lstsq_svd(space: Namespace, problem: Problem) -> Attempt:
    xp, (a, b) = space.xp, problem.operands
    cond = problem.parameters["cond"]
    u, s, vh = xp.linalg.svd(a, full_matrices=False)
    kept = s > (_eps(problem) if cond is None else cond) * s.max()
    inverse = xp.where(kept, 1.0 / xp.where(kept, s, 1.0), 0.0).astype(s.dtype)
    coefficients = adjoint(u) @ b
    scaled = coefficients * (inverse if b.ndim == 1 else inverse[:, None])
    return _answer(space, problem, adjoint(vh) @ scaled, s, kept.sum())


def _lstsq_qr(space: Namespace, problem: Problem) -> Attempt:
    xp, (a, b) = space.xp, problem.operands
    cond = problem.parameters["cond"]
    q, r = xp.linalg.qr(a)
    s = xp.linalg.svd(r, compute_uv=False)
    # One refinement step: the normal equations' residual through R (Bjorck, 1987).
    if float(s[-1]) <= max(_eps(problem) if cond is None else cond, a.shape[0] * _eps(problem)) * float(s[0]):
        return Attempt(None, status="declined")
    x = space.solve_triangular(r, adjoint(q) @ b, lower=False)
    x = x + space.solve_triangular(r, adjoint(q) @ (b - a @ x), lower=False)
    return _answer(space, problem, x, s, a.shape[1])


def _judge_least_squares(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    xp, (a, b) = space.xp, problem.operands
    x, _, rank, _ = attempt.value
    s = attempt.byproducts["s"]
    m, n = a.shape
    columns = (x[:, None], b[:, None]) if b.ndim == 1 else (x, b)
    xs, bs = columns
    r = bs - a @ xs
    size, lengths, rest = _norm(space, a), xp.sqrt((xp.abs(xs) ** 2).sum(0)), xp.sqrt((xp.abs(r) ** 2).sum(0))
    safe = lambda v: xp.where(v > 0, v, 1)  # noqa: E731
    # The smaller of two changes of A that explain x (Stewart, 1977): through the residual, or all of it.
    gradient = xp.sqrt((xp.abs(adjoint(a) @ r) ** 2).sum(0)) / (safe(rest) * safe(size))
    backward = spread(space, xp.minimum(gradient, rest / (safe(size) * safe(lengths))))
    if int(rank) < min(m, n) or m < n or not float(s[-1]) > 0.0:
        return Bound(backward, detail={"rank": int(rank)})
    condition = float(s[0]) / float(s[-1])
    eta = condition * (backward + (m + n) * problem.unit_roundoff)
    share = spread(space, rest / safe(float(s[0]) * lengths))
    # Wedin (1973; Bjorck, 1996, theorem 1.4.6), with room for second order; from the 2-norm to the largest entry.
    forward = 2.0 * n**0.5 * eta * (2.0 + (condition + 1.0) * share) if eta < 0.1 else math.inf
    return Bound(backward, forward, condition * (1.0 + condition * share), {"rank": int(rank)})


LEAST_SQUARES = Topic(
    "least_squares",
    (
        Route("qr", _lstsq_qr, "Householder QR with one step of refinement (Bjorck, 1987)", 4.0, _eager_and_tall),
        Route("svd", _lstsq_svd, "singular value decomposition, truncated", 12.0),
    ),
    _judge_least_squares,
)


# --- pseudoinverse


def _ranked(space: Namespace, problem: Problem, x: Any, rank: Any, s: Any) -> Attempt:
    traced = space.traced(*problem.operands)
    if problem.parameters["return_rank"]:
        return Attempt((x, rank if traced or np.ndim(rank) else int(rank)), byproducts={"s": s})
    return Attempt(x, byproducts={"s": s})


def _cutoff(problem: Problem, s: Any) -> Any:
    asked = problem.parameters
    relative = max(problem.operands[0].shape[-2:]) * _eps(problem) if asked["rtol"] is None else asked["rtol"]
    return (0.0 if asked["atol"] is None else asked["atol"]) + relative * s.max(axis=-1, keepdims=True)


def _pinv_svd(space: Namespace, problem: Problem) -> Attempt:
    xp, a = space.xp, problem.operands[0]
    u, s, vh = xp.linalg.svd(a, full_matrices=False)
    kept = s > _cutoff(problem, s)
    inverse = xp.where(kept, 1.0 / xp.where(kept, s, 1.0), 0.0).astype(s.dtype)
    return _ranked(space, problem, (adjoint(vh) * inverse[..., None, :]) @ adjoint(u), kept.sum(axis=-1), s)


def _pinv_qr(space: Namespace, problem: Problem) -> Attempt:
    a = problem.operands[0]
    q, r = space.xp.linalg.qr(a)
    s = space.xp.linalg.svd(r, compute_uv=False)
    if not space.truth(s[-1] > _cutoff(problem, s)[0]):
        return Attempt(None, status="declined")
    return _ranked(space, problem, space.solve_triangular(r, adjoint(q), lower=False), a.shape[1], s)


def _judge_pseudoinverse(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    a, s = problem.operands[0], attempt.byproducts["s"]
    x = attempt.value[0] if problem.parameters["return_rank"] else attempt.value
    size = _norm(space, a)
    backward = spread(space, _norm(space, a @ x @ a - a) / space.xp.where(size > 0, size, 1))
    if a.ndim > 2 or not space.truth((s > _cutoff(problem, s)).all()):
        return Bound(backward)  # the rank that was decided is the caller's risk: nothing is vouched for
    condition = float(s[0]) / float(s[-1])
    m, n = a.shape
    # Wedin (1973): sqrt(2) kappa for a change that keeps full rank; from the 2-norm to the largest row sum.
    eta = condition * (backward + (m + n) * problem.unit_roundoff)
    return Bound(backward, 3.0 * max(m, n) ** 0.5 * eta if eta < 0.1 else math.inf, condition)


PSEUDOINVERSE = Topic(
    "pseudoinverse",
    (
        Route("qr", _pinv_qr, "Householder QR, full column rank", 6.0, _eager_and_tall),
        Route("svd", _pinv_svd, "singular value decomposition, truncated", 14.0),
    ),
    _judge_pseudoinverse,
)


# --- QR


def _plain_qr(space: Namespace, problem: Problem) -> str | None:
    if problem.parameters["pivoting"]:
        return "column pivoting has no kernel on a device"
    return "mode='raw' has no kernel on a device" if problem.parameters["mode"] == "raw" else None


def _qr(space: Namespace, problem: Problem) -> Attempt:
    xp, a, mode = space.xp, problem.operands[0], problem.parameters["mode"]
    if mode == "economic":
        return Attempt(tuple(xp.linalg.qr(a)))
    q, r = xp.linalg.qr(a, mode="complete")
    return Attempt((q, r) if mode == "full" else (r,))


def _judge_qr(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    a, parts = problem.operands[0], attempt.value
    size = _norm(space, a)
    scale = space.xp.where(size > 0, size, 1)
    if len(parts) == 1:  # R alone must keep the lengths
        return Bound(spread(space, space.xp.abs(_norm(space, parts[0]) - size) / scale))
    q, r = parts
    lost = _norm(space, adjoint(q) @ q - space.xp.eye(q.shape[-1], dtype=q.dtype))
    found = {"orthogonality": spread(space, lost)}
    return Bound(spread(space, _norm(space, a - q @ r) / scale), detail=found)


QR = Topic("qr_factorization", (Route("householder", _qr, "the library's qr", 4.0, _plain_qr),), _judge_qr)


# --- SVD


def _svd(space: Namespace, problem: Problem) -> Attempt:
    xp, a, asked = space.xp, problem.operands[0], problem.parameters
    if not asked["compute_uv"]:
        return Attempt(xp.linalg.svd(a, compute_uv=False))
    return Attempt(tuple(xp.linalg.svd(a, full_matrices=bool(asked["full_matrices"]))))


def _judge_svd(space: Namespace, problem: Problem, attempt: Attempt) -> Bound:
    xp, a, u = space.xp, problem.operands[0], problem.unit_roundoff
    size = _norm(space, a)
    scale = xp.where(size > 0, size, 1)
    if not problem.parameters["compute_uv"]:
        squares = xp.sqrt((attempt.value**2).sum(axis=-1))
        return Bound(spread(space, xp.abs(squares - size) / scale), condition=1.0)  # necessary only
    left, s, right = attempt.value
    k = s.shape[-1]
    residual = _norm(space, a - (left[..., :k] * s[..., None, :]) @ right[..., :k, :]) / scale
    n = problem.size
    lost = [
        _norm(space, adjoint(left[..., :k]) @ left[..., :k] - xp.eye(k, dtype=a.dtype)),
        _norm(space, right[..., :k, :] @ adjoint(right[..., :k, :]) - xp.eye(k, dtype=a.dtype)),
    ]
    defect = spread(space, lost[0]) + spread(space, lost[1]) + 2 * (n + 1) * u
    # Weyl and Mirsky: singular values move by the norm of the change, and by the loss of orthogonality.
    total = spread(space, residual) + (n + 2) * n**0.5 * u + defect
    largest = spread(space, scale / xp.where(s[..., 0] > 0, s[..., 0], 1))
    forward = relative_to_truth(total * largest / (1.0 - defect)) if defect < 0.5 else math.inf
    return Bound(spread(space, residual), forward, 1.0, {"orthogonality": defect})


SVD = Topic("svd", (Route("svd", _svd, "the library's svd", 14.0),), _judge_svd)
