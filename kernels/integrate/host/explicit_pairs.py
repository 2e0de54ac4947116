"""Embedded explicit Runge-Kutta pairs with the step loop and the callback both compiled.

These take callbacks that Numba has compiled; `stepped` compiles plain Python ones when that pays.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.compiled import LEFT, compiled_applies, compiled_fast, compiled_run, may_be_left
from fsci.kernels.integrate.pairs import PAIRS

__all__: list[str] = []


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def run(method: str, problem: Problem, evidence: Evidence) -> Attempt:
    if not may_be_left(method, problem):
        return compiled_run(method, problem)
    # The same steps, until stability and not accuracy bounds them.
    attempt = compiled_run("auto", problem)
    if "switches" not in attempt.facts or not attempt.facts["switches"].value:
        return attempt
    return Attempt(attempt.value, attempt.status, {**attempt.byproducts, "repair": LEFT}, attempt.facts, attempt.final)


def applies(method: str, problem: Problem, evidence: Evidence) -> Refusal | None:
    return compiled_applies(method, problem)


def fast(method: str, problem: Problem) -> Any:
    return None if may_be_left(method, problem) else compiled_fast(method, problem)


for _method, _pair in PAIRS.items():
    register(
        Kernel(
            name=_method.lower(),
            kind="initial_value_problem",
            shelf="host",
            applies=partial(applies, _method),
            work=work,
            run=partial(run, _method),
            fast=partial(fast, _method),
            source=_pair.source,
        )
    )
