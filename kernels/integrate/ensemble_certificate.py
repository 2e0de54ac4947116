"""Certificate of an ensemble: an estimate of the global error of each member, from two more accurate integrations.

As for a single problem: the answer's distance to a reference a thousand times as accurate is its error, as long as that
and a reference a hundred times as accurate agree much better among themselves than with it (Shampine and Watts, 1976).
Members are judged one by one; the verdict of the whole is that of the worst.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth

__all__ = ["certificate_of"]

# How much more accurate the two references are; the least relative tolerance that SciPy takes is 100 eps.
_FACTORS, _LEAST_RTOL = (1e-2, 1e-3), 100 * float(np.finfo(float).eps)
# The references must agree among themselves this much better than with the answer, or to so many roundings.
_CONTRACTION, _FLOOR, _SLACK, _ROUNDINGS = 0.25, 1e3, 2.0, 4.0
# An error within this many times the tolerance is what a user expects of one.
_TOLERANCES = 100.0
# Tries of a member of a reference: its steps are shorter by the fifth or eighth root of the factor.
_MORE_STEPS = 64


def certificate_of(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Judge every member; `attempt` brings the means to integrate again."""
    rtol, atol = problem.parameters["rtol"], np.asarray(problem.parameters["atol"], dtype=float)
    if attempt.value is None:
        return Certificate(verdict="uncertified", algorithm=attempt.kernel)
    found = _columns(attempt.value)
    states, status = found[0], found[1]
    most = _MORE_STEPS * (int(np.max(found[2], initial=0)) + 16)
    references = []
    for factor in _FACTORS:
        tighter = max(rtol * factor, _LEAST_RTOL)
        again = attempt.byproducts["again"](tighter, atol * max(factor, tighter / rtol), most)
        if again is None:
            return Certificate(verdict="uncertified", algorithm=attempt.kernel)
        references.append(_columns(again))
    first, second = references[0][0], references[1][0]
    ended = (status == 0) & (references[0][1] == 0) & (references[1][1] == 0)
    with np.errstate(all="ignore"):
        distance, between = np.abs(states - second), np.abs(first - second)
        size = np.abs(second).max(axis=2)  # of each component over all times
        largest = size.max(axis=1)
        rounding = problem.unit_roundoff * size[:, :, None]
        estimate = distance + _SLACK * between + _ROUNDINGS * rounding
        tolerance = rtol * largest + np.broadcast_to(atol, (len(states), states.shape[1])).max(axis=1)
        apart, off = between.max(axis=2), distance.max(axis=2)
        agree = (apart <= np.maximum(_CONTRACTION * off, _FLOOR * problem.unit_roundoff * size)) | (
            apart <= _CONTRACTION * tolerance[:, None]
        )
        good = ended & agree.all(axis=1) & np.isfinite(estimate).all(axis=(1, 2))
        errors = np.where(agree & good[:, None], estimate[:, :, -1], np.inf)
        end = np.abs(second[:, :, -1]).max(axis=1)
        relative = np.maximum(_over(estimate.max(axis=(1, 2)), largest), _over(estimate[:, :, -1].max(axis=1), end))
        forward = np.asarray(relative_to_truth(np.where(good, relative, np.inf)))
        targets = np.full(forward.shape, policy.target(problem.unit_roundoff))
        if policy.accuracy == "standard":
            targets = np.maximum(targets, _TOLERANCES * _over(tolerance, largest))
    certified = (forward <= targets) & (policy.accuracy != "verified")
    return Certificate(
        verdict=np.where(certified, "certified", "uncertified"),
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
        detail={
            "members": len(states),
            "failed": int(np.count_nonzero(status)),
            "uncertified": int(np.count_nonzero(~certified)),
            "global_error": errors,
        },
    )


def _columns(value: Any) -> tuple[Any, Any, Any]:
    """States as (member, component, time), status, and tries, as NumPy arrays."""
    states = _host(value[1]).astype(float)
    tries = _host(value[5]) + _host(value[6])
    return (states if states.ndim == 3 else states[:, :, None]), _host(value[3]), tries


def _over(errors: Any, sizes: Any) -> Any:
    """Relative errors: zero where there is no error, infinite where there is nothing to compare it with."""
    found = np.divide(errors, sizes, out=np.full(np.shape(errors), np.inf), where=sizes > 0.0)
    return np.where(errors == 0.0, 0.0, found)


def _host(values: Any) -> Any:
    """As NumPy's; CuPy's arrays come from their device only when asked by name."""
    return values.get() if hasattr(values, "get") else np.asarray(values)
