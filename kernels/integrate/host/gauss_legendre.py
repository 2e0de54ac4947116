"""Gauss-Legendre rule of a fixed number of points, for functions of arrays; checked by rules of more points.

The answer is defined by the rule: there is nothing to choose. The check says how far it is from the integral: by two
rules of more points, and by samples all over the range, which see what falls between the points of all of them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of, relative_to_truth
from fsci.kernels.integrate.projected import doubt_of

__all__: list[str] = []

Array = NDArray[np.float64]


@lru_cache(maxsize=64)
def _rule(n: int) -> tuple[Array, Array]:
    """Nodes moved to [0, 2], and weights."""
    x, w = roots_legendre(n)
    return np.real(x) + 1, w


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.parameters["n"])


def run(problem: Problem, evidence: Evidence) -> Attempt:
    function, a, b = problem.operands
    return Attempt(fast(function, a, b, problem.parameters["args"], problem.parameters["n"]))


def fast(function: Any, a: float, b: float, args: tuple[Any, ...], n: int) -> Any:
    """The rule's sum along the last axis of the values."""
    x, w = _rule(n)
    return (b - a) / 2.0 * np.add.reduce(w * function((b - a) * x / 2.0 + a, *args), axis=-1)


@register_check("fixed_quadrature", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    function, a, b = problem.operands
    args, n = problem.parameters["args"], problem.parameters["n"]
    with np.errstate(all="ignore"):
        second, third = (np.asarray(fast(function, a, b, args, m)) for m in (2 * n + 1, 3 * n + 2))
        magnitude = np.asarray(fast(lambda x, *more: np.abs(function(x, *more)), a, b, args, 3 * n + 2))
        value, u = np.asarray(attempt.value), problem.unit_roundoff
        rounding = (3 * n + 8) * u * float(np.max(np.abs(magnitude), initial=0.0))
        bound = float(np.max(np.abs(value - third), initial=0.0)) + float(np.max(np.abs(third - second), initial=0.0))
        doubt = doubt_of(lambda x: np.asarray(function(np.array([x]), *args))[..., 0], (a, b), value, policy.target(u))
        bound = bound + rounding + doubt if math.isfinite(bound) else math.inf
        size, most = float(np.max(np.abs(value), initial=0.0)), float(np.max(np.abs(magnitude), initial=0.0))
    forward = relative_to_truth(bound / size) if size > 0.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "estimated", u),
        backward_error=bound / most if most > 0.0 else math.inf,
        condition=most / size if size > 0.0 else math.inf,
        forward_error=forward,
        digits=int(digits_of(forward)),
        rigor="estimated",
        algorithm=attempt.kernel,
        detail={"error_bound": bound, "doubt": doubt, "points": 2 * n + 1 + 3 * n + 2},
    )


register(
    Kernel(
        name="gauss_legendre",
        kind="fixed_quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        safest=True,
        source="C. F. Gauss (1814); nodes by SciPy's roots_legendre",
    )
)
