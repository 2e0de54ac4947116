"""Certificate of a few eigenvalues of a sparse Hermitian matrix: enclosures, and the proof that none was missed.

Each value lies within the bound of an eigenvalue of its own; that these are the wanted ones is shown by a count
(`ritz_bounds`). Else nothing is certified: a residual alone does not say which eigenvalue was found.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem
from fsci.kernels.linalg.host.symmetric_eigen_drivers import decompose
from fsci.kernels.sparse.counting import counter_for
from fsci.kernels.sparse.host.eigsh_lanczos import one_end
from fsci.kernels.sparse.host.ritz_certificate import Pairs, certified_pairs, examinable, unexamined
from fsci.kernels.sparse.selection import chosen, given_order

__all__: list[str] = []


@register_check("sparse_symmetric_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    p = problem.parameters
    w = np.asarray(attempt.value[0] if p["vectors"] else attempt.value, float)
    v = attempt.value[1] if p["vectors"] else attempt.byproducts.get("basis")
    if not evidence.get("symmetric"):
        return unexamined(attempt, "unknown: A is not symmetric")
    a = problem.operands[0]
    a = a.astype(np.result_type(a.dtype, np.float64), copy=False)
    computed = w
    if v is None and attempt.kernel == "dense":
        computed, v = _again(problem)
    said = examinable(a.data)
    if v is None or w.size == 0 or said:
        return unexamined(attempt, said or "not examined: without vectors there is no residual")
    pairs = Pairs(a, computed, np.asarray(v, a.dtype), p["k"], one_end(problem, evidence), p["sigma"])
    moved = float(np.abs(computed - w).max())
    ordering = evidence.get("ordering") if "ordering" in evidence else None
    return certified_pairs(attempt, policy, problem.unit_roundoff, pairs, lambda: counter_for(a, ordering), moved)


def _again(problem: Problem) -> tuple[Any, Any]:
    """The wanted values with their vectors, where a dense decomposition gave the values alone."""
    p, a = problem.parameters, problem.operands[0]
    whole = a.toarray().astype(np.result_type(a.dtype, np.float64))
    w, v, info = decompose(whole)
    index = chosen(w, p["k"], p["which"], p["sigma"])
    index = index[given_order(w[index], p["which"], p["sigma"], False, whole.dtype.kind == "c")]
    return w[index], v[:, index] if info == 0 else None
