"""Certificate of an iterative solution: the true residual, and a proof of the error where A is an H-matrix."""

from __future__ import annotations

import math

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.sparse.enclosure import enclose

__all__: list[str] = []


@register_check("iterative_solve", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    a, b = problem.operands
    symmetric = problem.parameters["method"] in ("cg", "minres") and a.dtype.kind == "f"
    found = enclose(a, attempt.value, b, symmetric)
    scale = found.norm_a * found.norm_x + float(abs(b).max(initial=0.0))
    backward = found.residual / scale if scale > 0.0 else 0.0 if found.residual == 0.0 else math.inf
    share = found.error / found.norm_x if found.norm_x > 0.0 else 0.0 if found.error == 0.0 else math.inf
    forward = relative_to_truth(share)
    rigor = "rigorous" if math.isfinite(forward) else "estimated"
    return Certificate(
        verdict=policy.verdict(forward, rigor, problem.unit_roundoff),
        backward_error=math.inf if math.isnan(backward) else backward,
        condition=found.norm_a * found.inverse_norm,
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
