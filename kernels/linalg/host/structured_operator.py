"""Systems whose operator is known by its products: one certificate and one refinement for all of them.

Triangular, banded, Toeplitz systems and those given by their factors differ in how a residual is
formed and a solve is done, in nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Problem, digits_of, relative_to_truth
from fsci.kernels.condition import ESTIMATOR_SAFETY, inverse_weighted_norm
from fsci.kernels.linalg.host.inverse_check import somebody_asks

__all__ = ["Operator", "certify_operator", "refined_attempt"]

Array = np.ndarray[Any, np.dtype[Any]]

_U = 2.0**-53  # of the residuals, whatever the precision of the problem
_TINY = 2.0**-1022
_STEPS = 60
_SLOWEST = 0.5  # a rate that Demmel and others (2006) still allow in extra-precise refinement


@dataclass(frozen=True, slots=True)
class Operator:
    """What certificate and refinement need of a matrix.

    Attributes
    ----------
    residual : callable
        ``residual(x, low, b)``: ``b - A (x + low)`` for one right-hand side, exact up to
        ``8 n u^2 (|A||x|+|b|)`` and one rounding.
    moduli : callable
        ``moduli(v)``: ``|A| v`` (or what bounds it) for ``v >= 0``.
    majorant : callable, optional
        ``majorant(v)``: a proven upper bound of ``|A^-1| v`` for ``v >= 0``.
    """

    residual: Callable[[Array, Array, Array], Array]
    moduli: Callable[[Array], Array]
    majorant: Callable[[Array], Array] | None = None


def _columns(v: Array) -> Array:
    return v.reshape(v.shape[0], -1)


def certify_operator(
    problem: Problem, attempt: Attempt, policy: Policy, operator: Operator, a_priori: float
) -> Certificate:
    """Certify ``attempt.value`` as solution of ``A x = b``, b being the last operand.

    Parameters
    ----------
    a_priori : float
        Backward error that is known without looking: measured by the kernel, or of a theorem.
        It is all that is reported when nobody asks for more.
    """
    x, b = np.asarray(attempt.value), problem.operands[-1]
    if not np.isfinite(x).all():
        return Certificate("uncertified", math.inf, algorithm=attempt.kernel)
    if not somebody_asks(policy):
        return Certificate("uncertified", a_priori, algorithm=attempt.kernel)
    solve = attempt.byproducts["solve"]
    wide = np.result_type(x.dtype, b.dtype, np.float64)
    xs, bs = _columns(x).astype(wide), _columns(b).astype(wide)
    low = attempt.byproducts.get("correction")
    lows = np.zeros_like(xs) if low is None else _columns(low).astype(wide)
    n = xs.shape[0]
    with np.errstate(all="ignore"):
        sizes = np.abs(xs).max(axis=0, initial=0.0)
        weights, errors = np.zeros(n), np.zeros(n)
        componentwise = backward = lost = 0.0
        for k in range(xs.shape[1]):
            r = np.abs(operator.residual(xs[:, k], lows[:, k], bs[:, k]))
            w = operator.moduli(np.abs(xs[:, k])) + np.abs(bs[:, k])
            total = np.abs(operator.residual(xs[:, k], np.zeros(n, wide), bs[:, k])) if low is not None else r
            share = np.divide(total, w, out=np.where(total > 0, np.inf, 0.0), where=w > 0)
            componentwise = max(componentwise, float(share.max(initial=0.0)))
            top = float(w.max(initial=0.0))
            backward = max(backward, float(total.max(initial=0.0)) / top if top > 0.0 else 0.0)
            error = r * (1.0 + 2.0 * _U) + 16.0 * n * _U * _U * w + n * n * _TINY
            if sizes[k] > 0.0:
                weights, errors = np.maximum(weights, w / sizes[k]), np.maximum(errors, error / sizes[k])
                lost = max(lost, float(np.abs(lows[:, k]).max(initial=0.0)) / float(sizes[k]))
            elif total.any():
                errors = np.full(n, np.inf)
        condition = inverse_weighted_norm(solve, weights)
        estimated = ESTIMATOR_SAFETY * inverse_weighted_norm(solve, errors) if np.isfinite(errors).all() else math.inf
        forward = relative_to_truth(lost + estimated * _slack(operator, solve, weights, wide))
        rigor = "estimated"
        if operator.majorant is not None and np.isfinite(errors).all():
            proven = relative_to_truth(lost + float(operator.majorant(errors).max(initial=0.0)) * (1.0 + 8.0 * n * _U))
            # A proof is worth more than a smaller number, as long as it meets the same target.
            if proven <= max(policy.target(problem.unit_roundoff), forward):
                forward, rigor = proven, "rigorous"
    forward = forward if forward >= 0.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, rigor, problem.unit_roundoff),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor=rigor,
        algorithm=attempt.kernel,
        detail={"componentwise": componentwise, "skeel": condition},
    )


def _slack(operator: Operator, solve: Callable[..., Array], weights: Array, wide: Any) -> float:
    """How much larger ``|A^-1|`` may be than the solves say; infinity where they say nothing.

    Near a condition of 1/u the factors are those of another matrix. The correction of a solution that
    excites the worst direction shows how far: ``|(I - M)^-1| <= 1 / (1 - rate)``.
    """
    n = weights.shape[0]
    z = (weights * np.random.default_rng(n).choice([-1.0, 1.0], n)).astype(wide)
    y = solve(z).astype(wide)
    size = float(np.abs(y).max(initial=0.0))
    if not 0.0 < size < math.inf:
        return 1.0 if size == 0.0 else math.inf
    rate = float(np.abs(solve(operator.residual(y, np.zeros_like(y), z))).max(initial=0.0)) / size
    return 1.0 / (1.0 - rate) if rate < 0.5 else math.inf


def refined_attempt(problem: Problem, operator: Operator, solve: Callable[..., Array]) -> Attempt:
    """Extra-precise refinement: residual and iterate in two words (Demmel and others, 2006)."""
    b = problem.operands[-1]
    wide = np.result_type(problem.dtype, np.float64)
    bs = _columns(b).astype(wide)
    unit = problem.unit_roundoff
    with np.errstate(all="ignore"):
        hi = _columns(np.asarray(solve(b))).astype(wide)
        lo = np.zeros_like(hi)
        converged, previous = False, math.inf
        for _ in range(_STEPS):
            r = np.stack([operator.residual(hi[:, k], lo[:, k], bs[:, k]) for k in range(hi.shape[1])], axis=1)
            # Scaled to size one: factors of lower precision would lose a small residual to underflow.
            scale = np.abs(r).max(axis=0, initial=0.0)
            scale = np.where(scale > 0, scale, 1.0)
            d = _columns(np.asarray(solve(np.asfortranarray(r / scale)))).astype(wide) * scale
            sizes = np.abs(hi).max(axis=0, initial=0.0)
            size = float(np.max(np.abs(d).max(axis=0, initial=0.0) / np.where(sizes > 0, sizes, 1.0), initial=0.0))
            if not size <= _SLOWEST * previous:  # also NaN
                converged = previous <= unit / 64.0
                break
            top = hi + d
            back = top - hi
            tail = lo + ((hi - (top - back)) + (d - back))
            hi = top + tail
            lo = tail - (hi - top)
            previous = size
            if size <= unit * unit:
                converged = True
                break
    if not np.isfinite(hi).all():
        return Attempt(None, status="nonfinite")
    x = hi.astype(problem.dtype)
    low = (hi - x) + lo
    shape = b.shape
    return Attempt(
        x.reshape(shape),
        status="ok" if converged else "stalled",
        byproducts={"solve": solve, "correction": low.reshape(shape)},
    )
