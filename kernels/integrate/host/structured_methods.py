"""Radau and BDF for Jacobians with structure but no narrow band, and for interpreted callbacks with any structure.

The structure is given, or found by probing once a component. Steps are SciPy's, to rounding; what differs is how the
Newton matrices are factored, and that columns are differenced in groups.
"""

from __future__ import annotations

from functools import partial

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.integrate.compiled import STRUCTURED_FROM, attempt_of

__all__: list[str] = []

_SOURCES = {
    "Radau": "Hairer and Wanner (1996), section IV.8; Duff and Reid (1984); Curtis, Powell and Reid (1974)",
    "BDF": "Shampine and Reichelt (1997); Duff and Reid (1984); Curtis, Powell and Reid (1974)",
}


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def applies(method: str, problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure != method:
        return Refusal(f"the caller asked for {problem.structure}")
    if problem.size <= STRUCTURED_FROM:
        return Refusal("an order so small that a full matrix costs less")
    if problem.parameters["options"].get("jac") is not None:
        return Refusal("the caller gives the Jacobian")
    return None


def run(method: str, problem: Problem, evidence: Evidence) -> Attempt:
    from fsci.kernels.integrate.structured import structured_result  # here: a short solve imports no Numba

    found = structured_result(problem, method)
    if found is None:
        return Attempt(None, status="declined")
    value, entries = found
    attempt = attempt_of(value)
    facts = {"jacobians": Fact(value.njev), "factorizations": Fact(value.nlu), "entries": Fact(entries)}
    return Attempt(attempt.value, attempt.status, facts=facts, final=attempt.final)


for _method, _source in _SOURCES.items():
    register(
        Kernel(
            name=f"structured_{_method.lower()}",
            kind="initial_value_problem",
            shelf="host",
            applies=partial(applies, _method),
            work=work,
            run=partial(run, _method),
            source=_source,
        )
    )
