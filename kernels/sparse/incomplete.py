"""Incomplete factorization without fill, Meijerink and van der Vorst (1977), and its solves.

L has ones on the diagonal, and stands with U in the pattern of A, row by row. Of a Hermitian matrix U is
``D L^H``: the same factors are the incomplete Cholesky ones, and definite where every pivot is positive. The
solves go row by row on one thread: a barrier between the levels of a mesh costs more than the few rows of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import complex128, float64, int32, int64

from fsci.kernels.jit import jit

__all__ = ["Incomplete", "factor_in_pattern", "incomplete", "solve_in_pattern"]

# A pivot below this share of its row's largest entry makes the solves with it useless.
_LEAST = 2.0**-26


@jit([int64(int32[::1], int32[::1], d[::1], int32[::1], d[::1], float64) for d in (float64, complex128)])
def factor_in_pattern(indptr, indices, lu, middle, inverse, least):  # type: ignore[no-untyped-def]
    """Factors in place of the entries (rows in order); -1, or the row whose pivot is lost.

    `middle` gets the place of each diagonal entry, `inverse` the inverse pivots.
    """
    n = indptr.size - 1
    place = np.full(n, -1, np.int32)
    for i in range(n):
        start, stop = indptr[i], indptr[i + 1]
        largest = 0.0
        middle[i] = -1
        for k in range(start, stop):
            place[indices[k]] = k
            largest = max(largest, abs(lu[k]))
            if indices[k] == i:
                middle[i] = k
        if middle[i] < 0:
            return i
        for k in range(start, middle[i]):
            row = indices[k]
            factor = lu[k] * inverse[row]
            lu[k] = factor
            for m in range(middle[row] + 1, indptr[row + 1]):
                at = place[indices[m]]
                if at >= start:
                    lu[at] -= factor * lu[m]
        pivot = lu[middle[i]]
        if not abs(pivot) > least * largest:
            return i
        inverse[i] = 1.0 / pivot
    return -1


@jit([d(int32[::1], int32[::1], d[::1], int32[::1], d[::1], d[::1], d[::1]) for d in (float64, complex128)])
def solve_in_pattern(indptr, indices, lu, middle, inverse, r, z):  # type: ignore[no-untyped-def]
    """Set ``z = U^-1 L^-1 r``; gives ``r* z``."""
    n = indptr.size - 1
    for i in range(n):
        total = r[i]
        for k in range(indptr[i], middle[i]):
            total -= lu[k] * z[indices[k]]
        z[i] = total
    along = lu.dtype.type(0)
    for i in range(n - 1, -1, -1):
        total = z[i]
        for k in range(middle[i] + 1, indptr[i + 1]):
            total -= lu[k] * z[indices[k]]
        total *= inverse[i]
        z[i] = total
        along += np.conj(r[i]) * total
    return along


class Incomplete:
    """The factors as a preconditioner; a call sets ``z`` to ``U^-1 L^-1 r``, and gives ``r* z``."""

    def __init__(self, arrays: tuple[Any, Any, Any, Any, Any]) -> None:
        self.arrays = arrays

    @property
    def definite(self) -> bool:
        """Whether every pivot is real and positive: then the factors of a Hermitian matrix are definite."""
        inverse = self.arrays[4]
        return bool((inverse.real > 0.0).all() and (inverse.imag == 0.0).all())

    def __call__(self, r: Any, z: Any) -> Any:
        """Set z; gives ``r* z``."""
        kind = self.arrays[2].dtype
        if r.dtype == kind:
            return solve_in_pattern(*self.arrays, r, z)
        wide = np.empty(r.size, kind)
        along = solve_in_pattern(*self.arrays, r.astype(kind), wide)
        z[:] = wide
        return along


def incomplete(a: Any) -> Incomplete | None:
    """Factors of compressed rows without fill; None where a pivot is missing or lost."""
    double = np.result_type(a.dtype, np.float64)
    if not a.has_canonical_format:
        a = a.copy()
        a.sum_duplicates()
    n = a.shape[0]
    lu, middle, inverse = np.array(a.data, double), np.empty(n, np.int32), np.empty(n, double)
    with np.errstate(all="ignore"):
        lost = factor_in_pattern(a.indptr, a.indices, lu, middle, inverse, _LEAST)
    if lost >= 0 or not np.isfinite(inverse).all():
        return None
    return Incomplete((a.indptr, a.indices, lu, middle, inverse))
