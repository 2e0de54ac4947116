"""Scalar root finding in a bracket: `brentq`, `brenth`, `ridder`, `bisect`, `toms748`, `root_scalar`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import scipy.optimize as scipy_optimize

from fsci import selector
from fsci.core.errors import UncertifiedError
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem

__all__ = ["bisect", "brenth", "brentq", "ridder", "root_scalar"]

_XTOL, _RTOL, _MAXITER = 2e-12, 4 * float(np.finfo(float).eps), 100
_ORIGINAL = {name: getattr(scipy_optimize, name) for name in ("brentq", "brenth", "ridder", "bisect", "root_scalar")}
_RESULTS = scipy_optimize.RootResults


def classify(problem: Problem, evidence: Evidence) -> str:
    """By the method that the caller named."""
    return problem.structure or "any"


# The certificate calls the user's function again, which strict mode must not do unasked.
declare_kind(
    "root_scalar",
    "optimize",
    classify,
    "x in [a, b] with f(x) = 0, f of opposite signs at a and b",
    certificate_on_request=True,
)


def _bracketed(
    name: str, declared: str | None, f: Any, a: Any, b: Any, xtol: float, rtol: float, maxiter: Any, args: Any
) -> tuple[Any, Any, Any, Any] | None:
    """Root, calls, iterations and flag of one solve; None for what SciPy must answer, and refuse, itself."""
    maxiter = operator.index(maxiter)
    if not (xtol > 0 and rtol >= _RTOL and maxiter >= 0) or isinstance(a, complex) or isinstance(b, complex):
        return None
    # A jitted function is a signature of its own: whether it compiles to a plain float64
    # function decides the plan. Interpreted ones of a type are all alike.
    key = (name, declared, f if hasattr(f, "py_func") else type(f), not args)
    plan = FRAME.get().plans.get(key)
    if plan is not None:
        value = plan(f, a, b, xtol, rtol, maxiter, args)
        if value is not None:
            return value
    parameters = {"args": args, "xtol": float(xtol), "rtol": float(rtol), "maxiter": maxiter}
    problem = Problem("root_scalar", (f, a, b), parameters, dtype=_DOUBLE, structure=declared)
    diagnosis = selector.run(problem, f"optimize.{name}", key)
    if diagnosis.value is None:
        return None
    if FRAME.get().policy.hardened and diagnosis.certificate.worst_verdict != "certified":
        raise UncertifiedError(
            f"{name}: the change of sign near x={diagnosis.value[0]!r} is not certified as a root "
            f"({_reason(diagnosis)}); look at .diagnosis, or use policy(mode='strict')",
            diagnosis,
        )
    return diagnosis.value


_DOUBLE = np.dtype(np.float64)


def _reason(diagnosis: Diagnosis) -> str:
    detail = diagnosis.certificate.detail
    if detail.get("crossing") and not detail.get("continuous"):
        return "the function jumps or has a pole there"
    return diagnosis.attempt.status if diagnosis.attempt and diagnosis.attempt.status != "ok" else "bound too wide"


def _results(value: tuple[Any, Any, Any, Any], method: str) -> Any:
    root, calls, iterations, flag = value
    if flag == "nan":
        flag = f"The function value at x={root} is NaN; solver cannot continue."
    return _RESULTS(root=root, iterations=iterations, function_calls=calls, flag=flag, method=method)


def _solver(method: str) -> Any:
    original = _ORIGINAL[method]

    def solver(
        f: Any,
        a: Any,
        b: Any,
        args: Any = (),
        xtol: float = _XTOL,
        rtol: float = _RTOL,
        maxiter: int = _MAXITER,
        full_output: bool = False,
        disp: bool = True,
    ) -> Any:
        args = args if isinstance(args, tuple) else (args,)
        value = _bracketed(method, method, f, a, b, xtol, rtol, maxiter, args)
        if value is None:
            return hand_over(
                original, f"optimize.{method}", "arguments that SciPy refuses", f, a, b, args, xtol, rtol, maxiter
            )
        if value[3] == 0 and not full_output:
            return value[0]
        result = _results(value, method)
        if not result.converged:
            if value[3] == "nan":
                error = ValueError(result.flag)
                error._x, error._function_calls = result.root, result.function_calls  # type: ignore[attr-defined]
                raise error
            if disp:
                raise RuntimeError(f"Failed to converge after {maxiter} iterations.")
        return (result.root, result) if full_output else result.root

    solver.__name__ = solver.__qualname__ = method
    solver.__doc__ = f"""Root of `f` in the bracket [a, b], by {method}; SciPy's call.

    fsci runs the loop compiled when `f` is a Numba-jitted function of one float, and
    certifies on request that the change of sign is a root and not a jump or a pole.
    In hardened mode an answer that is not certified raises `fsci.UncertifiedError`.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` gives a float; its values at `a` and `b` have opposite signs.
    a, b : float
        Ends of the bracket.
    args : tuple
    xtol, rtol : float
        The answer is within ``xtol + rtol * abs(x)`` of a change of sign.
    maxiter : int
    full_output : bool
        Also give a `scipy.optimize.RootResults`.
    disp : bool
        Raise RuntimeError if the loop does not converge.

    Returns
    -------
    x : float
    r : RootResults
        Only with `full_output`.

    Raises
    ------
    ValueError
        For equal signs at the ends, tolerances too small, or a NaN from `f`.
    RuntimeError
        If the loop does not converge and `disp` is true.
    """
    return solver


brentq = _solver("brentq")
brenth = _solver("brenth")
ridder = _solver("ridder")
bisect = _solver("bisect")

_BRACKETED = {"brentq": brentq, "brenth": brenth, "ridder": ridder, "bisect": bisect}


def root_scalar(
    f: Any,
    args: Any = (),
    method: str | None = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: Any = None,
    x1: Any = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Root of a scalar function; SciPy's call.

    The bracketing methods are fsci's own (see `brentq`); with a bracket and no method, hardened
    mode may go on to another method when the certificate of the first fails. Methods
    that start from a point are handed to SciPy.

    Returns
    -------
    scipy.optimize.RootResults

    Raises
    ------
    ValueError
        As `scipy.optimize.root_scalar`.
    """
    given = {"xtol": xtol, "rtol": rtol, "maxiter": maxiter}
    chosen = (method or "brentq").lower() if isinstance(method, str) or method is None else ""
    ours = chosen in _BRACKETED and isinstance(bracket, (list, tuple, np.ndarray)) and len(bracket) >= 2
    if ours and not options and not fprime and not fprime2 and callable(f):
        tolerances = {
            "xtol": _XTOL if xtol is None else xtol,
            "rtol": _RTOL if rtol is None else rtol,
            "maxiter": _MAXITER if maxiter is None else maxiter,
        }
        args = args if isinstance(args, tuple) else (args,)
        # Strict mode keeps SciPy's default method; hardened may choose and escalate.
        declared = chosen if method or not FRAME.get().policy.hardened else None
        value = _bracketed("root_scalar", declared, f, bracket[0], bracket[1], args=args, **tolerances)
        if value is not None:
            return _results(value, chosen)
    return hand_over(
        _ORIGINAL["root_scalar"],
        "optimize.root_scalar",
        "a method that starts from a point, or arguments that SciPy refuses",
        f,
        args=args,
        method=method,
        bracket=bracket,
        fprime=fprime,
        fprime2=fprime2,
        x0=x0,
        x1=x1,
        options=options,
        **given,
    )
