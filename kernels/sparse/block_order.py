"""Orders of a matrix in block triangular form: the graph of its diagonal blocks, and places block by block."""

from __future__ import annotations

import numpy as np
from numba import int32, int64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.amd import symmetrized

__all__ = ["block_graph", "by_blocks"]


@jit([i[::1](int64, i[::1], i[::1], i[::1], i[::1], i[::1]) for i in (int32,)])
def block_graph(n, indptr, indices, row_of, block, starts):  # type: ignore[no-untyped-def]
    """Adjacency lists of ``B + B.T``, B the diagonal blocks of the matrix whose row ``row_of[j]`` stands at j."""
    column_of = np.empty(n, indices.dtype)
    for j in range(n):
        column_of[row_of[j]] = j
    turned = np.zeros(n + 1, indices.dtype)
    for j in range(n):
        for k in range(indptr[j], indptr[j + 1]):
            h = column_of[indices[k]]
            if block[h] == block[j]:
                turned[h + 1] += 1
    for j in range(n):
        turned[j + 1] += turned[j]
    place = turned[:n].copy()
    columns = np.empty(turned[n], indices.dtype)
    for j in range(n):
        for k in range(indptr[j], indptr[j + 1]):
            h = column_of[indices[k]]
            if block[h] == block[j]:
                columns[place[h]] = j
                place[h] += 1
    return symmetrized(n, turned, columns, starts)


@jit([int64(int64, i[::1], i[::1], i[::1], i[::1], i[::1], i[::1]) for i in (int32,)])
def by_blocks(n, order, block, row_of, columns, candidates, bounds):  # type: ignore[no-untyped-def]
    """Columns block by block, each in the given order, and the rows that are matched to them; gives the largest."""
    count = bounds.size - 1
    for k in range(count + 1):
        bounds[k] = 0
    for j in range(n):
        bounds[block[j] + 1] += 1
    largest = 0
    for k in range(count):
        largest = max(largest, bounds[k + 1])
        bounds[k + 1] += bounds[k]
    place = bounds[:count].copy()
    for k in range(n):
        j = order[k]
        at = place[block[j]]
        columns[at] = j
        candidates[at] = row_of[j]
        place[block[j]] = at + 1
    return largest
