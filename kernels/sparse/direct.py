"""A small system from its arrays to a checked answer in one compiled call: scan, match, order, factor, solve, refine.

What the probe and the factorizations do in a dozen calls, for systems so small that the calls would be
what is paid for.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.amd import amd, symmetrized
from fsci.kernels.sparse.direct_columns import (
    ANOTHER_WAY,
    BAND,
    CHECKED,
    EVIDENCE,
    INDEFINITE,
    MALFORMED,
    MUCH,
    SOLVED,
    TRIANGLE,
    UNMATCHED,
    backward_error,
    by_columns,
)
from fsci.kernels.sparse.elimination_tree import analysed
from fsci.kernels.sparse.front_cholesky import factor_cholesky
from fsci.kernels.sparse.front_lu import factor_lu, transposed_entries
from fsci.kernels.sparse.front_solve import solve_cholesky, solve_lu
from fsci.kernels.sparse.left_looking import row_scales
from fsci.kernels.sparse.pattern import SYMMETRY, scanned, symmetric_order
from fsci.kernels.sparse.supernodes import borders, front_sizes, supernodes

__all__ = ["NARROW", "direct"]

_KINDS = [(float64, int32), (complex128, int32)]

# Flops an entry of the Cholesky factor below which columns one by one beat fronts, measured on circuits, power
# grids, meshes and process plants: against LU, and against Cholesky.
_AGAINST_LU, _AGAINST_CHOLESKY = 28.0, 14.0
# Flops of a banded factorization an entry of the matrix, below which it beats any sparse one.
NARROW = 100.0


@jit([int64(int64, i[::1], i[::1], d[::1], d[::1], d[::1], int64, float64) for d, i in _KINDS])
def direct(n, indptr, indices, data, b, x, by_rows, tolerance):  # type: ignore[no-untyped-def]
    """Solve ``M x = b``, M by columns (`by_rows`: by rows): `CHECKED` where the backward error is no larger than this.

    For a narrow band the bandwidths below and above the diagonal are left at the ends of x; where a matching must
    come first, how symmetric the pattern is.
    """
    facts = scanned(n, indptr, indices, data)
    if facts[10] == 1.0 or facts[0] == 0.0:
        return MALFORMED
    if facts[1] == 0.0 or facts[2] == 0.0:
        return TRIANGLE
    if facts[1] * (facts[1] + facts[2]) * n < NARROW * indptr[n]:
        x[0], x[n - 1] = facts[1], facts[2]
        return BAND
    if not symmetric_order(facts):
        if facts[3] == 1.0 and facts[4] >= SYMMETRY:
            # Entries as large as the diagonal, and pivots that cancel: no matching tells them apart.
            return INDEFINITE if facts[5] == 1.0 or facts[6] == 1.0 else ANOTHER_WAY
        x[0] = facts[4]
        return UNMATCHED
    starts = np.empty(n + 1, indices.dtype)
    lists = symmetrized(n, indptr, indices, starts)
    order, parent, counts = np.empty(n, indices.dtype), np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    costs = np.empty(2)
    amd(n, starts, lists, order, costs)
    if costs[1] > MUCH:
        return EVIDENCE
    definite = facts[6] == 1.0 and facts[7] == 1.0 and facts[12] == 1.0 and (facts[5] == 1.0 or not by_rows)
    if costs[1] < (_AGAINST_CHOLESKY if definite else _AGAINST_LU) * costs[0]:
        bounds = np.zeros(2, indices.dtype)
        bounds[1] = n
        scales = row_scales(n, indptr, indices, data)
        return by_columns(n, indptr, indices, data, order, order, bounds, scales, costs[0], b, x, by_rows, tolerance)
    analysed(n, starts, lists, order, parent, counts, costs)
    first = np.empty(n + 1, indices.dtype)
    count = supernodes(n, parent, counts, first)
    first = first[: count + 1]
    above, pointers = np.empty(count, indices.dtype), np.empty(count + 1, np.int64)
    total = front_sizes(count, first, parent, counts, above, pointers)
    inverse, rows = np.empty(n, indices.dtype), np.empty(total, indices.dtype)
    for k in range(n):
        inverse[order[k]] = k
    if borders(count, first, above, pointers, starts, lists, order, inverse, rows) >= 0:
        return ANOTHER_WAY
    lptr, uptr = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    lptr[0] = uptr[0] = 0
    largest, waiting, peak = 0, np.zeros(count, np.int64), 0
    held = 0
    for s in range(count):
        k, r = first[s + 1] - first[s], pointers[s + 1] - pointers[s]
        lptr[s + 1], uptr[s + 1] = lptr[s] + k * (k + r), uptr[s] + k * r
        largest = max(largest, k + r)
        held += r * r - waiting[s]
        peak = max(peak, held)
        if above[s] >= 0:
            waiting[above[s]] += r * r
    y = np.empty(n, data.dtype)
    for k in range(n):
        y[k] = b[order[k]]
    lower = np.empty(lptr[count], data.dtype)
    stack, place = np.empty(peak + 1, data.dtype), np.empty(count, np.int64)
    if definite:
        definite = (
            factor_cholesky(
                count, first, above, pointers, rows, order, inverse, indptr, indices, data, lower, lptr, largest,
                stack, place, 0, count, 0,
            )
            < 0
        )  # fmt: skip
    if definite:
        solve_cholesky(count, first, pointers, rows, lower, lptr, y)
    else:
        tptr, tind, tdata = np.empty_like(indptr), np.empty(indptr[n], indices.dtype), np.empty(indptr[n], data.dtype)
        transposed_entries(n, indptr, indices, data, tptr, tind, tdata)
        upper, swaps = np.empty(uptr[count], data.dtype), np.empty(n, np.int64)
        replaced = factor_lu(
            count, first, above, pointers, rows, order, inverse, indptr, indices, data, tptr, tind, tdata,
            lower, lptr, upper, uptr, swaps, largest, stack, place, 0, count, 0,
        )  # fmt: skip
        if replaced > 0:
            return ANOTHER_WAY
        solve_lu(count, first, pointers, rows, lower, lptr, upper, uptr, swaps, y, by_rows == 1)
    for k in range(n):
        x[order[k]] = y[k]
    return CHECKED if backward_error(indptr, indices, data, x, b, float64(by_rows)) <= tolerance else SOLVED
