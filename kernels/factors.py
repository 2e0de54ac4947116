"""Solves with factors: one convention for transposes, storage orders, precisions and scales.

A factorization F may be that of the matrix or of its transpose (the memory of a C-ordered array is
its transpose to LAPACK), in the precision of the problem or below it, and of a matrix scaled by a power of two.
`solver` hides all four behind ``solve(rhs, adjoint=False)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.kernels.backward import times_power
from fsci.kernels.jit import jit
from fsci.kernels.residual import shared_view
from fsci.kernels.threads import chunked

__all__ = ["SINGLE", "Solve", "column_sizes", "lapack_view", "single_copy", "solver"]

Array = np.ndarray[Any, np.dtype[Any]]
Solve = Callable[..., Array]

# Entries up to 2**32 leave room for products and growth in single precision (overflow at 2**128), and
# small entries keep their bits down to 2**-126.
_SAFE_EXPONENT = 32

# Working precision -> the precision below it.
SINGLE = {"d": np.dtype(np.float32), "D": np.dtype(np.complex64)}


def lapack_view(a: Array) -> tuple[Array, bool]:
    """Fortran-ordered view (or copy) of `a` or of its transpose, and whether it is the transpose."""
    if a.flags.f_contiguous:
        return a, False
    return (a if a.flags.c_contiguous else np.ascontiguousarray(a)).T, True


def column_sizes(v: Array) -> Array:
    """Infinity norm of each column as float64; 1 for a zero column."""
    size = np.asarray(np.abs(v).max(axis=0, initial=0.0), dtype=float)
    return np.asarray(np.where(size > 0, size, 1.0))


def solver(apply: Callable[[Array, int], Array], dtype: np.dtype[Any], flipped: bool, exponent: int = 0) -> Solve:
    """``solve(rhs, adjoint=False)`` for the system matrix.

    Parameters
    ----------
    apply : callable
        ``apply(rhs, op)`` solves with F (op 0), its transpose (1) or its adjoint (2), in `dtype`.
    dtype : numpy.dtype
        Precision of the factors. A right-hand side of more precision is scaled to size one
        before it is rounded, so that residuals neither overflow nor vanish.
    flipped : bool
        The system matrix is the transpose of F.
    exponent : int
        F is the system matrix times ``2**exponent``.
    """
    wide = np.result_type(dtype, np.float64)

    def applied(rhs: Array, adjoint: bool) -> Array:
        if not adjoint:
            return apply(rhs, int(flipped))
        # The adjoint of F^T is the conjugate of F.
        return np.conj(apply(np.conj(rhs), 0)) if flipped else apply(rhs, 2)

    def solve(rhs: Array, adjoint: bool = False) -> Array:
        if rhs.dtype == dtype and exponent == 0:
            return applied(rhs, adjoint)
        _, shift = np.frexp(column_sizes(rhs))
        scaled = times_power(rhs, -shift).astype(dtype)
        return times_power(applied(scaled, adjoint).astype(wide), shift + exponent)

    return solve


@jit(("void(float64[::1], float64[::1], int64, int64, int64)",))
def _largest(source, out, slot, start, stop):  # type: ignore[no-untyped-def]
    lanes = np.zeros(64)
    whole = start + (stop - start) // 64 * 64
    for i in range(start, whole, 64):
        for k in range(64):
            v = abs(source[i + k])
            # A NaN compares false, and stays.
            lanes[k] = lanes[k] if lanes[k] >= v else v
    for i in range(whole, stop):
        v = abs(source[i])
        lanes[0] = lanes[0] if lanes[0] >= v else v
    largest = 0.0
    for k in range(64):
        largest = largest if largest >= lanes[k] else lanes[k]
    out[slot] = largest


def _largest_entry(flat: Array) -> float:
    reals = flat.view(np.float64)
    found: list[float] = []

    def task(start: int, stop: int) -> None:
        out = np.zeros(1)
        _largest(reals, out, 0, start, stop)
        found.append(float(out[0]))

    chunked(task, reals.size, 1 << 16)
    return float(np.max(found))


def single_copy(a: Array, largest: float | None = None) -> tuple[Array, bool, int] | None:
    """Single-precision copy of ``a * 2**exponent`` with entries of size one at most.

    Returns
    -------
    copy : Fortran-ordered ndarray
    flipped : bool
        The copy is that of the transpose.
    exponent : int
        None instead of all three where an entry is not finite, or all are zero.
    """
    view, flipped = lapack_view(a)
    source = shared_view(view.T).reshape(-1)
    largest = _largest_entry(source) if largest is None else largest
    if not 0.0 < largest < np.inf:
        return None
    # Scaled only where single precision would overflow or underflow: 2**1000 is about the largest power of two.
    e = int(np.frexp(largest)[1])
    exponent = 0 if abs(e) <= _SAFE_EXPONENT else min(-e, 1000)
    target = np.empty(source.size, SINGLE[a.dtype.char])
    scale = source.real.dtype.type(np.ldexp(1.0, exponent))

    def task(start: int, stop: int) -> None:
        if exponent == 0:
            np.copyto(target[start:stop], source[start:stop], casting="unsafe")
        else:
            np.multiply(source[start:stop], scale, out=target[start:stop], casting="unsafe")

    chunked(task, source.size, 1 << 16)
    return target.reshape(view.T.shape).T, flipped, exponent
