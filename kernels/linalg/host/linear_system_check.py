"""Certificate of a linear system: backward errors, condition, forward bound.

The bound is that of LAPACK's expert drivers, ``|| |A^-1| (|r| + (n+1) u (|A||x|+|b|)) || / ||x||`` in the
infinity norm (Arioli, Demmel and Duff, 1989), with the residual in double precision or better and the
estimator's safety factor. Where the kernel kept the low-order part ``x_lo`` of its answer, the
bound is ``|x_lo|`` plus that of the residual of ``x + x_lo`` (Demmel and others, 2006), and so tight.
Several right-hand sides: every number is that of the worst column.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of
from fsci.kernels.backward import Measured, measure
from fsci.kernels.condition import ESTIMATOR_SAFETY, inverse_norm_1, inverse_weighted_norm, norm1est, rcond_bound
from fsci.kernels.declared import declared_matrix
from fsci.kernels.doubled import doubled_residual
from fsci.kernels.refinement import plain_residual

__all__ = ["certify_system"]

Array = np.ndarray[Any, np.dtype[Any]]
Solve = Callable[..., Array]
_EPS = 2.0**-52
# A bound is a few divisions and norms of positive numbers, rounded to nearest each: this covers them.
_ROUNDED_UP = 1.0 + 2.0**-40
_FEW = 1024  # up to this order two vectors climb together: a product is cheap


@register_check("linear_system", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify one attempt."""
    ready = attempt.byproducts.get("certified")
    if ready is not None:
        return _from_ready(problem, attempt, policy, ready)
    if problem.operands[0].ndim > 2:
        return Certificate(verdict="uncertified", algorithm=attempt.kernel)
    a, holds = declared_matrix(problem, evidence)
    transposed = bool(problem.parameters.get("transposed"))
    return certify_system(problem, attempt, policy, a, problem.operands[1], transposed, holds)


def _from_ready(problem: Problem, attempt: Attempt, policy: Policy, ready: Any) -> Certificate:
    """Numbers that a kernel has already computed, slice by slice in a batch."""
    forward = ready.get("forward_error", math.inf)
    forward = (float(forward) if np.ndim(forward) == 0 else forward) * _ROUNDED_UP
    with np.errstate(divide="ignore"):
        condition = ready.get("condition", np.divide(1.0, ready.get("rcond", 0.0)))
    rigor = ready.get("rigor", "estimated")
    own = ("backward_error", "forward_error", "condition", "rigor")
    return Certificate(
        verdict=policy.verdict(forward, rigor, problem.unit_roundoff),
        backward_error=ready["backward_error"],
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor=rigor,
        algorithm=attempt.kernel,
        detail={k: v for k, v in ready.items() if k not in own},
    )


def certify_system(
    problem: Problem, attempt: Attempt, policy: Policy, a: Array, b: Array, transposed: bool, holds: bool = True
) -> Certificate:
    """Certify ``attempt.value`` as solution of ``a @ x = b``.

    Parameters
    ----------
    a : (n, n) ndarray
        The matrix as meant by the caller, both triangles of a symmetric one.
    b : (n,) or (n, k) ndarray
    transposed : bool
        The system is ``a.T @ x = b``.
    holds : bool
        False where the matrix contradicts its declared structure: nothing is vouched for then.
    """
    extra, x = attempt.byproducts, np.asarray(attempt.value)
    if x.size == 0:
        return Certificate("certified", 0.0, 1.0, 0.0, digits_of(0.0), "estimated", attempt.kernel)
    if not np.isfinite(x).all():
        return Certificate(verdict="uncertified", algorithm=attempt.kernel)
    solve, rcond = extra.get("solve"), extra.get("rcond")
    condition = forward = math.inf
    u, at_least = problem.unit_roundoff, extra.get("rcond_at_least")
    with np.errstate(all="ignore"):
        seen = extra.get("measured") or measure(a, x, b, transposed, extra.get("correction"))
        detail: dict[str, Any] = {"componentwise": seen.componentwise}
        # Without a listener the bound would be thrown away: only the warning's rcond is needed.
        wanted = (
            policy.wants_forward or FRAME.get().log is not None or (rcond is None and "rcond_at_least" not in extra)
        )
        if solve is not None and wanted:
            condition, forward = forward_bound(a, transposed, seen, solve, extra, u)
            if (
                policy.wants_forward
                and not forward <= policy.target(problem.unit_roundoff)
                and "correction" not in extra
            ):
                # Most of the bound may be room for the rounding of the residual: compute that exactly instead.
                seen = measure(a, x, b, transposed, np.zeros_like(x))
                condition, forward = forward_bound(a, transposed, seen, solve, {**extra, "skeel": condition}, u)
            detail["skeel"] = condition
            at_least = at_least or rcond_bound(seen.w, seen.norm_inf, condition)
            if rcond is None and at_least is None:
                rcond = _rcond(a, transposed, solve)
    if rcond is None and at_least is not None:
        detail["rcond_at_least"] = at_least
    if rcond is not None:
        detail["rcond"] = float(rcond)
        detail["condition_1"] = 1.0 / float(rcond) if rcond > 0.0 else math.inf
    forward *= _ROUNDED_UP
    if not holds:
        forward, detail["declared_structure"] = math.inf, "contradicted by the matrix"
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=seen.backward_error,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail=detail,
    )


# A share of the factors that leaves room for the luck of one direction.
_CONTRACTS = 0.1


def forward_bound(
    a: Array, transposed: bool, seen: Measured, solve: Solve, extra: Any, unit: float
) -> tuple[float, float]:
    """Skeel condition ``|| |A^-1| (|A||x|+|b|) || / ||x||`` and the bound on the relative error."""
    known = extra.get("skeel")
    condition = float(known) if known is not None else inverse_weighted_norm(solve, seen.w)
    with_underflow = seen.r + seen.tiny
    worst = float(np.max(np.divide(with_underflow, seen.w, out=np.full_like(seen.w, np.inf), where=seen.w > 0)))
    if worst <= 8.0 * seen.unit:
        spread = condition * (worst + seen.unit)
    else:
        # A few rows are much worse than the rest: their own norm, not the largest row's share of all.
        spread = inverse_weighted_norm(solve, with_underflow + seen.unit * seen.w)
    share_of_factors = condition * a.shape[0] * 2.0 * extra.get("factor_unit", unit)
    slack = 1.0
    # Factors are suspect where they are no contraction for sure, and where their own answer is not componentwise
    # stable: those of an orthogonal method know nothing of rows and columns that are small by their units.
    if seen.componentwise > 16 * a.shape[0] * unit:
        slack = _factor_slack(a, transposed, solve)
    elif share_of_factors <= a.shape[0] ** 0.5 and (rate := extra.get("rate", 1.0) * a.shape[0] ** 0.5) <= _CONTRACTS:
        # Refinement saw ||I - F^-1 A|| on roundings, which point anywhere: its norm is sqrt(n) times that at most, but
        # for rare luck (Dixon, 1983). Each row of the answer is stable, so that none was left out; and were A singular,
        # ||F^-1|| would be 1 / ||F - A||, which the statistical growth of roundings (Higham and Mary, 2019) rules out.
        slack = 1.0 / (1.0 - rate)
    elif share_of_factors > 0.01:
        slack = _factor_slack(a, transposed, solve, plain=extra.get("factor_unit", unit) > unit)
    share = seen.lost + ESTIMATOR_SAFETY * slack * spread
    # Relative to the true solution, whose norm is at least (1 - share) of that of the computed one.
    # The last factor is for the rounding of these few lines.
    return condition, share / (1.0 - share) * (1.0 + 16.0 * _EPS) if 0.0 <= share < 1.0 else math.inf


def _factor_slack(a: Array, transposed: bool, solve: Solve, plain: bool = False) -> float:
    """How much larger ``A^-1 r`` may be than the factors F say; infinity where they say nothing.

    ``||A^-1 r|| <= ||F^-1 r|| / (1 - m)`` with ``m = ||I - F^-1 A||_inf < 1``, which is estimated by products with
    exact residuals (`plain`: in working precision, which is more than the factors'); one that is near 1/2
    is not trusted.
    """
    n = a.shape[0]
    kind = np.result_type(a.dtype, np.float64)
    nothing = np.zeros(n, kind)

    def residual(v: Array, b: Array, turned: bool) -> Array:
        if plain:
            return plain_residual(a, turned)(v.astype(kind), b.astype(kind))
        return doubled_residual(a, v, nothing, b, turned)

    def product(v: Array) -> Array:
        y = np.conj(solve(v.astype(kind), adjoint=True))
        return np.conj(residual(y, np.conj(v), not transposed))

    def adjoint(v: Array) -> Array:
        return v + solve(residual(v, nothing, transposed).astype(kind))

    columns = 2 if n <= _FEW else 1
    defect = norm1est(product, adjoint, n, columns)
    if defect < 0.5:
        return 1.0 / (1.0 - defect)
    if not defect < n**0.5:
        return math.inf
    squared = norm1est(lambda v: product(product(v)), lambda v: adjoint(adjoint(v)), n, columns)
    return (1.0 + defect) / (1.0 - squared) if squared < 0.5 else math.inf


def _rcond(a: Array, transposed: bool, solve: Solve) -> float:
    """Reciprocal condition in the 1-norm, by estimation."""
    norm = float(np.abs(a).sum(axis=1 if transposed else 0).max())
    inverse = inverse_norm_1(solve, a.shape[0])
    return 1.0 / (norm * inverse) if 0.0 < norm * inverse < math.inf else 0.0
