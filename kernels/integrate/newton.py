"""Newton matrices ``alpha I + beta J`` of implicit methods in compiled loops: dense or banded, real or complex.

Small dense matrices are factored here, in place: below order 40 a call of LAPACK costs more than the elimination
(measured). All matrices lie as LAPACK has them: ``a[j, i]`` is entry (i, j), and in band form
``a[j, lower + upper + i - j]`` of the matrix with rows and columns in another order: unknown i stands at ``place[i]``.
A negative `lower` says dense.
"""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, getrf, getrs, letter, routine

__all__ = ["dominant", "factor", "multiply", "shifted", "solve"]

_OWN = 40
_N = letter("N")

gbtrf = routine("gbtrf", "iiiixiii")  # m n kl ku ab ldab ipiv info
gbtrs = routine("gbtrs", "ciiiixiixii")  # trans n kl ku nrhs ab ldab ipiv b ldb info

_PIVOTS = numba.int32[::1]
_SIZE, _PLACES = numba.int64, numba.int64[::1]
_SCALARS = (numba.float64, numba.complex128)


@jit([numba.void(numba.float64[:, ::1], t, numba.float64, t[:, ::1], _SIZE, _SIZE) for t in _SCALARS])
def shifted(jacobian, alpha, beta, a, lower, upper):  # type: ignore[no-untyped-def]
    """Write ``alpha I + beta J`` to `a`."""
    n = a.shape[0]
    diagonal = lower + upper
    for j in range(n):
        for i in range(a.shape[1]):
            a[j, i] = beta * jacobian[j, i]
        if lower < 0:
            a[j, j] += alpha
        else:
            a[j, diagonal] += alpha


@jit(
    [
        numba.void(
            numba.float64[:, ::1], numba.float64[::1], numba.float64[::1], _SIZE, _SIZE,
            numba.types.UniTuple(_PLACES, 5),
        )
    ]
)  # fmt: skip
def multiply(jacobian, v, out, lower, upper, pattern):  # type: ignore[no-untyped-def]
    """Write ``J v`` to `out`."""
    n = out.shape[0]
    for i in range(n):
        out[i] = 0.0
    if lower < 0:
        for j in range(n):
            for i in range(n):
                out[i] += jacobian[j, i] * v[j]
        return
    place, _, _, indptr, indices = pattern
    for j in range(n):
        for e in range(indptr[j], indptr[j + 1]):
            i = indices[e]
            out[i] += jacobian[place[j], lower + upper + place[i] - place[j]] * v[j]


@jit(
    [
        numba.float64(
            numba.float64[:, ::1], numba.float64[::1], numba.float64, _SIZE, _SIZE, numba.types.UniTuple(_PLACES, 5)
        )
    ]
)  # fmt: skip
def dominant(jacobian, mode, known, lower, upper, pattern):  # type: ignore[no-untyped-def]
    """The spectral radius by two products of a power iteration that goes on with `mode`, of length 1; else `known`.

    Two, because a pair of complex eigenvalues turns the vector.
    """
    image = np.empty_like(mode)
    growth = 1.0
    for _ in range(2):
        multiply(jacobian, mode, image, lower, upper, pattern)
        size = 0.0
        for i in range(image.shape[0]):
            size += image[i] * image[i]
        size = np.sqrt(size)
        if not 0.0 < size < np.inf:
            return known
        growth *= size
        for i in range(image.shape[0]):
            mode[i] = image[i] / size
    return np.sqrt(growth)


@jit([_SIZE(t[:, ::1], _PIVOTS, _SIZE, _SIZE) for t in _SCALARS])
def factor(a, pivots, lower, upper):  # type: ignore[no-untyped-def]
    """LU with partial pivoting, in place; 0, or the number of a pivot that is exactly zero."""
    n = a.shape[0]
    order, info = byref(np.int32(n)), byref(np.int32(0))
    if lower >= 0:
        kl, ku, rows = byref(np.int32(lower)), byref(np.int32(upper)), byref(np.int32(a.shape[1]))
        gbtrf(a, order, order, kl, ku, a.ctypes, rows, pivots.ctypes, info)
        return np.int64(deref(info))
    if n > _OWN:
        getrf(a, order, order, a.ctypes, order, pivots.ctypes, info)
        return np.int64(deref(info))
    for k in range(n):
        pivot, best = k, abs(a[k, k].real) + abs(a[k, k].imag)
        for i in range(k + 1, n):
            value = abs(a[k, i].real) + abs(a[k, i].imag)
            if value > best:
                pivot, best = i, value
        pivots[k] = pivot
        if best == 0.0:
            return k + 1
        if pivot != k:
            for j in range(n):
                held = a[j, k]
                a[j, k] = a[j, pivot]
                a[j, pivot] = held
        inverse = 1.0 / a[k, k]
        for i in range(k + 1, n):
            a[k, i] *= inverse
        for j in range(k + 1, n):
            weight = a[j, k]
            if weight != 0.0:
                for i in range(k + 1, n):
                    a[j, i] -= weight * a[k, i]
    return 0


@jit([numba.void(t[:, ::1], _PIVOTS, t[::1], _SIZE, _SIZE, _PLACES) for t in _SCALARS])
def solve(a, pivots, b, lower, upper, place):  # type: ignore[no-untyped-def]
    """Overwrite `b` by the solution, from the factors."""
    n = a.shape[0]
    order, one, info = byref(np.int32(n)), byref(np.int32(1)), byref(np.int32(0))
    if lower >= 0:
        kl, ku, rows = byref(np.int32(lower)), byref(np.int32(upper)), byref(np.int32(a.shape[1]))
        moved = np.empty_like(b)
        for i in range(n):
            moved[place[i]] = b[i]
        gbtrs(a, byref(_N), order, kl, ku, one, a.ctypes, rows, pivots.ctypes, moved.ctypes, order, info)
        for i in range(n):
            b[i] = moved[place[i]]
        return
    if n > _OWN:
        getrs(a, byref(_N), order, one, a.ctypes, order, pivots.ctypes, b.ctypes, order, info)
        return
    for k in range(n):
        pivot = pivots[k]
        if pivot != k:
            held = b[k]
            b[k] = b[pivot]
            b[pivot] = held
    for k in range(n):
        value = b[k]
        for i in range(k + 1, n):
            b[i] -= value * a[k, i]
    for k in range(n - 1, -1, -1):
        b[k] /= a[k, k]
        value = b[k]
        for i in range(k):
            b[i] -= value * a[k, i]
