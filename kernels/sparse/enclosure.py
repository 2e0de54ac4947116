"""Bounds on the error of a computed solution, from a vector on which the comparison matrix is positive.

The comparison matrix <A> has the moduli of A on the diagonal and their negatives off it. If v > 0 and
``<A> v > 0``, then A is an H-matrix, it is nonsingular, and ``|A^-1| <= <A>^-1`` (Ostrowski, 1937). So the error
of a solution with residual r is at most ``v max_i |r_i| / (<A> v)_i``, entry by entry: a proof, and no estimate, as
all roundings are bounded (Higham, 2002, section 3.1). Which matrices have such a v: all that are diagonally
dominant, M-matrices, and more; a positive definite one need not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import complex128, float64, int32, int64
from scipy.sparse import csr_array

from fsci.kernels.jit import jit
from fsci.kernels.sparse.host.cg import conjugate_gradients
from fsci.kernels.sparse.host.csr_products import csr_matvec
from fsci.kernels.sparse.incomplete import incomplete
from fsci.kernels.sparse.iteration import Rows
from fsci.kernels.sparse.krylov import Watch, gmres
from fsci.kernels.sparse.multigrid import build

__all__ = ["Enclosure", "enclose"]

_KINDS = (float64, complex128)
_U = 2.0**-53
_LOST = 2.0**-1060

# The equation for v needs a positive residual, not an accurate solution.
_REDUCTION, _STEPS = 0.05, 60


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Norms of the residual and of A, and the bound on the error in the infinity norm; infinity where none is known."""

    residual: float
    componentwise: float
    norm_a: float
    norm_x: float
    error: float
    inverse_norm: float


@jit([int64(int32[::1], int32[::1], d[::1], d[::1], d[::1], float64[::1], float64[::1]) for d in _KINDS])
def _measure(indptr, indices, data, x, b, v, found):  # type: ignore[no-untyped-def]
    """found: |r|, componentwise backward error, |A|, max |r_i| / (<A>v)_i, min (<A>v)_i, infinity norms."""
    u = 2.0**-53
    residual, componentwise, norm, ratio, least = 0.0, 0.0, 0.0, 0.0, np.inf
    bad = False
    for i in range(indptr.size - 1):
        total, size, row = b[i], abs(b[i]), 0.0
        diagonal, own, off = data.dtype.type(0), 0.0, 0.0
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            total -= data[k] * x[j]
            modulus = abs(data[k])
            size += modulus * abs(x[j])
            row += modulus
            if j == i:
                diagonal += data[k]
                own += modulus
            else:
                off += modulus * v[j]
        # Twice as many roundings, and each of them twice as large, for complex numbers.
        gamma = 4.0 * (indptr[i + 1] - indptr[i] + 4) * u
        # What a product, or gamma times it, loses below the normal numbers: 2**-1074 each, with much room.
        error = abs(total) + gamma * size + (indptr[i + 1] - indptr[i] + 4) * 2.0**-1060
        # Entries of the diagonal that were stored apart may cancel.
        dominance = (abs(diagonal) - gamma * own) * v[i] * (1.0 - gamma) - off * (1.0 + gamma)
        bad |= not (np.isfinite(error) and np.isfinite(dominance))
        residual = max(residual, error)
        if size > 0.0:
            componentwise = max(componentwise, abs(total) / size)
        norm = max(norm, row)
        least = min(least, dominance)
        if dominance > 0.0:
            ratio = max(ratio, error / dominance)
        elif error > 0.0:
            ratio = np.inf
    if bad:  # a comparison with NaN is false, and a maximum may pass one over
        residual, componentwise, ratio, least = np.inf, np.inf, np.inf, 0.0
    found[0], found[1], found[2], found[3], found[4] = residual, componentwise, norm, ratio, least
    return 0


def _positive_vector(rows: Rows, diagonal: Any, symmetric: bool) -> Any:
    """A v with ``<A> v`` near the root of the diagonal, by multigrid or incomplete factors; None where that fails.

    The equation is scaled to a unit diagonal, where every row weighs alike. Whatever finds v, its signs are the proof.
    """
    indptr, indices, data = rows.arrays
    row = np.repeat(np.arange(rows.count), np.diff(indptr))
    scale = 1.0 / np.sqrt(diagonal)
    values = np.abs(data).astype(np.float64) * scale[row] * scale[indices]
    comparison = np.where(row == indices, values, -values)
    ones = np.ones(rows.count)
    n = rows.count
    precondition: Any = build(indptr, indices, comparison, ones)
    if precondition is None:
        precondition = incomplete(csr_array((comparison, indices, indptr), shape=(n, n)))
    if precondition is None:
        return None
    x, r = np.zeros(n), ones.copy()
    if symmetric:
        conjugate_gradients(Rows(indptr, indices, comparison), x, r, _REDUCTION, _STEPS, precondition)
    else:
        watch = Watch(_REDUCTION, _STEPS)
        gmres(lambda v: csr_matvec(n, n, indptr, indices, comparison, v), precondition, ones, x, r, _STEPS, watch)
    return x * scale


def enclose(a: Any, x: Any, b: Any, symmetric: bool) -> Enclosure:
    """Bounds for ``A x = b``; `symmetric` says that A may be taken for such in the search for v."""
    double = np.result_type(a.dtype, np.float64)
    arrays = a.indptr, a.indices, np.ascontiguousarray(a.data, double)
    rows, x, b = Rows(*arrays), x.astype(double), b.astype(double)
    diagonal = np.abs(a.diagonal()).astype(np.float64)
    found = np.empty(5)
    v = np.ones(rows.count)
    _measure(*arrays, x, b, v, found)
    if not found[4] > 0.0 and (diagonal > 0.0).all() and np.isfinite(arrays[2]).all():
        better = _positive_vector(rows, diagonal, symmetric)
        if better is not None and (better > 0.0).all():
            v = better
            _measure(*arrays, x, b, v, found)
    residual, componentwise, norm_a, ratio, least = (float(f) for f in found)
    largest = float(v.max(initial=0.0))
    proved = least > 0.0 and math.isfinite(ratio)
    return Enclosure(
        residual=residual,
        componentwise=componentwise,
        norm_a=norm_a,
        norm_x=float(np.abs(x).max(initial=0.0)),
        # The products and quotients here are rounded, too, and may vanish.
        error=(ratio + _LOST) * largest * (1.0 + 8.0 * _U) + _LOST if proved else math.inf,
        inverse_norm=largest / least * (1.0 + 8.0 * _U) if proved else math.inf,
    )
