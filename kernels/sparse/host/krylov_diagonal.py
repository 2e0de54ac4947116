"""GMRES, BiCGSTAB and MINRES with the diagonal as preconditioner: Jacobi's, which repairs a bad scaling of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.chosen import iterated, methods_refusal
from fsci.kernels.sparse.phases import scale_inner
from fsci.kernels.sparse.work_limit import allowed, work_of

__all__: list[str] = []

_DEARER = 1.2


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = methods_refusal(problem, ("gmres", "bicgstab", "minres"))
    if refusal is None and not evidence.get("full_diagonal", False):
        return Refusal("the diagonal has zeros, or is not known")
    return refusal


def _work(problem: Problem, evidence: Evidence) -> float:
    return work_of(problem, evidence, 1.0, _DEARER, 1.0)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    diagonal = problem.operands[0].diagonal()
    # MINRES needs a definite one: of an indefinite matrix the moduli.
    scale = (1.0 / (np.abs(diagonal) if problem.parameters["method"] == "minres" else diagonal)).astype(problem.dtype)

    def precondition(r: Any, z: Any) -> Any:
        return scale_inner(scale, r, z, 0, r.size)

    return iterated(problem, evidence, precondition, allowed(problem, evidence, _DEARER))


register(
    Kernel(
        name="krylov_diagonal",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Jacobi (1845); van der Sluis (1969)",
    )
)
