"""Vertices of degree two and less, eliminated before the quotient graph of `amd` is set up.

They are what minimum degree begins with. Trees, chains, and what hangs on them fall away at the cost of reading their
edges: nothing fills in but the edge between the two neighbours of a vertex, and that takes its place in their lists.
Of power grids and circuits this leaves a few vertices in ten.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64, uint64

from fsci.kernels.jit import jit

__all__ = ["eliminate_low_degrees"]

# Lists longer than this are not searched for a vertex to replace: a bound on the work for each, not a tuning.
_LONG = 64


@jit([int64(int64, i[::1], i[::1], i[::1], i[::1], float64[::1]) for i in (int32,)])
def eliminate_low_degrees(n, starts, lists, length, order, costs):  # type: ignore[no-untyped-def]
    """Fill the front of `order`, and give how many vertices were eliminated.

    `lists` is overwritten with the graph that is left, ``lists[starts[i] : starts[i] + length[i]]`` what i meets there;
    a vertex that is gone has the length -1. `costs` receives the entries and flops of the columns eliminated.
    """
    kind = lists.dtype
    degree = np.empty(n, kind)
    waiting = np.empty(3 * n, kind)  # degree two from the left; one and none, which go first, from the right
    low, high = 0, 3 * n
    for i in range(n - 1, -1, -1):
        d = starts[uint64(i + 1)] - starts[uint64(i)]
        length[uint64(i)] = d
        degree[uint64(i)] = d
        if d == 2:
            waiting[uint64(low)] = i
            low += 1
        elif d < 2:
            high -= 1
            waiting[uint64(high)] = i
    done = 0
    entries, flops = 0.0, 0.0
    while low > 0 or high < 3 * n:
        if high < 3 * n:
            i = waiting[uint64(high)]
            high += 1
        else:
            low -= 1
            i = waiting[uint64(low)]
        if length[uint64(i)] < 0:
            continue
        # The neighbours that are left.
        d = degree[uint64(i)]
        a, b = -1, -1
        q = starts[uint64(i)]
        stop = q + length[uint64(i)]
        while q < stop:
            j = lists[uint64(q)]
            if length[uint64(j)] >= 0:
                if a < 0:
                    a = j
                else:
                    b = j
            q += 1
        if d == 2:
            if length[uint64(a)] > _LONG or length[uint64(b)] > _LONG:
                continue
            # Each takes the other where i stood, unless it has it.
            at, to, known = -1, starts[uint64(a)], False
            for q in range(uint64(to), uint64(to + length[uint64(a)])):
                j = lists[q]
                if length[uint64(j)] >= 0:
                    lists[uint64(to)] = j
                    if j == i:
                        at = to
                    known = known or j == b
                    to += 1
            if known:
                to -= 1
                lists[uint64(at)] = lists[uint64(to)]
            else:
                lists[uint64(at)] = b
            length[uint64(a)] = to - starts[uint64(a)]
            at, to = -1, starts[uint64(b)]
            for q in range(uint64(to), uint64(to + length[uint64(b)])):
                j = lists[q]
                if length[uint64(j)] >= 0:
                    lists[uint64(to)] = j
                    if j == i:
                        at = to
                    to += 1
            if known:
                to -= 1
                lists[uint64(at)] = lists[uint64(to)]
            else:
                lists[uint64(at)] = a
            length[uint64(b)] = to - starts[uint64(b)]
            lost = 1 if known else 0
        else:
            lost = 1
        length[uint64(i)] = -1
        order[uint64(done)] = i
        done += 1
        entries += d + 1.0
        flops += (d + 1.0) * (d + 1.0)
        if lost > 0:
            for j in (a, b):
                if j >= 0:
                    left = degree[uint64(j)] - 1
                    degree[uint64(j)] = left
                    if left == 2:
                        waiting[uint64(low)] = j
                        low += 1
                    elif left < 2:
                        high -= 1
                        waiting[uint64(high)] = j
    costs[0], costs[1] = entries, flops
    # What has gone leaves the lists.
    for i in range(n):
        if length[uint64(i)] < 0:
            continue
        to = starts[uint64(i)]
        for q in range(uint64(to), uint64(to + length[uint64(i)])):
            j = lists[q]
            if length[uint64(j)] >= 0:
                lists[uint64(to)] = j
                to += 1
        length[uint64(i)] = to - starts[uint64(i)]
    return done
