"""Bracketing root finders on interpreted callbacks: SciPy's compiled loops.

One loop each for bisection, Ridders' method, and Brent's with inverse quadratic
or hyperbolic extrapolation. The guard against NaN compares a value with itself; SciPy's
own calls ``numpy.isnan`` on each, which costs more than most callbacks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from scipy.optimize import _zeros

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__ = ["NAN_FLAG", "NotANumberError", "guarded"]

NAN_FLAG = "nan"
_FLAGS = {0: "ok", -2: "not_converged"}
_SAME_SIGN = "f(a) and f(b) must have different signs"

_LOOPS = {
    "brentq": (_zeros._brentq, "R. P. Brent (1973), Algorithms for Minimization Without Derivatives, ch. 4"),
    "brenth": (_zeros._brenth, "Bus and Dekker (1975), hyperbolic extrapolation"),
    "ridder": (_zeros._ridder, "C. Ridders (1979)"),
    "bisect": (_zeros._bisect, "bisection"),
}


class NotANumberError(Exception):
    """The callback gave NaN at `x`; ends the loop, never leaves the kernel."""

    def __init__(self, x: float) -> None:
        super().__init__(x)
        self.x = x


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` that stops the loop on NaN and counts its calls."""

    def call(x: float, *args: Any) -> Any:
        call.count += 1  # type: ignore[attr-defined]
        value = function(x, *args)
        if value != value:
            raise NotANumberError(x)
        return value

    call.count = 0  # type: ignore[attr-defined]
    return call


def applies(method: str, problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure is not None and problem.structure != method:
        return Refusal(f"the caller asked for {problem.structure}")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    # Interpolating methods need about log2 of the bits wanted; the callback's own cost dominates.
    return 12.0


def work_bisection(problem: Problem, evidence: Evidence) -> float:
    return 50.0


def run(loop: Callable[..., Any], problem: Problem, evidence: Evidence) -> Attempt:
    options = problem.parameters
    try:
        f, a, b = problem.operands
        value = fast(loop, f, a, b, options["xtol"], options["rtol"], options["maxiter"], options["args"])
    except ValueError as error:
        if error.args[:1] != (_SAME_SIGN,):
            raise
        return Attempt(None, status="sign", final=True)
    root, _, _, flag = value
    if flag == NAN_FLAG:
        return Attempt(value, status="nonfinite", final=True)
    return Attempt(value, status=_FLAGS.get(flag, "not_converged"), byproducts={"root": root})


def fast(loop: Callable[..., Any], f: Any, a: Any, b: Any, xtol: Any, rtol: Any, maxiter: Any, args: Any) -> Any:
    """(root, calls, iterations, flag), as SciPy's loops give them."""
    call = guarded(f)
    try:
        return loop(call, a, b, xtol, rtol, maxiter, args, True, False)
    except NotANumberError as stop:
        return stop.x, call.count, float("nan"), NAN_FLAG  # type: ignore[attr-defined]


for _name, (_loop, _source) in _LOOPS.items():
    register(
        Kernel(
            name=_name,
            kind="root_scalar",
            shelf="host",
            applies=partial(applies, _name),
            work=work_bisection if _name == "bisect" else work,
            run=partial(run, _loop),
            fast=partial(fast, _loop),
            safest=_name == "bisect",
            source=_source,
        )
    )
