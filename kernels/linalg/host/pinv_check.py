"""Certificate of a pseudoinverse B of A.

Backward error: the Penrose residuals ``A B A - A`` and ``B A B - B``, relative to what their factors could cancel
from, met with random vectors (Freivalds, 1979). Forward bound of full rank (m >= n): exactly
``B - A^+ = -(I - B A) A^+ + B (I - A A^+)``, both terms estimated in the Frobenius norm with Gaussian vectors;
otherwise Wedin's (1973) bound with the backward error that a stable method leaves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.linalg.host.least_squares_check import wedin_bound
from fsci.kernels.products import adjoint_times, column_norms, probe_vector, times

__all__ = ["PROBES", "SAFETY", "examined", "frobenius", "gaussian"]

# A Frobenius norm met with this many Gaussian vectors is underestimated by more than the safety
# factor with probability below 1e-5 at rank one, and far below at any other.
PROBES = 4
SAFETY = 20.0


def examined(policy: Policy) -> bool:
    """Whether a forward bound is asked for; else one vector says enough about the backward error."""
    return FRAME.get().log is not None or policy.wants_forward


def gaussian(size: int, char: str, examine: bool = True) -> np.ndarray:
    """Fixed Gaussian vectors, Fortran-ordered, one a column; a single one where only a backward error is asked."""
    if not examine:
        return probe_vector(size, char)[:, None]
    generator = np.random.default_rng(size + 1)
    vectors = generator.standard_normal((PROBES, size))
    if char in "FD":
        vectors = (vectors + 1j * generator.standard_normal((PROBES, size))) / math.sqrt(2.0)
    return vectors.astype(char).T


def frobenius(images: np.ndarray) -> float:
    """Estimate of a Frobenius norm from the images of the Gaussian vectors."""
    return float(np.linalg.norm(column_norms(images).astype(float))) / math.sqrt(images.shape[1])


@register_check("pseudoinverse", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    (a,) = problem.operands
    b, rank = attempt.value
    u = problem.unit_roundoff
    m, n = a.shape
    s = attempt.byproducts.get("s")
    with np.errstate(all="ignore"):
        if not evidence.get("comfortable", True):
            # (A 2^k)^+ = A^+ 2^-k, exactly.
            shift = max(-1000, min(1000, -math.frexp(float(np.abs(a).max(initial=0.0)))[1]))
            a, b = a * a.dtype.type(2.0**shift), b * b.dtype.type(2.0**-shift)
            s = None if s is None else s * s.dtype.type(2.0**shift)
        to_infinity = math.sqrt(m) / float(np.abs(b).sum(axis=1).max())
        if m < n:
            a, b = a.conj().T, b.conj().T
        backward, error, condition, detail = _examined(a, b, int(rank), s, u, examined(policy))
        forward = relative_to_truth(error * to_infinity) if error else 0.0
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail=detail,
    )


def _examined(
    a: np.ndarray, b: np.ndarray, rank: int, s: Any, u: float, examine: bool
) -> tuple[float, float, float, dict[str, Any]]:
    """Backward error, bound on ``norm(B - A^+)`` (2-norm), condition and details, for m >= n."""
    m, n = a.shape
    char = a.dtype.char
    norm_a = float(np.linalg.norm(column_norms(a).astype(float)))
    norm_b = float(np.linalg.norm(column_norms(b).astype(float)))
    detail: dict[str, Any] = {"rank": rank}
    if rank == 0:
        # Everything is below the cutoff: the zero matrix is the answer, exactly.
        return 0.0, 0.0, 1.0, detail
    vectors = gaussian(n, char, examine)
    image = times(a, vectors)
    penrose_a = times(a, times(b, image)) - image
    dropped = 0.0 if s is None or rank >= s.size else float(np.linalg.norm(s[rank:].astype(float)))
    adjoint = adjoint_times(b, vectors)
    outside = adjoint - times(a, times(b, adjoint))  # (I - A B) B^H
    backward = max(
        max(frobenius(penrose_a) - 2.0 * dropped, 0.0) / (norm_a * norm_a * norm_b),
        frobenius(outside) / (norm_b * norm_b * norm_a),
    )
    rounding = (math.sqrt(m) + math.sqrt(n) + 4.0) * u * norm_a * norm_b
    condition = norm_a * norm_b
    if not examine:
        forward = math.inf
    elif rank == n:
        identity = SAFETY * frobenius(vectors - times(b, image)) + rounding
        forward = identity / (1.0 - identity) if identity < 0.5 else math.inf
        forward += SAFETY * frobenius(outside) / norm_b + rounding
    elif s is not None:
        condition = float(s[0]) / float(s[rank - 1])
        ratio = float(s[rank]) / float(s[rank - 1])
        detail["gap"] = 1.0 / ratio if ratio > 0 else math.inf
        forward = math.sqrt(rank) * wedin_bound(condition, 16.0 * math.sqrt(m) * u, ratio, 0.0, 0.0)
    else:
        forward = math.inf
    if math.isnan(backward):
        backward = math.inf
    return backward, math.inf if math.isnan(forward) else forward * norm_b, condition, detail
