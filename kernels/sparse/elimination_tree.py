"""Elimination tree, postorder and column counts of the Cholesky factor, from the pattern alone.

The tree by ancestors with path compression (Liu, 1990); the counts by the skeleton matrix and
least common ancestors, in nearly linear time (Gilbert, Ng and Peyton, 1994). What a
factorization under an ordering will cost is so known exactly before anything is factored.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64, uint64, void

from fsci.kernels.jit import jit

__all__ = ["analysed", "column_counts", "etree", "postorder"]


@jit(inline=True)
def etree(n, starts, lists, order, inverse, parent):  # type: ignore[no-untyped-def]
    """Parent of each column of the permuted matrix; `starts`, `lists` as `symmetrized` gives them."""
    ancestor = np.full(n, -1, lists.dtype)
    for k in range(n):
        parent[uint64(k)] = -1
        i = order[uint64(k)]
        for q in range(starts[uint64(i)], starts[uint64(i + 1)]):
            j = inverse[uint64(lists[uint64(q)])]
            while j != -1 and j < k:
                above = ancestor[uint64(j)]
                ancestor[uint64(j)] = k
                if above == -1:
                    parent[uint64(j)] = k
                j = above


@jit(inline=True)
def postorder(n, parent, post):  # type: ignore[no-untyped-def]
    """Depth-first order of a forest whose parents come after their children."""
    first = np.full(n, -1, parent.dtype)
    sibling = np.full(n, -1, parent.dtype)
    stack = np.empty(n, parent.dtype)
    for j in range(n - 1, -1, -1):
        if parent[uint64(j)] != -1:
            sibling[uint64(j)] = first[uint64(parent[uint64(j)])]
            first[uint64(parent[uint64(j)])] = j
    k = 0
    for root in range(n):
        if parent[uint64(root)] != -1:
            continue
        top = 0
        stack[0] = root
        while top >= 0:
            j = stack[uint64(top)]
            child = first[uint64(j)]
            if child == -1:
                top -= 1
                post[uint64(k)] = j
                k += 1
            else:
                first[uint64(j)] = sibling[uint64(child)]
                top += 1
                stack[uint64(top)] = child


@jit(inline=True)
def column_counts(n, starts, lists, order, inverse, parent, counts):  # type: ignore[no-untyped-def]
    """Entries of each column of L, diagonal included; the ordering must be a postorder of its tree."""
    first = np.full(n, -1, lists.dtype)
    highest = np.full(n, -1, lists.dtype)
    leaf = np.full(n, -1, lists.dtype)
    ancestor = np.empty(n, lists.dtype)
    for j in range(n):
        ancestor[uint64(j)] = j
        counts[uint64(j)] = 1 if first[uint64(j)] == -1 else 0
        k = j
        while k != -1 and first[uint64(k)] == -1:
            first[uint64(k)] = j
            k = parent[uint64(k)]
    for j in range(n):
        if parent[uint64(j)] != -1:
            counts[uint64(parent[uint64(j)])] -= 1
        original = order[uint64(j)]
        for q in range(starts[uint64(original)], starts[uint64(original + 1)]):
            i = inverse[uint64(lists[uint64(q)])]
            if i <= j or first[uint64(j)] <= highest[uint64(i)]:
                continue
            highest[uint64(i)] = first[uint64(j)]
            counts[uint64(j)] += 1
            before = leaf[uint64(i)]
            leaf[uint64(i)] = j
            if before != -1:
                root = before
                while root != ancestor[uint64(root)]:
                    root = ancestor[uint64(root)]
                step = before
                while step != root:
                    above = ancestor[uint64(step)]
                    ancestor[uint64(step)] = root
                    step = above
                counts[uint64(root)] -= 1
        if parent[uint64(j)] != -1:
            ancestor[uint64(j)] = parent[uint64(j)]
    for j in range(n):
        if parent[uint64(j)] != -1:
            counts[uint64(parent[uint64(j)])] += counts[uint64(j)]


@jit([void(int64, i[::1], i[::1], i[::1], i[::1], i[::1], float64[::1]) for i in (int32,)])
def analysed(n, starts, lists, order, parent, counts, costs):  # type: ignore[no-untyped-def]
    """Postorder `order` in place, and fill `parent` and `counts` for the postordered matrix.

    `costs` receives the entries of a Cholesky factor and the flops that it takes.
    """
    inverse = np.empty(n, lists.dtype)
    raw = np.empty(n, lists.dtype)
    post = np.empty(n, lists.dtype)
    for k in range(n):
        inverse[uint64(order[uint64(k)])] = k
    etree(n, starts, lists, order, inverse, raw)
    postorder(n, raw, post)
    before = order.copy()
    place = np.empty(n, lists.dtype)
    for k in range(n):
        order[uint64(k)] = before[uint64(post[uint64(k)])]
        place[uint64(post[uint64(k)])] = k
    for k in range(n):
        above = raw[uint64(post[uint64(k)])]
        parent[uint64(k)] = -1 if above == -1 else place[uint64(above)]
        inverse[uint64(order[uint64(k)])] = k
    column_counts(n, starts, lists, order, inverse, parent, counts)
    costs[0] = costs[1] = 0.0
    for j in range(n):
        height = float64(counts[uint64(j)])
        costs[0] += height
        costs[1] += height * height
