"""Certificates of matrix exponentials: truncation by theory, rounding by what the kernel followed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check, register_probe
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.linalg.host.matrix_exponential_pade import BOUND, DEGREE, RECORD, SQUARINGS, slices
from fsci.kernels.linalg.host.structure_hermitian import is_hermitian
from fsci.kernels.linalg.host.symmetric_eigen_check import enclose, full, rounding

__all__: list[str] = []


@register_probe("matrix_exponential", "host")
def probe(problem: Problem) -> Evidence:
    """Whether one matrix is exactly Hermitian."""
    a = problem.operands[0]
    return Evidence() if a.ndim > 2 else Evidence.of(hermitian=is_hermitian(a))


def _hermitian_bound(a: np.ndarray, attempt: Attempt) -> float:
    """Bound on an entry's error relative to the largest entry, for V exp(L) V^H.

    With A + E = Q L Q^H exactly, ||exp(A) - exp(A + E)|| <= ||E|| exp(max L + ||E||); and Q
    is within the loss of orthogonality of V.
    """
    w, v = attempt.byproducts["spectrum"].astype(float), attempt.byproducts["vectors"]
    bound, orthogonality, _ = enclose(full(a, True), w, v)
    if not (math.isfinite(bound) and orthogonality < 0.5):
        return math.inf
    largest = float(np.abs(attempt.value).max())
    u = 0.5 * float(np.finfo(a.dtype).eps)
    # In units of exp(max L): perturbation, non-orthogonality, and the rounding of exponentials and product.
    relative = (
        bound * math.exp(min(bound, 1.0))
        + 2.0 * orthogonality
        + rounding(a.shape[0], u) * (1.0 + orthogonality)
        + 4.0 * u
    )
    with np.errstate(over="ignore"):
        top = float(np.exp(w.max()))
    return relative * top / largest if largest > 0.0 else math.inf


def _condition(a: np.ndarray, x: np.ndarray) -> float:
    """Estimate of the relative condition in the Frobenius norm: one step of the power method.

    The Frechet derivative in a direction E is the upper right block of the exponential of
    [[A, E], [0, A]] (Mathias, 1996; Higham, 2008, section 3.4).
    """
    n = a.shape[0]
    direction = np.full((n, n), 1.0 / n, dtype=a.dtype)
    grown = 0.0
    for matrix in (a, a.conj().T):
        block = np.zeros((1, 2 * n, 2 * n), dtype=a.dtype)
        block[0, :n, :n] = block[0, n:, n:] = matrix
        block[0, :n, n:] = direction
        out = np.empty_like(block)
        if slices(block, out, np.empty((1, RECORD)), 0, 1):
            return math.inf
        derivative = out[0, :n, n:]
        grown = max(grown, float(np.linalg.norm(derivative)))
        size = float(np.linalg.norm(derivative))
        if size == 0.0:
            break
        direction = derivative / size
    norm_x = float(np.linalg.norm(x))
    return grown * float(np.linalg.norm(a)) / norm_x if norm_x > 0.0 else math.inf


@register_check("matrix_exponential", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Backward error of truncation (at most u by the choice of degree and scaling), and the followed rounding."""
    a, u = problem.operands[0], problem.unit_roundoff
    listened = FRAME.get().log is not None or policy.wants_forward
    record = attempt.byproducts.get("record")
    detail: dict[str, Any] = {"bound_of": "any entry, relative to the largest"}
    forward: Any = math.inf if a.ndim == 2 else np.full(a.shape[:-2], math.inf)
    backward: Any = u if a.ndim == 2 else np.full(a.shape[:-2], u)
    if record is not None:
        forward = float(record[BOUND]) if a.ndim == 2 else record[..., BOUND].copy()
        if a.ndim == 2:
            detail.update(degree=int(record[DEGREE]), squarings=int(record[SQUARINGS]))
    elif "spectrum" in attempt.byproducts:
        backward = attempt.byproducts["backward"]
        forward = _hermitian_bound(a, attempt) if listened else math.inf
    # An overflowed answer is larger than any error, and right nowhere.
    finite = np.isfinite(np.asarray(attempt.value)).all(axis=(-2, -1))
    forward = relative_to_truth(np.where(finite, forward, math.inf) if a.ndim > 2 or not finite else forward)
    condition: Any = np.linalg.norm(a, axis=(-2, -1)).astype(float)
    if a.ndim == 2:
        condition = float(condition)
        detail["condition_is"] = "a lower bound: the Frobenius norm, attained by normal matrices"
        if policy.wants_forward:
            condition = max(condition, _condition(a, attempt.value))
            detail["condition_is"] = "an estimate, by the Frechet derivative"
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
        detail=detail,
    )
