"""Sparse LU on a pattern known beforehand: row k of L and column k of U together, without a search.

Where every pivot stands where the ordering put it, the pattern of ``L + U.T`` is that of the Cholesky factor of
``B + B.T``, and the rows of that follow from its elimination tree (Liu, 1990): the paths from the entries of the row
towards the root (Davis, 2005, for ``L D L.T``). An entry of L and its mirror in U are found, and used, side by side.
A pivot is refused by the rule of `left_looking`; all is then left to the factorization that exchanges rows.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, types, uint64

from fsci.kernels.jit import jit

__all__ = ["REFUSED", "factor_in_place"]

_KINDS = [(float64, int32), (complex128, int32)]
REFUSED = -3


@jit(inline=True)
def _backwards(a, first, last):  # type: ignore[no-untyped-def]
    """Turn ``a[first:last]`` round; gives `last`."""
    low, high = uint64(first), uint64(last)
    while low + uint64(1) < high:
        high -= uint64(1)
        a[low], a[high] = a[high], a[low]
        low += uint64(1)
    return last


@jit(
    [
        types.Tuple((int64, i[::1], d[::1], i[::1], d[::1]))(
            int64, i[::1], i[::1], d[::1], i[::1], i[::1], float64[::1], float64, int64, int64,
            i[::1], i[::1], int64[::1], int64[::1], d[::1],
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def factor_in_place(  # type: ignore[no-untyped-def]
    n, indptr, indices, data, columns, candidates, scales, share, guess, limit,
    pivot_rows, places, lptr, uptr, pivots,
):  # fmt: skip
    """Factor all as one block, as `factor_columns` does, each pivot the row preferred; `REFUSED` where one is small."""
    kind = indices.dtype
    one, two = uint64(1), uint64(2)
    zero = data.dtype.type(0)
    for k in range(uint64(n)):
        places[uint64(candidates[k])] = k
        pivot_rows[k] = candidates[k]
    # Rows of the strict lower triangle, by counting. Which side of the diagonal an entry stands on is not to be
    # foreseen by a processor: what belongs elsewhere goes into a slot that nobody reads.
    below = np.zeros(n + 1, kind)
    for k in range(uint64(n)):
        column = uint64(columns[k])
        for q in range(uint64(indptr[column]), uint64(indptr[column + one])):
            i = places[uint64(indices[q])]
            below[uint64(i + 1 if i > k else 0)] += 1
    below[0] = 0
    for k in range(uint64(n)):
        below[k + one] += below[k]
    unread = below[uint64(n)]
    ends = below.copy()
    left, values = np.empty(unread + 1, kind), np.empty(unread + 1, data.dtype)
    # Tree, counts, and the pattern of each row backwards: what a walk meets first comes last.
    parent, mark = np.full(n, -1, kind), np.full(n, -1, kind)
    counts = np.zeros(n, np.int64)
    ui = np.empty(guess, kind)
    uend = 0
    uptr[0] = 0
    inverses = np.zeros(n + 1, data.dtype)  # the diagonal, until its turn comes
    for k in range(n):
        column = uint64(columns[uint64(k)])
        mark[uint64(k)] = k
        if uend + k > ui.size:
            if 2 * uend > limit:
                return REFUSED, ui, values, ui, values
            wider = np.empty(ui.size + ui.size // 2 + n, kind)
            wider[:uend] = ui[:uend]
            ui = wider
        first = uend
        for q in range(uint64(indptr[column]), uint64(indptr[column + one])):
            row = uint64(indices[q])
            i = places[row]
            value = data[q] * scales[row]
            inverses[uint64(i if i == k else n)] = value
            at = uint64(ends[uint64(i if i > k else n)])
            left[at] = k
            values[at] = value
            ends[uint64(i)] += 1 if i > k else 0
            h = i if i < k else k  # where no walk begins
            while mark[uint64(h)] != k:
                mark[uint64(h)] = k
                ui[uint64(uend)] = h
                uend += 1
                counts[uint64(h)] += 1
                if parent[uint64(h)] < 0:
                    parent[uint64(h)] = k
                h = parent[uint64(h)]
            first = _backwards(ui, first, uend)
        for q in range(uint64(below[uint64(k)]), uint64(below[uint64(k + 1)])):
            h = left[q]
            while mark[uint64(h)] != k:
                mark[uint64(h)] = k
                ui[uint64(uend)] = h
                uend += 1
                counts[uint64(h)] += 1
                if parent[uint64(h)] < 0:
                    parent[uint64(h)] = k
                h = parent[uint64(h)]
            first = _backwards(ui, first, uend)
        uptr[uint64(k + 1)] = uend
    # Numbers: entry (i, j) of L beside entry (j, i) of U, and the same for row and column k at work.
    filled = np.empty(n, np.int64)
    lptr[0] = 0
    for k in range(n):
        filled[uint64(k)] = lptr[uint64(k)]
        lptr[uint64(k + 1)] = lptr[uint64(k)] + counts[uint64(k)]
    li, pairs = np.empty(uend, kind), np.empty(2 * uend, data.dtype)
    ux, lx = np.empty(uend, data.dtype), np.empty(uend, data.dtype)
    w = np.zeros(2 * n + 1, data.dtype)
    most = 1.0 / (share * share)
    for k in range(uint64(n)):
        column = uint64(columns[k])
        for q in range(uint64(indptr[column]), uint64(indptr[column + one])):
            row = uint64(indices[q])
            i = places[row]
            w[uint64(2 * i if i < k else 2 * n)] = data[q] * scales[row]
        for q in range(uint64(below[k]), uint64(below[k + one])):
            w[two * uint64(left[q]) + one] = values[q]
        pivot = inverses[k]
        s, stop = uint64(uptr[k + one]), uint64(uptr[k])
        while s > stop:
            s -= one
            j = uint64(ui[s])
            u, v = w[two * j], w[two * j + one] * inverses[j]
            w[two * j] = zero
            w[two * j + one] = zero
            if not v.real * v.real + v.imag * v.imag <= most:
                return REFUSED, li, lx, ui, ux
            end = uint64(filled[j])
            for p in range(uint64(lptr[j]), end):
                i = two * uint64(li[p])
                w[i] -= pairs[two * p] * u
                w[i + one] -= pairs[two * p + one] * v
            pivot -= v * u
            li[end] = k
            pairs[two * end] = v
            pairs[two * end + one] = u
            ux[s] = u
            filled[j] = end + one
        if not abs(pivot) > 0.0:
            return REFUSED, li, lx, ui, ux
        pivots[k] = pivot
        inverses[k] = 1.0 / pivot
    for p in range(uint64(uend)):
        li[p] = candidates[uint64(li[p])]
        lx[p] = pairs[two * p]
    return 0, li, lx, ui, ux
