"""Brent's method with the loop and the callback both compiled.

The loop is compiled once, against a first-class function type, and cached; only the
callback is compiled for each new problem, and one that the user jitted already is not even that.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numba
from numba.core.dispatcher import Dispatcher

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.compiling import COMPILER_ERRORS
from fsci.kernels.jit import jit

__all__ = ["first_class"]

_SCALAR = numba.float64(numba.float64)
_CALLBACK = numba.types.FunctionType(_SCALAR)

CONVERGED, SAME_SIGN, NOT_CONVERGED, NOT_A_NUMBER = 0, -1, -2, -3


@jit(
    [
        numba.types.Tuple((numba.float64, numba.int64, numba.int64, numba.int64))(
            _CALLBACK, numba.float64, numba.float64, numba.float64, numba.float64, numba.int64
        )
    ]
)
def brent(f, a, b, xtol, rtol, maxiter):  # type: ignore[no-untyped-def]
    """Brent (1973), with SciPy's stopping rule and counts; gives (root, calls, iterations, flag)."""
    previous, current, other = a, b, 0.0
    f_previous, f_current, f_other = f(a), f(b), 0.0
    if f_previous != f_previous:
        return a, 1, 0, -3
    if f_current != f_current:
        return b, 2, 0, -3
    calls, step, step_before = 2, 0.0, 0.0
    if f_previous == 0.0:
        return previous, calls, 0, 0
    if f_current == 0.0:
        return current, calls, 0, 0
    if (f_previous < 0.0) == (f_current < 0.0):
        return 0.0, calls, 0, -1
    for iteration in range(1, maxiter + 1):
        if f_previous != 0.0 and f_current != 0.0 and (f_previous < 0.0) != (f_current < 0.0):
            other, f_other = previous, f_previous
            step = step_before = current - previous
        if abs(f_other) < abs(f_current):
            previous, current, other = current, other, current
            f_previous, f_current, f_other = f_current, f_other, f_current
        delta = (xtol + rtol * abs(current)) / 2.0
        bisection = (other - current) / 2.0
        if f_current == 0.0 or abs(bisection) < delta:
            return current, calls, iteration, 0
        if abs(step_before) > delta and abs(f_current) < abs(f_previous):
            if previous == other:
                trial = -f_current * (current - previous) / (f_current - f_previous)
            else:
                slope = (f_previous - f_current) / (previous - current)
                slope_other = (f_other - f_current) / (other - current)
                trial = (
                    -f_current
                    * (f_other * slope_other - f_previous * slope)
                    / (slope_other * slope * (f_other - f_previous))
                )
            if 2.0 * abs(trial) < min(abs(step_before), 3.0 * abs(bisection) - delta):
                step_before, step = step, trial
            else:
                step_before = step = bisection
        else:
            step_before = step = bisection
        previous, f_previous = current, f_current
        if abs(step) > delta:
            current += step
        else:
            current += delta if bisection > 0.0 else -delta
        f_current = f(current)
        calls += 1
        if f_current != f_current:
            return current, calls, iteration, -3
    return current, calls, maxiter, -2


_compiled: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def first_class(function: Dispatcher) -> Any:
    """The jitted `function` as a first-class ``float64(float64)``; None if it is not one."""
    if function not in _compiled:
        try:
            _compiled[function] = numba.cfunc(_SCALAR)(function.py_func)
        except COMPILER_ERRORS:
            _compiled[function] = None
    return _compiled[function]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure not in (None, "brentq"):
        return Refusal(f"the caller asked for {problem.structure}")
    function = problem.operands[0]
    if not isinstance(function, Dispatcher):
        return Refusal("the callback is not compiled")
    if problem.parameters["args"]:
        return Refusal("the callback takes extra arguments")
    if first_class(function) is None:
        return Refusal("the callback is not a function of one float64 that gives a float64")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def fast(f: Any, a: Any, b: Any, xtol: Any, rtol: Any, maxiter: Any, args: Any) -> Any:
    """(root, calls, iterations, flag); None where the interpreted loop must say what is wrong."""
    value = brent(first_class(f), float(a), float(b), xtol, rtol, maxiter)
    return value if value[3] in (CONVERGED, NOT_CONVERGED) else None


def run(problem: Problem, evidence: Evidence) -> Attempt:
    function, a, b = problem.operands
    options = problem.parameters
    value = brent(first_class(function), float(a), float(b), options["xtol"], options["rtol"], options["maxiter"])
    root, calls, _, flag = value
    if flag == SAME_SIGN:
        return Attempt(None, status="sign", final=True)
    if flag == NOT_A_NUMBER:
        return Attempt((root, calls, float("nan"), "nan"), status="nonfinite", final=True)
    return Attempt(value, status="ok" if flag == CONVERGED else "not_converged", byproducts={"root": root})


register(
    Kernel(
        name="brentq_compiled",
        kind="root_scalar",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="R. P. Brent (1973), Algorithms for Minimization Without Derivatives, ch. 4",
    )
)
