"""What a certificate tells of an integration beside its error: stiffness, what steps cost, and what drifted."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

from fsci.core.types import Evidence, Problem
from fsci.kernels.integrate.auto_solver import STAND_INS
from fsci.kernels.integrate.compiled import STRUCTURED_FROM, giving
from fsci.kernels.integrate.driver import BASES, loop_of, plain_result
from fsci.kernels.integrate.pairs import PAIRS
from fsci.kernels.integrate.tiering import has_side_effects

__all__ = ["drifts", "steps_told"]

_COUNTED = ("steps", "rejected_steps", "failed_newton", "stiff", "interpreted", "switches", "method")
_ITERATIONS = 30  # of the power iteration; a few digits of a spectral radius are enough


def steps_told(problem: Problem, evidence: Evidence, result: Any) -> dict[str, Any]:
    """Steps, rejected ones, failed Newton iterations, and the stiffness ratio: spectral radius times the interval.

    Interpreted steps are not counted by SciPy: there the compiled loop makes them once more, if the callback compiles,
    and what it counts is told where it agrees with the result.
    """
    facts: dict[str, Any] = {name: evidence.get(name) for name in _COUNTED if name in evidence}
    radius = evidence.get("spectral_radius") if "spectral_radius" in evidence else None
    if "rejected_steps" not in facts and (again := _counted_again(problem, result)) is not None:
        facts = {**again, **facts}
        radius = facts.pop("spectral_radius", None) if radius is None else radius
    if problem.structure in PAIRS:
        facts.setdefault("failed_newton", 0)
    if problem.parameters["t_eval"] is None and problem.parameters["events"] is None:
        facts.setdefault("steps", len(result.t) - 1)
    if not radius:
        radius = _spectral_radius(problem, result)
    start, stop = problem.operands[1]
    told = {name: value for name, value in facts.items() if name in _COUNTED}
    return {**told, "stiffness_ratio": float(radius) * abs(stop - start)}


def _counted_again(problem: Problem, result: Any) -> dict[str, Any] | None:
    """What the compiled loop counts over the same steps; None where there is none, or its steps are others."""
    function, method, args = problem.operands[0], str(problem.structure), problem.parameters["args"]
    plain = type(function) is types.FunctionType and not has_side_effects(function)
    if method not in BASES or not plain or problem.size > STRUCTURED_FROM:
        return None
    from fsci.kernels.integrate.callbacks import rhs_of  # here, so that looking at a kernel does not import Numba

    callback = rhs_of(function, problem.size, args)
    # Interpreted, short solves by methods that SciPy does not have are made by RK45.
    for name in (method, "RK45") if method in STAND_INS else (method,):
        if callback.reason or loop_of(name).refuses(callback, problem):
            return None
        loop = loop_of(name).of(name, callback, problem)
        again = plain_result(loop, problem.operands[1][0], problem.operands[2], problem.parameters["t_eval"])
        if again is not None and (again.nfev, len(again.t)) == (result.nfev, len(result.t)):
            return {"failed_newton": 0, **loop.facts}
    return None


def _spectral_radius(problem: Problem, result: Any) -> float:
    """Of the Jacobian, at most, at the beginning, the middle and the end, by a power iteration on differences."""
    function, args = problem.operands[0], problem.parameters["args"]
    places = sorted({0, len(result.t) // 2, len(result.t) - 1}) if len(result.t) else []
    return max((_radius_at(function, float(result.t[k]), np.array(result.y[:, k]), args) for k in places), default=0.0)


def _radius_at(function: Any, t: float, y: Any, args: Any) -> float:
    call = giving(function, len(args))
    slope = np.asarray(call(t, y.copy(), *args), dtype=float)
    # Any start will do that is not orthogonal to the dominant eigenvector.
    mode = 1.0 + 0.1 * np.cos(np.arange(1.0, y.size + 1.0))
    growth, before, size = 0.0, 0.0, float(np.linalg.norm(y)) or 1.0
    for k in range(_ITERATIONS):
        step = mode * (size * 2.0**-26 / float(np.linalg.norm(mode)))
        changed = np.asarray(call(t, y + step, *args), dtype=float) - slope
        length = float(np.linalg.norm(changed))
        if not 0.0 < length < np.inf:
            return growth
        # The mean of two: a pair of complex eigenvalues turns the vector.
        now = length / float(np.linalg.norm(step))
        growth = now if k == 0 else float(np.sqrt(now * before))
        before, mode = now, changed
    return growth


def drifts(problem: Problem, result: Any) -> Any:
    """How far each invariant went from where it began, over all times of the result, at most.

    Zeros where an invariant is conserved; an invariant is ``g(t, y, *args)`` and gives a number or some.
    """
    (_, (t0, _), y0), args = problem.operands, problem.parameters["args"]
    found = []
    for invariant in problem.parameters["invariants"]:
        first = np.asarray(invariant(t0, y0, *args), dtype=float)
        away = [np.abs(np.asarray(invariant(t, y, *args), dtype=float) - first).max()
                for t, y in zip(result.t, np.asarray(result.y).T, strict=True)]  # fmt: skip
        found.append(max(away, default=0.0))
    return np.array(found, dtype=float)
