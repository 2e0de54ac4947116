"""Exact and ball arithmetic (python-flint), where it is installed: the last word on small problems."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Pair", "by_balls", "exactly_singular", "realified"]

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]  # an unevaluated sum of two arrays

_FLINT_ENTRIES = 450**2


def realified(a: Array, b: Array) -> tuple[Array, Array]:
    """The same system in reals: exact, twice the order."""
    return np.block([[a.real, -a.imag], [a.imag, a.real]]), np.concatenate([b.real, b.imag])


def exactly_singular(a: Array) -> bool | None:
    """Whether the square matrix as stored is singular, by its rank modulo two primes; None without flint.

    Singular modulo both, and yet not singular, has a chance near 2^-120.
    """
    try:
        import flint
    except ModuleNotFoundError:
        return None
    if np.iscomplexobj(a):
        a, _ = realified(a, a)
    mantissa, exponent = np.frexp(a.astype(float))
    whole, exponent = (mantissa * 2.0**53).astype(np.int64), exponent - 53
    smallest = int(exponent[whole != 0].min(initial=0))
    for prime in (2**61 - 1, 2**62 - 57):
        powers = {int(e): pow(2, int(e) - smallest, prime) for e in np.unique(exponent[whole != 0])}
        rows = [
            [int(w) * powers[int(e)] % prime if w else 0 for w, e in zip(*row, strict=True)]
            for row in zip(whole, exponent, strict=True)
        ]
        if flint.nmod_mat(rows, prime).rank() == len(rows):
            return False
    return True


def by_balls(a: Array, b: Array, normal: bool = False) -> Pair | None:
    """Solve in ball arithmetic; `normal`: by normal equations, whose condition such precision bears."""
    if a.size > _FLINT_ENTRIES or not np.all(np.isfinite(a)):
        return None
    try:
        import flint
    except ModuleNotFoundError:
        return None
    before = flint.ctx.prec
    try:
        for bits in (600, 2400):
            flint.ctx.prec = bits
            left, right = flint.arb_mat(a.tolist()), flint.arb_mat(b.tolist())
            adjoint = left.transpose()
            try:
                if not normal:
                    x = left.solve(right)
                elif a.shape[0] >= a.shape[1]:
                    x = (adjoint * left).solve(adjoint * right)
                else:
                    x = adjoint * (left * adjoint).solve(right)
            except ZeroDivisionError:
                continue
            shape = a.shape[1], b.shape[1]
            high = np.array([[float(x[i, j].mid()) for j in range(shape[1])] for i in range(shape[0])])
            low = np.array(
                [[float((x[i, j] - flint.arb(high[i, j])).mid()) for j in range(shape[1])] for i in range(shape[0])]
            )
            radius = max(float(x[i, j].rad()) for i in range(shape[0]) for j in range(shape[1]))
            if radius <= 2.0**-70 * np.max(np.abs(high), initial=0.0):
                return high, low
        return None
    finally:
        flint.ctx.prec = before
