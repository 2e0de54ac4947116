"""LOBPCG (Knyazev, 2001) in SciPy's loop over fsci's products with blocks of vectors, and its certificate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of, relative_to_truth
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.host.sparse_svd_check import too_dear
from fsci.kernels.sparse.inertia import counter_of
from fsci.kernels.sparse.operator import RowsOperator
from fsci.kernels.sparse.pattern import scan
from fsci.kernels.sparse.ritz_bounds import completeness, enclosed

__all__: list[str] = []


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, x = problem.operands
    return 40.0 * x.shape[1] * (2.0 * a.nnz + 20.0 * x.size)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, x = problem.operands
    # SciPy's iteration writes over its block.
    found = problem.parameters["original"](RowsOperator(a), x.copy(), **problem.parameters["options"])
    return Attempt(found, final=True)


@register_check("sparse_block_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    p, a = problem.parameters, problem.operands[0]

    def nothing(said: str) -> Certificate:
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": said})

    if not p["standard"] or a.dtype.kind != "f":
        return nothing("not examined: a generalized, constrained or complex problem")
    wide = a.astype(np.float64)
    if not wide.has_canonical_format:
        wide.sum_duplicates()
    m = one_matrix(wide)
    scale, limits = float(np.abs(wide.data).max(initial=0.0)), np.finfo(float)
    if not scan(m.n, m.indptr, m.indices, m.data).symmetric:
        return nothing("unknown: A is not symmetric")
    w, v = (np.asarray(x, float) for x in attempt.value[:2])
    if not (limits.tiny**0.25 < scale < limits.max**0.25) or not (np.isfinite(w).all() and np.isfinite(v).all()):
        return nothing("not examined")
    found = enclosed(wide, w, v)
    top = float(np.abs(w).max())
    said, bound = _complete(wide, w, p["which"], found.bound, 0.25 * policy.target(problem.unit_roundoff) * top)
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
            "eigenvalue_bound": found.bound,
            "residuals": found.residuals,
            "orthogonality": found.orthogonality,
        },
    )


def _complete(a: Any, w: Any, which: str, error: float, room: float) -> tuple[str, float]:
    if not math.isfinite(error):
        return "unknown: the vectors enclose nothing", math.inf
    counter = counter_of(a)
    dear = too_dear(counter)
    if dear:
        return dear, math.inf
    said, bound, _ = completeness(counter, w, which, None, error, room)
    return said, bound


register(
    Kernel(
        name="lobpcg",
        kind="sparse_block_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="Knyazev (2001), SciPy's loop",
    )
)
