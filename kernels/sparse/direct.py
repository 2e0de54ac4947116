"""A small system from its arrays to a checked answer in one compiled call: scan, match, order, factor, solve, refine.

What the probe and the factorizations do in a dozen calls, for systems so small that the calls would be
what is paid for.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.amd import amd, symmetrized
from fsci.kernels.sparse.block_order import block_graph, by_blocks
from fsci.kernels.sparse.elimination_tree import analysed
from fsci.kernels.sparse.front_cholesky import factor_cholesky
from fsci.kernels.sparse.front_lu import factor_lu, transposed_entries
from fsci.kernels.sparse.front_solve import solve_cholesky, solve_lu
from fsci.kernels.sparse.left_looking import factor_columns, row_scales, solve_blocks, solve_blocks_transposed
from fsci.kernels.sparse.pattern import SYMMETRY, scanned, symmetric_order
from fsci.kernels.sparse.supernodes import borders, front_sizes, supernodes
from fsci.kernels.sparse.transversal import components, transversal

__all__ = [
    "ANOTHER_WAY",
    "BAND",
    "DIAGONAL_SHARE",
    "EVIDENCE",
    "MALFORMED",
    "NARROW",
    "SOLVED",
    "TRIANGLE",
    "UNMATCHED",
    "backward_error",
    "direct",
    "direct_blocks",
    "direct_matched",
]

SOLVED, ANOTHER_WAY, MALFORMED, TRIANGLE, EVIDENCE, UNMATCHED, BAND = 0, 1, 2, 3, 4, 5, 6
_KINDS = [(float64, int32), (complex128, int32)]

# Share of the largest entry of a scaled column from which its diagonal one is the pivot (KLU's).
DIAGONAL_SHARE = 1e-3
# Flops an entry of the Cholesky factor below which columns one by one beat fronts, measured on circuits, power
# grids, meshes and process plants: against LU, against Cholesky, and where fronts would also need a matching.
_AGAINST_LU, _AGAINST_CHOLESKY, _AGAINST_MATCHED = 18.0, 12.0, 50.0
# Flops above which a look at the alternatives, and at the cores, costs next to nothing.
_MUCH = 1e8
# A factor this many times as full as predicted shows that the ordering does not fit the pivots.
_FULLER = 1.5
_STEPS = 3
# Flops of a banded factorization an entry of the matrix, below which it beats any sparse one.
NARROW = 100.0
# Entries a row from which the supernodes of SuperLU leave a matching nothing to save in so small a system.
_CROWDED = 20


@jit([float64(i[::1], i[::1], d[::1], d[::1], d[::1], d[::1], float64) for d, i in _KINDS])
def _measured(indptr, indices, data, x, b, r, by_rows):  # type: ignore[no-untyped-def]
    """Normwise backward error of x; r receives the residual in working precision."""
    n = x.size
    sums = np.zeros(n)
    for i in range(n):
        r[i] = b[i]
    for outer in range(uint64(n)):
        for k in range(uint64(indptr[outer]), uint64(indptr[outer + uint64(1)])):
            i = outer if by_rows else uint64(indices[k])
            j = uint64(indices[k]) if by_rows else outer
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


@jit([float64(i[::1], i[::1], d[::1], d[::1], d[::1], float64) for d, i in _KINDS])
def backward_error(indptr, indices, data, x, b, by_rows):  # type: ignore[no-untyped-def]
    """Normwise backward error of x, from a residual in working precision."""
    return _measured(indptr, indices, data, x, b, np.empty_like(x), by_rows)


@jit(
    [
        int64(
            int64, i[::1], i[::1], d[::1], i[::1], i[::1], i[::1], float64[::1], float64,
            d[::1], d[::1], int64, float64,
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def _by_columns(  # type: ignore[no-untyped-def]
    n, indptr, indices, data, columns, candidates, bounds, scales, entries, b, x, by_rows, tolerance
):  # fmt: skip
    """Factor one column after the other, solve, and refine until the backward error is that of a stable method."""
    pivot_rows, places = np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    lptr, uptr, pivots = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64), np.empty(n, data.dtype)
    guess, limit = np.int64(1.2 * entries) + n, np.int64(2.0 * _FULLER * entries) + 2 * n
    swapped, li, lx, ui, ux = factor_columns(
        n, indptr, indices, data, columns, candidates, bounds, scales, DIAGONAL_SHARE, guess, limit,
        pivot_rows, places, lptr, uptr, pivots,
    )  # fmt: skip
    if swapped < 0:
        return ANOTHER_WAY
    r, step = b.copy(), np.empty(n, data.dtype)
    for i in range(n):
        x[i] = 0
    for _ in range(_STEPS):
        if by_rows == 1:
            solve_blocks_transposed(
                indptr, indices, data, columns, bounds, scales, pivot_rows, places, lptr, li, lx, uptr, ui, ux, pivots,
                r, step,
            )  # fmt: skip
        else:
            solve_blocks(
                indptr, indices, data, columns, bounds, scales, pivot_rows, places, lptr, li, lx, uptr, ui, ux, pivots,
                r, step,
            )  # fmt: skip
        for i in range(n):
            x[i] += step[i]
        if _measured(indptr, indices, data, x, b, r, float64(by_rows)) <= tolerance:
            return SOLVED
    return ANOTHER_WAY


@jit([int64(int64, i[::1], i[::1], d[::1], d[::1], d[::1], int64, float64) for d, i in _KINDS])
def direct_blocks(n, indptr, indices, data, b, x, by_rows, tolerance):  # type: ignore[no-untyped-def]
    """The same where any transversal shows small diagonal blocks; else `UNMATCHED`."""
    if indptr[n] > _CROWDED * n:
        return ANOTHER_WAY
    row_of, block = np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    found = transversal(n, indptr, indices, data, row_of)
    if found >= 0 and found < n:
        return ANOTHER_WAY
    if found < 0:
        return UNMATCHED
    count = components(n, indptr, indices, row_of, block)
    sizes = np.zeros(count, np.int64)
    for j in range(n):
        sizes[block[j]] += 1
    if 2 * sizes.max() > n:
        return UNMATCHED
    scales = row_scales(n, indptr, indices, data)
    return _by_blocks(n, indptr, indices, data, row_of, block, count, scales, b, x, by_rows, tolerance)


@jit([int64(int64, i[::1], i[::1], d[::1], i[::1], float64[::1], d[::1], d[::1], int64, float64) for d, i in _KINDS])
def direct_matched(  # type: ignore[no-untyped-def]
    n, indptr, indices, data, row_of, scales, b, x, by_rows, tolerance
):  # fmt: skip
    """The same with the best rows for the columns, and the scaling that comes with them."""
    block = np.empty(n, indices.dtype)
    count = components(n, indptr, indices, row_of, block)
    return _by_blocks(n, indptr, indices, data, row_of, block, count, scales, b, x, by_rows, tolerance)


@jit(
    [
        int64(
            int64, i[::1], i[::1], d[::1], i[::1], i[::1], int64, float64[::1], d[::1], d[::1], int64, float64,
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def _by_blocks(  # type: ignore[no-untyped-def]
    n, indptr, indices, data, row_of, block, count, scales, b, x, by_rows, tolerance
):  # fmt: skip
    """Order each diagonal block, and factor it."""
    starts = np.empty(n + 1, indices.dtype)
    lists = block_graph(n, indptr, indices, row_of, block, starts)
    order, costs = np.empty(n, indices.dtype), np.empty(2)
    amd(n, starts, lists, order, costs)
    if costs[1] > min(_MUCH, _AGAINST_MATCHED * costs[0]):
        return EVIDENCE
    columns, candidates = np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    bounds = np.empty(count + 1, indices.dtype)
    by_blocks(n, order, block, row_of, columns, candidates, bounds)
    return _by_columns(
        n, indptr, indices, data, columns, candidates, bounds, scales, costs[0], b, x, by_rows, tolerance
    )


@jit([int64(int64, i[::1], i[::1], d[::1], d[::1], d[::1], int64, float64) for d, i in _KINDS])
def direct(n, indptr, indices, data, b, x, by_rows, tolerance):  # type: ignore[no-untyped-def]
    """Solve ``M x = b`` to this backward error, M by columns (`by_rows`: by rows).

    For a narrow band the bandwidths below and above the diagonal are left at the ends of x.
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
            return ANOTHER_WAY
        return UNMATCHED
    starts = np.empty(n + 1, indices.dtype)
    lists = symmetrized(n, indptr, indices, starts)
    order, parent, counts = np.empty(n, indices.dtype), np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    costs = np.empty(2)
    amd(n, starts, lists, order, costs)
    if costs[1] > _MUCH:
        return EVIDENCE
    definite = facts[6] == 1.0 and facts[7] == 1.0 and facts[12] == 1.0 and (facts[5] == 1.0 or not by_rows)
    if costs[1] < (_AGAINST_CHOLESKY if definite else _AGAINST_LU) * costs[0]:
        bounds = np.zeros(2, indices.dtype)
        bounds[1] = n
        scales = row_scales(n, indptr, indices, data)
        return _by_columns(n, indptr, indices, data, order, order, bounds, scales, costs[0], b, x, by_rows, tolerance)
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
    return SOLVED
