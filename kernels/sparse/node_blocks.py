"""Several unknowns to a node: found in a matrix by its translations, and the graph of its nodes.

Elasticity has a displacement in each direction at every node; moving all nodes alike strains nothing, so that
the rows of inner nodes have, for each direction, entries that sum to zero. Vanek, Mandel and Brezina (1996) aggregate
the nodes, and give every aggregate these d translations; its rotations would need the nodes' coordinates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int32, int64

from fsci.kernels.jit import jit

__all__ = ["aggregated_nodes", "node_graph", "strained_rows", "unknowns_of"]

# Unknowns of a node in the plane and in space.
_SIZES = (2, 3)
# Share of a row's moduli that rounding leaves of a sum that is zero.
_ROUNDED = 1e-8
# Rows at an edge that is held still are strained by a translation: no more than so many.
_STRAINED = 0.5


@jit([int64(int32[::1], int32[::1], float64[::1], int64, float64, int64)])
def strained_rows(indptr, indices, data, d, rounded, most):  # type: ignore[no-untyped-def]
    """Rows on which a translation of all nodes, d unknowns each, leaves a force; ends where they are over `most`."""
    count = 0
    sums = np.empty(d)
    for i in range(indptr.size - 1):
        sums[:] = 0.0
        size = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            sums[indices[k] % d] += data[k]
            size += abs(data[k])
        for c in range(d):
            if not abs(sums[c]) <= rounded * size:
                count += 1
                break
        if count > most:
            break
    return count


@jit([int64(int32[::1], int32[::1], float64[::1], int64, int32[::1], int32[::1], float64[::1])])
def node_graph(indptr, indices, data, d, g_indptr, g_indices, g_data):  # type: ignore[no-untyped-def]
    """Entries of the graph of the nodes, each the sum of the squares of its block; without room only counted."""
    nodes = (indptr.size - 1) // d
    place = np.full(nodes, -1, np.int64)
    fill = g_indices.size > 0
    used = 0
    g_indptr[0] = 0
    for node in range(nodes):
        start = used
        for k in range(indptr[node * d], indptr[node * d + d]):
            other = indices[k] // d
            if place[other] < start:
                place[other] = used
                if fill:
                    g_indices[used], g_data[used] = other, 0.0
                used += 1
            if fill:
                g_data[place[other]] += data[k] * data[k]
        g_indptr[node + 1] = used
    return used


def unknowns_of(indptr: Any, indices: Any, data: Any) -> int:
    """Unknowns of a node: d where the d translations strain no more than the edges; else 1."""
    rows = indptr.size - 1
    most = int(_STRAINED * rows)
    for d in _SIZES:
        if rows % d == 0 and strained_rows(indptr, indices, data, d, _ROUNDED, most) <= most:
            return d
    return 1


def aggregated_nodes(a: Any, d: int, threshold: float, aggregate: Any) -> tuple[Any, int]:
    """Owner of each row, and the number of owners: row ``d k + c`` belongs to unknown c of the aggregate of node k.

    A block is as strong as its norm over the strongest of its two nodes: over the diagonal's none would be in space,
    where a node has 26 neighbours.
    """
    rows, columns, entries = a
    nodes = (rows.size - 1) // d
    indptr = np.empty(nodes + 1, np.int32)
    used = node_graph(rows, columns, entries, d, indptr, np.empty(0, np.int32), np.empty(0))
    indices, squares = np.empty(used, np.int32), np.empty(used)
    node_graph(rows, columns, entries, d, indptr, indices, squares)
    node = np.repeat(np.arange(nodes), np.diff(indptr))
    norms, off = np.sqrt(squares), node != indices
    strongest = np.zeros(nodes)
    np.maximum.at(strongest, node[off], norms[off])
    scale = 1.0 / np.sqrt(np.where(strongest > 0.0, strongest, 1.0))
    owner = np.empty(nodes, np.int32)
    count = aggregate(indptr, indices, norms * scale[node] * scale[indices], threshold, owner)
    return (d * owner[:, None] + np.arange(d, dtype=np.int32)).ravel(), d * int(count)
