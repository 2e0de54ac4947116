"""The action of a matrix exponential at one time or several, by Taylor polynomials on compressed rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.taylor import Plan, action, planned, shifted

__all__: list[str] = []


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands[:2]
    return float(a.nnz + a.shape[0]) * b.size / max(b.shape[0], 1) * 30.0


def evaluated(a: Any, b: Any, times: Any, mean: Any, history: list[Any] | None) -> tuple[Any, Any]:
    """``exp(t A) b`` at the times, each from the one before, and the shifted matrix.

    `history` gets, for each step, its length, its plan and what `action` records of its stages.
    """
    s = shifted(a, mean)
    columns = 1 if b.ndim == 1 else b.shape[1]

    def moved(x: Any, t: float, plan: Plan) -> Any:
        stages: list[Any] | None = None if history is None else []
        y = action(s, x, t, plan, stages)
        if history is not None:
            history.append((t, plan, stages))
        return y

    if times is None:
        return moved(b, 1.0, planned(s, 1.0, columns)), s
    found = np.empty((len(times), *b.shape), b.dtype)
    first = float(times[0])
    found[0] = moved(b, first, planned(s, first, columns))
    step = float(times[-1] - times[0]) / (len(times) - 1)
    plan = planned(s, step, columns)
    for k in range(1, len(times)):
        found[k] = moved(found[k - 1], step, plan)
    return found, s


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands[:2]
    history: list[Any] = []
    found, s = evaluated(a, b, problem.parameters["times"], problem.parameters["mean"], history)
    if problem.dtype is not None and found.dtype != problem.dtype:
        found = found.astype(problem.dtype)
    status = "ok" if np.isfinite(found).all() else "nonfinite"
    return Attempt(found, status, byproducts={"history": history, "shifted": s}, final=True)


def _fast(a: Any, b: Any, times: Any, mean: Any) -> Any:
    return evaluated(a, b, times, mean, None)[0]


register(
    Kernel(
        name="taylor",
        kind="exponential_action",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        fast=_fast,
        safest=True,
        source="Al-Mohy and Higham (2011)",
    )
)
