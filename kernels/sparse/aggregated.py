"""What the iterations share that a V-cycle of smoothed aggregation preconditions: whom it suits, and its levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.types import Evidence, Problem, Refusal
from fsci.kernels.sparse.multigrid import Multigrid, build
from fsci.kernels.sparse.node_blocks import unknowns_of

__all__ = ["aggregation_refusal", "levels_of"]

# Rounding may leave so much more off a diagonal than on it where the two are equal.
_EXCESS = 1e-8


def aggregation_refusal(problem: Problem, evidence: Evidence) -> Refusal | None:
    """Why aggregation does not suit a matrix; None where it does."""
    if problem.dtype is None or problem.dtype.kind != "f":
        return Refusal("aggregation is for real matrices")
    if not evidence.get("positive_diagonal", False):
        return Refusal("the diagonal is not positive, or not known")
    if evidence.get("positive_share", 1.0) > 0.5 and _unknowns(problem, evidence) == 1:
        return Refusal(
            "most of the weight off the diagonal is positive: no constant vector is nearly in the null space"
        )
    return None


def levels_of(problem: Problem, evidence: Evidence) -> tuple[Multigrid, dict[str, Any]] | None:
    """The hierarchy, and what a certificate tells of it; None where aggregation does not shrink the matrix."""
    a = problem.operands[0]
    diagonal = np.asarray(evidence.get("diagonal"), np.float64)
    cycle = build(a.indptr, a.indices, a.data, diagonal, _unknowns(problem, evidence))
    if cycle is None:
        return None
    return cycle, {"level_sizes": cycle.sizes, "operator_complexity": cycle.complexity}


def _unknowns(problem: Problem, evidence: Evidence) -> int:
    """Unknowns of a node; those of a dominant matrix have one, and nobody looks for more."""
    if evidence.get("jacobi_radius", 1.0) <= 1.0 + _EXCESS:
        return 1
    a = problem.operands[0]
    return unknowns_of(a.indptr, a.indices, np.asarray(a.data, np.float64))
