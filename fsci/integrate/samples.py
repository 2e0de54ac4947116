"""Integrals of samples: `trapezoid`, `simpson`, `romb`, and running ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.integrate as scipy_integrate

from fsci import selector
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem

__all__ = ["cumulative_simpson", "cumulative_trapezoid", "romb", "simpson", "trapezoid"]

_ORIGINAL: dict[str, Any] = {name: getattr(scipy_integrate, name) for name in __all__}
_DOUBLE = np.dtype(np.float64)
_SCALAR = (float, int, np.float64)
_REASON = "samples, spacing or axis that only SciPy's general code takes, or refuses"


def classify(problem: Problem, evidence: Evidence) -> str:
    """By the rule."""
    return problem.structure or "any"


# The certificate is as much work as the sum.
declare_kind(
    "sampled_integral",
    "integrate",
    classify,
    "the integral of samples along an axis, by a rule",
    certificate_on_request=True,
)


def _sampled(rule: str, y: Any, x: Any, dx: Any, axis: Any) -> Any:
    """The sum, or running sums; None for what SciPy must look at."""
    if type(y) is not np.ndarray or (x is not None and type(x) is not np.ndarray):
        y, x = _array(y), None if x is None else _array(x)
        if y is None or y.ndim == 0:
            return None
    shape = y.shape
    if y.dtype != _DOUBLE or type(dx) not in _SCALAR or type(axis) is not int or not -len(shape) <= axis < len(shape):
        return None
    n = shape[axis]
    if n < 2 or y.size == 0:
        return None
    if x is not None and (x.dtype != _DOUBLE or not (x.shape == shape or (x.ndim == 1 and x.size == n))):
        return None
    frame = FRAME.get()
    key = ("sampled", rule, len(shape), x is None, y.size.bit_length())
    plan = frame.plans.get(key)
    if plan is not None:
        value = plan(rule, y, x, dx, axis)
        if value is not None:
            return value
    parameters = {
        "dx": dx, "axis": axis, "original": _ORIGINAL[rule], "scipys_order": not frame.policy.wants_forward,
    }  # fmt: skip
    problem = Problem("sampled_integral", (y, x), parameters, dtype=_DOUBLE, structure=rule, size=n)
    return selector.run(problem, f"integrate.{rule}", key).value


def _array(y: Any) -> Any:
    """A list or tuple as an array; None for what is neither, or ragged."""
    if type(y) not in (list, tuple, np.ndarray):
        return None
    try:
        return np.asarray(y)
    except ValueError:
        return None


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    """Integrate samples by the composite trapezoidal rule; SciPy's call.

    Parameters
    ----------
    y : array_like
        Samples. Arrays of float64 are answered here, others by SciPy.
    x : array_like, optional
        Where the samples lie: one-dimensional, or of y's shape.
    dx : float
        Their spacing where x is not given.
    axis : int

    Returns
    -------
    float or ndarray
        Equal to SciPy's to rounding. The certificate, on request, bounds the rounding of the sum, and has an estimate
        of the rule's own error from every second sample.

    Raises
    ------
    ValueError
        As `scipy.integrate.trapezoid`.
    """
    value = _sampled("trapezoid", y, x, dx, axis)
    if value is None:
        return hand_over(_ORIGINAL["trapezoid"], "integrate.trapezoid", _REASON, y, x, dx, axis)
    return value


def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: Any = -1) -> Any:
    """Integrate samples by the composite Simpson rule, corrected for an even number of them; SciPy's call.

    Parameters
    ----------
    y, x, dx, axis
        As `trapezoid`.

    Returns
    -------
    float or ndarray
        Equal to SciPy's to rounding.

    Raises
    ------
    ValueError
        As `scipy.integrate.simpson`.
    """
    value = _sampled("simpson", y, x, dx, axis)
    if value is None:
        return hand_over(_ORIGINAL["simpson"], "integrate.simpson", _REASON, y, x, dx=dx, axis=axis)
    return value


def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1, initial: Any = None) -> Any:
    """Running integrals of samples by the trapezoidal rule; SciPy's call.

    Parameters
    ----------
    y, x, dx, axis
        As `trapezoid`.
    initial : 0, optional
        Put a zero in front.

    Returns
    -------
    ndarray
        One sample less along the axis, without `initial`. Equal to SciPy's, added in its order.

    Raises
    ------
    ValueError
        As `scipy.integrate.cumulative_trapezoid`.
    """
    value = None
    if initial is None or (type(initial) in _SCALAR and initial == 0):
        value = _sampled("cumulative_trapezoid", y, x, dx, axis)
    if value is None:
        return hand_over(
            _ORIGINAL["cumulative_trapezoid"], "integrate.cumulative_trapezoid", _REASON, y, x, dx, axis, initial
        )
    return value if initial is None else _preceded(value, 0.0, axis)


def cumulative_simpson(y: Any, *, x: Any = None, dx: Any = 1.0, axis: Any = -1, initial: Any = None) -> Any:
    """Running integrals of samples by Simpson's rule; SciPy's call.

    Parameters
    ----------
    y, x, dx, axis
        As `trapezoid`; `x` must increase.
    initial : float, optional
        Added to each, and put in front.

    Returns
    -------
    ndarray
        One sample less along the axis, without `initial`. Equal to SciPy's to rounding.

    Raises
    ------
    ValueError
        As `scipy.integrate.cumulative_simpson`.
    """
    value = None
    if initial is None or type(initial) in _SCALAR:
        value = _sampled("cumulative_simpson", y, x, dx, axis)
    if value is None:
        given = {"x": x, "dx": dx, "axis": axis, "initial": initial}
        return hand_over(_ORIGINAL["cumulative_simpson"], "integrate.cumulative_simpson", _REASON, y, **given)
    return value if initial is None else _preceded(value + initial, initial, axis)


def _preceded(running: Any, initial: Any, axis: int) -> Any:
    shape = list(running.shape)
    shape[axis] = 1
    return np.concatenate((np.full(shape, float(initial)), running), axis=axis)


def romb(y: Any, dx: Any = 1.0, axis: Any = -1, show: Any = False) -> Any:
    """Romberg integration of 2**k + 1 evenly spaced samples; SciPy's call.

    Parameters
    ----------
    y, dx, axis
        As `trapezoid`.
    show : bool or (int, int)
        Print the table of extrapolations.

    Returns
    -------
    float or ndarray
        Equal to SciPy's to rounding.

    Raises
    ------
    ValueError
        As `scipy.integrate.romb`.
    """
    value = None if show else _sampled("romb", y, None, dx, axis)
    if value is None:
        return hand_over(_ORIGINAL["romb"], "integrate.romb", _REASON, y, dx, axis, show)
    return value
