"""Banded operators: residuals in doubled precision diagonal by diagonal, moduli, solves with a stored factor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.types import Problem
from fsci.kernels.linalg.host.structured_operator import Operator

__all__ = ["operator_of", "solver_of"]

Array = np.ndarray[Any, np.dtype[Any]]


def _diagonals(problem: Problem) -> Iterator[tuple[int, Array]]:
    """Pairs of row minus column and the entries of that diagonal."""
    ab = problem.operands[0]
    p = problem.parameters
    rows, n = ab.shape
    upper = (0 if p["lower"] else rows - 1) if p["hermitian"] else int(p["upper"])
    for d in range(rows):
        k = d - upper
        if abs(k) >= n:
            continue
        entries = ab[d, max(0, -k) : min(n, n - k)]
        if p["hermitian"] and k == 0:
            entries = entries.real
        yield k, entries
        if p["hermitian"] and k != 0:
            yield -k, entries.conj()


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Array) -> tuple[Array, Array]:
    # Veltkamp (1968): 26 and 27 bits.
    c = 134217729.0 * a
    high = c - (c - a)
    return high, a - high


def _two_prod(a: Array, b: Array) -> tuple[Array, Array]:
    p = a * b
    ah, al = _split(a)
    bh, bl = _split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _parts(v: Array) -> tuple[Array, Array | None]:
    return (v.real.astype(float), v.imag.astype(float)) if v.dtype.kind == "c" else (v.astype(float), None)


def _residual(problem: Problem, x: Array, low: Array, b: Array) -> Array:
    complex_result = np.result_type(problem.operands[0].dtype, x.dtype, b.dtype).kind == "c"
    xs, lows, bs = _parts(x), _parts(low), _parts(b)
    out = []
    for imaginary in (False, True) if complex_result else (False,):
        start = bs[1] if imaginary else bs[0]
        s = np.zeros(b.shape[0]) if start is None else start.copy()
        c = np.zeros(b.shape[0])
        for k, entries in _diagonals(problem):
            real, imag = _parts(entries)
            rows = slice(max(0, k), max(0, k) + entries.shape[0])
            columns = slice(max(0, -k), max(0, -k) + entries.shape[0])
            # (real + i imag)(x + i y): the real part or the imaginary one.
            for a, part, sign in ((real, int(imaginary), -1.0), (imag, int(not imaginary), -1.0 if imaginary else 1.0)):
                v, w = xs[part], lows[part]
                if a is None or v is None:
                    continue
                product, error = _two_prod(sign * a, v[columns])
                s[rows], rest = _two_sum(s[rows], product)
                c[rows] += rest + error
                if w is not None:
                    c[rows] += sign * a * w[columns]
        out.append(s + c)
    return out[0] + 1j * out[1] if complex_result else out[0]


def _moduli(problem: Problem, v: Array) -> Array:
    y = np.zeros_like(v, dtype=float)
    for k, entries in _diagonals(problem):
        m = entries.shape[0]
        y[max(0, k) : max(0, k) + m] += np.abs(entries) * v[max(0, -k) : max(0, -k) + m]
    return y


def operator_of(problem: Problem) -> Operator:
    """Products with the band."""
    return Operator(
        residual=lambda x, low, b: _residual(problem, x, low, b),
        moduli=lambda v: _moduli(problem, v),
    )


def solver_of(problem: Problem) -> Callable[..., Array]:
    """``solve(rhs, adjoint=False)``; the band is factored at the first call."""
    ab, p = problem.operands[0], problem.parameters
    rows, n = ab.shape
    if p["hermitian"]:
        pbtrf, pbtrs = lapack.get_lapack_funcs(("pbtrf", "pbtrs"), dtype=problem.dtype)

        @cache
        def definite() -> Any:
            return pbtrf(ab, lower=p["lower"])

        def by_cholesky(rhs: Array, adjoint: bool = False) -> Array:
            factor, info = definite()
            if info != 0:
                return np.full(rhs.shape, np.nan)
            return pbtrs(factor, rhs, lower=p["lower"])[0]

        return by_cholesky
    gbtrf, gbtrs = lapack.get_lapack_funcs(("gbtrf", "gbtrs"), dtype=problem.dtype)
    upper = int(p["upper"])
    lower = rows - 1 - upper

    @cache
    def general() -> Any:
        band = np.zeros((2 * lower + upper + 1, n), ab.dtype, order="F")
        band[lower:] = ab
        return gbtrf(band, lower, upper)

    def by_lu(rhs: Array, adjoint: bool = False) -> Array:
        factor, pivots, info = general()
        if info != 0:
            return np.full(rhs.shape, np.nan)
        return gbtrs(factor, lower, upper, rhs, pivots, trans=2 if adjoint else 0)[0]

    return by_lu
