"""Left-looking sparse LU with partial pivoting, block by block, in time proportional to its flops.

A column of the factors is the solution of a sparse triangular system, whose pattern a depth-first search of the
columns before it finds (Gilbert and Peierls, 1988), on structures pruned at symmetric pairs (Eisenstat and Liu,
1992). The diagonal is preferred unless it is small, and rows are scaled by their largest entry, which for circuits
leaves few pivots elsewhere (Davis and Palamadai Natarajan, 2010). Where a symmetric ordering asks for the diagonal,
and that never is small, there is nothing to search for (`up_looking`). What stands above the diagonal blocks is never
factored: the solves read it from the matrix.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, types, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.column_solve import solve_blocks, solve_blocks_transposed
from fsci.kernels.sparse.moduli import rough_modulus
from fsci.kernels.sparse.up_looking import factor_in_place

__all__ = ["FULL", "SINGULAR", "factor_columns", "row_scales", "solve_blocks", "solve_blocks_transposed"]

_KINDS = [(float64, int32), (complex128, int32)]
SINGULAR, FULL = -1, -2


@jit([float64[::1](int64, i[::1], i[::1], d[::1]) for d, i in _KINDS])
def row_scales(n, indptr, indices, data):  # type: ignore[no-untyped-def]
    """Reciprocals of the largest entries of the rows, of complex ones roughly; one for rows of zeros."""
    scales = np.zeros(n)
    for k in range(uint64(indptr[uint64(n)])):
        i = uint64(indices[k])
        scales[i] = max(scales[i], rough_modulus(data[k]))
    for i in range(n):
        scales[i] = 1.0 / scales[i] if scales[i] > 0.0 else 1.0
    return scales


@jit(inline=True)
def _wider(a, room):  # type: ignore[no-untyped-def]
    b = np.empty(room, a.dtype)
    b[: a.size] = a
    return b


@jit(inline=True)
def _in_order(n, columns, candidates, bounds):  # type: ignore[no-untyped-def]
    """Whether a symmetric ordering of all of the matrix asks for its diagonal."""
    same = bounds.size == 2
    for k in range(uint64(n)):
        same = same and columns[k] == candidates[k]
    return same


@jit(
    [
        types.Tuple((int64, i[::1], d[::1], i[::1], d[::1]))(
            int64, i[::1], i[::1], d[::1], i[::1], i[::1], i[::1], float64[::1], float64, int64, int64,
            i[::1], i[::1], int64[::1], int64[::1], d[::1],
        )
        for d, i in _KINDS
    ]
)  # fmt: skip
def factor_columns(  # type: ignore[no-untyped-def]
    n, indptr, indices, data, columns, candidates, bounds, scales, share, guess, limit,
    pivot_rows, places, lptr, uptr, pivots,
):  # fmt: skip
    """Factor the diagonal blocks; gives how many pivots stand off the diagonal, and rows and values of L and U.

    ``columns[k]`` and ``candidates[k]`` are the column, and the row preferred, at place k; ``bounds`` the places where
    blocks begin. Rows of L are those of the matrix, rows of U are places. A negative number tells that a column is
    left without a pivot, or that the factors take more than `limit` entries; ``pivots[0]`` then holds nothing.
    """
    if _in_order(n, columns, candidates, bounds):
        status, li, lx, ui, ux = factor_in_place(
            n, indptr, indices, data, columns, candidates, scales, share, guess, limit,
            pivot_rows, places, lptr, uptr, pivots,
        )  # fmt: skip
        if status == 0:
            return status, li, lx, ui, ux
    kind = indices.dtype
    li, lx = np.empty(guess, kind), np.empty(guess, data.dtype)
    ui, ux = np.empty(guess, kind), np.empty(guess, data.dtype)
    x = np.zeros(n, data.dtype)
    mark = np.full(n, -1, kind)
    pruned = np.empty(n, np.int64)
    resume = np.empty(n, np.int64)
    path = np.empty(n, kind)
    order = np.empty(n, kind)
    candidate = candidates.copy()
    owner = np.empty(n, kind)
    for k in range(n):
        owner[candidate[k]] = k
        places[k] = -1
    lend, uend = 0, 0
    swapped = 0
    lptr[0] = uptr[0] = 0
    for b in range(bounds.size - 1):
        k1, k2 = bounds[b], bounds[b + 1]
        if k2 == k1 + 1:
            i, column = candidate[k1], columns[k1]
            for q in range(indptr[column], indptr[column + 1]):
                if indices[q] == i:
                    pivots[k1] = data[q] * scales[i]
            if not abs(pivots[k1]) > 0.0:
                return SINGULAR, li, lx, ui, ux
            pivot_rows[k1] = i
            places[i] = k1
            lptr[k2] = lend
            uptr[k2] = uend
            continue
        for k in range(k1, k2):
            if max(lend, uend) + k2 - k1 > li.size:
                room = li.size + li.size // 2 + k2 - k1
                if lend + uend > limit:
                    return FULL, li, lx, ui, ux
                li, lx, ui, ux = _wider(li, room), _wider(lx, room), _wider(ui, room), _wider(ux, room)
            top = n
            column = columns[k]
            for q in range(uint64(indptr[column]), uint64(indptr[column + 1])):
                i = uint64(indices[q])
                j = places[i]
                if j >= 0 and j < k1:
                    continue
                x[i] = data[q] * scales[i]
                if mark[i] == k:
                    continue
                mark[i] = k
                if j < 0:
                    li[uint64(lend)] = indices[q]
                    lend += 1
                    continue
                depth = 0
                path[0] = j
                resume[j] = lptr[j]
                while depth >= 0:
                    j = path[depth]
                    p, stop = uint64(resume[j]), uint64(pruned[j])
                    deeper = False
                    while p < stop:
                        r = uint64(li[p])
                        p += uint64(1)
                        if mark[r] != k:
                            mark[r] = k
                            h = places[r]
                            if h >= 0:
                                resume[j] = p
                                depth += 1
                                path[depth] = h
                                resume[h] = lptr[h]
                                deeper = True
                                break
                            li[uint64(lend)] = r
                            lend += 1
                    if not deeper:
                        depth -= 1
                        top -= 1
                        order[top] = j
            for s in range(top, n):
                j = order[s]
                r = pivot_rows[j]
                value = x[r]
                x[r] = 0
                ui[uend] = j
                ux[uend] = value
                uend += 1
                for p in range(uint64(lptr[j]), uint64(lptr[j + 1])):
                    x[uint64(li[p])] -= lx[p] * value
            own = candidate[k]
            best, at, diagonal = -1.0, -1, -1
            for p in range(uint64(lptr[k]), uint64(lend)):
                i = uint64(li[p])
                value = x[i]
                x[i] = 0
                lx[p] = value
                size = abs(value)
                if size > best:
                    best, at = size, int64(p)
                if i == uint64(own):
                    diagonal = int64(p)
            if not best > 0.0:
                return SINGULAR, li, lx, ui, ux
            if diagonal >= 0 and abs(lx[diagonal]) >= share * best:
                at = diagonal
            pivot_row, pivot = li[at], lx[at]
            if pivot_row != own:
                # The row that was preferred here is now preferred where this one was.
                other = owner[pivot_row]
                candidate[other] = own
                owner[own] = other
                swapped += 1
            pivot_rows[k] = pivot_row
            places[pivot_row] = k
            pivots[k] = pivot
            lend -= 1
            li[at], lx[at] = li[lend], lx[lend]
            inverse = 1.0 / pivot
            for p in range(uint64(lptr[k]), uint64(lend)):
                lx[p] *= inverse
            lptr[k + 1] = lend
            uptr[k + 1] = uend
            pruned[k] = lend
            for s in range(uptr[k], uend):
                j = ui[s]
                if pruned[j] != lptr[j + 1]:
                    continue
                for p in range(uint64(lptr[j]), uint64(lptr[j + 1])):
                    if li[p] == pivot_row:
                        head, tail = lptr[j], lptr[j + 1]
                        while head < tail:
                            if places[li[head]] >= 0:
                                head += 1
                            else:
                                tail -= 1
                                li[head], li[tail] = li[tail], li[head]
                                lx[head], lx[tail] = lx[tail], lx[head]
                        pruned[j] = tail
                        break
    return swapped, li, lx, ui, ux
