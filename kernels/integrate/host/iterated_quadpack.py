"""Iterated integrals: QUADPACK in each variable, the inner integral being the integrand of the outer (SciPy's `nquad`).

Each level calls `quad`, so that an integrand that is jitted runs compiled in the innermost one. Nobody listens
to the single inner integrals: their number is that of the outer evaluations.
"""

from __future__ import annotations

from typing import Any

from fsci.core.frames import FRAME, Frame
from fsci.core.policy import Policy
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 21.0 ** len(problem.operands[1])


def run(problem: Problem, evidence: Evidence) -> Attempt:
    frame = FRAME.get()
    if frame.may_plan:
        value = fast(problem)
    else:
        token = FRAME.set(Frame(Policy(), None, frame.ledger))
        try:
            value = fast(problem)
        finally:
            FRAME.reset(token)
    return Attempt(value, byproducts={"result": value[0], "estimate": value[1]})


def fast(problem: Problem) -> tuple[Any, ...]:
    """(value, estimate[, infodict]), as SciPy gives them: the estimate is the largest of any level."""
    function, ranges = problem.operands
    quad, full = problem.parameters["quad"], problem.parameters["full_output"]
    state = {"neval": 0}
    largest = [0.0]
    integrand = function
    for depth, (span, opts) in enumerate(zip(ranges, problem.parameters["opts"], strict=True)):
        integrand = _level(integrand, span, opts, quad, full, largest, state if full and depth == 0 else None)
    value = integrand(*problem.parameters["args"])
    return (value, largest[0], state) if full else (value, largest[0])


def _level(
    integrand: Any, span: Any, opts: Any, quad: Any, full: Any, largest: list[float], state: dict[str, int] | None
) -> Any:
    fixed = None if callable(span) else span
    options = None if callable(opts) or "points" in opts else dict(opts)

    def integral(*args: Any) -> Any:
        low, high = span(*args) if fixed is None else fixed
        given = options
        if given is None:
            given = dict(opts(*args) if callable(opts) else opts)
            if "points" in given:
                given["points"] = [x for x in given["points"] if low <= x <= high]
        found = quad(integrand, low, high, args=args, full_output=full, **given)
        if state is not None:
            state["neval"] += found[2]["neval"]
        largest[0] = max(largest[0], found[1])
        return found[0]

    return integral


register(
    Kernel(
        name="iterated_quadpack",
        kind="iterated_integral",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        safest=True,
        source="Piessens, de Doncker-Kapenga, Ueberhuber and Kahaner (1983), QUADPACK, iterated",
    )
)
