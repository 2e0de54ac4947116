"""Approximate minimum degree ordering (Amestoy, Davis and Duff, 1996).

The graph under elimination is a quotient graph: each uneliminated variable i has a list of
the elements (cliques that eliminated pivots left) and of the variables that it still meets. The degree
of a variable is bounded by ``|A_i| + |L_p - i| + sum |L_e - L_p|``, where one pass over the
new element ``L_p`` gives ``|L_e - L_p|`` for all e. Indistinguishable variables are merged by hash,
elements inside the new one are absorbed (aggressively), and variables of degree far above the rest are
set aside and ordered last.
"""

from __future__ import annotations

import numpy as np
from numba import int32, int64

from fsci.kernels.jit import jit

__all__ = ["amd", "symmetrized"]


@jit([i[::1](int64, i[::1], i[::1], i[::1]) for i in (int32,)])
def symmetrized(n, indptr, indices, starts):  # type: ignore[no-untyped-def]
    """Adjacency lists of the pattern of ``A + A.T`` without its diagonal, in order; `starts` receives the pointers."""
    turned = np.zeros(n + 1, indices.dtype)
    for k in range(indptr[n]):
        turned[indices[k] + 1] += 1
    for j in range(n):
        turned[j + 1] += turned[j]
    place = turned[:n].copy()
    rows = np.empty(indptr[n], indices.dtype)
    for j in range(n):
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            rows[place[i]] = j
            place[i] += 1
    lists = np.empty(2 * indptr[n], indices.dtype)
    filled = 0
    starts[0] = 0
    for j in range(n):
        p, p_stop = indptr[j], indptr[j + 1]
        q, q_stop = turned[j], turned[j + 1]
        while p < p_stop or q < q_stop:
            i = indices[p] if p < p_stop else n
            h = rows[q] if q < q_stop else n
            if i <= h:
                p += 1
            if h <= i:
                q += 1
            m = min(i, h)
            if m != j:
                lists[filled] = m
                filled += 1
        starts[j + 1] = filled
    return lists[:filled].copy()


@jit([int64(int64, i[::1], i[::1], i[::1]) for i in (int32,)])
def amd(n, starts, lists, order):  # type: ignore[no-untyped-def]
    """Order the graph of these adjacency lists; ``order[k]`` becomes the k-th pivot. Gives the number set aside."""
    kind = lists.dtype
    used = starts[n]
    room = used + used // 5 + n + 1
    iw = np.empty(room, kind)
    iw[:used] = lists[:used]
    pe = starts[:n].copy()
    length = np.empty(n, kind)
    elements = np.zeros(n, kind)  # how many of a variable's list are elements
    nv = np.ones(n, kind)  # variables that it stands for; 0 once eliminated or merged
    degree = np.empty(n, kind)
    parent = np.full(n, -1, kind)
    head = np.full(n + 1, -1, kind)
    following = np.full(n, -1, kind)
    previous = np.full(n, -1, kind)
    bucket = np.full(n, -1, kind)
    chain = np.full(n, -1, kind)
    w = np.ones(n, np.int64)  # 0: absorbed element; else a stamp
    is_element = np.zeros(n, np.bool_)
    pivots = np.empty(n, kind)  # elements by time
    pivot_count = 0
    mark = np.int64(2)
    eliminated = 0
    limit = max(16, int(10.0 * np.sqrt(n)))
    aside = 0
    for i in range(n):
        length[i] = starts[i + 1] - starts[i]
        degree[i] = length[i]
    for i in range(n - 1, -1, -1):
        if degree[i] > limit:
            nv[i] = 0
            pe[i] = -1
            parent[i] = -2
            aside += 1
        else:
            d = degree[i]
            h = head[d]
            if h >= 0:
                previous[h] = i
            following[i] = h
            head[d] = i
    goal = n - aside
    smallest = 0
    while eliminated < goal:
        while head[smallest] < 0:
            smallest += 1
        me = head[smallest]
        h = following[me]
        if h >= 0:
            previous[h] = -1
        head[smallest] = h
        own = nv[me]
        eliminated += own
        nv[me] = -own
        absorbed = elements[me]
        need = degree[me] + 1
        if absorbed > 0 and used + need > room:
            # Collect: the first entry of every living list names its owner while lists move down.
            for j in range(n):
                p = pe[j]
                if p >= 0 and length[j] > 0:
                    pe[j] = iw[p]
                    iw[p] = -j - 2
            to, at = 0, 0
            while at < used:
                v = iw[at]
                at += 1
                if v <= -2:
                    j = -v - 2
                    iw[to] = pe[j]
                    pe[j] = to
                    to += 1
                    for _ in range(length[j] - 1):
                        iw[to] = iw[at]
                        to += 1
                        at += 1
            used = to
            if used + need > room:
                room = used + need + n
                wider = np.empty(room, kind)
                wider[:used] = iw[:used]
                iw = wider
        # The new element: the variables that the pivot, or an element of the pivot, meets.
        size = 0
        p = pe[me]
        if absorbed == 0:
            first = p
            last = first
            for q in range(p, p + length[me]):
                i = iw[q]
                nvi = nv[i]
                if nvi > 0:
                    size += nvi
                    nv[i] = -nvi
                    iw[last] = i
                    last += 1
                    f, b = following[i], previous[i]
                    if f >= 0:
                        previous[f] = b
                    if b >= 0:
                        following[b] = f
                    else:
                        head[degree[i]] = f
        else:
            first = used
            last = first
            for turn in range(absorbed + 1):
                if turn < absorbed:
                    e = iw[p + turn]
                    q, stop = pe[e], pe[e] + length[e]
                else:
                    e = me
                    q, stop = p + absorbed, p + length[me]
                while q < stop:
                    i = iw[q]
                    q += 1
                    nvi = nv[i]
                    if nvi > 0:
                        size += nvi
                        nv[i] = -nvi
                        iw[last] = i
                        last += 1
                        f, b = following[i], previous[i]
                        if f >= 0:
                            previous[f] = b
                        if b >= 0:
                            following[b] = f
                        else:
                            head[degree[i]] = f
                if e != me:
                    parent[e] = me
                    pe[e] = -1
                    w[e] = 0
            used = last
        pe[me] = first
        length[me] = last - first
        degree[me] = size
        elements[me] = 0
        is_element[me] = True
        pivots[pivot_count] = me
        pivot_count += 1
        # How much of each element lies outside the new one.
        for q in range(first, last):
            i = iw[q]
            nvi = -nv[i]
            start = pe[i]
            for r in range(start, start + elements[i]):
                e = iw[r]
                if w[e] >= mark:
                    w[e] -= nvi
                elif w[e] != 0:
                    w[e] = degree[e] + mark - nvi
        # Bounds of the degrees; lists without what is absorbed.
        for q in range(first, last):
            i = iw[q]
            start = pe[i]
            to = start
            d = 0
            key = np.int64(0)
            for r in range(start, start + elements[i]):
                e = iw[r]
                if w[e] == 0:
                    continue
                outside = w[e] - mark
                if outside > 0:
                    d += outside
                    iw[to] = e
                    to += 1
                    key += e
                else:
                    parent[e] = me
                    pe[e] = -1
                    w[e] = 0
            kept = to - start
            variables_at = to
            for r in range(start + elements[i], start + length[i]):
                j = iw[r]
                if nv[j] > 0:
                    d += nv[j]
                    iw[to] = j
                    to += 1
                    key += j
            if kept == 0 and to == variables_at:
                # Nothing but the new element: eliminated with the pivot.
                nvi = -nv[i]
                parent[i] = me
                pe[i] = -1
                size -= nvi
                own += nvi
                eliminated += nvi
                nv[i] = 0
                elements[i] = 0
            else:
                degree[i] = min(degree[i], d)
                # The new element goes first; what it displaces moves to the ends of the two parts.
                if to > variables_at:
                    iw[to] = iw[variables_at]
                if kept > 0:
                    iw[variables_at] = iw[start]
                iw[start] = me
                elements[i] = kept + 1
                length[i] = to - start + 1
                slot = key % n
                chain[i] = bucket[slot]
                bucket[slot] = i
                previous[i] = slot
        degree[me] = size
        nv[me] = -own
        mark += n + 1
        # Variables with the same lists become one.
        for q in range(first, last):
            i = iw[q]
            if nv[i] >= 0:
                continue
            slot = previous[i]
            i = bucket[slot]
            bucket[slot] = -1
            while i >= 0 and chain[i] >= 0:
                start, count, eln = pe[i], length[i], elements[i]
                for r in range(start + 1, start + count):
                    w[iw[r]] = mark
                before = i
                j = chain[i]
                while j >= 0:
                    same = length[j] == count and elements[j] == eln
                    r = pe[j] + 1
                    stop = pe[j] + count
                    while same and r < stop:
                        same = w[iw[r]] == mark
                        r += 1
                    if same:
                        parent[j] = i
                        pe[j] = -1
                        nv[i] += nv[j]
                        nv[j] = 0
                        elements[j] = 0
                        j = chain[j]
                        chain[before] = j
                    else:
                        before = j
                        j = chain[j]
                i = chain[i]
                mark += 1
        # The living variables of the new element return to the degree lists.
        to = first
        for q in range(first, last):
            i = iw[q]
            nvi = -nv[i]
            if nvi > 0:
                nv[i] = nvi
                d = min(degree[i] + size - nvi, goal - eliminated - nvi)
                if d < 0:
                    d = 0
                degree[i] = d
                h = head[d]
                if h >= 0:
                    previous[h] = i
                following[i] = h
                previous[i] = -1
                head[d] = i
                smallest = min(smallest, d)
                iw[to] = i
                to += 1
        nv[me] = own
        length[me] = to - first
        if to == first:
            pe[me] = -1
            w[me] = 0
        if absorbed != 0:
            used = to
    # Pivots in the order of their elimination, each with the variables merged into it; postordering comes later.
    rank = np.full(n, -1, np.int64)
    for k in range(pivot_count):
        rank[pivots[k]] = k
    sizes = np.zeros(pivot_count + 1, np.int64)
    owner = np.empty(n, np.int64)
    for i in range(n):
        if parent[i] == -2:
            owner[i] = -1
            continue
        j = i
        while rank[j] < 0:
            j = parent[j]
        top = rank[j]
        j = i
        while rank[j] < 0:  # shorten the path for those that come after
            step = parent[j]
            if rank[step] < 0:
                parent[j] = pivots[top]
            j = step
        owner[i] = top
        sizes[top + 1] += 1
    for k in range(pivot_count):
        sizes[k + 1] += sizes[k]
    at_end = goal
    for i in range(n):
        if owner[i] < 0:
            order[at_end] = i
            at_end += 1
        else:
            order[sizes[owner[i]]] = i
            sizes[owner[i]] += 1
    return aside
