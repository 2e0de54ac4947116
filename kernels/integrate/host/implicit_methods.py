"""Radau, BDF and the change between methods, with the step loop, the factorization and the callback compiled.

Matrices with a band, or that a reordering gives one, are eliminated in it; where the caller says nothing about the
Jacobian, its structure is found by probing. Steps are those that a full matrix would give, to rounding.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.auto_solver import STAND_INS
from fsci.kernels.integrate.compiled import compiled_applies, compiled_fast, compiled_run, is_plain

__all__: list[str] = []

_SOURCES = {
    "Radau": "Radau IIA of order 5; Hairer and Wanner (1996), section IV.8",
    "BDF": "Shampine and Reichelt (1997); Byrne and Hindmarsh (1975)",
    "Rodas5P": "Steinebach (2023)",
    "auto": "Petzold (1983); Hairer and Wanner (1996), section IV.2",
}


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def run(method: str, problem: Problem, evidence: Evidence) -> Attempt:
    if is_plain(problem) or method in STAND_INS:
        return compiled_run(method, problem)
    from fsci.kernels.integrate.callbacks import rhs_of  # here, so that looking at a kernel does not import Numba
    from fsci.kernels.integrate.implicit import with_structure

    callback = rhs_of(problem.operands[0], problem.size, problem.parameters["args"])
    return compiled_run(method, with_structure(problem, callback))


def applies(method: str, problem: Problem, evidence: Evidence) -> Refusal | None:
    return compiled_applies(method, problem)


def fast(method: str, problem: Problem) -> Any:
    return compiled_fast(method, problem)


for _method, _source in _SOURCES.items():
    register(
        Kernel(
            name=_method.lower(),
            kind="initial_value_problem",
            shelf="host",
            applies=partial(applies, _method),
            work=work,
            run=partial(run, _method),
            fast=partial(fast, _method),
            source=_source,
        )
    )
