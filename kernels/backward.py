"""Residuals and backward errors of a computed solution, free of scale.

Columns are first scaled by powers of two, so that nothing overflows that need
not; the numbers of several columns are folded into those of the worst.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.kernels.doubled import doubled_residual
from fsci.kernels.residual import residual, residual_block

__all__ = ["Measured", "measure", "safe_exponents", "times_power"]

Array = np.ndarray[Any, np.dtype[Any]]
_U = 2.0**-53  # residuals are computed in double precision, or better
_SUBNORMAL = 2.0**-1074
# Columns up to which each gets its own pass over A, beyond which all share a product of matrices.
_SINGLE = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """What the residuals say about an answer; every column is relative to its own size.

    Attributes
    ----------
    backward_error, componentwise : float
        Normwise, and Oettli-Prager's, of the worst column.
    r : (n,) ndarray
        Row by row the largest residual of any column (of ``x + x_lo`` if there is a correction).
    w : (n,) ndarray
        Row by row the largest ``|A||x| + |b|``.
    unit : float
        The computed residual is off by at most ``unit * w + tiny`` in each row.
    tiny : float
        Room for underflow.
    lost : float
        Size of the correction: 0 where there is none, infinity where an answer is zero and should not be.
    norm_inf : float
    """

    backward_error: float
    componentwise: float
    r: Array
    w: Array
    unit: float
    tiny: float
    lost: float
    norm_inf: float


def measure(a: Array, x: Array, b: Array, transposed: bool = False, low: Array | None = None) -> Measured:
    """Residuals of ``x``, or of ``x + low`` in doubled precision, for ``a @ x = b`` (or ``a.T``)."""
    n = a.shape[0]
    kind = np.result_type(a.dtype, x.dtype, b.dtype, np.float64)
    xs, bs = x.reshape(n, -1).astype(kind), b.reshape(n, -1).astype(kind)
    shift = safe_exponents(xs, bs)
    xs, bs = times_power(xs, shift), times_power(bs, shift)
    size, size_b = _sizes(xs), _sizes(bs)
    relative = np.where(size > 0, size, 1.0)
    if xs.shape[1] <= _SINGLE:
        parts = [residual(a, xs[:, j], bs[:, j], transposed) for j in range(xs.shape[1])]
        norm = parts[0][2]
        r = np.stack([_modulus(p[0]) for p in parts], axis=1)
        weights = np.stack([p[1] for p in parts], axis=1)
        componentwise = _quotient(r, weights)
        w = (weights / relative).max(axis=1)
    else:
        computed, _, w, norm = residual_block(a, xs, bs, transposed)
        r = _modulus(computed)
        componentwise = _quotient((r / relative).max(axis=1), w)
    backward = _quotient(r.max(axis=0), norm * size + size_b)
    lost = math.inf if bool(((size == 0) & (size_b > 0)).any()) else 0.0
    unit = (n + 1) * _U
    if low is not None:
        lows = times_power(low.reshape(n, -1).astype(kind), shift)
        lost = max(lost, float((_sizes(lows) / relative).max()))
        columns = [
            _modulus(doubled_residual(a, xs[:, j], lows[:, j], bs[:, j], transposed)) for j in range(xs.shape[1])
        ]
        # Its last rounding, and its three-fold accumulation (Ogita, Rump and Oishi, 2005): products with
        # the low part enter one level below those with x.
        r = np.stack(columns, axis=1) * (1.0 + 4.0 * _U)
        share = float(np.max(np.divide(np.abs(lows), np.abs(xs), out=np.zeros(xs.shape), where=xs != 0)))
        unit = (8 * (n + 1) * _U) ** 2 * (8 * (n + 1) * _U + share)
    tiny = 16 * (n + 1) * _SUBNORMAL / float(relative.min())
    return Measured(backward, componentwise, (r / relative).max(axis=1), w, unit, tiny, lost, norm)


def _modulus(r: Array) -> Array:
    return np.abs(r.real) + np.abs(r.imag) if r.dtype.kind == "c" else np.abs(r)


def _sizes(v: Array) -> Array:
    return np.asarray(np.abs(v).max(axis=0), dtype=float)


def safe_exponents(x: Array, b: Array) -> Array:
    """Exponent for each column: x and b times two to it give products of A and x far from under- and overflow.

    They are then about as large as b, which becomes one; x itself must stay well inside the range of floats.
    """
    size_x, size_b = _sizes(x), _sizes(b)
    top_x, top_b = np.frexp(size_x)[1], np.frexp(size_b)[1]
    return np.asarray(np.where(size_b > 0, np.clip(-top_b, -500 - top_x, 1000 - top_x), -top_x))


def times_power(v: Array, exponent: Any) -> Array:
    """``v * 2**exponent``, exactly but for underflow."""
    # In two halves: 2**1074 itself is no float.
    half = exponent // 2
    return np.asarray(v * np.ldexp(1.0, half) * np.ldexp(1.0, exponent - half))


def _quotient(top: Array, bottom: Array) -> float:
    """Largest ``top / bottom`` with 0/0 = 0; infinity for a NaN."""
    ratio = np.divide(top, bottom, out=np.where(top == 0, 0.0, np.inf), where=bottom > 0)
    worst = float(np.max(ratio, initial=0.0))
    return math.inf if math.isnan(worst) else worst
