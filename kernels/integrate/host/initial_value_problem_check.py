"""Certificate of an initial value problem: an estimate of the global error, from more accurate integrations.

The tolerance of a solve bounds what each step adds, not what has become of it at the end. So the problem is
integrated twice more, a hundred and a thousand times as accurately, to the same times. The answer's distance to the
second is its error as long as the two agree much better among themselves than with it; where they do not (chaos, a
discontinuity, tolerances near the roundoff), nothing is vouched for. "Tolerance proportionality" is what this rests on
(Shampine and Watts, 1976; Higham, 1991): an estimate, never a proof.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.integrate.compiled import driven, solution
from fsci.kernels.integrate.told import drifts, steps_told

__all__: list[str] = []

# How much more accurate the two references are; the least relative tolerance that SciPy takes is 100 eps.
_FACTORS, _LEAST_RTOL = (1e-2, 1e-3), 100 * float(np.finfo(float).eps)

# The references must agree among themselves this much better than with the answer, or to this many
# roundings of the largest value: below that the distance says nothing.
_CONTRACTION, _FLOOR = 0.25, 1e3

# How much of the disagreement of the references is added to the distance.
# And what the answer's own rounding may be, in units of it.
_SLACK, _ROUNDINGS = 2.0, 4.0

# An error within this many times the tolerance is what a user expects of one; beyond, the tolerance misleads.
_TOLERANCES = 100.0

_STIFF_METHODS = frozenset({"Radau", "BDF", "LSODA", "Rodas5P"})


@register_check("initial_value_problem", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    result, options = attempt.value, problem.parameters
    detail = steps_told(problem, evidence, result)
    if options.get("invariants"):
        detail["invariants_drift"] = drifts(problem, result)
    nothing = Certificate(verdict="uncertified", algorithm=attempt.kernel, detail=detail)
    if attempt.status != "ok":
        return nothing
    if options["events"] is not None and not options["every_root"]:
        found, there = _roots(result), _roots(driven(_posed(problem, every_root=True), problem.structure))
        detail |= {"roots_found": found, "roots_lost": max(there - found, 0)}
        if there > found:
            return nothing
    times, states = _distinct(np.asarray(result.t), np.asarray(result.y))
    references = _references(problem, times, bool(evidence.get("stiff", False)))
    if references is None:
        return nothing
    first, second = references
    distance, between = np.abs(states - second), np.abs(first - second)
    size = np.abs(second).max(axis=1)
    estimate = distance + _SLACK * between + _ROUNDINGS * problem.unit_roundoff * size[:, None]
    largest = float(size.max())
    tolerance = options["rtol"] * largest + float(np.max(options["atol"]))
    # Component by component for its digits, and for the whole where no component stands out of the tolerance.
    apart = between.max(axis=1)
    agree = apart <= np.maximum(_CONTRACTION * distance.max(axis=1), _FLOOR * problem.unit_roundoff * size)
    detail["references_agree"] = bool(np.all(agree | (apart <= _CONTRACTION * tolerance)))
    if not detail["references_agree"]:
        detail["digits_by_component"] = np.zeros(states.shape[0], dtype=int)
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail=detail)
    errors = np.where(agree, estimate[:, -1], np.inf)
    detail["global_error"] = errors
    detail["digits_by_component"] = digits_of(relative_to_truth(_over(errors, np.abs(states[:, -1]))))
    # The error of the whole trajectory, and that of its end, each in the norm of what it is an error of.
    whole = float(_over(estimate.max(), largest))
    end = float(_over(estimate[:, -1].max(), np.abs(second[:, -1]).max()))
    forward = float(relative_to_truth(max(whole, end)))
    target = policy.target(problem.unit_roundoff)
    if policy.accuracy == "standard":
        target = max(target, _TOLERANCES * float(_over(tolerance, largest)))
    return Certificate(
        verdict="certified" if forward <= target and policy.accuracy != "verified" else "uncertified",
        forward_error=forward,
        digits=int(digits_of(forward)),
        algorithm=attempt.kernel,
        detail=detail,
    )


def _over(errors: Any, sizes: Any) -> Any:
    """Relative errors: zero where there is no error, infinite where there is nothing to compare it with."""
    errors, sizes = np.asarray(errors, dtype=float), np.asarray(sizes, dtype=float)
    found = np.divide(errors, sizes, out=np.full(errors.shape, np.inf), where=sizes > 0.0)
    return np.where(errors == 0.0, 0.0, found)


def _roots(result: Any) -> int:
    return sum(len(times) for times in result.t_events)


def _posed(problem: Problem, span: Any = None, structure: Any = None, **changes: Any) -> Problem:
    """The same problem with other parameters."""
    function, given, y0 = problem.operands
    return Problem(
        problem.kind, (function, span or given, y0), {**problem.parameters, **changes}, dtype=problem.dtype,
        structure=structure or problem.structure, size=problem.size,
    )  # fmt: skip


def _distinct(times: Any, states: Any) -> tuple[Any, Any]:
    """Times in strict order, which a terminal event may have repeated, and the states there."""
    kept = np.flatnonzero(np.append(np.diff(times) != 0.0, True))
    return times[kept], states[:, kept]


def _references(problem: Problem, times: Any, stiff: bool) -> tuple[Any, Any] | None:
    """States at `times` of two more accurate integrations; None where one fails."""
    t0, options = problem.operands[1][0], problem.parameters
    method = "Radau" if stiff or problem.structure in _STIFF_METHODS else "DOP853"
    if times[-1] == t0:
        return None
    found = []
    for factor in _FACTORS:
        rtol = max(options["rtol"] * factor, _LEAST_RTOL)
        atol = options["atol"] * max(factor, rtol / options["rtol"])
        chosen = {k: v for k, v in options["options"].items() if k in ("jac", "jac_sparsity", "max_step")}
        if method == "DOP853":
            chosen = {k: v for k, v in chosen.items() if k == "max_step"}
        posed = _posed(
            problem, (t0, float(times[-1])), method, t_eval=times, dense_output=False, events=None, first_step=None,
            rtol=rtol, atol=atol, options={**chosen, "rtol": rtol, "atol": atol},
        )  # fmt: skip
        value = solution(posed, method)
        if value is None or value.status != 0 or not np.all(np.isfinite(value.y)) or np.shape(value.y)[1] != times.size:
            return None
        found.append(value.y)
    return found[0], found[1]
