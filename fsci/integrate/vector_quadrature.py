"""Integrals of functions that take or give arrays: `quad_vec`, `fixed_quad`."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import scipy.integrate as scipy_integrate
from scipy.integrate import _quad_vec

from fsci import selector
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.integrate.errors import UncertifiedIntegrationWarning

__all__ = ["fixed_quad", "quad_vec"]

_scipy_quad_vec, _scipy_fixed_quad = scipy_integrate.quad_vec, scipy_integrate.fixed_quad
_DOUBLE = np.dtype(np.float64)
_NORMS: dict[Any, Any] = {None: _quad_vec._max_norm, "max": _quad_vec._max_norm, "2": np.linalg.norm}
_RULES = {None: "gk21", "gk21": "gk21", "gk15": "gk15"}
_WORDS = {
    0: "Target precision reached.",
    1: "Target precision not reached.",
    2: "Target precision could not be reached due to rounding error.",
    3: "Non-finite values encountered.",
}


def classify(problem: Problem, evidence: Evidence) -> str:
    """By the rule that the caller named."""
    return problem.structure or "any"


# The certificate calls the user's function again, which strict mode must not do unasked.
declare_kind(
    "vector_quadrature",
    "integrate",
    classify,
    "the integral of a vector-valued function over a finite interval",
    certificate_on_request=True,
)
declare_kind(
    "fixed_quadrature",
    "integrate",
    classify,
    "the sum of a Gauss-Legendre rule of n points",
    certificate_on_request=True,
)


def fixed_quad(func: Any, a: Any, b: Any, args: Any = (), n: Any = 5) -> Any:
    """Integral from a to b by the Gauss-Legendre rule of n points; SciPy's call.

    Parameters
    ----------
    func : callable
        ``func(x, *args)`` takes an array of points, and gives values along its last axis.
    a, b : float
    args : tuple
    n : int

    Returns
    -------
    val : float or ndarray
    none : None
        In SciPy's place for an error. The certificate, on request, compares with rules of 2 n + 1 and 3 n + 2 points,
        and with samples all over the range.

    Raises
    ------
    ValueError
        For infinite limits.
    """
    limits = type(a) in _LIMIT and type(b) in _LIMIT and -math.inf < a < math.inf and -math.inf < b < math.inf
    if not limits or type(n) is not int or n < 1 or type(args) is not tuple:
        reason = "limits or a number of points that SciPy takes, or refuses, by itself"
        return hand_over(_scipy_fixed_quad, "integrate.fixed_quad", reason, func, a, b, args, n)
    frame = FRAME.get()
    plan = frame.plans.get("fixed_quad")
    if plan is not None:
        return plan(func, a, b, args, n), None
    problem = Problem("fixed_quadrature", (func, a, b), {"args": args, "n": n}, dtype=_DOUBLE)
    return selector.run(problem, "integrate.fixed_quad", "fixed_quad").value, None


_LIMIT = (float, int, np.float64)


def quad_vec(
    f: Any, a: Any, b: Any, epsabs: Any = 1e-200, epsrel: Any = 1e-8, norm: Any = "2", cache_size: Any = 100e6,
    limit: Any = 10000, workers: Any = 1, points: Any = None, quadrature: Any = None, full_output: Any = False,
    *, args: Any = (),
) -> Any:  # fmt: skip
    """Integral of a vector-valued function from a to b; SciPy's call.

    The panels are SciPy's; the sums of each are taken over all its values at once. The certificate, on request,
    compares with another rule on many panels of irregular lengths, and a random combination of the components with
    samples all over the range, as that of `quad` does. Hardened mode goes on to such panels where it does not hold.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` gives a number or an array.
    a, b : float
        May be infinite.
    epsabs, epsrel : float
    norm : {"max", "2"} or callable
    cache_size, limit, points, quadrature, full_output, args
        As `scipy.integrate.quad_vec` takes them.
    workers : int or callable
        Other than 1: SciPy answers.

    Returns
    -------
    res : float or ndarray
    err : float
    info : object
        With `full_output`.

    Raises
    ------
    ValueError
        As `scipy.integrate.quad_vec`.
    """
    ours = workers == 1 and (quadrature is None or quadrature in _RULES) and (callable(norm) or norm in _NORMS)
    if not ours:
        given = {
            "epsabs": epsabs, "epsrel": epsrel, "norm": norm, "cache_size": cache_size, "limit": limit,
            "points": points, "workers": workers, "quadrature": quadrature, "full_output": full_output, "args": args,
        }  # fmt: skip
        reason = "several workers, the trapezoidal rule, or arguments that SciPy refuses"
        return hand_over(_scipy_quad_vec, "integrate.quad_vec", reason, f, a, b, **given)
    a, b = float(a), float(b)
    function = f
    if args:
        extra = args if isinstance(args, tuple) else (args,)
        function = lambda x: f(x, *extra)  # noqa: E731
    # SciPy's changes of variable: t = 1 / (1 + |x - a|), and its default rules.
    rule = "gk15" if quadrature is None and (math.isinf(a) or math.isinf(b)) else _RULES[quadrature]
    sign = 1.0
    if math.isfinite(a) and math.isinf(b):
        function, (a, b), points = _half_line(function, a, b, points)
    elif math.isfinite(b) and math.isinf(a):
        function, (a, b), points = _half_line(function, b, a, points)
        sign = -1.0
    elif math.isinf(a) and math.isinf(b):
        sign = -1.0 if b < a else 1.0
        change = _quad_vec.DoubleInfiniteFunc(function)
        points = (0.0, *(() if points is None else (change.get_t(p) for p in points)))
        function, (a, b) = change, (-1.0, 1.0) if a != b else (1.0, 1.0)
    elif not (math.isfinite(a) and math.isfinite(b)):
        raise ValueError(f"invalid integration bounds a={a}, b={b}")
    found = _refined(function, _borders(a, b, points), rule, norm, epsabs, epsrel, limit, cache_size)
    value = found.value if sign > 0.0 else -found.value
    error = found.error + found.rounding
    return (value, error, _info(found)) if full_output else (value, error)


def _half_line(function: Any, start: float, end: float, points: Any) -> Any:
    change = _quad_vec.SemiInfiniteFunc(function, start=start, infty=end)
    return change, (0.0, 1.0), None if points is None else tuple(change.get_t(p) for p in points)


def _borders(a: float, b: float, points: Any) -> list[float]:
    borders = [a]
    for p in sorted(points) if points is not None else ():
        if a < float(p) < b and float(p) != borders[-1]:
            borders.append(float(p))
    return [*borders, b]


def _refined(
    function: Any, borders: list[float], rule: str, norm: Any, epsabs: Any, epsrel: Any, limit: Any, cache_size: Any
) -> Any:
    frame = FRAME.get()
    hardened = frame.policy.wants_forward
    parameters = {
        "epsabs": epsabs, "epsrel": epsrel, "limit": limit, "cache_size": cache_size, "hardened": hardened,
        "norm": norm if callable(norm) else _NORMS[norm],
    }  # fmt: skip
    problem = Problem("vector_quadrature", (function, borders), parameters, dtype=_DOUBLE, structure=rule)
    key = ("quad_vec", rule)
    plan = frame.plans.get(key)
    if plan is not None:
        return plan(problem)
    diagnosis = selector.run(problem, "integrate.quad_vec", key)
    if hardened and diagnosis.certificate.worst_verdict != "certified":
        message = "quad_vec: the integral is not certified; look at .diagnosis, or use policy(mode='strict')"
        warnings.warn(UncertifiedIntegrationWarning(message, diagnosis), stacklevel=3)
    return diagnosis.value


def _info(found: Any) -> Any:
    """The panels as SciPy reports them."""
    result = np.asarray(found.value)
    unknown = np.full(result.shape, np.nan, dtype=result.dtype)
    return _quad_vec._Bunch(
        neval=found.evaluations,
        success=found.status == 0,
        status=found.status,
        message=_WORDS[found.status],
        intervals=np.array([[low, high] for _, low, high in found.panels]),
        integrals=np.array([found.integrals.get((low, high), unknown) for _, low, high in found.panels], result.dtype),
        errors=np.array([-negative for negative, _, _ in found.panels]),
    )
