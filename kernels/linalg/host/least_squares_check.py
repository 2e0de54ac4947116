"""Certificate of a least-squares solution.

Backward error: the least of three perturbations that make x exact: Stewart's (1977) of A, that of a consistent
system, and the projection of the residual taken out of b (all upper bounds of the optimal one,
Walden, Karlson and Sun, 1995). Forward bound of full column rank: the error is exactly
``A^+ (b - A x) = (A^H A)^-1 A^H r``, so it is computed with a triangular factor, and the rounding of r and of
``A^H r`` is added through the smallest singular value. Otherwise: Wedin's (1973) bound for the truncated
matrix, with the backward error that a stable method leaves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.linalg.host.lstsq_qr import singular_values
from fsci.kernels.products import adjoint_times, column_norms, times
from fsci.kernels.workspace import lapack_function, workspace

__all__ = ["wedin_bound"]


@dataclass(frozen=True, slots=True)
class _Measured:
    """Operands and answer, scaled by powers of two to be comfortable; norms by column."""

    a: np.ndarray
    b: np.ndarray
    x: np.ndarray
    residual: np.ndarray
    gradient: np.ndarray
    norm_fro: float
    s: np.ndarray | None
    scale_a: float

    @property
    def norm(self) -> float:
        """2-norm of A, or its upper bound."""
        return self.norm_fro if self.s is None else float(self.s[0])


def _power(array: np.ndarray) -> float:
    """Power of two that brings the largest entry near one."""
    largest = float(np.abs(array).max(initial=0.0))
    if not 0.0 < largest < math.inf:
        return 1.0
    # The reciprocal of a subnormal number has no finite value.
    return 2.0 ** min(-math.frexp(largest)[1], int(np.finfo(array.dtype).maxexp) - 1)


def _measured(problem: Problem, evidence: Evidence, attempt: Attempt) -> _Measured:
    a, b = problem.operands
    x, _, _, s = attempt.value
    known: Mapping[str, Any] = attempt.byproducts
    scale_a = 1.0
    if not evidence.get("comfortable", True):
        scale_a, scale_b = _power(a), _power(b)
        a, b, x = a * a.dtype.type(scale_a), b * b.dtype.type(scale_b), x * x.dtype.type(scale_b / scale_a)
        s, known = None if s is None else s * s.dtype.type(scale_a), {}
    residual = known["residual"] if "residual" in known else b - times(a, x)
    gradient = known["gradient"] if "gradient" in known else adjoint_times(a, residual)
    norm = evidence.get("norm_fro") if scale_a == 1.0 else None
    if norm is None:
        norm = float(np.sqrt(np.sum(column_norms(a) ** 2)))
    return _Measured(a, b, x, residual, gradient, float(norm), s, scale_a)


def wedin_bound(condition: float, epsilon: float, ratio: float, residual_share: float, rhs_share: float) -> float:
    """Relative change of a minimum-norm solution, 2-norm, under a relative change `epsilon` of A and b.

    Wedin's identity for ``(A+E)^+ - A^+`` of equal rank, all three terms of it; a spectral truncation moves by
    ``2 epsilon / (1 - ratio)``, ratio being the next singular value over the last one kept.

    Parameters
    ----------
    condition : float
        Largest over smallest singular value kept.
    ratio : float
    residual_share : float
        ``norm(r) / (norm(A) norm(x))``.
    rhs_share : float
        ``norm(b) / (norm(A) norm(x))``.
    """
    if not ratio < 1.0:
        return math.inf
    moved = epsilon if ratio == 0.0 else 2.0 * epsilon / (1.0 - ratio)
    room = 1.0 - condition * moved
    if not room > 0.5:
        return math.inf
    grown = condition / room
    return grown * moved * (2.0 + grown * residual_share) + grown * epsilon * rhs_share


def _factor(measured: _Measured, attempt: Attempt, examine: bool) -> tuple[Any, Any]:
    """Triangular factor of A and its column order, where there is one or it is asked for."""
    if "r_factor" in attempt.byproducts and not attempt.byproducts.get("in_row_space"):
        r = attempt.byproducts["r_factor"]
        return (r if measured.scale_a == 1.0 else r * r.dtype.type(measured.scale_a)), attempt.byproducts.get(
            "column_order"
        )
    if not examine:
        return None, None
    m, n = measured.a.shape
    char = measured.a.dtype.char
    reflectors = lapack_function("geqrf", char)(measured.a, lwork=workspace("geqrf", char, m, n))[0]
    return np.triu(reflectors[:n]), None


def _forward_full_rank(
    problem: Problem, measured: _Measured, r: np.ndarray, order: Any, s: np.ndarray, gram: bool
) -> tuple[float, float]:
    """Forward bound and the backward error of b alone, from a triangular factor."""
    m, n = measured.a.shape
    u = problem.unit_roundoff
    trtrs = lapack_function("trtrs", r.dtype.char)
    gradient = measured.gradient.reshape(n, -1)
    adjoint, info = trtrs(r, gradient if order is None else gradient[order], trans=2)
    if info:
        return math.inf, math.inf
    error = trtrs(r, adjoint)[0]
    norm_b, norm_r = column_norms(measured.b), column_norms(measured.residual)
    norm_x = column_norms(measured.x)
    projected = _worst(column_norms(adjoint), norm_b)
    smallest = float(s[-1]) - 16.0 * math.sqrt(m) * u * float(s[0])
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    # The factor is that of a matrix (Householder) or a Gram matrix (Cholesky) off by a backward error.
    spoiled = 8.0 * math.sqrt(m) * u * condition * (condition if gram else 1.0)
    if not (smallest > 0.0 and spoiled < 0.5):
        return math.inf, projected
    # Rounding of r and of A^H r, with the statistical growth of sums (Higham and Mary, 2019).
    rounding_r = (math.sqrt(n) + 2.0) * u * (norm_b + measured.norm_fro * norm_x)
    rounding_g = (math.sqrt(m) + 2.0) * u * measured.norm_fro * norm_r
    largest = np.abs(error).max(axis=0) / (1.0 - spoiled)
    bound = largest + rounding_r / smallest + rounding_g / smallest**2
    sizes = np.abs(measured.x.reshape(n, -1)).max(axis=0)
    return _worst(bound, sizes), projected


def _worst(top: np.ndarray, bottom: np.ndarray) -> float:
    """Largest quotient by column, 0/0 being 0 and NaN infinity."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient = np.where(top == 0.0, 0.0, top.astype(float) / bottom)
    largest = float(np.max(quotient, initial=0.0))
    return math.inf if math.isnan(largest) else largest


@register_check("least_squares", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    _, _, rank, _ = attempt.value
    m, n = problem.operands[0].shape
    u = problem.unit_roundoff
    examine = FRAME.get().log is not None or policy.wants_forward
    full_column_rank = rank == n and m >= n
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        measured = _measured(problem, evidence, attempt)
        s = measured.s
        norm_r, norm_x = column_norms(measured.residual).astype(float), column_norms(measured.x).astype(float)
        norm_b, norm_g = column_norms(measured.b).astype(float), column_norms(measured.gradient).astype(float)
        truncated = 0.0 if s is None or rank >= s.size or s[rank] == 0.0 else float(s[rank]) / measured.norm
        consistent = norm_r / (measured.norm * norm_x + norm_b)
        stationary = np.maximum(norm_g / (norm_r * measured.norm) - truncated, 0.0)
        backward = np.fmin(np.where(norm_r == 0.0, 0.0, consistent), np.where(norm_g == 0.0, 0.0, stationary))
        forward, condition_a = math.inf, math.inf
        r, order = _factor(measured, attempt, examine) if full_column_rank else (None, None)
        if r is not None:
            values = s if s is not None else singular_values(r)
            if values is not None and values[-1] > 0:
                s = values
                forward, projected = _forward_full_rank(
                    problem, measured, r, order, values, bool(attempt.byproducts.get("gram"))
                )
                backward = np.fmin(backward, projected)
        elif full_column_rank and s is not None:
            backward = np.fmin(backward, norm_g / (float(s[-1]) * norm_b))
        if s is not None and rank and s[rank - 1] > 0:
            condition_a = float(s[0]) / float(s[rank - 1])
        share = _worst(norm_r, measured.norm * norm_x)
        if not full_column_rank and s is not None and rank:
            ratio = float(s[rank]) / float(s[rank - 1]) if rank < s.size else 0.0
            spread = _worst(norm_x, np.abs(measured.x.reshape(n, -1)).max(axis=0).astype(float))
            epsilon = 16.0 * math.sqrt(max(m, n)) * u
            rhs_share = _worst(norm_b, measured.norm * norm_x)
            forward = spread * wedin_bound(condition_a, epsilon, ratio, share, rhs_share) if norm_b.any() else 0.0
        if "forward_error" in attempt.byproducts:
            forward = float(attempt.byproducts["forward_error"])
        forward = relative_to_truth(forward)
    worst = float(np.max(np.where(np.isnan(backward), math.inf, backward), initial=0.0))
    condition = condition_a * (1.0 + condition_a * share) if math.isfinite(condition_a) else math.inf
    detail: dict[str, Any] = {"rank": int(rank), "condition_of_matrix": condition_a, "residual_share": share}
    if s is not None and s.size:
        detail |= _gap(s, int(rank), float(problem.parameters["cond"]))
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u),
        backward_error=worst,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail=detail,
    )


def _gap(s: np.ndarray, rank: int, cutoff: float) -> dict[str, float]:
    """What decided the rank: singular values on either side of the cutoff, relative to the largest."""
    largest = float(s[0])
    kept = float(s[rank - 1]) / largest if rank and largest > 0 else 0.0
    dropped = float(s[rank]) / largest if rank < s.size and largest > 0 else 0.0
    against = dropped if rank < s.size else cutoff
    gap = math.inf if against == 0.0 else kept / against
    return {"smallest_kept": kept, "largest_dropped": dropped, "cutoff": cutoff, "gap": gap}
