"""Multifrontal LU on the pattern of ``A + A.T`` (Duff and Reid, 1984), pivots chosen inside each supernode.

A front gathers the entries of its columns and rows and what its children left, eliminates its own
columns, and hands the rest up. Rows change places only inside the supernode, so that the structure is
known beforehand; a pivot that is small against its column is replaced, and counted (Li and Demmel, 1998):
such factors are those of a matrix nearby, and it must be shown that they serve. A front is eliminated in
panels, two levels of them, so that nearly all of the work is in products.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, uint64, void

from fsci.kernels.jit import jit
from fsci.kernels.sparse.entries import largest_entry, transposed_entries
from fsci.kernels.sparse.rank_update import leading_dimension, subtract_product
from fsci.kernels.sparse.small_front import small_lu, workspace

__all__ = ["factor_lu", "subtract_multiple", "transposed_entries"]

# Columns eliminated before the rest of the front is updated, and before the rest of these columns is.
_OUTER, _INNER = 32, 8
_WIDE = 64  # columns of a panel in large fronts, between two passes over all of the front
# Pivots below this share of the largest entry of their column in the matrix or the front are replaced by it.
PIVOT_SHARE = 2.0**-26

_KINDS = [(float64, int32), (complex128, int32)]


@jit(inline=True)
def subtract_multiple(a, to, source, length, factor):  # type: ignore[no-untyped-def]
    """``a[to : to + length] -= factor * a[source : source + length]``."""
    d, s = uint64(to), uint64(source)
    for i in range(uint64(length)):
        a[d + i] -= factor * a[s + i]


@jit([void(d[::1], int64, int64, int64, int64, int64) for d in (float64, complex128)])
def _substitute(f, ld, p0, p1, start, stop):  # type: ignore[no-untyped-def]
    """Rows p0 to p1 of U in the columns `start` to `stop`, by the unit triangle that stands beside them."""
    for c in range(start, stop):
        column = c * ld
        for p in range(p0, p1 - 1):
            value = f[column + p]
            for i in range(p + 1, p1):
                f[column + i] -= f[p * ld + i] * value


@jit(
    [int64(d[::1], int64, int64, int64, int64, int64, int64, int64[::1], int64, float64) for d in (float64, complex128)]
)
def _panel(f, ld, m, k, first, last, reach, swaps, at, size_of_matrix):  # type: ignore[no-untyped-def]
    """Eliminate the columns `first` to `last`, and update those up to `reach`; gives how many pivots were replaced."""
    one = f.dtype.type(1)
    replaced = 0
    for begin in range(first, last, _OUTER):
        end = min(begin + _OUTER, last)
        for p0 in range(begin, end, _INNER):
            p1 = min(p0 + _INNER, end)
            for p in range(p0, p1):
                column = p * ld
                best, peak = p, abs(f[column + p])
                for i in range(p + 1, k):
                    size = abs(f[column + i])
                    if size > peak:
                        best, peak = i, size
                top = peak
                for i in range(k, m):
                    top = max(top, abs(f[column + i]))
                swaps[at + p] = best
                if best != p:
                    for c in range(m):
                        held = f[c * ld + p]
                        f[c * ld + p] = f[c * ld + best]
                        f[c * ld + best] = held
                if not peak > PIVOT_SHARE * top:
                    # Of a column of zeros nothing is known but the size of the matrix.
                    f[column + p] = PIVOT_SHARE * (top if top > 0.0 else size_of_matrix)
                    replaced += 1
                scale = one / f[column + p]
                for i in range(p + 1, m):
                    f[column + i] *= scale
                for c in range(p + 1, p1):
                    value = f[c * ld + p]
                    if value != 0:
                        subtract_multiple(f, c * ld + p + 1, column + p + 1, m - p - 1, value)
            if p1 < end:
                _substitute(f, ld, p0, p1, p1, end)
                subtract_product(
                    f, ld, p1 * ld + p1, m - p1, end - p1, p0 * ld + p1, p1 * ld + p0, 1, ld, p1 - p0, False
                )
        if end < reach:
            _eliminated_rows(f, ld, begin, end, end, reach)
            subtract_product(
                f, ld, end * ld + end, m - end, reach - end, begin * ld + end, end * ld + begin, 1, ld, end - begin,
                False,
            )  # fmt: skip
    return replaced


@jit([void(d[::1], int64, int64, int64, int64, int64) for d in (float64, complex128)])
def _eliminated_rows(f, ld, begin, end, start, stop):  # type: ignore[no-untyped-def]
    """Rows `begin` to `end` of U in the columns `start` to `stop`."""
    for p0 in range(begin, end, _INNER):
        p1 = min(p0 + _INNER, end)
        _substitute(f, ld, p0, p1, start, stop)
        if p1 < end:
            subtract_product(
                f, ld, start * ld + p1, end - p1, stop - start, p0 * ld + p1, start * ld + p0, 1, ld, p1 - p0, False
            )


@jit([int64(d[::1], int64, int64, int64, int64[::1], int64, float64) for d in (float64, complex128)])
def _eliminate(f, ld, m, k, swaps, at, size_of_matrix):  # type: ignore[no-untyped-def]
    """Eliminate k columns of the m-by-m front; gives how many pivots were replaced."""
    if k <= _WIDE:
        return _panel(f, ld, m, k, 0, k, m, swaps, at, size_of_matrix)
    replaced = 0
    for begin in range(0, k, _WIDE):
        end = min(begin + _WIDE, k)
        replaced += _panel(f, ld, m, k, begin, end, end, swaps, at, size_of_matrix)
        if end < m:
            _eliminated_rows(f, ld, begin, end, end, m)
            subtract_product(
                f, ld, end * ld + end, m - end, m - end, begin * ld + end, end * ld + begin, 1, ld, end - begin, False
            )
    return replaced


@jit(
    [
        int64(
            int64, i[::1], i[::1], int64[::1], i[::1], i[::1], i[::1],
            i[::1], i[::1], d[::1], i[::1], i[::1], d[::1],
            d[::1], int64[::1], d[::1], int64[::1], int64[::1], int64,
            d[::1], int64[::1], int64, int64, int64,
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def factor_lu(  # type: ignore[no-untyped-def]
    count, first, above, pointers, rows, order, inverse,
    indptr, indices, data, tptr, tind, tdata,
    lower, lptr, upper, uptr, swaps, largest, stack, place, low, high, base,
):  # fmt: skip
    """Factor; gives how many pivots were replaced.

    ``lower[lptr[s]:]`` receives the columns of supernode s (triangular factors and the border of L),
    ``upper[uptr[s]:]`` the border of U transposed; `swaps` the rows exchanged inside supernodes.
    Supernodes `low` to `high` are eliminated; what they hand up stands in `stack` from `base` on, and where in
    `place`: so that subtrees may be on threads of their own.
    """
    n = first[count]
    size_of_matrix = largest_entry(indptr[n], data)
    replaced = 0
    f = np.empty(leading_dimension(largest) * largest + 16, data.dtype)
    multipliers = workspace(f)
    position = np.empty(n, np.int64)
    relative = np.empty(largest, np.int64)
    child = np.full(count, -1, np.int64)
    sibling = np.full(count, -1, np.int64)
    for s in range(count - 1, -1, -1):
        if above[s] != -1:
            sibling[s] = child[above[s]]
            child[above[s]] = s
    top = base
    for s in range(low, high):
        begin, end = first[s], first[s + 1]
        k = end - begin
        border = pointers[s]
        r = pointers[s + 1] - border
        m = k + r
        ld = leading_dimension(m)
        for q in range(uint64(m * ld)):
            f[q] = 0
        for q in range(uint64(r)):
            position[uint64(rows[uint64(border) + q])] = k + q
        for c in range(uint64(k)):
            position[uint64(begin) + c] = c
        for c in range(uint64(k)):
            j = uint64(order[uint64(begin) + c])
            column = c * uint64(ld)
            for q in range(uint64(indptr[j]), uint64(indptr[j + uint64(1)])):
                i = inverse[uint64(indices[q])]
                if i >= begin:
                    f[column + uint64(position[uint64(i)])] = data[q]
            for q in range(uint64(tptr[j]), uint64(tptr[j + uint64(1)])):
                i = inverse[uint64(tind[q])]
                if i >= end:
                    f[uint64(position[uint64(i)]) * uint64(ld) + c] = tdata[q]
        below = child[s]
        while below != -1:
            p = pointers[below]
            size = uint64(pointers[below + 1] - p)
            for q in range(size):
                relative[q] = position[uint64(rows[uint64(p) + q])]
            if place[below] >= base:
                top = min(top, place[below])
            at = uint64(place[below])
            for c in range(size):
                column = uint64(relative[c]) * uint64(ld)
                for q in range(size):
                    f[column + uint64(relative[q])] += stack[at + q]
                at += size
            below = sibling[below]
        found = small_lu(f, multipliers, ld, m, k, swaps, begin, size_of_matrix, PIVOT_SHARE)
        replaced += found if found >= 0 else _eliminate(f, ld, m, k, swaps, begin, size_of_matrix)
        out = uint64(lptr[s])
        for c in range(uint64(k)):
            source = c * uint64(ld)
            for q in range(uint64(m)):
                lower[out + q] = f[source + q]
            out += uint64(m)
        out = uint64(uptr[s])
        for c in range(uint64(r)):
            source = (uint64(k) + c) * uint64(ld)
            for q in range(uint64(k)):
                upper[out + q * uint64(r) + c] = f[source + q]
        place[s] = top
        for c in range(uint64(r)):
            source = (uint64(k) + c) * uint64(ld) + uint64(k)
            to = uint64(top) + c * uint64(r)
            for q in range(uint64(r)):
                stack[to + q] = f[source + q]
        top += r * r
    return replaced
