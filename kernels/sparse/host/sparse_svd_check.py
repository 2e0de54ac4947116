"""Certificate of a few singular values: those of eigenvalues of ``[[0, A], [A^T, 0]]``, which are s and -s.

The triplets make vectors of that matrix, whose residuals enclose the values one by one; a count of its eigenvalues
shows whether a larger one (or a smaller one) is missing. Nothing here goes through the Gram matrix.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse import block_array, csr_array

from fsci.core.policy import Policy
from fsci.core.registry import register_check, register_probe
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes
from fsci.kernels.sparse.inertia import counter_of
from fsci.kernels.sparse.ritz_bounds import completeness, enclosed

__all__ = ["too_dear"]

# Flops of a count beyond which it is not made: about a minute of one core.
_MOST = 3e11


@register_probe("sparse_svd", "host")
def probe(problem: Problem) -> Evidence:
    """Sizes alone decide between the routes."""
    return Evidence()


def too_dear(counter: Any) -> str:
    """Why a count is not made; empty where it is."""
    memory = 8.0 * sum(counter.structure.peaks)
    if memory > SURELY_FITS and memory > available_bytes():
        return f"unknown: a count takes {memory:.3g} bytes"
    return f"unknown: a count takes {counter.flops:.3g} flops" if counter.flops > _MOST else ""


@register_check("sparse_svd", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    p, a = problem.parameters, problem.operands[0]
    u, s, vh = attempt.value if isinstance(attempt.value, tuple) else (None, attempt.value, None)
    if u is None or vh is None or a.dtype.kind == "c" or s.size == 0:
        said = "not examined: " + ("complex" if a.dtype.kind == "c" else "without both sides there is no residual")
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": said})
    wide, limits = a.astype(np.float64), np.finfo(float)
    scale = float(np.abs(wide.data).max(initial=0.0))
    if not (limits.tiny**0.25 < scale < limits.max**0.25):
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": "not examined"})
    both = csr_array(block_array([[None, wide], [wide.T, None]]))
    both.sort_indices()
    s = np.asarray(s, float)
    vectors = np.vstack([np.asarray(u, float), np.asarray(vh, float).T]) / math.sqrt(2.0)
    # The enclosure asks for exact norms of nothing: the root of two is one scale for values and vectors alike.
    found = enclosed(both, s, vectors)
    top = float(s.max())
    if not float(np.linalg.norm(np.asarray(vh, float) @ np.asarray(vh, float).T - np.eye(s.size))) < 0.25:
        # A vector that lies on one side alone is no triplet, whatever its residual is.
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": "no triplets"})
    said, bound = _complete(both, s, p, found.bound, 0.25 * policy.target(problem.unit_roundoff) * top)
    forward = relative_to_truth(bound / top) if top > 0.0 else math.inf
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
            "singular_value_bound": found.bound,
            "residuals": found.residuals,
            "orthogonality": found.orthogonality,
        },
    )


def _complete(both: Any, s: Any, p: Any, error: float, room: float) -> tuple[str, float]:
    if not math.isfinite(error):
        return "unknown: the vectors enclose nothing", math.inf
    if s.size < p["k"]:
        return "incomplete: fewer singular values than were asked for", math.inf
    counter = counter_of(both)
    dear = too_dear(counter)
    if dear:
        return dear, math.inf
    if p["which"] == "LM":
        said, bound, _ = completeness(counter, s, "LA", None, error, room)
        return said, bound
    # The smallest: with their mirror images, and the zeros that the shape alone brings.
    rows, columns = p["shape"]
    all_of_them = np.concatenate([s, -s, np.zeros(abs(rows - columns))])
    said, bound, _ = completeness(counter, all_of_them, "SM", None, error, room)
    # Values below the bound may stand for one another and for the zeros.
    return said, 3.0 * bound
