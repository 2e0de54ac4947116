"""GMRES, BiCGSTAB and MINRES with a V-cycle of smoothed aggregation, for matrices that diffusion dominates."""

from __future__ import annotations

import math

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.aggregated import aggregation_refusal, levels_of
from fsci.kernels.sparse.chosen import iterated, methods_refusal
from fsci.kernels.sparse.work_limit import per_iteration

__all__: list[str] = []

# As with conjugate gradients: who needs more has met a matrix that aggregation does not suit.
_LIMIT = 100.0
# Weight of the skew part above which transport, not diffusion, decides; aggregation follows diffusion.
_SKEW = 0.3
_DEARER = 5.0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    methods = ("gmres", "bicgstab", "minres")
    refusal = methods_refusal(problem, methods) or aggregation_refusal(problem, evidence)
    if refusal is not None:
        return refusal
    if evidence.get("skew_share", 0.0) > _SKEW:
        return Refusal("the skew part is too heavy: transport outweighs diffusion")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    digits = -math.log(min(max(problem.parameters["reduction"], problem.unit_roundoff), 0.5))
    return per_iteration(problem) * (_DEARER * digits + 50.0)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    levels = levels_of(problem, evidence)
    if levels is None:
        return Attempt(None, status="stalled")
    cycle, detail = levels
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
