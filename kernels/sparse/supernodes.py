"""Supernodes of a factor: runs of columns with one structure, relaxed so that they are worth a dense block.

Whole subtrees of a few columns become one supernode, and a supernode joins its parent where the
zeros that this stores are few, by the rule of Chen, Davis, Hager and Rajamanickam (2008, section 3.2). The
structure of a front is its own columns and the border below them, whose length the column counts give.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64, uint64, void

from fsci.kernels.jit import jit

__all__ = ["borders", "front_sizes", "independent_parts", "supernodes"]

# Subtrees of so many columns are one supernode; the work on their zeros is less than that of a front's bookkeeping.
LEAF = 8
# (columns, share of zeros): a supernode of up to so many columns may store that share of zeros.
RELAXED = ((4, 1.0), (16, 0.8), (48, 0.1), (2**62, 0.05))


@jit([int64(int64, i[::1], i[::1], i[::1]) for i in (int32,)])
def supernodes(n, parent, counts, first):  # type: ignore[no-untyped-def]
    """Fill ``first[s]`` with the first column of each supernode (and n at the end); gives their number."""
    small = np.zeros(n, np.int64)
    children = np.zeros(n, np.int64)
    for j in range(n):
        small[j] += 1
        if parent[j] != -1:
            small[parent[j]] += small[j]
            children[parent[j]] += 1
    # Supernodes by their last column, on a stack from the left: what lies to the left of a column is its subtree.
    total = 0
    last = np.empty(n, np.int64)
    zeros = np.empty(n, np.float64)
    begin = np.empty(n, np.int64)
    for j in range(n):
        if small[j] <= LEAF and small[j] > 1:
            # All of the subtree, as one.
            start = j - small[j] + 1
            stored, empty = 0.0, 0.0
            while total > 0 and begin[total - 1] >= start:
                total -= 1
            for c in range(start, j + 1):
                height = (j - c + 1) + (counts[j] - 1)
                stored += height
                empty += height - counts[c]
            begin[total], last[total], zeros[total] = start, j, empty
            total += 1
            continue
        begin[total], last[total], zeros[total] = j, j, 0.0
        total += 1
        while total > 1 and last[total - 2] + 1 == begin[total - 1] and parent[last[total - 2]] == begin[total - 1]:
            # The left one is the last child of the right one's first column.
            low, high = total - 2, total - 1
            columns = last[high] - begin[low] + 1
            left = begin[high] - begin[low]
            border = counts[last[high]] - 1
            height_left = counts[last[low]] - 1
            height = last[high] - begin[high] + 1 + border
            # Each of the left columns grows to the rows of the right one.
            empty = zeros[low] + zeros[high] + left * float(height - height_left)
            stored = columns * (columns + 1) / 2.0 + columns * float(border)
            allowed = False
            for k in range(len(RELAXED)):
                if columns <= RELAXED[k][0]:
                    allowed = empty <= RELAXED[k][1] * stored
                    break
            if not allowed:
                break
            last[low], zeros[low] = last[high], empty
            total -= 1
    for s in range(total):
        first[s] = begin[s]
    first[total] = n
    return total


@jit([int64(int64, i[::1], i[::1], i[::1], i[::1], int64[::1]) for i in (int32,)])
def front_sizes(count, first, parent, counts, above, pointers):  # type: ignore[no-untyped-def]
    """Parent supernode and place of the border of each; gives the length of all borders."""
    n = first[count]
    owner = np.empty(n, np.int64)
    for s in range(count):
        for j in range(first[s], first[s + 1]):
            owner[j] = s
    pointers[0] = 0
    for s in range(count):
        j = first[s + 1] - 1
        pointers[s + 1] = pointers[s] + counts[j] - 1
        above[s] = -1 if parent[j] == -1 else owner[parent[j]]
    return pointers[count]


@jit([int64(int64, i[::1], i[::1], int64[::1], i[::1], i[::1], i[::1], i[::1], i[::1]) for i in (int32,)])
def borders(count, first, above, pointers, starts, lists, order, inverse, rows):  # type: ignore[no-untyped-def]
    """Rows of each border, in order; -1, or a supernode whose border has not its predicted length."""
    n = first[count]
    seen = np.full(n, -1, np.int64)
    child = np.full(count, -1, np.int64)
    sibling = np.full(count, -1, np.int64)
    for s in range(count - 1, -1, -1):
        if above[s] != -1:
            sibling[s] = child[above[s]]
            child[above[s]] = s
    one = uint64(1)
    for s in range(uint64(count)):
        p = uint64(pointers[s])
        end = first[s + one]
        for j in range(uint64(first[s]), uint64(end)):
            i = uint64(order[j])
            for q in range(uint64(starts[i]), uint64(starts[i + one])):
                r = inverse[uint64(lists[q])]
                if r >= end and seen[uint64(r)] != s:
                    seen[uint64(r)] = s
                    rows[p] = r
                    p += one
        c = child[s]
        while c != -1:
            for q in range(uint64(pointers[uint64(c)]), uint64(pointers[uint64(c) + one])):
                r = rows[q]
                if r >= end and seen[uint64(r)] != s:
                    seen[uint64(r)] = s
                    rows[p] = r
                    p += one
            c = sibling[uint64(c)]
        if p != uint64(pointers[s + one]):
            return int64(s)
    # In order by two bucket sorts over all borders at once.
    by_row = np.zeros(n + 1, np.int64)
    for q in range(uint64(pointers[count])):
        by_row[uint64(rows[q]) + one] += 1
    for i in range(uint64(n)):
        by_row[i + one] += by_row[i]
    owners = np.empty(pointers[count], rows.dtype)
    for s in range(uint64(count)):
        for q in range(uint64(pointers[s]), uint64(pointers[s + one])):
            r = uint64(rows[q])
            owners[uint64(by_row[r])] = s
            by_row[r] += 1
    place = pointers[:count].copy()
    q = uint64(0)
    for i in range(uint64(n)):
        while q < uint64(by_row[i]):
            s = uint64(owners[q])
            rows[uint64(place[s])] = i
            place[s] += 1
            q += one
    return -1


@jit([void(int64, i[::1], float64[::1], int64[::1]) for i in (int32,)])
def independent_parts(count, above, work, cuts):  # type: ignore[no-untyped-def]
    """Find ``[0, cuts[0])`` and ``[cuts[0], cuts[1])`` without a common path but above both, about equally dear."""
    below = work.copy()
    start = np.arange(count)
    for s in range(count):
        p = above[s]
        if p >= 0:
            below[p] += below[s]
            start[p] = min(start[p], start[s])
    # Down from the dearest root, while one child has nearly all of the work.
    node, dearest = -1, 0.0
    for s in range(count):
        if above[s] < 0 and below[s] > dearest:
            node, dearest = s, below[s]
    total = dearest
    while node >= 0:
        heavy, first, last = -1, 0.0, -1
        for s in range(start[node], node):
            if above[s] == node:
                last = s
                if below[s] > first:
                    heavy, first = s, below[s]
        if heavy < 0:
            return
        if first > 0.7 * total:
            node = heavy
            continue
        half, best = 0.0, np.inf
        whole = below[node] - work[node]
        for s in range(start[node], node):
            if above[s] == node:
                half += below[s]
                if abs(2.0 * half - whole) < best and s != last:
                    best = abs(2.0 * half - whole)
                    cuts[0] = s + 1
        cuts[1] = last + 1
        return
