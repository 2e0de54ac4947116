"""Certificate of a few eigenvalues of a sparse symmetric pencil: enclosures, and the proof that none was missed.

Residuals are measured in the inverse of M: they are at most their length over the root of the least eigenvalue
of M, for which a lower bound is counted. A scaling to a unit diagonal of M, by powers of two, leaves the
eigenvalues alone, and makes that bound sharp for mass matrices (Wathen, 1987). Where M is not shown to be
positive definite, nothing is certified.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem
from fsci.kernels.sparse.counting import least_eigenvalue, pencil_counter
from fsci.kernels.sparse.host.ritz_certificate import Pairs, certified_pairs, examinable, unexamined

__all__: list[str] = []


@register_check("sparse_pencil_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    p = problem.parameters
    w = np.asarray(attempt.value[0] if p["vectors"] else attempt.value, float)
    v = attempt.value[1] if p["vectors"] else attempt.byproducts.get("basis")
    if not (evidence.get("symmetric") and evidence.get("positive_diagonal")):
        return unexamined(attempt, "unknown: A or M is not symmetric, or M is not definite")
    if v is None or w.size == 0:
        return unexamined(attempt, "not examined: without vectors there is no residual")
    a, m = (x.astype(np.float64, copy=False) for x in problem.operands)
    said = examinable(a.data, m.data, m.diagonal())
    if said:
        return unexamined(attempt, said)
    half = np.rint(-0.5 * np.log2(m.diagonal())).astype(int)
    a, m = (_scaled(x, half) for x in (a, m))
    if any((np.abs(x.data[x.data != 0.0]) < np.finfo(float).tiny).any() for x in (a, m)):
        return unexamined(attempt, "not examined: entries vanish where M is scaled")
    v = np.ldexp(np.asarray(v, float), -half[:, None])
    said = examinable(a.data, m.data)
    least = 0.0 if said else least_eigenvalue(m)
    if not least > 0.0:
        return unexamined(attempt, said or "unknown: M is not shown to be positive definite")
    pairs = Pairs(a, w, v, p["k"], p["which"], p["sigma"], m, least)
    return certified_pairs(attempt, policy, problem.unit_roundoff, pairs, lambda: pencil_counter(a, m, least))


def _scaled(a: csr_array, half: np.ndarray) -> csr_array:
    """Rows and columns times powers of two: exact, but for underflow."""
    rows = np.repeat(np.arange(a.shape[0]), np.diff(a.indptr))
    data = np.ldexp(np.ldexp(a.data, half[rows]), half[a.indices])
    return csr_array((data, a.indices, a.indptr), shape=a.shape)
