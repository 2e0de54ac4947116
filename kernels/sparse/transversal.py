"""Block triangular form: a transversal of entries that are not small, and the strong components under it.

Rows are matched to columns by the largest entry that is free, then along alternating paths (Duff, 1981); the
strong components of the matched matrix, in the order in which a depth-first search completes them, make it upper
triangular by blocks (Tarjan, 1972; Duff and Reid, 1978; Pothen and Fan, 1990).
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64

from fsci.kernels.jit import jit

__all__ = ["TOO_LONG", "components", "transversal"]

_KINDS = [(float64, int32), (complex128, int32)]

# A diagonal entry that is this share of the largest of its column is matched where it stands: it keeps the symmetry
# of the pattern, on which minimum degree lives. A smaller one waits for what the others leave.
_DIAGONAL = 1e-3
# Of the entries of a column, matched first is the largest that is free, if it is this share of the largest of all.
_LARGE = 0.1
TOO_LONG = -1
# Entries looked at along alternating paths, in units of the stored ones, before the search is given up.
_PATIENCE = 4


@jit([int64(int64, i[::1], i[::1], d[::1], i[::1]) for d, i in _KINDS])
def transversal(n, indptr, indices, data, row_of):  # type: ignore[no-untyped-def]
    """Match a row to each column; gives how many columns got one: fewer than n in a structurally singular matrix.

    Or `TOO_LONG`, where the search for the last ones looks at the matrix more than a few times.
    """
    column_of = np.full(n, -1, indices.dtype)
    largest = np.zeros(n)
    found = 0
    for j in range(n):
        row_of[j] = -1
        own, peak = 0.0, 0.0
        for k in range(indptr[j], indptr[j + 1]):
            size = abs(data[k])
            peak = max(peak, size)
            if indices[k] == j:
                own = size
        largest[j] = peak
        if own > 0.0 and own >= _DIAGONAL * peak:
            row_of[j] = j
            column_of[j] = j
            found += 1
    if found == n:
        return found
    for j in range(n):
        if row_of[j] >= 0:
            continue
        best, at = 0.0, -1
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            size = abs(data[k])
            if size > best and column_of[i] < 0:
                best, at = size, i
        if at >= 0 and best >= _LARGE * largest[j]:
            row_of[j] = at
            column_of[at] = j
            found += 1
    ahead = indptr[:n].copy()
    following = np.empty(n, indices.dtype)
    seen = np.full(n, -1, indices.dtype)
    path = np.empty(n, indices.dtype)
    looked = np.int64(0)
    for start in range(n):
        if row_of[start] >= 0:
            continue
        depth = 0
        path[0] = start
        following[start] = indptr[start]
        free = -1
        while depth >= 0:
            j = path[depth]
            while ahead[j] < indptr[j + 1]:
                k = ahead[j]
                ahead[j] += 1
                if column_of[indices[k]] < 0 and abs(data[k]) > 0.0:
                    free = indices[k]
                    break
            if free >= 0:
                break
            deeper = False
            while following[j] < indptr[j + 1]:
                k = following[j]
                following[j] += 1
                looked += 1
                i = indices[k]
                if seen[i] != start and abs(data[k]) > 0.0:
                    seen[i] = start
                    depth += 1
                    path[depth] = column_of[i]
                    following[column_of[i]] = indptr[column_of[i]]
                    deeper = True
                    break
            if not deeper:
                depth -= 1
            if looked > _PATIENCE * np.int64(indptr[n]):
                return TOO_LONG
        if free < 0:
            return found
        for at_depth in range(depth, -1, -1):
            j = path[at_depth]
            before = row_of[j]
            row_of[j] = free
            column_of[free] = j
            free = before
        found += 1
    return found


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
