"""Certificate of a few singular values: those of eigenvalues of ``[[0, A], [A^*, 0]]``, which are s and -s.

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
from fsci.core.types import Attempt, Certificate, Evidence, Problem
from fsci.kernels.sparse.counting import counter_for
from fsci.kernels.sparse.host.ritz_certificate import bounded, examinable, too_dear, unexamined
from fsci.kernels.sparse.ritz_bounds import completeness, enclosed

__all__: list[str] = []


@register_probe("sparse_svd", "host")
def probe(problem: Problem) -> Evidence:
    """Sizes alone decide between the routes."""
    return Evidence()


@register_check("sparse_svd", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    p, a = problem.parameters, problem.operands[0]
    u, s, vh = attempt.value if isinstance(attempt.value, tuple) else (None, attempt.value, None)
    if u is None or vh is None or s.size == 0:
        return unexamined(attempt, "not examined: without both sides there is no residual")
    wide = a.astype(np.result_type(a.dtype, np.float64), copy=False)
    said = examinable(wide.data)
    if said:
        return unexamined(attempt, said)
    both = csr_array(block_array([[None, wide], [wide.conj().T, None]]))
    both.sort_indices()
    s = np.asarray(s, float)
    left, right = np.asarray(u, wide.dtype), np.asarray(vh, wide.dtype).conj().T
    # The enclosure asks for exact norms of nothing: the root of two is one scale for values and vectors alike.
    found = enclosed(both, s, np.vstack([left, right]) / math.sqrt(2.0))
    if not float(np.linalg.norm(right.conj().T @ right - np.eye(s.size))) < 0.25:
        # A vector that lies on one side alone is no triplet, whatever its residual is.
        return unexamined(attempt, "no triplets")
    room = 0.25 * policy.target(problem.unit_roundoff) * float(s.max())
    said, bound = _complete(both, s, p, found.bound, room)
    detail = {"singular_value_bound": found.bound}
    return bounded(attempt, policy, problem.unit_roundoff, found, s, said, bound, **detail)


def _complete(both: Any, s: Any, p: Any, error: float, room: float) -> tuple[str, float]:
    if not math.isfinite(error):
        return "unknown: the vectors enclose nothing", math.inf
    if s.size < p["k"]:
        return "incomplete: fewer singular values than were asked for", math.inf
    counter = counter_for(both)
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
