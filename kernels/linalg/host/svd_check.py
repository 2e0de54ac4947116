"""Certificates of a singular value decomposition, and of singular values alone.

Decomposition: ``A - U S Vh`` and the departure of U and V from orthonormality, met with Gaussian vectors. By Weyl's
theorem the values are off by at most the first plus the largest value times the second; a vector, by
that over its gap. Values alone have no residual: their squares must sum to the squared Frobenius norm, and
the bound is what a backward stable method leaves (Weyl again), plus what the route says it lost.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK, Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.linalg.host.pinv_check import SAFETY, examined, frobenius, gaussian
from fsci.kernels.products import adjoint_times, column_norms, times

__all__: list[str] = []


def _condition(s: np.ndarray) -> float:
    return float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf


def _certificate(
    problem: Problem,
    attempt: Attempt,
    policy: Policy,
    backward: float,
    forward: float,
    condition: float,
    detail: dict[str, Any],
) -> Certificate:
    backward = math.inf if math.isnan(backward) else backward
    forward = relative_to_truth(forward)
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail=detail,
    )


def _comfortable(problem: Problem, evidence: Evidence, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and values, scaled by a power of two where their squares would overflow or underflow."""
    (a,) = problem.operands
    if evidence.get("comfortable", True):
        return a, s
    scale = 2.0 ** max(-1000, min(1000, -math.frexp(float(np.abs(a).max(initial=0.0)))[1]))
    return a * a.dtype.type(scale), s * s.dtype.type(scale)


@register_check("svd", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    u, s, vh = attempt.value
    with np.errstate(all="ignore"):
        a, s = _comfortable(problem, evidence, s)
        m, n = a.shape
        k = s.shape[0]
        char = a.dtype.char
        if not s[0] > 0:
            exact = 0.0 if not a.any() else math.inf
            return _certificate(problem, attempt, policy, exact, exact, math.inf, {"rank_of_zero": True})
        examine = examined(policy)
        vectors = gaussian(n, char, examine)
        turned = times(vh, vectors)
        if not examine:
            # One vector meets the product, and U by the length of its image.
            scaled = s[:, None] * turned[:k]
            image = times(u[:, :k], scaled)
            lost = abs(frobenius(image) - frobenius(scaled)) / float(s[0])
            backward = max(frobenius(image - times(a, vectors)) / float(s[0]), lost) / math.sqrt(k)
            return _certificate(problem, attempt, policy, backward, math.inf, _condition(s), {})
        left = gaussian(u.shape[1], char)
        right = gaussian(vh.shape[0], char)
        residual = frobenius(times(u[:, :k], s[:, None] * turned[:k]) - times(a, vectors)) / float(s[0])
        departure = frobenius(adjoint_times(u, times(u, left)) - left)
        departure = max(departure, frobenius(times(vh, adjoint_times(vh, right)) - right))
        rounding = (math.sqrt(m) + math.sqrt(n)) * problem.unit_roundoff
        forward = SAFETY * (residual + 2.0 * departure) + rounding
        gap = float(np.min(-np.diff(s), initial=float(s[-1]))) / float(s[0])
    # The Frobenius norm of a rounding error matrix of k columns is sqrt(k) of its 2-norm.
    backward = max(residual, departure) / math.sqrt(k)
    detail = {"residual": residual, "orthogonality": departure, "smallest_gap": gap}
    detail["vectors_error"] = forward / gap if gap > 0 else math.inf
    return _certificate(problem, attempt, policy, backward, forward, _condition(s), detail)


@register_check("singular_values", "host")
def check_values(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    with np.errstate(all="ignore"):
        a, s = _comfortable(problem, evidence, attempt.value)
        norm = float(np.linalg.norm(column_norms(a).astype(float)))
        if norm == 0.0:
            exact = 0.0 if not s.any() else math.inf
            return _certificate(problem, attempt, policy, exact, exact, math.inf, {})
        lost = float(attempt.byproducts.get("error", 0.0))
        identity = abs(float(np.linalg.norm(s.astype(float))) - norm) / norm
        backward = max(identity, lost)
        stable = BACKWARD_SLACK * problem.unit_roundoff * math.sqrt(max(a.shape))
        forward = stable + BACKWARD_SLACK * lost + identity * norm / float(s[0])
    return _certificate(problem, attempt, policy, backward, forward, _condition(s), {"norm_identity": identity})
