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


@jit(
    [
        types.Tuple((int64, i[::1], d[::1], i[::1], d[::1]))(
            int64, i[::1], i[::1], d[::1], i[::1], i[::1], i[::1], float64[::1], float64, int64, int64,
            i[::1], i[::1], int64[::1], int64[::1], d[::1],
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def factor_in_place(  # type: ignore[no-untyped-def]
    n, indptr, indices, data, columns, candidates, bounds, scales, share, guess, limit,
    pivot_rows, places, lptr, uptr, pivots,
):  # fmt: skip
    """Factor as `factor_columns` does, every pivot the row preferred; `REFUSED` where one of them is too small."""
    kind = indices.dtype
    one, two = uint64(1), uint64(2)
    zero = data.dtype.type(0)
    for k in range(n):
        places[uint64(candidates[uint64(k)])] = k
        pivot_rows[uint64(k)] = candidates[uint64(k)]
    begins = np.empty(n, kind)  # of the block of a place
    for b in range(bounds.size - 1):
        for k in range(bounds[uint64(b)], bounds[uint64(b + 1)]):
            begins[uint64(k)] = bounds[uint64(b)]
    # Rows of the strict lower triangle, by counting.
    below = np.zeros(n + 1, kind)
    for k in range(uint64(n)):
        column = uint64(columns[k])
        for q in range(uint64(indptr[column]), uint64(indptr[column + one])):
            i = places[uint64(indices[q])]
            if i > k and begins[uint64(i)] == begins[k]:
                below[uint64(i) + one] += 1
    for k in range(uint64(n)):
        below[k + one] += below[k]
    ends = below[:n].copy()
    left, values = np.empty(below[uint64(n)], kind), np.empty(below[uint64(n)], data.dtype)
    # Tree, counts, and the pattern of each row backwards: what a walk meets first comes last.
    parent, mark = np.full(n, -1, kind), np.full(n, -1, kind)
    counts = np.zeros(n, np.int64)
    path = np.empty(n, kind)
    ui = np.empty(guess, kind)
    uend = 0
    uptr[0] = 0
    for k in range(n):
        column = uint64(columns[uint64(k)])
        start = begins[uint64(k)]
        mark[uint64(k)] = k
        if uend + k - start > ui.size:
            if 2 * uend > limit:
                return REFUSED, ui, values, ui, values
            wider = np.empty(ui.size + ui.size // 2 + n, kind)
            wider[:uend] = ui[:uend]
            ui = wider
        pivots[uint64(k)] = 0
        q, stop = uint64(indptr[column]), uint64(indptr[column + one])
        r, last = uint64(below[uint64(k)]), uint64(below[uint64(k + 1)])
        while q < stop or r < last:
            if q < stop:
                row = uint64(indices[q])
                i = places[row]
                if i >= k:
                    if i == k:
                        pivots[uint64(k)] = data[q] * scales[row]
                    elif begins[uint64(i)] == start:
                        at = uint64(ends[uint64(i)])
                        left[at] = k
                        values[at] = data[q] * scales[row]
                        ends[uint64(i)] += 1
                    q += one
                    continue
                q += one
                if i < start:
                    continue
            else:
                i = left[r]
                r += one
            steps = 0
            while mark[uint64(i)] != k:
                mark[uint64(i)] = k
                path[uint64(steps)] = i
                steps += 1
                counts[uint64(i)] += 1
                if parent[uint64(i)] < 0:
                    parent[uint64(i)] = k
                i = parent[uint64(i)]
            while steps > 0:
                steps -= 1
                ui[uint64(uend)] = path[uint64(steps)]
                uend += 1
        uptr[uint64(k + 1)] = uend
    # Numbers: entry (i, j) of L beside entry (j, i) of U, and the same for row and column k at work.
    filled = np.empty(n, np.int64)
    lptr[0] = 0
    for k in range(n):
        filled[uint64(k)] = lptr[uint64(k)]
        lptr[uint64(k + 1)] = lptr[uint64(k)] + counts[uint64(k)]
    li, pairs = np.empty(uend, kind), np.empty(2 * uend, data.dtype)
    ux, lx = np.empty(uend, data.dtype), np.empty(uend, data.dtype)
    w = np.zeros(2 * n, data.dtype)
    inverses = np.empty(n, data.dtype)
    most = 1.0 / (share * share)
    for k in range(uint64(n)):
        column = uint64(columns[k])
        start = begins[k]
        for q in range(uint64(indptr[column]), uint64(indptr[column + one])):
            row = uint64(indices[q])
            i = places[row]
            if i < k and i >= start:
                w[two * uint64(i)] = data[q] * scales[row]
        for q in range(uint64(below[k]), uint64(below[k + one])):
            w[two * uint64(left[q]) + one] = values[q]
        pivot = pivots[k]
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
