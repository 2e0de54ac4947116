"""Certificates of symmetric eigenproblems.

With R = A V - V L and V = Q H (polar), Q^H A Q - L = Q^H R H^-1 + (H L - L H) H^-1; the
commutator of H with L is at most that of V^H V with L, which is at most 2 ||R|| ||V||:
for nearly orthonormal V all eigenvalues are within (1 + ||V||) ||R|| / (1 - ||V^H V - I||)
of the computed ones (Weyl, 1912; Kahan, 1967). Vectors: sin(angle) <= ||r_i|| / gap (Davis and Kahan, 1970).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check, register_probe
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.linalg.host.random_checks import backward_hermitian, trace_defect
from fsci.kernels.linalg.host.symmetric_eigen_drivers import decompose

__all__ = ["enclose"]

_GEMM = {"d": blas.dgemm, "D": blas.zgemm}


@register_probe("symmetric_eigen", "host")
def probe(problem: Problem) -> Evidence:
    """Nothing needs to be measured before: every driver takes every Hermitian matrix."""
    return Evidence()


def rounding(n: int, u: float) -> float:
    """Growth of rounding errors in inner products of length n (Higham and Mary, 2019, with lambda = 4)."""
    return 4.0 * math.sqrt(n + 2.0) * u


def full(a: np.ndarray, lower: bool) -> np.ndarray:
    """The whole Hermitian matrix in double precision, from its triangle."""
    wide = a.astype("D" if a.dtype.char in "FD" else "d", order="F")
    half = np.tril(wide, -1) if lower else np.triu(wide, 1)
    diagonal = wide.diagonal().real
    whole = half + half.conj().T
    whole[np.diag_indices_from(whole)] = diagonal
    return whole


def enclose(a: np.ndarray, w: np.ndarray, v: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Bound on every eigenvalue's error, loss of orthogonality, and residual norms of the columns.

    All in double precision for the Hermitian matrix `a` in full; rounding of the residual is added.
    """
    char, n, u = a.dtype.char, a.shape[0], 2.0**-53
    gemm = _GEMM[char]
    v = np.asarray(v, dtype=char, order="F")
    c = rounding(n, u)
    size_v = np.abs(v)
    r = np.abs(gemm(1.0, a, v) - v * w)
    r += c * (_GEMM["d"](1.0, np.abs(a), size_v) + size_v * np.abs(w))
    g = np.abs(gemm(1.0, v, v, trans_a=2) - np.eye(n))
    g += c * _GEMM["d"](1.0, size_v, size_v, trans_a=1)
    orthogonality = _norm2(g)
    if not orthogonality < 0.5:
        return math.inf, orthogonality, np.full(n, math.inf)
    long = math.sqrt(1.0 + orthogonality)
    return (1.0 + long) * _norm2(r) / (1.0 - orthogonality), orthogonality, np.linalg.norm(r, axis=0)


def _norm2(positive: np.ndarray) -> float:
    """Bound on the spectral norm of a matrix of magnitudes."""
    ways = math.sqrt(float(positive.sum(axis=0).max()) * float(positive.sum(axis=1).max()))
    return min(ways, float(np.linalg.norm(positive)))


def _enclosed_generalized(
    a: np.ndarray, b: np.ndarray, w: np.ndarray, v: np.ndarray
) -> tuple[float, float, np.ndarray, float]:
    """As `enclose` for ``a v = b v diag(w)``: the standard problem is that of b^(-1/2) a b^(-1/2)."""
    char, n, u = a.dtype.char, a.shape[0], 2.0**-53
    gemm, c = _GEMM[char], rounding(n, u)
    v = np.asarray(v, dtype=char, order="F")
    factor, info = (lapack.zpotrf if char == "D" else lapack.dpotrf)(b, lower=1, clean=1)
    if info != 0:
        return math.inf, math.inf, np.full(n, math.inf), math.inf
    inverse, _ = (lapack.ztrtri if char == "D" else lapack.dtrtri)(factor, lower=1)
    # ||b^-1||_2 <= ||L^-1||_F^2, with b = L L^H to a relative error of the factorization.
    inverse_norm = float(np.linalg.norm(inverse)) ** 2
    slack = inverse_norm * (n + 1) * u * float(np.linalg.norm(factor)) ** 2
    if not slack < 0.5:
        return math.inf, math.inf, np.full(n, math.inf), math.inf
    inverse_norm /= 1.0 - slack
    size_v = np.abs(v)
    bv = gemm(1.0, b, v)
    size_bv = _GEMM["d"](1.0, np.abs(b), size_v)
    r = np.abs(gemm(1.0, a, v) - bv * w)
    r += c * (_GEMM["d"](1.0, np.abs(a), size_v) + 2.0 * size_bv * np.abs(w))
    g = np.abs(gemm(1.0, v, bv, trans_a=2) - np.eye(n)) + 2.0 * c * _GEMM["d"](1.0, size_v, size_bv, trans_a=1)
    orthogonality = _norm2(g)
    if not orthogonality < 0.5:
        return math.inf, orthogonality, np.full(n, math.inf), inverse_norm
    root = math.sqrt(inverse_norm)
    long = math.sqrt(1.0 + orthogonality)
    bound = (1.0 + long) * root * _norm2(r) / (1.0 - orthogonality)
    return bound, orthogonality, root * np.linalg.norm(r, axis=0), inverse_norm


@register_check("symmetric_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Sampled backward error always; the bounds, which cost as much as the answer, when somebody listens."""
    a, lower = problem.operands[0], bool(problem.parameters.get("lower", True))
    vectors = bool(problem.parameters.get("vectors", True))
    listened = FRAME.get().log is not None or policy.wants_forward
    if a.ndim > 2:
        return _batch(problem, attempt, policy, listened)
    w = attempt.value[0] if vectors else attempt.value
    v = attempt.value[1] if vectors else None
    whole = v is not None and w.shape[0] == a.shape[0]
    detail: dict[str, Any] = {}
    bound = math.inf
    if len(problem.operands) > 1:
        backward, bound = _generalized(problem, w, v if whole else None, detail)
    elif whole:
        backward = backward_hermitian(a, lower, w, v)  # type: ignore[arg-type]
    elif w.shape[0] == a.shape[0]:
        backward = trace_defect(a, w)
    else:
        backward = 0.0 if not listened else _partial_backward(a, lower, w, v)
    if listened and len(problem.operands) == 1:
        bound = _bounds(problem, a, lower, w, v if whole else None, detail)
    top = float(np.abs(w).max(initial=0.0))
    if len(problem.operands) == 1 and w.shape[0] != a.shape[0]:
        top = detail.get("norm", top)
    forward = relative_to_truth(bound / top if top > 0.0 else (0.0 if bound == 0.0 else math.inf))
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward,
        condition=detail.pop("condition", 1.0),
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
        detail=detail,
    )


def _partial_backward(a: np.ndarray, lower: bool, w: np.ndarray, v: np.ndarray | None) -> float:
    """Largest residual of the pairs of a part of the spectrum."""
    if v is None or w.size == 0:
        return 0.0
    whole = full(a, lower)
    scale = float(np.linalg.norm(whole, 1))
    residual = np.linalg.norm(whole @ v - v * w, axis=0).max()
    return float(residual) / scale if scale > 0.0 else float(residual)


def _bounds(
    problem: Problem, a: np.ndarray, lower: bool, w: np.ndarray, v: np.ndarray | None, detail: dict[str, Any]
) -> float:
    """Bound on the eigenvalues; gaps and bounds on the vectors go into `detail`."""
    whole = full(a, lower)
    if not _comfortable(whole):
        return math.inf  # squares in the norms below would overflow or underflow
    if v is not None:
        bound, orthogonality, residuals = enclose(whole, w.astype(float), v)
        gaps = _gaps(w.astype(float)) - bound
        with np.errstate(divide="ignore", invalid="ignore"):
            angles = np.where(gaps > 0.0, residuals / gaps, math.inf)
        detail.update(
            eigenvalue_bound=bound,
            orthogonality=orthogonality,
            smallest_gap=float(_gaps(w.astype(float)).min()),
            vector_bounds=np.minimum(angles, 1.0),
        )
        return bound
    # Values alone: enclose them by a full decomposition, and measure the distance to it.
    all_w, all_v, info = decompose(whole, True, True)
    if info != 0:
        return math.inf
    bound, _, _ = enclose(whole, all_w, all_v)
    part = problem.parameters.get("subset_by_index")
    detail["norm"] = float(np.abs(all_w).max())
    if part is not None:
        reference = all_w[part[0] : part[1] + 1]
    elif problem.parameters.get("subset_by_value") is not None:
        low, high = problem.parameters["subset_by_value"]
        inside = (all_w > low + bound) & (all_w <= high - bound)
        near = (np.abs(all_w - low) <= bound) | (np.abs(all_w - high) <= bound)
        if near.any() or inside.sum() != w.shape[0]:
            return math.inf  # whether an eigenvalue at the edge belongs to it cannot be told
        reference = all_w[inside]
    else:
        reference = all_w
    if reference.shape != w.shape:
        return math.inf
    bound += float(np.abs(reference - w).max(initial=0.0))
    detail["eigenvalue_bound"] = bound
    return bound


def _gaps(w: np.ndarray) -> np.ndarray:
    """Distance of each eigenvalue to its nearest neighbour."""
    if w.shape[0] < 2:
        return np.full(w.shape, math.inf)
    steps = np.diff(w)
    return np.minimum(np.append(steps, math.inf), np.insert(steps, 0, math.inf))


def _comfortable(a: np.ndarray) -> bool:
    """Whether products of a few entries neither overflow nor underflow."""
    limits, largest = np.finfo(a.dtype), float(np.abs(a).max(initial=0.0))
    return largest == 0.0 or float(limits.tiny) ** 0.25 < largest < float(limits.max) ** 0.25


def _plain_defect(a: np.ndarray, b: np.ndarray, w: np.ndarray, v: np.ndarray | None, kind: int) -> float:
    """Relative residual of ``a v = b v w``, ``a b v = v w`` or ``b a v = v w``; for values alone that of the trace."""
    size = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    if v is not None:
        left = a @ v if kind == 1 else a @ (b @ v) if kind == 2 else b @ (a @ v)
        right = (b @ v if kind == 1 else v) * w
        scale = float(np.linalg.norm(left) + np.linalg.norm(right)) + (size if kind != 1 else 0.0)
        return float(np.linalg.norm(left - right)) / scale if scale > 0.0 else 0.0
    if w.shape[0] != a.shape[0]:
        return math.inf
    product = np.linalg.solve(b, a) if kind == 1 else a @ b
    scale = float(np.linalg.norm(product)) * math.sqrt(a.shape[0])
    return abs(float(np.trace(product).real) - float(w.sum())) / scale if scale > 0.0 else 0.0


def _generalized(problem: Problem, w: np.ndarray, v: np.ndarray | None, detail: dict[str, Any]) -> tuple[float, float]:
    """Backward error and bound for ``a v = b v diag(w)``; other types and parts of the spectrum stay unbounded."""
    kind = int(problem.parameters.get("type", 1))
    lower = bool(problem.parameters.get("lower", True))
    a, b = full(problem.operands[0], lower), full(problem.operands[1], lower)
    if a.dtype != b.dtype:
        a, b = a.astype("D"), b.astype("D")
    if v is None or kind != 1 or not (_comfortable(a) and _comfortable(b)):
        return _plain_defect(a, b, w, v, kind), math.inf
    bound, orthogonality, residuals, inverse_norm = _enclosed_generalized(a, b, w.astype(float), v)
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    weights = (norm_a + np.abs(w) * norm_b) * np.linalg.norm(v, axis=0)
    plain = np.linalg.norm(a @ v - (b @ v) * w, axis=0)
    detail.update(
        eigenvalue_bound=bound, orthogonality=orthogonality, residuals=residuals, condition=norm_b * inverse_norm
    )
    return float(np.max(np.where(weights > 0.0, plain / np.where(weights > 0.0, weights, 1.0), plain))), bound


def _batch(problem: Problem, attempt: Attempt, policy: Policy, listened: bool) -> Certificate:
    """One verdict a slice."""
    a = problem.operands[0]
    vectors, lower = bool(problem.parameters.get("vectors", True)), bool(problem.parameters.get("lower", True))
    n, shape = a.shape[-1], a.shape[:-2]
    w = attempt.value[0] if vectors else attempt.value
    top = np.abs(w).max(axis=-1)
    safe = np.where(top > 0.0, top, 1.0)
    if vectors:
        from fsci.kernels.linalg.host.random_checks import direction

        v, z = attempt.value[1], direction(n, a.dtype.char)
        half = np.tril(a, -1) if lower else np.triu(a, 1)
        y = v @ z
        ay = half @ y[..., None] + half.conj().swapaxes(-1, -2) @ y[..., None]
        ay = ay[..., 0] + np.diagonal(a, axis1=-2, axis2=-1).real * y
        residual = np.linalg.norm(ay - (v @ (w * z)[..., None])[..., 0], axis=-1) / safe
        turned = (v.conj().swapaxes(-1, -2) @ y[..., None])[..., 0] - z
        backward = np.maximum(residual, np.linalg.norm(turned, axis=-1) / math.sqrt(n))
    else:
        backward = np.abs(w.sum(axis=-1) - np.trace(a, axis1=-2, axis2=-1).real) / (n * safe)
    forward = np.full(shape, math.inf)
    if listened:
        for index in np.ndindex(*shape):
            one = w[index]
            bound = _bounds(problem, a[index], lower, one, attempt.value[1][index] if vectors else None, {})
            forward[index] = bound / top[index] if top[index] > 0.0 else (0.0 if bound == 0.0 else math.inf)
    forward = relative_to_truth(forward)
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward,
        condition=np.ones(shape),
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
    )
