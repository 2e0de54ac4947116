"""Signs of the pivots of a symmetric matrix, by a multifrontal LDL^T without pivoting whose factors are not kept.

Sylvester's law of inertia makes of them the number of eigenvalues on either side of a shift. Without pivoting the
factors may grow; so the sizes ``|L| |D| |L^T|`` that bound what they are wrong by (Higham, 2002, theorem 9.3)
are summed up on the way, and the caller knows how far the count can be off.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64, uint64, void

from fsci.kernels.jit import jit
from fsci.kernels.sparse.front_lu import subtract_multiple
from fsci.kernels.sparse.rank_update import leading_dimension, subtract_product

__all__ = ["count_negative"]

_PANEL, _STRIP = 32, 48  # columns eliminated before the rest is updated, and columns updated at a time


@jit([int64(float64[::1], int64, int64, int64)])
def _eliminate(f, ld, m, k):  # type: ignore[no-untyped-def]
    """Eliminate k columns of the m-by-m front, lower triangle; -1, or a column whose pivot is zero.

    L stands below the diagonal, D on it, and the rows of D L^T above it.
    """
    for begin in range(0, k, _PANEL):
        end = min(begin + _PANEL, k)
        for p in range(begin, end):
            column = p * ld
            pivot = f[column + p]
            if not abs(pivot) > 0.0:
                return p
            for c in range(p + 1, m):
                f[c * ld + p] = f[column + c]
                f[column + c] /= pivot
            for c in range(p + 1, end):
                subtract_multiple(f, c * ld + c, column + c, m - c, f[c * ld + p])
        c = end
        while c < m:
            w = min(_STRIP, m - c)
            # What falls on the upper triangle of a strip is written over before it is read.
            subtract_product(f, ld, c * ld + c, m - c, w, begin * ld + c, c * ld + begin, 1, ld, end - begin, False)
            c += w
    return -1


@jit([void(float64[::1], int64, int64, int64, int64, int32[::1], int64, float64[::1], int64[::1])])
def _sizes(f, ld, m, k, begin, rows, border, sums, terms):  # type: ignore[no-untyped-def]
    """Add the row sums of ``|L| |D| |L^T|`` over these columns, and the number of their terms in each row."""
    for p in range(k):
        column = p * ld
        total = 1.0
        for i in range(p + 1, m):
            total += abs(f[column + i])
        weight = abs(f[column + p]) * total
        sums[begin + p] += weight
        for i in range(p + 1, k):
            sums[begin + i] += abs(f[column + i]) * weight
            terms[begin + i] += 1
        for i in range(k, m):
            row = rows[border + i - k]
            sums[row] += abs(f[column + i]) * weight
            terms[row] += 1


@jit(
    [
        int64(
            int64, int32[::1], int32[::1], int64[::1], int32[::1], int32[::1], int32[::1],
            int32[::1], int32[::1], float64[::1], int64, float64[::1], int64[::1], float64[::1], int64[::1],
        )
    ]
)  # fmt: skip
def count_negative(  # type: ignore[no-untyped-def]
    count, first, above, pointers, rows, order, inverse, indptr, indices, data, largest, stack, place, sums, terms
):  # fmt: skip
    """Negative pivots of a symmetric matrix of which both triangles are stored; -1 where a pivot is zero."""
    f = np.empty(leading_dimension(largest) * largest + 16, np.float64)
    position = np.empty(first[count], np.int64)
    relative = np.empty(largest, np.int64)
    child = np.full(count, -1, np.int64)
    sibling = np.full(count, -1, np.int64)
    for s in range(count - 1, -1, -1):
        if above[s] != -1:
            sibling[s] = child[above[s]]
            child[above[s]] = s
    top, negative = 0, 0
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
                if i >= begin + c:
                    f[c * ld + position[i]] += data[q]
        below = child[s]
        while below != -1:
            p = pointers[below]
            size = pointers[below + 1] - p
            for q in range(size):
                relative[q] = position[rows[p + q]]
            at = place[below]
            top = min(top, at)
            for c in range(size):
                column = relative[c] * ld
                for q in range(c, size):
                    f[column + relative[q]] += stack[at + q]
                at += size
            below = sibling[below]
        if _eliminate(f, ld, m, k) >= 0:
            return -1
        for p in range(k):
            negative += f[p * ld + p] < 0.0
        _sizes(f, ld, m, k, begin, rows, border, sums, terms)
        place[s] = top
        for c in range(r):
            source = uint64((k + c) * ld + k + c)
            to = uint64(top + c * r + c)
            for q in range(uint64(r - c)):
                stack[to + q] = f[source + q]
        top += r * r
    return negative
