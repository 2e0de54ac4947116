"""Moduli of real and complex numbers in compiled loops: a square root where squares neither overflow nor vanish."""

from __future__ import annotations

import numba
import numpy as np
from numba.extending import overload

__all__ = ["modulus", "rough_modulus"]

# Squares between these keep all their digits, and so does their sum.
_LOW, _HIGH = 2.0**-900, 2.0**1000


def modulus(v):  # type: ignore[no-untyped-def]
    """``abs(v)``: of complex numbers to two units in the last place, several times faster than by `hypot`."""
    raise NotImplementedError


def _real(v):  # type: ignore[no-untyped-def]
    return abs(v)


@overload(modulus, inline="never")
def _modulus(v):  # type: ignore[no-untyped-def]
    if not isinstance(v, numba.types.Complex):
        return _real

    def root(v):  # type: ignore[no-untyped-def]
        square = v.real * v.real + v.imag * v.imag
        return np.sqrt(square) if _LOW < square < _HIGH else abs(v)

    return root


def rough_modulus(v):  # type: ignore[no-untyped-def]
    """The modulus, of complex numbers ``|re| + |im|``: at most sqrt(2) times as much."""
    raise NotImplementedError


@overload(rough_modulus, inline="never")
def _rough(v):  # type: ignore[no-untyped-def]
    if not isinstance(v, numba.types.Complex):
        return _real
    return lambda v: abs(v.real) + abs(v.imag)
