"""Certificate of an iterative solution: the true residual, and a bound on the error where the inverse has one.

Where A is an H-matrix the bound is a proof; where factors are left, it is estimated by them. An iteration itself
gives none: its Ritz values lie inside the spectrum, so that the norm of the inverse that they suggest is too small,
and most so for right-hand sides along the smallest eigenvector (Meurant and Tichy, 2013). Then nothing is certified.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.condition import ESTIMATOR_SAFETY
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.enclosure import enclose
from fsci.kernels.sparse.estimation import CONTRACTION, defect, inverse_weighted_norm
from fsci.kernels.sparse.sparse_residual import compressed_residual

__all__: list[str] = []

_U = 2.0**-53
# What the parts of one product may lose below the normal numbers: some multiples of 2**-1074.
_LOST = 2.0**-1068


@register_check("iterative_solve", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    a, b = problem.operands
    symmetric = problem.parameters["method"] in ("cg", "minres") and a.dtype.kind == "f"
    found = enclose(a, attempt.value, b, symmetric)
    scale = found.norm_a * found.norm_x + float(abs(b).max(initial=0.0))
    backward = found.residual / scale if scale > 0.0 else 0.0 if found.residual == 0.0 else math.inf
    share = found.error / found.norm_x if found.norm_x > 0.0 else 0.0 if found.error == 0.0 else math.inf
    condition = found.norm_a * found.inverse_norm
    rigor = "rigorous" if math.isfinite(share) else "estimated"
    solve = attempt.byproducts.get("solve")
    if math.isinf(share) and solve is not None and math.isfinite(backward):
        share, condition = _by_factors(problem, attempt.value, solve)
    forward = relative_to_truth(share) if share < 1.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, rigor, problem.unit_roundoff),
        backward_error=math.inf if math.isnan(backward) else backward,
        condition=condition,
        forward_error=forward,
        digits=int(digits_of(forward)),
        rigor=rigor,
        algorithm=attempt.kernel,
        detail={
            "iterations": attempt.byproducts.get("iterations"),
            "residual": found.residual,
            "componentwise_backward_error": found.componentwise,
            **{k: attempt.byproducts[k] for k in ("level_sizes", "operator_complexity") if k in attempt.byproducts},
        },
    )


def _by_factors(problem: Problem, x: Any, solve: Callable[..., Any]) -> tuple[float, float]:
    """``|| |A^-1| (|r| + room) || / ||x||`` and the Skeel condition, as for the direct solvers."""
    a, b = problem.operands
    stored = one_matrix(a)
    with np.errstate(all="ignore"):
        r, w = compressed_residual(a, x, b)
        size = float(np.abs(x).max(initial=0.0))
        if not (size > 0.0 and np.isfinite(w).all()):
            return math.inf, math.inf
        longest = float(np.diff(a.indptr).max(initial=0))
        # Room for the residual's own rounding: once of itself, and of the second order of its terms.
        target = np.abs(r) + _U * np.abs(r) + 4.0 * ((longest + 2.0) * _U) ** 2 * w + (longest + 2.0) * _LOST
        shift = ESTIMATOR_SAFETY * defect(stored, solve)
        condition = inverse_weighted_norm(solve, w / size, stored.data.dtype)
        if not shift < CONTRACTION:
            return math.inf, condition
        bound = inverse_weighted_norm(solve, target / size, stored.data.dtype)
    return ESTIMATOR_SAFETY * bound / (1.0 - shift) * (1.0 + 2.0**-30), condition
