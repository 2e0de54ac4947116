"""QUADPACK, as SciPy brings it: every range, weight and break point.

Strict mode's contract is SciPy's value to the last bit, which its own routines give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
from scipy.integrate import _quadpack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.integrate.gauss_kronrod import RULES
from fsci.kernels.integrate.integrands import OPTIONS
from fsci.kernels.integrate.samples_of import with_points

__all__ = ["OSCILLATORY", "SOURCE", "attempt_of", "direct", "fast", "watched"]

_qagse, _qagie, _qagpe = _quadpack._qagse, _quadpack._qagie, _quadpack._qagpe
_qawoe, _qawfe, _qawse, _qawce = _quadpack._qawoe, _quadpack._qawfe, _quadpack._qawse, _quadpack._qawce
SOURCE = "Piessens, de Doncker-Kapenga, Ueberhuber and Kahaner (1983), QUADPACK"
_ALGEBRAIC = {"alg": 1, "alg-loga": 2, "alg-logb": 3, "alg-log": 4}
OSCILLATORY = {"cos": 1, "sin": 2}


def routed(function: Any, a: float, b: float, options: Mapping[str, Any]) -> tuple[Any, ...]:
    """The routine for the range, weight and break points of `options`, a < b; its tuple, which ends with ``ier``."""
    return direct(function, a, b, *[options[name] for name in OPTIONS])


def direct(
    function: Any, a: Any, b: Any, args: Any, epsabs: Any, epsrel: Any, limit: Any, full: Any, points: Any,
    weight: Any, parameter: Any, wopts: Any, maxp1: Any, limlst: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """As `routed`, without names.

    Raises
    ------
    ValueError
        In SciPy's words, for a combination that QUADPACK has no routine for.
    """
    finite = a != -inf and b != inf
    if weight is None:
        if finite:
            if points is None:
                return _qagse(function, a, b, args, full, epsabs, epsrel, limit)
            inside = np.unique(points)
            inside = inside[(a < inside) & (inside < b)]
            # QUADPACK's own layout: two places more than there are break points.
            inside = np.concatenate((inside, (0.0, 0.0)))
            return _qagpe(function, a, b, inside, args, full, epsabs, epsrel, limit)
        if points is not None:
            raise ValueError("Infinity inputs cannot be used with break points.")
        bound, side = (a, 1) if a != -inf else (b, -1) if b != inf else (0, 2)
        return _qagie(function, bound, side, args, full, epsabs, epsrel, limit)
    if weight in OSCILLATORY:
        integr = OSCILLATORY[weight]
        if finite:
            moments = (1,) if wopts is None else (2, wopts[0], wopts[1])
            return _qawoe(function, a, b, parameter, integr, args, full, epsabs, epsrel, limit, maxp1, *moments)
        if a != -inf:
            return _qawfe(function, a, parameter, integr, args, full, epsabs, limlst, limit, maxp1)
        if b != inf:
            mirrored = _mirrored(function, -1.0 if weight == "sin" else 1.0)
            return _qawfe(mirrored, -b, parameter, integr, args, full, epsabs, limlst, limit, maxp1)
        raise ValueError("Cannot integrate with this weight from -Inf to +Inf.")
    if not finite:
        raise ValueError("Cannot integrate with this weight over an infinite interval.")
    if weight in _ALGEBRAIC:
        return _qawse(function, a, b, parameter, _ALGEBRAIC[weight], args, full, epsabs, epsrel, limit)
    return _qawce(function, a, b, parameter, args, full, epsabs, epsrel, limit)


def _mirrored(function: Callable[..., Any], sign: float) -> Callable[..., Any]:
    if sign > 0.0:
        return lambda x, *args: function(-x, *args)
    return lambda x, *args: -function(-x, *args)


def attempt_of(found: tuple[Any, ...]) -> Attempt:
    status = "ok" if found[-1] == 0 and found[0] == found[0] else "not_converged"
    return Attempt(found, status=status, byproducts={"result": found[0], "estimate": found[1]}, final=found[-1] == 6)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    # One panel of the 21-point rule: how many more it takes is not known before.
    return 21.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    return watched(_part(problem.operands[0], problem.parameters["part"]), problem, evidence)


def watched(function: Any, problem: Problem, evidence: Evidence) -> Attempt:
    """What QUADPACK gives; where there are samples, those of its own panels are added to them.

    It may have met what no sample has: its certificate must know.
    """
    _, a, b = problem.operands
    options, samples = problem.parameters, evidence.get("samples")
    if not options["sampled"] or options["weight"] is not None or options["points"] is not None:
        return attempt_of(routed(function, a, b, options))
    found = routed(function, a, b, {**options, "full_output": 1})
    attempt = attempt_of(found if options["full_output"] or len(found) < 4 else (*found[:2], found[-1]))
    if len(found) < 4:
        return attempt
    with np.errstate(all="ignore"):
        nodes = _nodes(found[2], float(a), float(b))
    if samples is None:
        return replace(attempt, facts={"met": Fact(nodes)})
    change = evidence.get("transformed")
    with np.errstate(all="ignore"):
        met = with_points(change, samples, change.place_of(nodes))
    return replace(attempt, facts={"samples": Fact(met, exact=False)})


def _nodes(info: Mapping[str, Any], a: float, b: float) -> Any:
    """Where QUADPACK evaluated in its last panels; those of an infinite range are in (0, 1]."""
    finite, last = -inf < a and b < inf, info["last"]
    low, high = info["alist"][:last, None], info["blist"][:last, None]
    nodes = RULES["gk21" if finite else "gk15"].nodes
    t = (0.5 * (low + high) + 0.5 * (high - low) * nodes).ravel()
    if finite:
        return t
    far = (1.0 - t) / t
    return np.concatenate((far, -far)) if a == -inf and b == inf else a + far if a > -inf else b - far


def _part(function: Any, part: str) -> Any:
    if part == ".real":
        return lambda x, *args: function(x, *args).real
    if part == ".imag":
        return lambda x, *args: function(x, *args).imag
    return function


def fast(function: Any, a: Any, b: Any, args: Any, epsabs: Any, epsrel: Any, limit: Any, *others: Any) -> Any:
    """(result, estimate, ier), or with the other options what `direct` gives, for a < b; None where a >= b."""
    if others:
        return direct(function, a, b, args, epsabs, epsrel, limit, *others) if a < b else None
    if -inf < a < b < inf:
        return _qagse(function, a, b, args, 0, epsabs, epsrel, limit)
    if a < b:
        bound, side = (a, 1) if a != -inf else (b, -1) if b != inf else (0, 2)
        return _qagie(function, bound, side, args, 0, epsabs, epsrel, limit)
    return None


register(
    Kernel(
        name="quadpack",
        kind="quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        safest=True,
        source=SOURCE,
    )
)
