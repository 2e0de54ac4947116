"""Multifrontal LDL^T of symmetric and Hermitian indefinite matrices, with pivots that a front hands to its parent.

As in `front_cholesky`, on one triangle; but the pivots are chosen while the fronts are eliminated, so that fronts,
factors and what waits on the stack may be larger than the pattern foretells: these arrays grow.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, complex128, float64, int32, int64, types, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.front_pivots import PANEL, SHARE, eliminate
from fsci.kernels.sparse.rank_update import leading_dimension

__all__ = ["factor_ldlt"]

_KINDS = [(float64, int32), (complex128, int32)]


@jit(inline=True)
def _room(a, used, more):  # type: ignore[no-untyped-def]
    """`a`, or a longer copy, with room for `more` behind what is used."""
    if used + more <= a.size:
        return a
    longer = np.empty(used + more + (used + more) // 4, a.dtype)
    longer[:used] = a[:used]
    return longer


@jit(
    [
        types.Tuple((d[::1], int64[::1], d[::1]))(
            int64, i[::1], i[::1], int64[::1], i[::1], i[::1], i[::1],
            i[::1], i[::1], d[::1], int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1],
            d[::1], d[::1], int64, int64, int64, int64, d[::1], d[::1], int64[::1], boolean,
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def factor_ldlt(  # type: ignore[no-untyped-def]
    count, first, above, pointers, rows, order, inverse, indptr, indices, data, largest,
    place, late, taken, waiting, vptr, nptr, stack_one, stack_two, one, two, low, high, values, stack, names, hermitian,
):  # fmt: skip
    """Factor the supernodes `low` to `high`; gives the factors, the names of their rows, and the stack.

    Of supernode s, ``taken[s]`` columns are eliminated and ``waiting[s]`` are left to its parent; their names, the
    latter's also in `late` before ``first[s + 1]``, and then the orders of the pivots, stand from ``nptr[s]`` on, and
    the columns of L with D from ``vptr[s]``. Children before `one`, and from there before `two`, left what they hand up
    in stacks of their own.
    """
    n = first[count]
    f = np.empty(leading_dimension(largest) * (largest + PANEL) + 16, data.dtype)
    position = np.empty(n, np.int64)
    relative = np.empty(largest, np.int64)
    orders = np.empty(largest, np.int64)
    local = np.empty(largest, np.int64)
    child = np.full(count, -1, np.int64)
    sibling = np.full(count, -1, np.int64)
    for s in range(count - 1, -1, -1):
        if above[s] != -1:
            sibling[s] = child[above[s]]
            child[above[s]] = s
    top, stored, named = 0, 0, 0
    for s in range(low, high):
        begin, end = first[s], first[s + 1]
        d = 0
        below = child[s]
        while below != -1:
            d += waiting[below]
            below = sibling[below]
        k = d + end - begin
        border = pointers[s]
        r = pointers[s + 1] - border
        m = k + r
        ld = leading_dimension(m)
        if ld * (m + PANEL) + 16 > f.size:
            f = np.empty(ld * (m + m // 4 + PANEL) + 16, data.dtype)
        if m > local.size:
            relative, orders, local = np.empty(2 * m, np.int64), np.empty(2 * m, np.int64), np.empty(2 * m, np.int64)
        for q in range(uint64(m * ld)):
            f[q] = 0
        for q in range(r):
            position[rows[border + q]] = k + q
        for j in range(begin, end):
            position[j] = d + j - begin
            local[d + j - begin] = j
        for c in range(end - begin):
            j = order[begin + c]
            column = uint64((d + c) * ld)
            for q in range(uint64(indptr[j]), uint64(indptr[j + 1])):
                i = inverse[uint64(indices[q])]
                if i >= begin + c:
                    f[column + uint64(position[uint64(i)])] = data[q]
        # The late columns come first, so that everybody's rows stay in order.
        d = 0
        below = child[s]
        while below != -1:
            left = waiting[below]
            for q in range(left):
                local[d + q] = late[first[below + 1] - left + q]
                relative[q] = d + q
            p = pointers[below]
            size = left + pointers[below + 1] - p
            for q in range(left, size):
                relative[q] = position[uint64(rows[uint64(p + q - left)])]
            source = stack
            if below < one:
                source = stack_one
            elif below < two:
                source = stack_two
            else:
                top = min(top, place[below])
            at, rest = uint64(place[below]), uint64(size)
            for c in range(rest):
                column = uint64(relative[c]) * uint64(ld)
                for q in range(c, rest):
                    f[column + uint64(relative[q])] += source[at + q]
                at += rest
            d += left
            below = sibling[below]
        e = eliminate(f, ld, m, k, m * ld + 8, local, orders, SHARE, hermitian)
        taken[s], waiting[s] = e, k - e
        for q in range(e, k):
            late[end - k + q] = local[q]
        names = _room(names, named, k + e)
        nptr[s] = named
        for q in range(k):
            names[named + q] = local[q]
        for q in range(e):
            names[named + k + q] = orders[q]
        named += k + e
        values = _room(values, stored, e * m)
        vptr[s] = stored
        for c in range(uint64(e)):
            source_at, to = c * uint64(ld), uint64(stored)
            for q in range(uint64(m)):
                values[to + q] = f[source_at + q]
            stored += m
        size = m - e
        stack = _room(stack, top, size * size)
        place[s] = top
        for c in range(size):
            source_at = uint64((e + c) * ld + e)
            to = uint64(top + c * size)
            for q in range(uint64(c), uint64(size)):
                stack[to + q] = f[source_at + q]
        top += size * size
    return values, names, stack
