"""Multifrontal Cholesky factorization (Duff and Reid, 1983), lower triangles only.

A front is eliminated in panels, two levels of them, as in `front_lu`; both triangles of the panels are worked on.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, uint64, void

from fsci.kernels.jit import jit
from fsci.kernels.sparse.front_lu import subtract_multiple
from fsci.kernels.sparse.rank_update import leading_dimension, subtract_product
from fsci.kernels.sparse.small_front import small_cholesky, workspace

__all__ = ["factor_cholesky"]

# Columns eliminated before the rest of the front is updated, and before the rest of these columns is.
_OUTER, _INNER = 32, 8
_WIDE = 64  # columns of a panel in large fronts, between two passes over all of the front
_STRIP = 24
_KINDS = [(float64, int32), (complex128, int32)]


@jit([int64(d[::1], int64, int64, int64, int64, int64) for d in (float64, complex128)])
def _panel(f, ld, m, first, last, reach):  # type: ignore[no-untyped-def]
    """Factor the columns `first` to `last`, and update those up to `reach`; -1, or a column that is not positive."""
    for begin in range(first, last, _OUTER):
        end = min(begin + _OUTER, last)
        for p0 in range(begin, end, _INNER):
            p1 = min(p0 + _INNER, end)
            for p in range(p0, p1):
                column = p * ld
                pivot = f[column + p].real
                if not pivot > 0.0:
                    return p
                root = np.sqrt(pivot)
                f[column + p] = root
                scale = 1.0 / root
                for i in range(p + 1, m):
                    f[column + i] *= scale
                for c in range(p + 1, p1):
                    subtract_multiple(f, c * ld + c, column + c, m - c, np.conj(f[column + c]))
            if p1 < end:
                # What falls on the upper triangle of the panel is not read again.
                subtract_product(
                    f, ld, p1 * ld + p1, m - p1, end - p1, p0 * ld + p1, p0 * ld + p1, ld, 1, p1 - p0, True
                )
        _lower(f, ld, m, begin, end, end, reach, _STRIP)
    return -1


@jit([void(d[::1], int64, int64, int64, int64, int64, int64, int64) for d in (float64, complex128)])
def _lower(f, ld, m, begin, end, start, stop, strip):  # type: ignore[no-untyped-def]
    """Update the lower triangle of the columns `start` to `stop`, by strips of columns."""
    c = start
    while c < stop:
        w = min(strip, stop - c)
        subtract_product(f, ld, c * ld + c, m - c, w, begin * ld + c, begin * ld + c, ld, 1, end - begin, True)
        c += w


@jit([int64(d[::1], int64, int64, int64) for d in (float64, complex128)])
def _eliminate(f, ld, m, k):  # type: ignore[no-untyped-def]
    """Factor k columns of the m-by-m front, lower triangle; -1, or a column that is not positive."""
    if k <= _WIDE:
        return _panel(f, ld, m, 0, k, m)
    for begin in range(0, k, _WIDE):
        end = min(begin + _WIDE, k)
        bad = _panel(f, ld, m, begin, end, end)
        if bad >= 0:
            return bad
        _lower(f, ld, m, begin, end, end, m, 2 * _WIDE)
    return -1


@jit(
    [
        int64(
            int64, i[::1], i[::1], int64[::1], i[::1], i[::1], i[::1],
            i[::1], i[::1], d[::1], d[::1], int64[::1], int64, d[::1], int64[::1], int64, int64, int64,
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def factor_cholesky(  # type: ignore[no-untyped-def]
    count, first, above, pointers, rows, order, inverse,
    indptr, indices, data, lower, lptr, largest, stack, place, low, high, base,
):  # fmt: skip
    """Factor a Hermitian matrix of which both triangles are stored; -1, or a column that is not positive.

    The supernodes `low` to `high`, as in `factor_lu`.
    """
    n = first[count]
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
                if i >= begin + c:
                    f[column + uint64(position[uint64(i)])] = data[q]
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
                # Borders are in order, so that the lower triangle goes into the lower triangle.
                for q in range(c, size):
                    f[column + uint64(relative[q])] += stack[at + q]
                at += size
            below = sibling[below]
        bad = small_cholesky(f, multipliers, ld, m, k)
        if bad < -1:
            bad = _eliminate(f, ld, m, k)
        if bad >= 0:
            return begin + bad
        out = uint64(lptr[s])
        for c in range(uint64(k)):
            source = c * uint64(ld)
            for q in range(uint64(m)):
                lower[out + q] = f[source + q]
            out += uint64(m)
        place[s] = top
        for c in range(r):
            source = uint64((k + c) * ld + k + c)
            to = uint64(top + c * r + c)
            for q in range(uint64(r - c)):
                stack[to + q] = f[source + q]
        top += r * r
    return -1
