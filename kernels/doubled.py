"""Residuals ``b - A (x + x_lo)`` in three-fold working precision, from double precision numbers.

Error-free transformations: the sum of Knuth (1969), the product by a fused multiply-add. Each row
is accumulated into three words (DotK with K = 3 of Ogita, Rump and Oishi, 2005), so
that the result is the exact residual rounded once, up to ``(8(n+1)u)^3 (|A||x|+|b|)``. Memory is read once
in the order it lies in; lanes vectorize without reordering; chunks over threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from fsci.kernels.jit import jit
from fsci.kernels.residual import by_memory_rows, shared_view
from fsci.kernels.threads import chunked

__all__ = ["doubled_residual", "fma", "two_prod", "two_sum"]

Array = np.ndarray[Any, np.dtype[Any]]


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` rounded once, for floats of double precision in compiled code."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@jit(inline=True)
def two_sum(a, b):  # type: ignore[no-untyped-def]
    """Sum and its rounding error, exactly (Knuth, 1969)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@jit(inline=True)
def two_prod(a, b):  # type: ignore[no-untyped-def]
    """Product and its rounding error, exactly unless it underflows."""
    p = a * b
    return p, fma(a, b, -p)


@jit(inline=True)
def _add(s, c, d, i, v):  # type: ignore[no-untyped-def]
    """Add v to the three words at i."""
    t, e = two_sum(s[i], v)
    s[i] = t
    u, f = two_sum(c[i], e)
    c[i] = u
    d[i] += f


@jit(inline=True)
def _subtract_product(s, c, d, i, v, x, low):  # type: ignore[no-untyped-def]
    """Take ``v * (x + low)`` away from the three words at i."""
    p, e = two_prod(-v, x)
    t, f = two_sum(s[i], p)
    s[i] = t
    q, g = two_prod(-v, low)
    h, k = two_sum(e, f)
    m, o = two_sum(h, q)
    z, y = two_sum(c[i], m)
    c[i] = z
    d[i] += ((k + o) + g) + y


_SIGNATURES = tuple(
    f"void({a}[:, ::1], float64[::1], float64[::1], float64[::1], float64[::1], int64, int64)"
    for a in ("float64", "float32")
)


@jit(_SIGNATURES)
def _rows(a, x, low, b, r, start, stop):  # type: ignore[no-untyped-def]
    n = a.shape[1]
    lanes = 64
    s, c, d = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    for i in range(start, stop):
        for k in range(lanes):
            s[k] = 0.0
            c[k] = 0.0
            d[k] = 0.0
        for j in range(0, n, lanes):
            for k in range(min(lanes, n - j)):
                _subtract_product(s, c, d, k, np.float64(a[i, j + k]), x[j + k], low[j + k])
        _add(s, c, d, 0, b[i])
        for k in range(1, min(lanes, n)):
            _add(s, c, d, 0, s[k])
            h, e = two_sum(c[0], c[k])
            c[0] = h
            d[0] += e + d[k]
        t, e = two_sum(s[0], c[0])
        r[i] = t + (e + d[0])


@jit(_SIGNATURES)
def _columns(a, x, low, b, r, start, stop):  # type: ignore[no-untyped-def]
    n = a.shape[0]
    tile = 512
    s, c, d = np.zeros(tile), np.zeros(tile), np.zeros(tile)
    for first in range(start, stop, tile):
        width = min(tile, stop - first)
        for k in range(width):
            s[k] = b[first + k]
            c[k] = 0.0
            d[k] = 0.0
        for j in range(n):
            for k in range(width):
                _subtract_product(s, c, d, k, np.float64(a[j, first + k]), x[j], low[j])
        for k in range(width):
            t, e = two_sum(s[k], c[k])
            r[first + k] = t + (e + d[k])


def doubled_residual(a: Array, x: Array, low: Array, b: Array, transposed: bool = False) -> Array:
    """``b - A (x + low)``, rounded to double precision once.

    Parameters
    ----------
    a : (m, n) ndarray of float32, float64, complex64 or complex128
    x, low : (n,) ndarray
    b : (m,) ndarray
    transposed : bool
        The operator is ``a.T``, and the lengths change places.
    """
    if np.iscomplexobj(a) or np.iscomplexobj(x) or np.iscomplexobj(b):
        return _complex_residual(a, x, low, b, transposed)
    memory, rows = by_memory_rows(a, transposed)
    m, n = memory.shape if rows else memory.shape[::-1]
    xs, lows, bs = (shared_view(np.ascontiguousarray(v, dtype=float)) for v in (x, low, b))
    r = np.empty(m)
    kernel = _rows if rows else _columns
    chunked(lambda start, stop: kernel(memory, xs, lows, bs, r, start, stop), m, max(1, 1 + 16384 // max(n, 1)))
    return r


def _complex_residual(a: Array, x: Array, low: Array, b: Array, transposed: bool) -> Array:
    """The real system of twice the order, a block of rows at a time: ``[Re A, -Im A; Im A, Re A]``."""
    operator = a.T if transposed else a
    m, n = operator.shape
    stacked, stacked_low = (np.concatenate([v.real, v.imag]).astype(float) for v in (x, low))
    r = np.empty(m, complex)
    # Blocks of bounded memory: the real form is never held whole.
    step = max(1, (1 << 20) // max(n, 1))
    for first in range(0, m, step):
        block = operator[first : first + step]
        rows = block.shape[0]
        wide = np.empty((2 * rows, 2 * n))
        wide[:rows, :n], wide[:rows, n:] = block.real, -block.imag
        wide[rows:, :n], wide[rows:, n:] = block.imag, block.real
        rhs = np.concatenate([b.real[first : first + step], b.imag[first : first + step]]).astype(float)
        out = np.empty(2 * rows)
        chunked(
            lambda start, stop, w=wide, q=rhs, o=out: _rows(w, stacked, stacked_low, q, o, start, stop),  # type: ignore[misc]
            2 * rows,
            max(1, 1 + 8192 // max(n, 1)),
        )
        r[first : first + step] = out[:rows] + 1j * out[rows:]
    return r
