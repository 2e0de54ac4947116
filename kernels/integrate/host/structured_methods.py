"""Radau and BDF for Jacobians with structure but no narrow band, and for interpreted callbacks with any structure.

The structure is given, or found by probing once a component. Steps are SciPy's, to rounding; what differs is how the
Newton matrices are factored, and that columns are differenced in groups.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from scipy.sparse import csc_matrix

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.integrate.compiled import attempt_of, driven, is_jitted

__all__: list[str] = []

# Order up to which SciPy's dense elimination costs less than the bookkeeping of a sparse one (measured).
_SMALL = 100

_SOURCES = {
    "Radau": "Hairer and Wanner (1996), section IV.8; Duff and Reid (1984); Curtis, Powell and Reid (1974)",
    "BDF": "Shampine and Reichelt (1997); Duff and Reid (1984); Curtis, Powell and Reid (1974)",
}


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def applies(method: str, problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure != method:
        return Refusal(f"the caller asked for {problem.structure}")
    if problem.size <= _SMALL:
        return Refusal("an order so small that a full matrix costs less")
    if problem.parameters["options"].get("jac") is not None:
        return Refusal("the caller gives the Jacobian")
    return None


def _structure(problem: Problem) -> Any:
    from fsci.kernels.integrate.sparsity import structure_of, structure_seen  # here: a short solve imports no Numba

    (function, (t0, _), y0), options = problem.operands, problem.parameters
    if is_jitted(function):
        from fsci.kernels.integrate.callbacks import rhs_of

        callback = rhs_of(function, y0.size, options["args"])
        if not callback.reason:
            return structure_of(callback.function, callback.parameters, t0, y0)
    return structure_seen(lambda t, y: function(t, y, *options["args"]), t0, y0)


def run(method: str, problem: Problem, evidence: Evidence) -> Attempt:
    from fsci.kernels.integrate.structured import CLASSES, Incomplete, symbolic

    options = dict(problem.parameters["options"])
    given = options.get("jac_sparsity")
    try:
        structure = _structure(problem) if given is None else csc_matrix(given)
    except (TypeError, ValueError):
        structure = None  # SciPy says what is wrong with it
    if structure is None or structure.shape != (problem.size, problem.size):
        return Attempt(None, status="declined")
    analysis, flops = symbolic(structure)
    # Against 2 n**3 / 3 multiplications of a full matrix.
    if 3.0 * flops >= 2.0 * float(problem.size) ** 3:
        return Attempt(None, status="declined")
    options["jac_sparsity"] = structure
    named = replace(problem, parameters={**problem.parameters, "options": options})
    try:
        value = driven(named, CLASSES[method], checked=given is None, analysis=analysis)
    except Incomplete:
        return Attempt(None, status="declined")
    attempt = attempt_of(value)
    facts = {"jacobians": Fact(value.njev), "factorizations": Fact(value.nlu), "entries": Fact(int(structure.nnz))}
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
