"""Small systems by columns one after the other, in compiled calls: under an ordering, a transversal, a matching."""

from __future__ import annotations

import numpy as np
from numba import boolean, complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.amd import amd
from fsci.kernels.sparse.block_order import block_graph, by_blocks
from fsci.kernels.sparse.left_looking import factor_columns, row_scales, solve_blocks, solve_blocks_transposed
from fsci.kernels.sparse.transversal import TOO_LONG, components, transversal

__all__ = [
    "ANOTHER_WAY",
    "BAND",
    "CHECKED",
    "DIAGONAL_SHARE",
    "EMPTY",
    "EVIDENCE",
    "INDEFINITE",
    "MALFORMED",
    "MUCH",
    "SOLVED",
    "TRIANGLE",
    "UNMATCHED",
    "alike",
    "backward_error",
    "by_columns",
    "direct_blocks",
    "direct_matched",
]

SOLVED, ANOTHER_WAY, MALFORMED, TRIANGLE, EVIDENCE, UNMATCHED, BAND, EMPTY, INDEFINITE, CHECKED = range(10)
_KINDS = [(float64, int32), (complex128, int32)]

# Share of the largest entry of a scaled column from which its diagonal one is the pivot (KLU's).
DIAGONAL_SHARE = 1e-3
# Flops an entry of the Cholesky factor below which columns one by one beat fronts where these would also need a
# matching: measured on circuits, power grids, meshes and process plants.
_AGAINST_MATCHED = 50.0
# Flops above which a look at the alternatives, and at the cores, costs next to nothing.
MUCH = 1e8
# A factor this many times as full as predicted shows that the ordering does not fit the pivots.
_FULLER = 1.5
_STEPS = 3


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
            # Of a complex number the larger part: not above its modulus, and without a root.
            sums[i] += max(abs(data[k].real), abs(data[k].imag))
    norm, size_x, size_b, size_r = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        norm, size_x, size_b = max(norm, sums[i]), max(size_x, abs(x[i])), max(size_b, abs(b[i]))
        if not abs(r[i]) < np.inf:
            return np.inf
        size_r = max(size_r, abs(r[i]))
    if size_r == 0.0:
        return 0.0
    room = norm * size_x + size_b
    return size_r / room if room < np.inf else np.inf


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
def by_columns(  # type: ignore[no-untyped-def]
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
            return CHECKED
    return ANOTHER_WAY


@jit([boolean(int64, i[::1], i[::1], d[::1]) for d, i in _KINDS])
def alike(n, indptr, indices, data):  # type: ignore[no-untyped-def]
    """Whether two neighbouring columns seem to be the same: then no pivots can be found for both."""
    sums = np.zeros(n, data.dtype)
    for j in range(n):
        for k in range(indptr[j], indptr[j + 1]):
            # Not linear in the index, or neighbours left and right of a column cancel (Steele, Lea and Flood, 2014).
            z = uint64(indices[k] + 1) * uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
            sums[j] += data[k] * np.float64(z >> uint64(32))
    for j in range(n):
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            if i < j and sums[i] == sums[j] and indptr[i + 1] - indptr[i] == indptr[j + 1] - indptr[j]:
                return True
    return False


@jit([boolean(int64, i[::1], i[::1], d[::1]) for d, i in _KINDS])
def _empty_line(n, indptr, indices, data):  # type: ignore[no-untyped-def]
    """Whether a row or a column has no entry but zeros."""
    rows = np.zeros(n, np.bool_)
    for j in range(n):
        filled = False
        for k in range(indptr[j], indptr[j + 1]):
            if abs(data[k]) > 0.0:
                filled = True
                rows[indices[k]] = True
        if not filled:
            return True
    return not rows.all()


@jit([int64(int64, i[::1], i[::1], d[::1], d[::1], d[::1], i[::1], i[::1], int64, float64) for d, i in _KINDS])
def direct_blocks(n, indptr, indices, data, b, x, home, block, by_rows, tolerance):  # type: ignore[no-untyped-def]
    """The same under any transversal, where that shows small diagonal blocks or has no weak entries; else `UNMATCHED`.

    Leaves the diagonal blocks of rows and columns, which are those of every transversal; zeros where none was found.
    """
    row_of = np.empty(n, indices.dtype)
    scales = row_scales(n, indptr, indices, data)
    found, strong = transversal(n, indptr, indices, data, scales, DIAGONAL_SHARE, row_of)
    if found == TOO_LONG:
        home[:] = 0
        block[:] = 0
        return UNMATCHED
    if found < n:
        # A zero pivot in whatever order, by elimination without rounding; other deficiencies may be rounded away.
        return EMPTY if _empty_line(n, indptr, indices, data) else ANOTHER_WAY
    count = components(n, indptr, indices, row_of, block)
    sizes = np.zeros(count, np.int64)
    for j in range(n):
        sizes[block[j]] += 1
        home[row_of[j]] = block[j]
    small = 2 * sizes.max() <= n
    if not small and strong < n:
        return UNMATCHED
    status = _by_blocks(n, indptr, indices, data, row_of, block, count, scales, b, x, by_rows, tolerance)
    return UNMATCHED if status == ANOTHER_WAY and not small else status


@jit([
    int64(int64, i[::1], i[::1], d[::1], i[::1], float64[::1], d[::1], d[::1], i[::1], int64, float64)
    for d, i in _KINDS
])  # fmt: skip
def direct_matched(  # type: ignore[no-untyped-def]
    n, indptr, indices, data, row_of, scales, b, x, block, by_rows, tolerance
):  # fmt: skip
    """The same with the best rows for the columns, and the scaling that comes with them."""
    count = np.int64(block.max()) + 1
    if count == 1:
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
    if costs[1] > min(MUCH, _AGAINST_MATCHED * costs[0]):
        return EVIDENCE
    columns, candidates = np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    bounds = np.empty(count + 1, indices.dtype)
    by_blocks(n, order, block, row_of, columns, candidates, bounds)
    return by_columns(n, indptr, indices, data, columns, candidates, bounds, scales, costs[0], b, x, by_rows, tolerance)
