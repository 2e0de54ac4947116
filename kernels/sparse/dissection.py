"""Nested dissection (George, 1973): separators last, by recursion; what is left small by minimum degree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int32, int64, void

from fsci.kernels.jit import jit
from fsci.kernels.sparse.amd import amd
from fsci.kernels.sparse.separators import separate
from fsci.kernels.threads import spread

__all__ = ["dissected"]

# Pieces of so many vertices are left to minimum degree.
LEAF = 1000


@jit([void(i[::1], i[::1], i[::1], int64, int64, int64, int64[::1], int64[::1]) for i in (int32,)])
def _dissect(starts, lists, order, begin, end, leaf, local, once):  # type: ignore[no-untyped-def]
    """Order the vertices ``order[begin:end]`` in place; `local` is all -1, before and after.

    With room in `once` only the first separator is found: it receives where the two parts end.
    """
    stack_begin, stack_end = [begin], [end]
    while len(stack_begin) > 0:
        lo, hi = stack_begin.pop(), stack_end.pop()
        n = hi - lo
        for k in range(lo, hi):
            local[order[k]] = k - lo
        entries = 0
        for k in range(lo, hi):
            v = order[k]
            for q in range(starts[v], starts[v + 1]):
                entries += 1 if local[lists[q]] >= 0 else 0
        split = n > leaf
        where = np.empty(n, np.int64)
        if split:
            xadj, adj = np.empty(n + 1, np.int64), np.empty(max(entries, 1), np.int64)
            xadj[0] = 0
            p = 0
            for k in range(lo, hi):
                v = order[k]
                for q in range(starts[v], starts[v + 1]):
                    u = local[lists[q]]
                    if u >= 0:
                        adj[p] = u
                        p += 1
                xadj[k - lo + 1] = p
            separate(n, xadj, adj, where)
            sizes = np.zeros(4, np.int64)
            for k in range(n):
                sizes[where[k] + 1] += 1
            # A piece without a useful separator goes to minimum degree whole.
            split = sizes[1] > 0 and sizes[2] > 0 and sizes[3] * 3 < n
        if split:
            sizes[2] += sizes[1]
            sizes[3] += sizes[2]
            cuts = sizes.copy()
            before = order[lo:hi].copy()
            for k in range(n):
                local[before[k]] = -1
                order[lo + sizes[where[k]]] = before[k]
                sizes[where[k]] += 1
            if once.size == 2:
                once[0], once[1] = lo + cuts[1], lo + cuts[2]
                return
            stack_begin.append(lo)
            stack_end.append(lo + cuts[1])
            stack_begin.append(lo + cuts[1])
            stack_end.append(lo + cuts[2])
        else:
            sub_starts, sub_lists = np.empty(n + 1, starts.dtype), np.empty(max(entries, 1), lists.dtype)
            sub_starts[0] = 0
            p = 0
            for k in range(lo, hi):
                v = order[k]
                for q in range(starts[v], starts[v + 1]):
                    u = local[lists[q]]
                    if u >= 0:
                        sub_lists[p] = u
                        p += 1
                sub_starts[k - lo + 1] = p
            inner = np.empty(n, lists.dtype)
            amd(n, sub_starts, sub_lists, inner, np.empty(2))
            before = order[lo:hi].copy()
            for k in range(n):
                local[before[k]] = -1
            for k in range(n):
                order[lo + k] = before[inner[k]]


def dissected(starts: Any, lists: Any, leaf: int = LEAF) -> Any:
    """An order of the vertices of this graph, by nested dissection."""
    n = starts.size - 1
    order = np.arange(n, dtype=lists.dtype)
    whole, once = np.empty(0, np.int64), np.zeros(2, np.int64)
    _dissect(starts, lists, order, 0, n, leaf, np.full(n, -1, np.int64), once)
    if once[1] > 0:
        # The two parts share nothing but what is only read.
        bounds = [0, *once.tolist()]
        spread(
            lambda a, b: _dissect(starts, lists, order, a, b, leaf, np.full(n, -1, np.int64), whole),
            bounds,
        )
    return order
