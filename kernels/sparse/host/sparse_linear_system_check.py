"""Certificate of a sparse system: backward errors from a residual in doubled precision, bound through the factors.

The forward bound is that of the dense systems: ``|| |A^-1| (|r| + room) || / ||x||`` by Hager and Higham's
estimator with the factors F, times what F may be wrong by, ``1 / (1 - ||I - F^-1 A||)``, which is estimated too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.certificate import Certificate, digits_of, relative_to_truth
from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Evidence, Problem
from fsci.kernels.condition import ESTIMATOR_SAFETY
from fsci.kernels.sparse.compressed import Compressed, compressed
from fsci.kernels.sparse.estimation import CONTRACTION, defect, inverse_weighted_norm
from fsci.kernels.sparse.sparse_residual import compressed_residual

__all__: list[str] = []

_U = 2.0**-53
# What the parts of one product may lose below the normal numbers: some multiples of 2**-1074.
_LOST = 2.0**-1068
_ROUNDED_UP = 1.0 + 2.0**-30  # norms and quotients of positive numbers


@register_check("sparse_linear_system", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify one attempt."""
    a, b = problem.operands
    x = attempt.value
    if not np.isfinite(x).all():
        return Certificate(verdict="uncertified", algorithm=attempt.kernel)
    extra = attempt.byproducts
    condition = forward = math.inf
    with np.errstate(all="ignore"):
        r, w = extra.get("measured") or compressed_residual(a, x, b)
        norm_inf = evidence.get("norm_inf")
        backward = _backward(r, x, b, _norm_inf(compressed(problem)) if norm_inf is None else norm_inf)
        componentwise = float(np.max(np.divide(np.abs(r), w, out=np.zeros(w.shape), where=w > 0), initial=0.0))
        detail: dict[str, Any] = {"componentwise": componentwise}
        if not np.isfinite(w).all():
            return Certificate(verdict="uncertified", algorithm=attempt.kernel)
        solve = extra.get("solve")
        if solve is not None and (policy.wants_forward or FRAME.get().log is not None):
            low = extra.get("correction")
            exact = (r, w) if low is None else compressed_residual(a, x, b, low)
            condition, forward, slack = _forward(compressed(problem), x, exact, low, solve)
            detail["skeel"] = condition
            detail["factor_slack"] = slack
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


def _norm_inf(a: Compressed) -> float:
    rows = np.repeat(np.arange(a.n), np.diff(a.indptr)) if a.by_rows else a.indices
    return float(np.bincount(rows, np.abs(a.data), a.n).max(initial=0.0))


def _size(v: Any) -> Any:
    return np.abs(v).max(axis=0, initial=0.0)


def _backward(r: Any, x: Any, b: Any, norm_inf: float) -> float:
    """Normwise, the worst of all columns (Rigal and Gaches, 1967)."""
    below = norm_inf * _size(x) + _size(b)
    error = np.where(below > 0.0, _size(r) / np.where(below > 0.0, below, 1.0), np.where(_size(r) > 0.0, np.inf, 0.0))
    largest = float(np.max(error, initial=0.0))
    return math.inf if math.isnan(largest) else largest


def _forward(
    a: Compressed, x: Any, measured: tuple[Any, Any], low: Any, solve: Callable[..., Any]
) -> tuple[float, float, float]:
    """Skeel condition, bound on the relative error of all columns, and the share that the factors add.

    With a low-order part the residual is that of ``x + low``, and x lacks it.
    """
    r, w = measured
    longest = float(np.diff(a.indptr).max(initial=0)) if a.by_rows else float(np.bincount(a.indices).max(initial=0))
    # Room for the rounding of the residual: once of itself, and of the second order of its terms.
    room = _U * np.abs(r) + 4.0 * ((longest + 2.0) * _U) ** 2 * w + (longest + 2.0) * _LOST
    size = np.atleast_1d(_size(x)).astype(float)
    if not (size > 0.0).all():
        # A zero solution has no relative error; only a zero right-hand side has it exactly.
        return (1.0, 0.0, 1.0) if not np.any(r) and not np.any(x) else (math.inf, math.inf, math.inf)
    absolute = (np.abs(r) + room).reshape(a.n, -1) / size
    weights = (w.reshape(a.n, -1) / size).max(axis=1)
    condition = inverse_weighted_norm(solve, weights, a.data.dtype)
    shift = ESTIMATOR_SAFETY * defect(a, solve)
    slack = 1.0 / (1.0 - shift) if shift < CONTRACTION else math.inf
    lost = 0.0 if low is None else float(np.max(np.atleast_1d(_size(low)) / size, initial=0.0))
    share = (
        lost + ESTIMATOR_SAFETY * slack * inverse_weighted_norm(solve, absolute.max(axis=1), a.data.dtype) * _ROUNDED_UP
    )
    if not math.isfinite(share):
        return condition, math.inf, slack
    return condition, float(relative_to_truth(share)), slack
