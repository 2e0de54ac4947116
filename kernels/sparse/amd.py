"""Approximate minimum degree ordering: vertices of low degree by their lists, the rest on a quotient graph."""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.low_degree import eliminate_low_degrees
from fsci.kernels.sparse.quotient_graph import quotient_graph

__all__ = ["amd", "symmetrized"]

# One vertex in so many must have a degree of two or less for these to be eliminated by themselves: measured on power
# grids and circuits, where half of them or more have, and on others, where a tenth have and nothing is gained.
_FEW = 4


@jit([i[::1](int64, i[::1], i[::1], i[::1]) for i in (int32,)])
def symmetrized(n, indptr, indices, starts):  # type: ignore[no-untyped-def]
    """Adjacency lists of the pattern of ``A + A.T`` without its diagonal, in order; `starts` receives the pointers."""
    turned = np.zeros(n + 1, indices.dtype)
    for k in range(indptr[uint64(n)]):
        turned[uint64(indices[uint64(k)] + 1)] += 1
    for j in range(n):
        turned[uint64(j + 1)] += turned[uint64(j)]
    place = turned[:n].copy()
    rows = np.empty(indptr[uint64(n)], indices.dtype)
    for j in range(n):
        for k in range(indptr[uint64(j)], indptr[uint64(j + 1)]):
            i = indices[uint64(k)]
            rows[uint64(place[uint64(i)])] = j
            place[uint64(i)] += 1
    lists = np.empty(2 * indptr[uint64(n)], indices.dtype)
    filled = 0
    starts[0] = 0
    for j in range(n):
        p, p_stop = indptr[uint64(j)], indptr[uint64(j + 1)]
        q, q_stop = turned[uint64(j)], turned[uint64(j + 1)]
        while p < p_stop or q < q_stop:
            i = indices[uint64(p)] if p < p_stop else n
            h = rows[uint64(q)] if q < q_stop else n
            if i <= h:
                p += 1
            if h <= i:
                q += 1
            m = min(i, h)
            if m != j:
                lists[uint64(filled)] = m
                filled += 1
        starts[uint64(j + 1)] = filled
    return lists[:filled].copy()


@jit([int64(int64, i[::1], i[::1], i[::1], float64[::1]) for i in (int32,)])
def amd(n, starts, lists, order, costs):  # type: ignore[no-untyped-def]
    """Order the graph of these adjacency lists; ``order[k]`` becomes the k-th pivot. Gives the number set aside.

    `costs` receives bounds on the entries of a Cholesky factor and on its flops, from the degrees met on the way.
    """
    few = 0
    for i in range(uint64(n)):
        few += starts[i + uint64(1)] - starts[i] <= 2
    if _FEW * few < n:
        return quotient_graph(n, starts, lists, order, costs)
    left, length = lists.copy(), np.empty(n, lists.dtype)
    done = eliminate_low_degrees(n, starts, left, length, order, costs)
    if done == n:
        return 0
    m = n - done
    number, kept, begins = np.empty(n, lists.dtype), np.empty(m, lists.dtype), np.empty(m + 1, lists.dtype)
    m = 0
    for i in range(uint64(n)):
        if length[i] >= 0:
            number[i] = m
            kept[uint64(m)] = i
            m += 1
    used = 0
    for k in range(uint64(m)):
        begins[k] = used
        i = uint64(kept[k])
        for q in range(uint64(starts[i]), uint64(starts[i] + length[i])):
            left[uint64(used)] = number[uint64(left[q])]
            used += 1
    begins[uint64(m)] = used
    order_left, costs_left = np.empty(m, lists.dtype), np.empty(2)
    aside = quotient_graph(m, begins, left[:used], order_left, costs_left)
    for k in range(uint64(m)):
        order[uint64(done) + k] = kept[uint64(order_left[k])]
    costs[0] += costs_left[0]
    costs[1] += costs_left[1]
    return aside
