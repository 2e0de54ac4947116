"""Certificate of a few eigenvalues of a sparse symmetric matrix: enclosures, and the proof that none was missed.

Each value lies within the bound of an eigenvalue of its own; that these are the wanted ones is shown by a count
(`ritz_bounds`), or by the whole spectrum where a dense decomposition gave it. Else nothing is certified: a residual
alone does not say which eigenvalue was found.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.linalg.host.symmetric_eigen_drivers import decompose
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes
from fsci.kernels.sparse.host.eigsh_lanczos import one_end
from fsci.kernels.sparse.inertia import counter_of
from fsci.kernels.sparse.ritz_bounds import completeness, enclosed
from fsci.kernels.sparse.selection import ahead, chosen, given_order

__all__: list[str] = []


@register_check("sparse_symmetric_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    p = problem.parameters
    w = np.asarray(attempt.value[0] if p["vectors"] else attempt.value, float)
    v = attempt.value[1] if p["vectors"] else attempt.byproducts.get("basis")
    if not evidence.get("symmetric"):
        return Certificate(
            verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": "unknown: A is not symmetric"}
        )
    a = problem.operands[0].astype(np.float64)
    scale = float(np.abs(a.data).max(initial=0.0))
    limits = np.finfo(float)
    computed = w
    if v is None and attempt.kernel == "dense":
        computed, v = _again(problem)
    if v is None or w.size == 0 or not (limits.tiny**0.25 < scale < limits.max**0.25):
        # Without vectors there is no residual.
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": "not examined"})
    found = enclosed(a, computed, np.asarray(v, float))
    error = found.bound + float(np.abs(computed - w).max())
    top = float(np.abs(w).max())
    room = 0.25 * policy.target(problem.unit_roundoff) * top
    said, bound, gap = _complete(problem, evidence, attempt, a, w, error, room)
    forward = relative_to_truth(bound / top) if top > 0.0 else math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        # Those that were not found lie behind the worst one by the gap, and behind the others by more.
        behind = gap + ahead(w, one_end(problem, evidence), p["sigma"]) if gap > 0.0 else np.zeros(w.size)
        gaps = np.minimum(_gaps(w) - 2.0 * error, behind)
        angles = np.where(gaps > 0.0, found.residuals / gaps, 1.0)
    return Certificate(
        verdict=policy.verdict(forward, "rigorous", problem.unit_roundoff),
        backward_error=float(found.residuals.max()) / found.norm if found.norm > 0.0 else 0.0,
        condition=1.0,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="rigorous",
        algorithm=attempt.kernel,
        detail={
            "completeness": said,
            "eigenvalue_bound": error,
            "residuals": found.residuals,
            "orthogonality": found.orthogonality,
            "vector_bounds": np.minimum(angles, 1.0),
        },
    )


def _again(problem: Problem) -> tuple[Any, Any]:
    """The wanted values with their vectors, where a dense decomposition gave the values alone."""
    p = problem.parameters
    w, v, info = decompose(problem.operands[0].toarray().astype(float))
    index = chosen(w, p["k"], p["which"], p["sigma"])
    index = index[given_order(w[index], p["which"], p["sigma"], False)]
    return w[index], v[:, index] if info == 0 else None


def _complete(
    problem: Problem, evidence: Evidence, attempt: Attempt, a: Any, w: Any, error: float, room: float
) -> tuple[str, float, float]:
    p = problem.parameters
    if not math.isfinite(error):
        return "unknown: the vectors enclose nothing", math.inf, 0.0
    if w.size < p["k"]:
        return "incomplete: fewer eigenvalues than were asked for", math.inf, 0.0
    counter = counter_of(a, evidence.get("ordering"))
    memory = 8.0 * sum(counter.structure.peaks)
    if memory > SURELY_FITS and memory > available_bytes():
        return f"unknown: a count takes {memory:.3g} bytes", math.inf, 0.0
    return completeness(counter, w, one_end(problem, evidence), p["sigma"], error, room)


def _gaps(w: Any) -> Any:
    """Distance of each value to its nearest neighbour."""
    order = np.argsort(w)
    steps = np.diff(w[order])
    gaps = np.empty(w.size)
    gaps[order] = np.minimum(np.append(steps, math.inf), np.insert(steps, 0, math.inf))
    return gaps
