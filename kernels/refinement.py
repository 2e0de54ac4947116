"""Iterative refinement with given factors: in fixed precision, and extra-precise.

Both stop on what they observe: the rate at which corrections shrink is that of
``||I - F^-1 A||``, so that hopeless cases show after one step (Higham, 2002, chapter 12).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import blas

from fsci.kernels.backward import Measured, measure, safe_exponents, times_power
from fsci.kernels.doubled import doubled_residual
from fsci.kernels.factors import Solve, column_sizes

__all__ = ["Refined", "plain_residual", "refine", "refine_doubled"]

Array = np.ndarray[Any, np.dtype[Any]]

# A slower rate needs more than 26 steps for 53 bits: a factorization in full precision is the better buy.
_SLOWEST = 0.25
# Extra-precise steps have no cheaper way out; Demmel and others (2006) allow a rate of 1/2.
_SLOWEST_DOUBLED = 0.5
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Refined:
    """What refinement left.

    Attributes
    ----------
    x, low : ndarray
        The answer and its low-order part (zero in fixed precision).
    rate : float
        Largest ratio of successive corrections seen: small is good, 1 says nothing was gained.
    converged : bool
    steps : int
    """

    x: Array
    low: Array | None
    rate: float
    converged: bool
    steps: int


def plain_residual(a: Array, transposed: bool) -> Callable[[Array, Array], Array]:
    """``r(x, b) = b - A x`` by BLAS in working precision, memory as it lies."""
    flip = a.flags.c_contiguous and not a.flags.f_contiguous
    view = a.T if flip else a
    trans = int(flip != transposed)
    gemv, gemm = blas.get_blas_funcs(("gemv", "gemm"), (a,))

    def apply(x: Array, b: Array) -> Array:
        if x.ndim == 1:
            return np.asarray(gemv(-1.0, view, x, 1.0, b, trans=trans))
        return np.asarray(gemm(-1.0, view, x, 1.0, b, trans_a=trans))

    return apply


def _relative(d: Array, x: Array) -> float:
    size = np.abs(d).max(axis=0, initial=0.0)
    return float(np.max(size / column_sizes(x), initial=0.0))


def refine(a: Array, b: Array, transposed: bool, solve: Solve, x: Array, factor_unit: float, unit: float) -> Refined:
    """Fixed-precision refinement of x with factors of lower precision (Moler, 1967; dsgesv).

    With factors of precision `factor_unit` the rate is about cond * factor_unit, so that a correction
    of unit / factor_unit is followed by an error of cond * unit, as a factorization in full precision leaves;
    sqrt(n) less, and the error is that of the residual, which does not grow with the factorization.
    """
    residual = plain_residual(a, transposed)
    rate, previous = 0.0, 1.0
    for step in range(1, _STEPS + 1):
        correction = solve(residual(x, b))
        size = _relative(correction, x)
        rate = max(rate, size / previous) if previous > unit else rate
        if not rate <= _SLOWEST:
            return Refined(x, None, rate, False, step)
        x = (x + correction).astype(b.dtype, copy=False)
        # One correction proves nothing: a direction that A all but annihilates shows in the rate of the next.
        if size <= unit / factor_unit / a.shape[0] ** 0.5 and (step > 1 or size <= 4.0 * unit):
            return Refined(x, None, rate, True, step)
        previous = size
    return Refined(x, None, rate, False, _STEPS)


def refine_doubled(a: Array, b: Array, transposed: bool, solve: Solve, x: Array, unit: float) -> Refined:
    """Extra-precise refinement: residual and iterate ``x + low`` in doubled precision (Demmel and others, 2006).

    Converges to ``x + low`` with x correct to working precision whenever the factors are a
    contraction (a condition up to about 1/unit). Corrections are added until they stop shrinking or are
    below what changes the leading word.
    """
    shape = x.shape
    wide = np.result_type(x.dtype, np.float64)
    hi, lo = x.reshape(shape[0], -1).astype(wide), np.zeros((shape[0], x.size // shape[0]), wide)
    rhs = b.reshape(shape[0], -1).astype(wide)
    shift = safe_exponents(hi, rhs)
    hi, rhs = times_power(hi, shift), times_power(rhs, shift)
    rate, previous, converged, step = 0.0, 1.0, False, 0
    for step in range(1, _STEPS + 1):
        r = np.stack([doubled_residual(a, hi[:, j], lo[:, j], rhs[:, j], transposed) for j in range(hi.shape[1])], 1)
        correction = np.asarray(solve(np.asfortranarray(r))).astype(wide, copy=False)
        size = _relative(correction, hi)
        if not np.isfinite(size):
            break
        ratio = size / previous
        # Below unit**2 a correction is rounding of the low word itself.
        settled = size <= 4.0 * unit * unit
        if not settled:
            rate = max(rate, ratio) if step > 1 else min(size, 1.0)
            if ratio > _SLOWEST_DOUBLED and step > 1:
                converged = previous <= unit / 64.0
                break
        hi, lo = _added(hi, lo, correction)
        previous = size
        # The next correction would be size * rate: small against the leading word's rounding.
        if settled or size <= unit / 64.0:
            converged = True
            break
    hi, lo = times_power(hi, -shift), times_power(lo, -shift)
    return Refined(hi.reshape(shape), lo.reshape(shape), rate, converged, step)


def _added(hi: Array, lo: Array, correction: Array) -> tuple[Array, Array]:
    """``(hi + lo) + correction``, normalized; componentwise two-sums hold for complex numbers too."""
    s = hi + correction
    t = s - hi
    error = (hi - (s - t)) + (correction - t)
    tail = lo + error
    top = s + tail
    return top, tail - (top - s)


def measured(a: Array, x: Array, b: Array, transposed: bool, low: Array | None = None) -> Measured:
    """`measure` without warnings: infinities and NaN mean what they say."""
    with np.errstate(all="ignore"):
        return measure(a, x, b, transposed, low)
