"""Integrals of a function of one variable: `quad`."""

from __future__ import annotations

import warnings
from math import inf
from typing import Any

import numpy as np
import scipy.integrate as scipy_integrate

from fsci import selector
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.integrate._complex_parts import both_parts
from fsci.integrate._quadpack_words import CYCLES, EXPLAIN, WORDS
from fsci.integrate.errors import IntegrationWarning, UncertifiedIntegrationWarning
from fsci.kernels.integrate.integrands import OPTIONS, is_jitted

__all__ = ["quad"]

_scipy_quad = scipy_integrate.quad
_WEIGHTS = {"cos", "sin", "alg", "alg-loga", "alg-logb", "alg-log", "cauchy"}
_DOUBLE = np.dtype(np.float64)
_INVALID = 6
_TWICE = (
    "Break points cannot be specified when using weighted integrand.\n"
    "Continuing, ignoring specified points."
)  # fmt: skip


def classify(problem: Problem, evidence: Evidence) -> str:
    """By range, weight and what the samples show."""
    if problem.parameters["weight"] is not None:
        return "weighted"
    _, a, b = problem.operands
    span = "finite" if -inf < a and b < inf else "infinite"
    return f"{span}/{evidence.get('shape', 'unseen')}"


# The certificate calls the user's function again, which strict mode must not do unasked.
declare_kind(
    "quadrature",
    "integrate",
    classify,
    "the integral of w(x) f(x) from a to b, either of which may be infinite",
    certificate_on_request=True,
)


def quad(
    func: Any,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
    limit: Any = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: Any = 50,
    limlst: Any = 50,
    complex_func: Any = False,
) -> Any:
    """Integral of a function from a to b; SciPy's call.

    The value is QUADPACK's, to the last bit. A Numba-jitted function is called as C code. A certificate, on request,
    compares it with an independent rule on samples all over the range. Hardened mode goes on to other rules until the
    certificate holds.

    Parameters
    ----------
    func : callable or LowLevelCallable
        ``func(x, *args)`` gives a float.
    a, b : float
        May be infinite.
    args : tuple
    full_output : bool
        Also give what QUADPACK says of its intervals; without a warning.
    epsabs, epsrel : float
        Error asked for, absolute or relative, whichever is larger.
    limit, points, weight, wvar, wopts, maxp1, limlst
        As `scipy.integrate.quad` takes them.
    complex_func : bool
        Integrate real and imaginary part each. SciPy does not reverse the sign of an integral from b down to a here;
        hardened mode does, and in strict mode the certificate says so.

    Returns
    -------
    y : float
    abserr : float
        QUADPACK's estimate of the error: no bound.
    infodict, message, explain
        With `full_output`, as in SciPy.

    Warns
    -----
    IntegrationWarning
        If QUADPACK reports a difficulty; in hardened mode `UncertifiedIntegrationWarning`, if no rule gave a value
        that is certified or within the error asked for.

    Raises
    ------
    ValueError
        As `scipy.integrate.quad`.

    Notes
    -----
    A certificate is "estimated", and vouches for this: every peak, jump or oscillation of the integrand is met by at
    least one of the samples (4096 to start with, 16384 of a jitted function, at random places), or is not narrower than
    what is met is. Where something narrower than the gaps between evaluations is seen, there may be more of
    its kind: then more samples are taken, or what they might miss is added to the bound (``may_hide`` in its detail).
    So a function that jumps is certified to a few digits only: between two jumps a box might stand.
    On an infinite range this goes as far as thirty times the distance of the furthest peak that is seen. A single peak
    that no sample meets on an otherwise smooth integrand is not excluded: no rule that samples can
    (J. N. Lyness, 1983); `points` tell QUADPACK, but not the certificate, where to look.
    """
    # The type of the integrand is the key of its plan: a tuple with the name costs as much as six evaluations.
    plan = FRAME.get().plans.get(type(func)) if type(args) is tuple and not complex_func else None
    if plan is not None and weight is None and points is None and not full_output:
        if a < b:
            found = plan(func, a, b, args, epsabs, epsrel, limit)
            if found[2] == 0:
                return found[:2]
            return _worded(found, a, b, func, _options(args, full_output, epsabs, epsrel, limit), 3)
        if b < a:
            found = plan(func, b, a, args, epsabs, epsrel, limit)
            if found[2] == 0:
                return -found[0], found[1]
            options = _options(args, full_output, epsabs, epsrel, limit)
            return _worded((-found[0], *found[1:]), b, a, func, options, 3)
    if plan is not None and a < b and (weight is None or (points is None and weight in _WEIGHTS)):
        found = plan(
            func, a, b, args, epsabs, epsrel, limit, full_output, points, weight, wvar, wopts, maxp1, limlst
        )  # fmt: skip
        if found[-1] == 0:
            return found[:-1]
        options = _options(args, full_output, epsabs, epsrel, limit, points, weight, wvar, wopts, maxp1, limlst)
        return _worded(found, a, b, func, options, 3)
    options = _options(args, full_output, epsabs, epsrel, limit, points, weight, wvar, wopts, maxp1, limlst)
    return _answered(func, a, b, options, complex_func, 4)


def _options(
    args: Any, full_output: Any, epsabs: Any, epsrel: Any, limit: Any, points: Any = None, weight: Any = None,
    wvar: Any = None, wopts: Any = None, maxp1: Any = 50, limlst: Any = 50,
) -> dict[str, Any]:  # fmt: skip
    return {
        "args": args if isinstance(args, tuple) else (args,), "full_output": full_output, "epsabs": epsabs,
        "epsrel": epsrel, "limit": limit, "points": points, "weight": weight, "wvar": wvar, "wopts": wopts,
        "maxp1": maxp1, "limlst": limlst, "part": "",
    }  # fmt: skip


def _answered(func: Any, a: Any, b: Any, options: dict[str, Any], complex_func: Any, level: int) -> Any:
    """The answer as `quad` returns it; warnings point `level` frames up."""
    weight = options["weight"]
    if a == b or not callable_like(func) or not (a < b or b < a) or (weight is not None and weight not in _WEIGHTS):
        given = {k: v for k, v in options.items() if k != "part"}
        reason = "an empty range, or arguments that SciPy refuses"
        return hand_over(_scipy_quad, "integrate.quad", reason, func, a, b, **given, complex_func=complex_func)
    flipped, low, high = b < a, min(a, b), max(a, b)
    if complex_func:
        return _complex(func, low, high, options, flipped, level + 1)
    if weight is not None and options["points"] is not None:
        warnings.warn(_TWICE, IntegrationWarning, stacklevel=level - 1)
    found = _integrated(func, low, high, options, level + 1)
    if flipped:
        found = (-found[0], *found[1:])
    return found[:-1] if found[-1] == 0 else _worded(found, low, high, func, options, level)


def callable_like(func: Any) -> bool:
    """Whether QUADPACK would call it: a callable, or a C function."""
    return callable(func) or isinstance(func, tuple)  # LowLevelCallable is a tuple


def _integrated(func: Any, low: Any, high: Any, options: dict[str, Any], level: int) -> Any:
    """What QUADPACK gives, or in hardened mode whoever is certified: (y, abserr, ..., ier)."""
    frame = FRAME.get()
    plan = frame.plans.get(type(func))
    if plan is not None and not options["part"]:
        return plan(func, low, high, *[options[name] for name in OPTIONS])
    hardened = frame.policy.wants_forward
    parameters = {**options, "sampled": frame.log is not None or hardened}
    problem = Problem(
        "quadrature", (func, low, high), parameters, dtype=_DOUBLE, structure=None if hardened else "quadpack"
    )
    # Interpreted functions of a type are all alike; a jitted one may compile as an integrand, or not.
    key = ("quad", func) if is_jitted(func) else type(func)
    diagnosis = selector.run(problem, "integrate.quad", None if options["part"] else key)
    if diagnosis.attempt is not None and diagnosis.attempt.kernel == "quadpack_compiled" and key in frame.plans:
        # The compiled plan interprets by itself what does not compile: from now on it serves all of the type.
        frame.plans[type(func)] = frame.plans[key]
    if hardened and _warned_uncertified(diagnosis, options, level) and not options["full_output"]:
        return (*diagnosis.value[:-1], 0)  # one warning is enough
    return diagnosis.value


def _warned_uncertified(diagnosis: Diagnosis, options: dict[str, Any], level: int) -> bool:
    certificate, value = diagnosis.certificate, diagnosis.value
    if certificate.worst_verdict == "certified" or value[-1] == _INVALID:
        return False
    bound = certificate.detail.get("error_bound", inf)
    if bound <= max(options["epsabs"], options["epsrel"] * abs(value[0])):
        return False  # what was asked for is met, though not the policy's accuracy
    message = (
        f"quad: the integral is not certified: error at most {bound:.3g} where "
        f"{max(options['epsabs'], options['epsrel'] * abs(value[0])):.3g} was asked for; look at .diagnosis, "
        "give break points, or use policy(mode='strict')"
    )
    warnings.warn(UncertifiedIntegrationWarning(message, diagnosis), stacklevel=level)
    return True


def _complex(func: Any, low: Any, high: Any, options: dict[str, Any], flipped: bool, level: int) -> Any:
    frame = FRAME.get()
    log = frame.log
    before = 0 if log is None else len(log)
    found = []
    for part in (".real", ".imag"):
        one = _integrated(func, low, high, {**options, "part": part}, level + 1)
        found.append(one[:-1] if one[-1] == 0 else _worded(one, low, high, func, options, level))
    real, imaginary = found
    value = real[0] + 1j * imaginary[0]
    # SciPy forgets the order of the limits here (1.17); strict mode keeps its value, and vouches for nothing.
    wrong = flipped and not frame.policy.wants_forward
    if flipped and not wrong:
        value = -value
    answer = (value, real[1] + 1j * imaginary[1])
    if options["full_output"]:
        answer += ({"real": real[2:], "imag": imaginary[2:]},)  # type: ignore[assignment]
    if log is not None:
        log.append(both_parts(log[before:], value, wrong))
    return answer


def _worded(found: tuple[Any, ...], low: Any, high: Any, func: Any, options: dict[str, Any], level: int) -> Any:
    """What `quad` returns, or raises, where QUADPACK reports a difficulty."""
    code, weight = found[-1], options["weight"]
    if code not in WORDS or code in (_INVALID, 80):
        # The function was not called, or nothing more can be said: SciPy's own words.
        given = {k: v for k, v in options.items() if k != "part"}
        return hand_over(_scipy_quad, "integrate.quad", "arguments that QUADPACK refuses", func, low, high, **given)
    words, fourier = (
        WORDS[code].format(limit=options["limit"]),
        weight in ("cos", "sin") and (high == inf or low == -inf),
    )
    if fourier:
        words = CYCLES.get(code, words)
    if options["full_output"]:
        return (*found[:-1], words, EXPLAIN) if fourier else (*found[:-1], words)
    warnings.warn(words, IntegrationWarning, stacklevel=level)
    return found[:-1]
