"""Multifrontal LU on the pattern of ``A + A.T`` (Duff and Reid, 1984), pivots chosen inside each supernode.

A front gathers the entries of its columns and rows and what its children left, eliminates its own
columns, and hands the rest up. Rows change places only inside the supernode, so that the structure is
known beforehand; a pivot that is small against its column ends the factorization: then another
algorithm must choose freely. A front is eliminated in panels, two levels
of them, so that nearly all of the work is in products.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, uint64, void

from fsci.kernels.jit import jit
from fsci.kernels.sparse.rank_update import leading_dimension, subtract_product

__all__ = ["factor_lu", "subtract_multiple", "transposed_entries"]

# Columns eliminated before the rest of the front is updated, and before the rest of these columns is.
_OUTER, _INNER = 32, 8
# A pivot below this share of its column may let entries grow by its inverse (Li and Demmel, 1998, take sqrt(eps)).
PIVOT_SHARE = 2.0**-26

_KINDS = [(float64, int32), (complex128, int32), (float64, int64), (complex128, int64)]


@jit(inline=True)
def subtract_multiple(a, to, source, length, factor):  # type: ignore[no-untyped-def]
    """``a[to : to + length] -= factor * a[source : source + length]``."""
    d, s = uint64(to), uint64(source)
    for i in range(uint64(length)):
        a[d + i] -= factor * a[s + i]


@jit([int64(int64, i[::1], i[::1], d[::1], i[::1], i[::1], d[::1]) for d, i in _KINDS])
def transposed_entries(n, indptr, indices, data, pointers, rows, values):  # type: ignore[no-untyped-def]
    """The same matrix compressed along the other axis."""
    for i in range(n + 1):
        pointers[i] = 0
    for k in range(indptr[n]):
        pointers[indices[k] + 1] += 1
    for i in range(n):
        pointers[i + 1] += pointers[i]
    place = pointers[:n].copy()
    for j in range(n):
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            q = place[i]
            rows[q] = j
            values[q] = data[k]
            place[i] = q + 1
    return 0


@jit([void(d[::1], int64, int64, int64, int64, int64) for d in (float64, complex128)])
def _substitute(f, ld, p0, p1, start, stop):  # type: ignore[no-untyped-def]
    """Rows p0 to p1 of U in the columns `start` to `stop`, by the unit triangle that stands beside them."""
    for c in range(start, stop):
        column = c * ld
        for p in range(p0, p1 - 1):
            value = f[column + p]
            for i in range(p + 1, p1):
                f[column + i] -= f[p * ld + i] * value


@jit([int64(d[::1], int64, int64, int64, int64[::1], int64) for d in (float64, complex128)])
def _eliminate(f, ld, m, k, swaps, at):  # type: ignore[no-untyped-def]
    """Eliminate k columns of the m-by-m front; -1, or a column whose pivot is too small."""
    one = f.dtype.type(1)
    for begin in range(0, k, _OUTER):
        end = min(begin + _OUTER, k)
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
                if not peak > PIVOT_SHARE * top:
                    return p
                swaps[at + p] = best
                if best != p:
                    for c in range(m):
                        held = f[c * ld + p]
                        f[c * ld + p] = f[c * ld + best]
                        f[c * ld + best] = held
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
        if end < m:
            for p0 in range(begin, end, _INNER):
                p1 = min(p0 + _INNER, end)
                _substitute(f, ld, p0, p1, end, m)
                if p1 < end:
                    subtract_product(
                        f, ld, end * ld + p1, end - p1, m - end, p0 * ld + p1, end * ld + p0, 1, ld, p1 - p0, False
                    )
            subtract_product(
                f, ld, end * ld + end, m - end, m - end, begin * ld + end, end * ld + begin, 1, ld, end - begin, False
            )
    return -1


@jit(
    [
        int64(
            int64, i[::1], i[::1], int64[::1], i[::1], i[::1], i[::1],
            i[::1], i[::1], d[::1], i[::1], i[::1], d[::1],
            d[::1], int64[::1], d[::1], int64[::1], int64[::1], int64, int64,
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def factor_lu(  # type: ignore[no-untyped-def]
    count, first, above, pointers, rows, order, inverse,
    indptr, indices, data, tptr, tind, tdata,
    lower, lptr, upper, uptr, swaps, largest, peak,
):  # fmt: skip
    """Factor; -1, or a column (of the permuted matrix) without an acceptable pivot.

    ``lower[lptr[s]:]`` receives the columns of supernode s (triangular factors and the border of L),
    ``upper[uptr[s]:]`` the border of U transposed; `swaps` the rows exchanged inside supernodes.
    """
    n = first[count]
    f = np.empty(leading_dimension(largest) * largest + 16, data.dtype)
    stack = np.empty(peak, data.dtype)
    place = np.empty(count, np.int64)
    position = np.empty(n, np.int64)
    relative = np.empty(largest, np.int64)
    child = np.full(count, -1, np.int64)
    sibling = np.full(count, -1, np.int64)
    for s in range(count - 1, -1, -1):
        if above[s] != -1:
            sibling[s] = child[above[s]]
            child[above[s]] = s
    top = 0
    for s in range(count):
        begin, end = first[s], first[s + 1]
        k = end - begin
        border = pointers[s]
        r = pointers[s + 1] - border
        m = k + r
        ld = leading_dimension(m)
        for q in range(uint64(m * ld)):
            f[q] = 0
        for q in range(r):
            position[rows[border + q]] = k + q
        for j in range(begin, end):
            position[j] = j - begin
        for c in range(k):
            j = order[begin + c]
            for q in range(indptr[j], indptr[j + 1]):
                i = inverse[indices[q]]
                if i >= begin:
                    f[c * ld + position[i]] = data[q]
            for q in range(tptr[j], tptr[j + 1]):
                i = inverse[tind[q]]
                if i >= end:
                    f[position[i] * ld + c] = tdata[q]
        below = child[s]
        if below != -1:
            start = place[below]
            while below != -1:
                p = pointers[below]
                size = pointers[below + 1] - p
                for q in range(size):
                    relative[q] = position[rows[p + q]]
                base = place[below]
                for c in range(size):
                    column = relative[c] * ld
                    for q in range(size):
                        f[column + relative[q]] += stack[base + q]
                    base += size
                below = sibling[below]
            top = start
        bad = _eliminate(f, ld, m, k, swaps, begin)
        if bad >= 0:
            return begin + bad
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
    return -1
