"""A small system from its arrays to a checked answer in one compiled call: scan, order, factor, solve, residual.

What `multifrontal` and the probe do in a dozen calls, for systems so small that the calls would be
what is paid for.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.amd import amd, symmetrized
from fsci.kernels.sparse.elimination_tree import analysed
from fsci.kernels.sparse.front_cholesky import factor_cholesky
from fsci.kernels.sparse.front_lu import factor_lu, transposed_entries
from fsci.kernels.sparse.front_solve import solve_cholesky, solve_lu
from fsci.kernels.sparse.pattern import scanned, symmetric_order
from fsci.kernels.sparse.supernodes import borders, front_sizes, supernodes

__all__ = ["ANOTHER_WAY", "MALFORMED", "SOLVED", "TRIANGLE", "backward_error", "direct"]

SOLVED, ANOTHER_WAY, MALFORMED, TRIANGLE = 0, 1, 2, 3
_KINDS = [(float64, int32), (complex128, int32)]


@jit([float64(i[::1], i[::1], d[::1], d[::1], d[::1], float64) for d, i in _KINDS])
def backward_error(indptr, indices, data, x, b, by_rows):  # type: ignore[no-untyped-def]
    """Normwise backward error of x, from a residual in working precision."""
    n = x.size
    r, sums = b.copy(), np.zeros(n)
    for outer in range(n):
        for k in range(indptr[outer], indptr[outer + 1]):
            i = outer if by_rows else indices[k]
            j = indices[k] if by_rows else outer
            r[i] -= data[k] * x[j]
            sums[i] += abs(data[k])
    norm, size_x, size_b, size_r = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        norm, size_x, size_b = max(norm, sums[i]), max(size_x, abs(x[i])), max(size_b, abs(b[i]))
        if not abs(r[i]) <= size_r:
            size_r = abs(r[i])
    if size_r == 0.0:
        return 0.0
    return size_r / (norm * size_x + size_b)


@jit([int64(int64, i[::1], i[::1], d[::1], d[::1], d[::1], int64) for d, i in _KINDS])
def direct(n, indptr, indices, data, b, x, by_rows):  # type: ignore[no-untyped-def]
    """Solve ``M x = b``, M by columns (`by_rows`: by rows), where a symmetric ordering serves."""
    facts = scanned(n, indptr, indices, data)
    if facts[10] == 1.0 or facts[0] == 0.0:
        return MALFORMED
    if facts[1] == 0.0 or facts[2] == 0.0:
        return TRIANGLE
    if not symmetric_order(facts):
        return ANOTHER_WAY
    starts = np.empty(n + 1, indices.dtype)
    lists = symmetrized(n, indptr, indices, starts)
    order, parent, counts = np.empty(n, indices.dtype), np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    amd(n, starts, lists, order)
    analysed(n, starts, lists, order, parent, counts, np.empty(2))
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
    definite = facts[6] == 1.0 and facts[7] == 1.0 and facts[12] == 1.0 and (facts[5] == 1.0 or not by_rows)
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
    return SOLVED
