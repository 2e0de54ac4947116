"""Initial value problems: `solve_ivp`."""

from __future__ import annotations

import math
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
import scipy.integrate as scipy_integrate

from fsci import selector
from fsci.core.errors import UncertifiedError
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.kernels.integrate.auto_solver import STAND_INS, for_scipy
from fsci.kernels.integrate.compiled import STRUCTURED_FROM, is_jitted
from fsci.kernels.integrate.host.stepped import tiered
from fsci.kernels.integrate.jax_callbacks import jax_rhs, traceable
from fsci.kernels.integrate.native_callbacks import native_rhs
from fsci.kernels.integrate.pairs import PAIRS

__all__ = ["solve_ivp"]

_scipy_solve_ivp = scipy_integrate.solve_ivp

# SciPy's methods that are answered here; "LSODA" and solver classes are handed over.
_METHODS = {*PAIRS, "Radau", "BDF", *STAND_INS}
_IMPLICIT = {"Radau", "BDF", *STAND_INS}
_STRUCTURED = {"Radau", "BDF"}
_DOUBLE = np.dtype(np.float64)
_LEAST_RTOL = 100 * float(np.finfo(float).eps)  # SciPy warns below, and raises it
_OPTIONS = {"rtol", "atol", "max_step", "first_step"}
_JACOBIAN = {"jac", "jac_sparsity"}  # SciPy warns where a method has no use for them


def classify(problem: Problem, evidence: Evidence) -> str:
    """By the method that the caller named."""
    return problem.structure or "any"


# The certificate integrates again, more accurately, with the user's callback: on request only.
declare_kind(
    "initial_value_problem",
    "integrate",
    classify,
    "y' = f(t, y), y(t0) = y0, at times in [t0, tf]",
    certificate_on_request=True,
)


def solve_ivp(
    fun: Any,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """Solve an initial value problem for a system of ordinary differential equations; SciPy's call.

    The step loop runs compiled where the callback is: a function made by `numba.njit`, or a plain one whose solve is
    seen to last, which is then compiled and checked against the interpreter. Steps, counts and messages are SciPy's.

    Parameters
    ----------
    fun : callable
        ``fun(t, y, *args)`` gives the n derivatives; or, jitted, ``fun(t, y, dydt, *args)`` writes them. A C function
        (`numba.cfunc`, `scipy.LowLevelCallable`) is ``void f(double t, double *y, double *dydt, double *p)``. One that
        uses JAX, jitted by it or not, is traced once and steps as fast, in the precision that JAX is set to.
    t_span : (float, float)
    y0 : (n,) array_like
    method : str or OdeSolver class
        "RK23", "RK45", "DOP853", "Radau" and "BDF" are compiled; the others are SciPy's own. Four are
        fsci's: "auto" makes explicit steps while accuracy bounds them, and implicit ones while stability does;
        "Tsit5" and "Vern7" are the explicit pairs of Tsitouras and Verner, of order 5(4) and 7(6); "Rodas5P" is a
        Rosenbrock method of order 5. Where a callback cannot be compiled, LSODA and Radau stand in for "auto" and
        "Rodas5P".
    t_eval : (m,) array_like, optional
    dense_output : bool
    events : callable or list of callables, optional
    vectorized : bool
    args : tuple, optional
        Numbers and float64 vectors reach a compiled callback; with others it stays interpreted.
    **options
        `rtol`, `atol`, `max_step`, `first_step`, and those of the implicit methods. Without `jac`, Jacobians are
        differences, grouped by a structure that is found; that of a function of JAX is differentiated exactly, by
        methods that SciPy does not have and in hardened mode (elsewhere SciPy's counts are kept). One option is
        fsci's, and SciPy warns of it: `invariants`, a callable ``g(t, y, *args)`` or a list of them. They do not
        change the solution; a certificate's `detail["invariants_drift"]` says how far each went from its first value.

    Returns
    -------
    OdeResult
        As `scipy.integrate.solve_ivp`. A failure's message says so when the problem is stiff.

    Raises
    ------
    ValueError, TypeError
        As `scipy.integrate.solve_ivp`.
    fsci.UncertifiedError
        In hardened mode, if the integration fails, or ends in values that are not finite.
    """
    invariants = _invariants(options.pop("invariants", None))
    plain = events is None and not dense_output
    given = {"t_eval": t_eval, "dense_output": dense_output, "events": events, "vectorized": vectorized, "args": args}
    fun = jax_rhs(fun) or fun
    frame = FRAME.get()
    large = isinstance(method, str) and method in _STRUCTURED and np.size(y0) > STRUCTURED_FROM
    interpreted = type(fun) is FunctionType or (traceable(fun) and not is_jitted(fun))
    if interpreted and frame.may_plan and method in _METHODS and not large:
        # An interpreted callback has one kernel to begin with: nothing is ranked, and a short solve pays for nothing.
        value, _ = tiered(
            partial(_scipy_solve_ivp, fun, t_span, y0, **given, **options),
            method,
            lambda: _problem(fun, t_span, y0, method, given, options),
            plain,
        )
        return value
    fun = native_rhs(fun) or fun
    problem = _problem(fun, t_span, y0, method, {**given, "invariants": invariants}, options)
    if isinstance(problem, str):
        method = for_scipy(method)
        return hand_over(_scipy_solve_ivp, "integrate.solve_ivp", problem, fun, t_span, y0, method, **given, **options)
    key = None
    if plain and is_jitted(fun):
        key = ("solve_ivp", method, fun, problem.size, len(problem.parameters["args"]))
        plan = frame.plans.get(key)
        value = plan(problem) if plan is not None else None
        if value is not None:
            return value
    diagnosis = selector.run(problem, "integrate.solve_ivp", key)
    if frame.policy.hardened and diagnosis.attempt is not None and diagnosis.attempt.status != "ok":
        raise UncertifiedError(_complaint(diagnosis), diagnosis)
    return diagnosis.value


def _invariants(given: Any) -> tuple[Any, ...]:
    """As a tuple of callables."""
    listed = given if isinstance(given, (list, tuple)) else [given]
    found = () if given is None else tuple(listed)
    if not all(callable(one) for one in found):
        raise TypeError("`invariants` must be a callable g(t, y, *args), or a list of them")
    return found


def _complaint(diagnosis: Diagnosis) -> str:
    value, status = diagnosis.value, diagnosis.attempt.status if diagnosis.attempt else ""
    if status == "nonfinite":
        return "solve_ivp: the solution is not finite; look at .diagnosis, or use policy(mode='strict')"
    reached = value.t[-1] if len(value.t) else "no time asked for"
    return f"solve_ivp: the integration failed at t={reached}: {value.message} Look at .diagnosis."


def _problem(
    fun: Any, t_span: Any, y0: Any, method: Any, given: dict[str, Any], options: dict[str, Any]
) -> Problem | str:
    """The problem, normalized as SciPy does; or why SciPy answers."""
    if not isinstance(method, str) or method not in _METHODS:
        return "a method that is SciPy's own"
    if (
        not callable(fun)
        or given["vectorized"]
        or not options.keys() <= (_OPTIONS | _JACOBIAN if method in _IMPLICIT else _OPTIONS)
    ):
        return "options that no compiled loop has"
    span, start = _floats(t_span), _floats(y0)
    if span is None or start is None or span.shape != (2,) or start.ndim != 1 or start.size == 0:
        return "an initial state or a span that SciPy refuses, or that is complex"
    t0, t_end = float(span[0]), float(span[1])
    if not (math.isfinite(t0) and math.isfinite(t_end)) or t0 == t_end or not np.isfinite(start).all():
        return "an initial state or a span that SciPy refuses, or that leaves nothing to do"
    rtol, atol = options.get("rtol", 1e-3), _floats(options.get("atol", 1e-6))
    max_step, first_step = options.get("max_step", math.inf), options.get("first_step")
    if not isinstance(rtol, (float, int)) or not _LEAST_RTOL <= rtol < math.inf or atol is None:
        return "tolerances that SciPy refuses or changes"
    if atol.shape not in ((), start.shape) or not np.all(atol >= 0.0) or not isinstance(max_step, (float, int)):
        return "tolerances that SciPy refuses or changes"
    if not max_step > 0.0 or not _step_fits(first_step, abs(t_end - t0)):
        return "a step that SciPy refuses"
    args, t_eval = given["args"], given["t_eval"]
    if args is not None and not isinstance(args, tuple):
        return "args that are no tuple"
    times = None
    if t_eval is not None:
        times = _floats(t_eval)
        if times is None or not _times_fit(times, t0, t_end):
            return "times that SciPy refuses"
    parameters = {
        **given, "t_eval": times, "dense_output": bool(given["dense_output"]), "vectorized": False, "args": args or (),
        "every_root": FRAME.get().policy.hardened,
        "rtol": float(rtol), "atol": atol, "max_step": float(max_step), "first_step": first_step,
        "options": options, "drive": _scipy_solve_ivp,
    }  # fmt: skip
    return Problem(
        "initial_value_problem", (fun, (t0, t_end), start), parameters, dtype=_DOUBLE, structure=method, size=start.size
    )


def _floats(values: Any) -> Any:
    """`values` as float64 where SciPy would make them that; None for complex, objects and text."""
    try:
        array = np.asarray(values)
    except ValueError:
        return None
    return array.astype(np.float64, copy=False) if array.dtype.kind in "fiu" and array.dtype != np.longdouble else None


def _step_fits(first_step: Any, length: float) -> bool:
    return first_step is None or (isinstance(first_step, (float, int)) and 0.0 < first_step <= length)


def _times_fit(times: Any, t0: float, t_end: float) -> bool:
    if times.ndim != 1 or times.size == 0:
        return False
    steps = np.diff(times)
    ordered = np.all(steps > 0.0) if t_end > t0 else np.all(steps < 0.0)
    return bool(ordered and times.min() >= min(t0, t_end) and times.max() <= max(t0, t_end))
