"""Integrals over several variables, one inside the other: `dblquad`, `tplquad`, `nquad`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from fsci import selector
from fsci.core.frames import FRAME
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.integrate.errors import UncertifiedIntegrationWarning
from fsci.integrate.quadrature import quad

__all__ = ["dblquad", "nquad", "tplquad"]

_DOUBLE = np.dtype(np.float64)


def classify(problem: Problem, evidence: Evidence) -> str:
    """By the number of variables."""
    return f"{len(problem.operands[1])}-dimensional"


# The certificate calls the user's function again, which strict mode must not do unasked.
declare_kind(
    "iterated_integral",
    "integrate",
    classify,
    "the integral over several variables, with limits that depend on those outside",
    certificate_on_request=True,
)


def nquad(func: Any, ranges: Any, args: Any = None, opts: Any = None, full_output: Any = False) -> Any:
    """Integrate over several variables; SciPy's call.

    Each level is a `quad`; a jitted function runs compiled in the innermost one. The certificate, on request, compares
    with another rule at two resolutions, some 10,000 to 400,000 evaluations: a double-exponential one for up to three
    variables, Gauss rules for four to seven. A peak narrower than the distance of all its points is not excluded.

    Parameters
    ----------
    func : callable or LowLevelCallable
        ``func(x0, x1, ..., *args)``; x0 is the innermost variable.
    ranges : sequence
        Limits of each variable, or functions of the variables outside it that give them.
    args : tuple, optional
    opts : dict or sequence of dict, optional
        Options of `quad` for all levels, or for each.
    full_output : bool

    Returns
    -------
    result, abserr : float
        The estimate is the largest of all levels: no bound.
    out_dict : dict
        With `full_output`: the number of evaluations.

    Warns
    -----
    IntegrationWarning
        As `quad` in strict mode; `UncertifiedIntegrationWarning` in hardened mode, if no rule is certified.
    """
    return _iterated(func, ranges, args, opts, full_output, 3)


def _iterated(func: Any, ranges: Any, args: Any, opts: Any, full_output: Any, level: int) -> Any:
    levels = list(ranges)
    given = {} if opts is None else opts
    each = [given] * len(levels) if isinstance(given, dict) else list(given)
    frame = FRAME.get()
    hardened = frame.policy.wants_forward
    parameters = {"args": () if args is None else tuple(args), "opts": each, "full_output": full_output, "quad": quad}
    problem = Problem(
        "iterated_integral", (func, levels), parameters, dtype=_DOUBLE, structure=None if hardened else "quadpack"
    )
    plan = frame.plans.get("nquad")
    if plan is not None:
        return plan(problem)
    diagnosis = selector.run(problem, "integrate.nquad", "nquad")
    certificate = diagnosis.certificate
    if hardened and certificate.worst_verdict != "certified":
        message = "nquad: the integral is not certified; look at .diagnosis, or use policy(mode='strict')"
        warnings.warn(UncertifiedIntegrationWarning(message, diagnosis), stacklevel=level)
    return diagnosis.value


def dblquad(
    func: Any, a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (), epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8
) -> Any:
    """Integrate ``func(y, x)`` for y from gfun(x) to hfun(x), x from a to b; SciPy's call.

    Parameters
    ----------
    func : callable
        ``func(y, x, *args)``.
    a, b : float
    gfun, hfun : callable or float
    args : tuple
    epsabs, epsrel : float

    Returns
    -------
    y, abserr : float
        See `nquad`.
    """

    def inner(*outside: Any) -> list[Any]:
        return [
            gfun(outside[0]) if callable(gfun) else gfun,
            hfun(outside[0]) if callable(hfun) else hfun,
        ]

    return _iterated(func, [inner, [a, b]], args, {"epsabs": epsabs, "epsrel": epsrel}, False, 3)


def tplquad(
    func: Any, a: Any, b: Any, gfun: Any, hfun: Any, qfun: Any, rfun: Any, args: Any = (), epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
) -> Any:  # fmt: skip
    """Integrate ``func(z, y, x)`` for z from qfun(x, y) to rfun(x, y), y from gfun(x) to hfun(x), x from a to b.

    Parameters
    ----------
    func : callable
        ``func(z, y, x, *args)``.
    a, b : float
    gfun, hfun, qfun, rfun : callable or float
    args : tuple
    epsabs, epsrel : float

    Returns
    -------
    y, abserr : float
        See `nquad`.
    """

    def innermost(*outside: Any) -> list[Any]:
        return [
            qfun(outside[1], outside[0]) if callable(qfun) else qfun,
            rfun(outside[1], outside[0]) if callable(rfun) else rfun,
        ]

    def inner(*outside: Any) -> list[Any]:
        return [
            gfun(outside[0]) if callable(gfun) else gfun,
            hfun(outside[0]) if callable(hfun) else hfun,
        ]

    return _iterated(func, [innermost, inner, [a, b]], args, {"epsabs": epsabs, "epsrel": epsrel}, False, 3)
