"""The method of the call with an incomplete factorization without fill, ILU(0), and IC(0) for definite matrices."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.chosen import is_chosen, iterated
from fsci.kernels.sparse.incomplete import incomplete
from fsci.kernels.sparse.work_limit import allowed, work_of

__all__: list[str] = []

# A third of the iterations on meshes (Meijerink and van der Vorst, 1977); the solves are not shared out to threads.
_GAIN, _DEARER, _SETUP = 3.0, 4.0, 10.0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = is_chosen(problem)
    if refusal is not None:
        return refusal
    if problem.parameters["method"] in ("cg", "minres") and not evidence.get("positive_diagonal", False):
        return Refusal("the diagonal is not positive: no definite factors")
    if not evidence.get("full_diagonal", False):
        return Refusal("the diagonal has zeros, or is not known")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    return work_of(problem, evidence, _GAIN, _DEARER, _SETUP)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    factors = incomplete(problem.operands[0])
    if factors is None or (problem.parameters["method"] in ("cg", "minres") and not factors.definite):
        return Attempt(None, status="stalled")
    return iterated(problem, evidence, factors, allowed(problem, evidence, _DEARER))


register(
    Kernel(
        name="krylov_incomplete",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Meijerink and van der Vorst (1977)",
    )
)
