"""Block triangular form: a transversal of entries that are not small, and the strong components under it.

Rows are matched to columns by the diagonal or the largest entry that is free, then along alternating paths, in
passes that visit a row once (Duff, 1981; Pothen and Fan, 1990, whose every other pass looks from the other end: Duff,
Kaya and Ucar, 2011). Entries that would do as pivots come first, the others only for the columns these leave. The
strong components of the matched matrix, in the order in which a depth-first search completes them, make it upper
triangular by blocks (Tarjan, 1972; Duff and Reid, 1978).
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, types

from fsci.kernels.jit import jit

__all__ = ["TOO_LONG", "components", "transversal"]

_KINDS = [(float64, int32), (complex128, int32)]

TOO_LONG = -1
# Entries looked at along alternating paths, in units of the stored ones, before the search is given up: passes
# are few, nine times the entries were the most on circuits, plants and economies.
_PATIENCE = 40


@jit(
    [
        int64(int64, i[::1], i[::1], d[::1], float64[::1], float64[::1], float64, i[::1], i[::1], int64)
        for d, i in _KINDS
    ]
)  # fmt: skip
def _augmented(n, indptr, indices, data, scales, peak, share, row_of, column_of, found):  # type: ignore[no-untyped-def]
    """Match more columns by entries of at least this share of the largest; gives how many have a row then."""
    ahead = indptr[:n].copy()
    following, path = np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    seen = np.full(n, -1, indices.dtype)
    left = np.empty(n - found, indices.dtype)
    count, turn, looked = 0, 0, np.int64(0)
    for j in range(n):
        if row_of[j] < 0:
            left[count] = j
            count += 1
    while count > 0:
        still = 0
        for s in range(count):
            depth, free = 0, -1
            path[0] = left[s]
            following[path[0]] = 0
            while depth >= 0:
                j = path[depth]
                least = share * peak[j]
                while ahead[j] < indptr[j + 1]:
                    k = ahead[j]
                    ahead[j] += 1
                    if column_of[indices[k]] < 0:
                        size = abs(data[k]) * scales[indices[k]]
                        if size > 0.0 and size >= least:
                            free = indices[k]
                            break
                if free >= 0:
                    break
                deeper = False
                while following[j] < indptr[j + 1] - indptr[j]:
                    k = indptr[j] + following[j] if turn % 2 == 0 else indptr[j + 1] - 1 - following[j]
                    following[j] += 1
                    looked += 1
                    i = indices[k]
                    if seen[i] == turn:
                        continue
                    size = abs(data[k]) * scales[i]
                    if size > 0.0 and size >= least:
                        seen[i] = turn
                        depth += 1
                        path[depth] = column_of[i]
                        following[path[depth]] = 0
                        deeper = True
                        break
                if not deeper:
                    depth -= 1
            if looked > _PATIENCE * np.int64(indptr[n]):
                return TOO_LONG
            if free < 0:
                left[still] = left[s]
                still += 1
                continue
            while depth >= 0:
                j = path[depth]
                before = row_of[j]
                row_of[j] = free
                column_of[free] = j
                free = before
                depth -= 1
            found += 1
        if still == count:
            # No path from any of the columns, in a pass that changed nothing: there is none (Berge, 1957).
            break
        count = still
        turn += 1
    return found


@jit([
    types.UniTuple(int64, 2)(int64, i[::1], i[::1], d[::1], float64[::1], float64, i[::1]) for d, i in _KINDS
])  # fmt: skip
def transversal(n, indptr, indices, data, scales, share, row_of):  # type: ignore[no-untyped-def]
    """Match a row to each column; gives how many columns got one, and how many can get one that is not weak.

    Not weak is an entry of at least this share of the largest in its column, the rows scaled. Fewer than n columns
    have a row in a structurally singular matrix. Either number is `TOO_LONG` where the search for the last ones
    looks at the matrix more than a few times.
    """
    column_of = np.full(n, -1, indices.dtype)
    peak = np.zeros(n)
    found = 0
    for j in range(n):
        row_of[j] = -1
        own = 0.0
        for k in range(indptr[j], indptr[j + 1]):
            size = abs(data[k]) * scales[indices[k]]
            peak[j] = max(peak[j], size)
            if indices[k] == j:
                own = size
        # A diagonal entry that will do keeps the symmetry of the pattern, on which minimum degree lives.
        if own > 0.0 and own >= share * peak[j]:
            row_of[j] = j
            column_of[j] = j
            found += 1
    if found == n:
        return found, found
    for j in range(n):
        if row_of[j] >= 0:
            continue
        best, at = 0.0, -1
        for k in range(indptr[j], indptr[j + 1]):
            size = abs(data[k]) * scales[indices[k]]
            if size > best and column_of[indices[k]] < 0:
                best, at = size, int64(indices[k])
        if at >= 0 and best >= share * peak[j]:
            row_of[j] = at
            column_of[at] = j
            found += 1
    strong = found
    if found < n:
        strong = found = _augmented(n, indptr, indices, data, scales, peak, share, row_of, column_of, found)
    if 0 <= found < n:
        found = _augmented(n, indptr, indices, data, scales, peak, 0.0, row_of, column_of, found)
    return found, strong


@jit([int64(int64, i[::1], i[::1], i[::1], i[::1]) for i in (int32,)])
def components(n, indptr, indices, row_of, block):  # type: ignore[no-untyped-def]
    """Number the strong components, so that no entry stands below its diagonal block; gives how many there are."""
    column_of = np.empty(n, indices.dtype)
    for j in range(n):
        column_of[row_of[j]] = j
        block[j] = -1
    number = np.full(n, -1, indices.dtype)
    low = np.empty(n, indices.dtype)
    following = np.empty(n, indices.dtype)
    path, waiting = np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    count, seen, top = 0, 0, 0
    for root in range(n):
        if number[root] >= 0:
            continue
        depth = 0
        path[0] = root
        number[root] = low[root] = seen
        seen += 1
        following[root] = indptr[root]
        waiting[top] = root
        top += 1
        while depth >= 0:
            j = path[depth]
            if following[j] < indptr[j + 1]:
                h = column_of[indices[following[j]]]
                following[j] += 1
                if number[h] < 0:
                    number[h] = low[h] = seen
                    seen += 1
                    following[h] = indptr[h]
                    waiting[top] = h
                    top += 1
                    depth += 1
                    path[depth] = h
                elif block[h] < 0:
                    low[j] = min(low[j], number[h])
                continue
            depth -= 1
            if depth >= 0:
                low[path[depth]] = min(low[path[depth]], low[j])
            if low[j] == number[j]:
                while True:
                    top -= 1
                    h = waiting[top]
                    block[h] = count
                    if h == j:
                        break
                count += 1
    return count
