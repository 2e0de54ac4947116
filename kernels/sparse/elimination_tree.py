"""Elimination tree, postorder and column counts of the Cholesky factor, from the pattern alone.

The tree by ancestors with path compression (Liu, 1990); the counts by the skeleton matrix and
least common ancestors, in nearly linear time (Gilbert, Ng and Peyton, 1994). What a
factorization under an ordering will cost is so known exactly before anything is factored.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64, void

from fsci.kernels.jit import jit

__all__ = ["analysed", "column_counts", "etree", "postorder"]


@jit(inline=True)
def etree(n, starts, lists, order, inverse, parent):  # type: ignore[no-untyped-def]
    """Parent of each column of the permuted matrix; `starts`, `lists` as `symmetrized` gives them."""
    ancestor = np.full(n, -1, lists.dtype)
    for k in range(n):
        parent[k] = -1
        i = order[k]
        for q in range(starts[i], starts[i + 1]):
            j = inverse[lists[q]]
            while j != -1 and j < k:
                above = ancestor[j]
                ancestor[j] = k
                if above == -1:
                    parent[j] = k
                j = above


@jit(inline=True)
def postorder(n, parent, post):  # type: ignore[no-untyped-def]
    """Depth-first order of a forest whose parents come after their children."""
    first = np.full(n, -1, parent.dtype)
    sibling = np.full(n, -1, parent.dtype)
    stack = np.empty(n, parent.dtype)
    for j in range(n - 1, -1, -1):
        if parent[j] != -1:
            sibling[j] = first[parent[j]]
            first[parent[j]] = j
    k = 0
    for root in range(n):
        if parent[root] != -1:
            continue
        top = 0
        stack[0] = root
        while top >= 0:
            j = stack[top]
            child = first[j]
            if child == -1:
                top -= 1
                post[k] = j
                k += 1
            else:
                first[j] = sibling[child]
                top += 1
                stack[top] = child


@jit(inline=True)
def column_counts(n, starts, lists, order, inverse, parent, counts):  # type: ignore[no-untyped-def]
    """Entries of each column of L, diagonal included; the ordering must be a postorder of its tree."""
    first = np.full(n, -1, lists.dtype)
    highest = np.full(n, -1, lists.dtype)
    leaf = np.full(n, -1, lists.dtype)
    ancestor = np.empty(n, lists.dtype)
    for j in range(n):
        ancestor[j] = j
        counts[j] = 1 if first[j] == -1 else 0
        k = j
        while k != -1 and first[k] == -1:
            first[k] = j
            k = parent[k]
    for j in range(n):
        if parent[j] != -1:
            counts[parent[j]] -= 1
        original = order[j]
        for q in range(starts[original], starts[original + 1]):
            i = inverse[lists[q]]
            if i <= j or first[j] <= highest[i]:
                continue
            highest[i] = first[j]
            counts[j] += 1
            before = leaf[i]
            leaf[i] = j
            if before != -1:
                root = before
                while root != ancestor[root]:
                    root = ancestor[root]
                step = before
                while step != root:
                    above = ancestor[step]
                    ancestor[step] = root
                    step = above
                counts[root] -= 1
        if parent[j] != -1:
            ancestor[j] = parent[j]
    for j in range(n):
        if parent[j] != -1:
            counts[parent[j]] += counts[j]


@jit([void(int64, i[::1], i[::1], i[::1], i[::1], i[::1], float64[::1]) for i in (int32,)])
def analysed(n, starts, lists, order, parent, counts, costs):  # type: ignore[no-untyped-def]
    """Postorder `order` in place, and fill `parent` and `counts` for the postordered matrix.

    `costs` receives the entries of a Cholesky factor and the flops that it takes.
    """
    inverse = np.empty(n, lists.dtype)
    raw = np.empty(n, lists.dtype)
    post = np.empty(n, lists.dtype)
    for k in range(n):
        inverse[order[k]] = k
    etree(n, starts, lists, order, inverse, raw)
    postorder(n, raw, post)
    before = order.copy()
    place = np.empty(n, lists.dtype)
    for k in range(n):
        order[k] = before[post[k]]
        place[post[k]] = k
    for k in range(n):
        above = raw[post[k]]
        parent[k] = -1 if above == -1 else place[above]
        inverse[order[k]] = k
    column_counts(n, starts, lists, order, inverse, parent, counts)
    costs[0] = costs[1] = 0.0
    for j in range(n):
        height = float64(counts[j])
        costs[0] += height
        costs[1] += height * height
