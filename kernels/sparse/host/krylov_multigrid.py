"""GMRES, BiCGSTAB and MINRES with a V-cycle of smoothed aggregation, for matrices that diffusion dominates."""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.chosen import iterated, methods_refusal
from fsci.kernels.sparse.multigrid import build
from fsci.kernels.sparse.work_limit import per_iteration

__all__: list[str] = []

# As with conjugate gradients: who needs more has met a matrix that aggregation does not suit.
_LIMIT = 100.0
# Weight of the skew part above which transport, not diffusion, decides; aggregation follows diffusion.
_SKEW = 0.3
_DEARER = 5.0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = methods_refusal(problem, ("gmres", "bicgstab", "minres"))
    if refusal is not None:
        return refusal
    if problem.dtype is None or problem.dtype.kind != "f":
        return Refusal("aggregation is for real matrices")
    if not evidence.get("positive_diagonal", False):
        return Refusal("the diagonal is not positive, or not known")
    if evidence.get("positive_share", 1.0) > 0.5:
        return Refusal(
            "most of the weight off the diagonal is positive: no constant vector is nearly in the null space"
        )
    if evidence.get("skew_share", 0.0) > _SKEW:
        return Refusal("the skew part is too heavy: transport outweighs diffusion")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    digits = -math.log(min(max(problem.parameters["reduction"], problem.unit_roundoff), 0.5))
    return per_iteration(problem) * (_DEARER * digits + 50.0)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    cycle = build(a.indptr, a.indices, a.data, np.asarray(evidence.get("diagonal"), np.float64))
    if cycle is None:
        return Attempt(None, status="stalled")
    detail = {"level_sizes": cycle.sizes, "operator_complexity": cycle.complexity}
    return iterated(problem, evidence, cycle, min(_LIMIT, float(problem.parameters["maxiter"]) * 20.0), detail)


register(
    Kernel(
        name="krylov_multigrid",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Vanek, Mandel and Brezina (1996)",
    )
)
