"""Conjugate gradients preconditioned by a V-cycle of smoothed aggregation."""

from __future__ import annotations

import math

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.aggregated import aggregation_refusal, levels_of
from fsci.kernels.sparse.host.cg import conjugate_gradients
from fsci.kernels.sparse.iteration import ended, starting_point, true_residual, wrong_method

__all__: list[str] = []

# An iteration that needs more than this has met a matrix that aggregation does not suit; then the
# iterate goes on to another route. Twelve digits of a Laplacian take about 20.
_LIMIT = 100


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return wrong_method(problem, "cg", chosen=True) or aggregation_refusal(problem, evidence)


def _work(problem: Problem, evidence: Evidence) -> float:
    a = problem.operands[0]
    digits = -math.log(min(max(problem.parameters["reduction"], problem.unit_roundoff), 0.5))
    return float(a.nnz + 10 * a.shape[0]) * (digits + 10.0)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    rows, x, r = starting_point(problem, evidence)
    levels = levels_of(problem, evidence)
    if levels is None:
        return Attempt(None, status="stalled")
    cycle, detail = levels
    given = problem.parameters["maxiter"]
    atol, callback = problem.parameters["atol"], problem.parameters["callback"]
    limit = min(given, _LIMIT)
    done, converged = conjugate_gradients(rows, x, r, atol, limit, cycle, callback)
    # The recurrence drifts from the true residual where the tolerance is near the last digits: start again from there.
    while converged and done < limit:
        r = true_residual(problem, x)
        more, converged = conjugate_gradients(rows, x, r, atol, limit - done, cycle, callback)
        done += more
        if more == 0:
            break
    attempt = ended(problem, x, r, done, converged)
    return Attempt(attempt.value, attempt.status, {**attempt.byproducts, **detail}, attempt.facts, attempt.final)


register(
    Kernel(
        name="cg_multigrid",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Hestenes and Stiefel (1952); Vanek, Mandel and Brezina (1996)",
    )
)
