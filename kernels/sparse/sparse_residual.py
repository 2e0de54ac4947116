"""Residual of a sparse system in doubled precision, with its weights: ``b - A (x + x_lo)``, ``|A||x| + |b|``.

Products and sums are error-free transformations (Ogita, Rump and Oishi, 2005), accumulated in two
words for each row: the computed residual is the exact one rounded once, up to
``(n u)^2 (|A||x| + |b|)`` with some small constant. Moduli of complex numbers are ``|re| + |im|``: at least
the modulus, at most sqrt(2) of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex128, float64, int32, int64

from fsci.kernels.doubled import two_prod, two_sum
from fsci.kernels.jit import jit
from fsci.kernels.sparse.compressed import one_matrix

__all__ = ["compressed_residual", "residual"]

_INDICES = (int32,)
_REAL = [
    int64(i[::1], i[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], int64)
    for i in _INDICES
]
_COMPLEX = [
    int64(
        i[::1],
        i[::1],
        complex128[::1],
        complex128[::1],
        complex128[::1],
        complex128[::1],
        complex128[::1],
        float64[::1],
        int64,
    )
    for i in _INDICES
]


@jit(inline=True)
def _take(s, c, i, v, x, low):  # type: ignore[no-untyped-def]
    """Take ``v * (x + low)`` away from the two words at i."""
    p, e = two_prod(-v, x)
    t, f = two_sum(s[i], p)
    s[i] = t
    c[i] += f + (e - v * low)


@jit(_REAL)
def _real(indptr, indices, data, x, low, b, r, w, by_rows):  # type: ignore[no-untyped-def]
    n = x.size
    if by_rows:
        s, c = np.empty(1), np.empty(1)
        for i in range(n):
            s[0], c[0], size = b[i], 0.0, abs(b[i])
            for k in range(indptr[i], indptr[i + 1]):
                j = indices[k]
                _take(s, c, 0, data[k], x[j], low[j])
                size += abs(data[k]) * abs(x[j])
            r[i], w[i] = s[0] + c[0], size
        return 0
    c = np.zeros(n)
    for i in range(n):
        r[i], w[i] = b[i], abs(b[i])
    for j in range(n):
        xj, lj, size = x[j], low[j], abs(x[j])
        if xj == 0.0 and lj == 0.0:
            continue
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            _take(r, c, i, data[k], xj, lj)
            w[i] += abs(data[k]) * size
    for i in range(n):
        r[i] += c[i]
    return 0


@jit(_COMPLEX)
def _complex(indptr, indices, data, x, low, b, r, w, by_rows):  # type: ignore[no-untyped-def]
    n = x.size
    s, c, t, d = np.empty(n), np.zeros(n), np.empty(n), np.zeros(n)
    for i in range(n):
        s[i], t[i], w[i] = b[i].real, b[i].imag, abs(b[i].real) + abs(b[i].imag)
    for outer in range(n):
        for k in range(indptr[outer], indptr[outer + 1]):
            i = outer if by_rows else indices[k]
            j = indices[k] if by_rows else outer
            v, xj, lj = data[k], x[j], low[j]
            _take(s, c, i, v.real, xj.real, lj.real)
            _take(s, c, i, -v.imag, xj.imag, lj.imag)
            _take(t, d, i, v.real, xj.imag, lj.imag)
            _take(t, d, i, v.imag, xj.real, lj.real)
            w[i] += (abs(v.real) + abs(v.imag)) * (abs(xj.real) + abs(xj.imag))
    for i in range(n):
        r[i] = complex(s[i] + c[i], t[i] + d[i])
    return 0


def residual(indptr: Any, indices: Any, data: Any, by_rows: bool, x: Any, b: Any, low: Any = None) -> tuple[Any, Any]:
    """``r = b - A (x + low)`` and ``w = |A||x| + |b|`` for one right-hand side.

    Parameters
    ----------
    indptr, indices, data : ndarray
        A compressed by rows (`by_rows`) or by columns; already checked to be well formed.
    x, b : (n,) ndarray
    low : (n,) ndarray, optional
        The low-order part of the solution.
    """
    kind = np.result_type(data, x, b, np.float64)
    xs, bs = np.ascontiguousarray(x, kind), np.ascontiguousarray(b, kind)
    lows = np.zeros(x.size, kind) if low is None else np.ascontiguousarray(low, kind)
    r, w = np.empty(x.size, kind), np.empty(x.size)
    run = _complex if kind.kind == "c" else _real
    run(indptr, indices, np.ascontiguousarray(data, kind), xs, lows, bs, r, w, int(by_rows))
    return r, w


def compressed_residual(a: Any, x: Any, b: Any, low: Any = None) -> tuple[Any, Any]:
    """As `residual`, for one or several right-hand sides and a SciPy container in CSC or CSR format."""
    m = one_matrix(a)

    def one(x: Any, b: Any, low: Any) -> tuple[Any, Any]:
        return residual(m.indptr, m.indices, m.data, m.by_rows, x, b, low)

    if x.ndim == 1:
        return one(x, b, low)
    columns = [one(x[:, k], b[:, k], None if low is None else low[:, k]) for k in range(x.shape[1])]
    return np.stack([r for r, _ in columns], axis=1), np.stack([w for _, w in columns], axis=1)
