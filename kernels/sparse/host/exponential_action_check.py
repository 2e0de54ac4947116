"""Certificate of ``exp(t A) B``: the truncation as a backward error, and a proved bound on all errors together.

In one stage the exact terms are ``b_j = (t/s) (A - mu) b_(j-1) / j``. The computed ones are off by at most
``e_j = (alpha e_(j-1) + beta (r + 6) u ||b_(j-1)||) / j``, alpha the infinity norm of the scaled matrix, beta that of
its moduli before the shift, and r the longest row; their sum adds rounding, and the terms that were left out are a
geometric series. What a stage adds travels on with the exact solution, which grows at most with the logarithmic
norm (Dahlquist, 1959): Laplacians forget it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check, register_probe
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.sparse.taylor import THETA, Shifted

__all__: list[str] = []

_U = 2.0**-53
_TINY = 1e-290  # far above what underflow can add up to


@register_probe("exponential_action", "host")
def probe(problem: Problem) -> Evidence:
    """Nothing needs to be known before: the norms are part of the method."""
    return Evidence()


def _stage(terms: list[float], alpha: float, rounded_in: float, longest: int, growth: float) -> float:
    """What one stage adds to the error, in the infinity norm, after its growth."""
    error, total = 0.0, 0.0
    room = (longest + 6.0) * _U
    sizes = 0.0
    for j, size in enumerate(terms):
        if j:
            error = (alpha * error + rounded_in * room * terms[j - 1]) / j + 2.0 * _U * size
            total += error
        sizes += size
    m = len(terms) - 1
    ratio = alpha / (m + 1)
    if not ratio < 1.0:
        return math.inf
    tail = (terms[-1] + error) * ratio / (1.0 - ratio)
    rounded = (m + 1) * _U * sizes
    return growth * (total + tail + rounded) * (1.0 + 1e-12)


def _bounds(s: Shifted, history: list[Any]) -> list[float]:
    """Bound on the error after each step, in the infinity norm."""
    longest = int(np.diff(s.indptr).max(initial=0))
    found, error = [], 0.0
    for t, plan, stages in history:
        length = t / plan.stages
        alpha = abs(length) * s.norm_inf * (1.0 + 8.0 * _U)
        # A product with the shifted matrix rounds in the sizes of the matrix and of the shift.
        rounded_in = alpha + 2.0 * abs(length * s.mean)
        log_norm = s.log_norm if t > 0 else s.log_norm_back
        carried = math.exp(min(abs(length) * log_norm, 700.0)) * (1.0 + 1e-12)
        growth = float(abs(np.exp(length * s.mean))) * (1.0 + 1e-12)
        # The exponent of the growth is rounded.
        drift = 4.0 * _U * (1.0 + abs(length * s.mean))
        for terms, result in stages:
            error = carried * error + _stage(terms, alpha, rounded_in, longest, growth) + drift * result + _TINY
        found.append(error)
    return found


@register_check("exponential_action", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    history, s = attempt.byproducts.get("history"), attempt.byproducts.get("shifted")
    if history is None or s is None or attempt.status != "ok":
        return Certificate(verdict="uncertified", algorithm=attempt.kernel)
    b, times = problem.operands[1], problem.parameters["times"]
    value = np.asarray(attempt.value, np.result_type(attempt.value.dtype, np.float64))
    slices = [value] if times is None else list(value)
    bounds = _bounds(s, history)
    narrow = 0.0 if attempt.value.dtype.char in "dD" else problem.unit_roundoff
    shares = []
    for x, bound in zip(slices, bounds, strict=True):
        size = float(np.abs(x).max(initial=0.0) if x.ndim == 1 else np.abs(x).sum(axis=1).max(initial=0.0))
        shares.append(bound / size + narrow if size > 0.0 else (0.0 if not b.any() else math.inf))
    forward = relative_to_truth(max(shares))
    # Where the norm itself is below theta the truncation is proved to be a relative change of A by u at most.
    proved = all(plan.degree == 0 or abs(t) * s.norm1 / plan.stages <= THETA[plan.degree] for t, plan, _ in history)
    backward = _U if proved else math.inf
    plan = max((plan for _, plan, _ in history), key=lambda plan: plan.degree * plan.stages)
    return Certificate(
        verdict=policy.verdict(forward, "rigorous", problem.unit_roundoff),
        backward_error=backward,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="rigorous",
        algorithm=attempt.kernel,
        detail={
            "degree": plan.degree,
            "stages": plan.stages,
            "norm1": s.norm1,
            "log_norm": s.log_norm,
            "truncation": "backward error by the norm" if proved else "backward error by estimates of powers",
        },
    )
