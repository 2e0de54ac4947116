"""Ensembles on the host: explicit Runge-Kutta pairs, eight members at a time in lanes, on all cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.ensemble import run_members
from fsci.kernels.integrate.ensemble_certificate import certificate_of

__all__: list[str] = []

# What the loop reports, as the status that users see.
_STATUS = np.array([-5, 0, -1, -2, -3, -4], np.int8)

register_check("initial_value_ensemble", "host")(certificate_of)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    # How many steps a member takes is not known before.
    return 1e4 * max(float(np.size(problem.operands[2])), 1.0)


def _integrated(
    problem: Problem, method: str, rtol: float, atol: Any, most: int, report: Callable[[int], None]
) -> tuple[Any, ...] | None:
    """The fields of the public result, in their order; None where the callback gives another number of derivatives."""
    _, span, y0 = problem.operands
    options = problem.parameters
    times = options["t_eval"]
    found = run_members(
        method, options["callback"], span, y0, rtol, atol, options["max_step"], options["first_step"],
        np.empty(0) if times is None else times, most, report,
    )  # fmt: skip
    if found is None:
        return None
    y = found.y if times is None else found.y_eval.transpose(0, 2, 1)
    counts = (found.info[:, place].copy() for place in (1, 2, 3))
    return found.t, y, times, _STATUS[found.info[:, 0]], *counts


def run(problem: Problem, evidence: Evidence) -> Attempt:
    options = problem.parameters

    def again(rtol: float, atol: Any, most: int) -> tuple[Any, ...] | None:
        return _integrated(problem, "DOP853", rtol, atol, most, _silent)

    value = _integrated(
        problem, options["method"], options["rtol"], options["atol"], options["max_steps"], options["report"]
    )  # fmt: skip
    if value is None:
        return Attempt(None, status="declined", final=True)
    # How each member ended is part of the answer: one that fails is no failure of the kernel.
    return Attempt(value, byproducts={"again": again})


def _silent(ended: int) -> None:
    """No progress is shown of a check."""


register(
    Kernel(
        name="explicit_lanes",
        kind="initial_value_ensemble",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="E. Hairer, S. P. Norsett and G. Wanner (1993), Solving ordinary differential equations I",
    )
)
