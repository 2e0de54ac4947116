"""Certificate of a QR factorization.

Backward error: ``A - Q R`` and the departure of Q from orthonormality, met with Gaussian vectors. The factors
themselves move by at most a small multiple of kappa times that (Stewart, 1977; Sun, 1991),
which is the forward bound: R of a matrix that is nearly rank deficient is not determined by it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of
from fsci.kernels.linalg.host.pinv_check import SAFETY, examined, frobenius, gaussian
from fsci.kernels.linalg.host.qr_householder import reflected
from fsci.kernels.products import adjoint_times, column_norms, times
from fsci.kernels.tall import condition_of

__all__: list[str] = []


def _applied(value: tuple[Any, ...], mode: str, short: np.ndarray) -> np.ndarray:
    """``Q @ short``, from Q or from its reflectors."""
    if mode != "raw":
        return times(value[0], short)
    return np.column_stack([reflected(*value[0], column) for column in short.T])  # type: ignore[call-arg]


@register_check("qr_factorization", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    (a,) = problem.operands
    value, mode = attempt.value, problem.parameters["mode"]
    u = problem.unit_roundoff
    m, n = a.shape
    r = value[0] if mode == "r" else value[1]
    examine = examined(policy)
    with np.errstate(all="ignore"):
        if not evidence.get("comfortable", True):
            scale = 2.0 ** max(-1000, min(1000, -math.frexp(float(np.abs(a).max(initial=0.0)))[1]))
            a, r = a * a.dtype.type(scale), r * r.dtype.type(scale)
            value = (r, *value[1:]) if mode == "r" else (value[0], r, *value[2:])
        # Of the zero matrix, R is zero, and everything is relative to one.
        norm = float(np.linalg.norm(column_norms(a).astype(float))) or 1.0
        vectors = gaussian(n, a.dtype.char, examine)
        image = times(a[:, value[-1]] if problem.parameters["pivoting"] else a, vectors)
        short = times(r, vectors)
        orthogonality = math.inf
        if mode == "r":
            # R alone must keep lengths: the two Gram matrices, seen by each vector.
            residual = float(np.max(np.abs(column_norms(short) - column_norms(image)))) / norm
        else:
            residual = frobenius(_applied(value, mode, short) - image) / norm
            orthogonality = 0.0
            if mode != "raw" and not examine:
                # Q^H A = R and A = Q R, met by one vector: Q R moves no other way than R does.
                orthogonality = frobenius(adjoint_times(value[0], image) - short) / norm
            elif mode != "raw":
                basis = gaussian(value[0].shape[1], a.dtype.char)
                returned = adjoint_times(value[0], times(value[0], basis))
                orthogonality = frobenius(returned - basis) / math.sqrt(basis.shape[0])
        backward = residual if mode == "r" else max(residual, orthogonality)
        backward = math.inf if math.isnan(backward) else backward
        square = np.asfortranarray(r[:n, :n]) if m >= n and examine else None
        condition = math.inf if square is None else condition_of(square)
        forward = _bound(backward, condition, m, n, u)
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail={"residual": residual, "orthogonality": orthogonality},
    )


def _bound(backward: float, condition: float, m: int, n: int, u: float) -> float:
    """Relative bound on R and Q: first order in kappa times the backward error, with room for it to be first order."""
    # In the Frobenius norm, hence the square roots on the way to the infinity norm; the condition
    # estimate is in the 1-norm and may be 3 times too small (Higham, 2002, section 15.3).
    moved = 3.0 * condition * n**0.5 * (SAFETY * backward + 4.0 * math.sqrt(m) * u)
    return 4.0 * moved if moved < 0.1 else math.inf
