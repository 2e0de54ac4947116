"""Rows for the columns of a matrix so that the product of the matched entries is largest, and the scaling with it.

Shortest augmenting paths under the costs ``log max_k |a_kj| - log |a_ij|`` (Olschowka and Neumaier, 1996; Duff and
Koster, 2001). The duals of the optimum scale the matrix so that matched entries have modulus one and none has a
larger one: what makes pivots on the diagonal good enough for a factorization with a static structure.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, uint64, void

from fsci.kernels.jit import jit

__all__ = ["TOO_LONG", "matched", "moved"]

_KINDS = [(float64, int32), (complex128, int32)]
TOO_LONG = -1
# Entries looked at, in units of the stored ones, before the search for the best matching is given up.
_PATIENCE = 20
_TIGHT = 1e-12


@jit(inline=True)
def _push(heap, keys, size, key, row):  # type: ignore[no-untyped-def]
    """Put a row with its distance into a binary heap."""
    at = size
    while at > 0:
        above = (at - 1) // 2
        if keys[above] <= key:
            break
        heap[at], keys[at] = heap[above], keys[above]
        at = above
    heap[at], keys[at] = row, key


@jit(inline=True)
def _pop(heap, keys, size):  # type: ignore[no-untyped-def]
    """Drop the first of a heap of `size`."""
    last = size - 1
    row, key = heap[last], keys[last]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        if below + 1 < last and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        heap[at], keys[at] = heap[below], keys[below]
        at = below
    heap[at], keys[at] = row, key


@jit([
    int64(int64, i[::1], i[::1], d[::1], i[::1], i[::1], i[::1], float64[::1], float64[::1]) for d, i in _KINDS
])  # fmt: skip
def matched(n, indptr, indices, data, home, block, row_of, row_scale, column_scale):  # type: ignore[no-untyped-def]
    """Match; gives n, or less where no full matching exists, or `TOO_LONG`.

    ``home`` and ``block`` are the diagonal blocks of rows and columns: no matching has an entry outside of these, so
    that nothing is lost by leaving the others alone. Zeros where they are not known.
    """
    stored = indptr[n]
    cost = np.empty(stored)
    u, v = np.full(n, np.inf), np.empty(n)
    column_of = np.full(n, -1, indices.dtype)
    largest = np.zeros(n)
    for j in range(n):
        row_of[j] = -1
        for k in range(indptr[j], indptr[j + 1]):
            if home[indices[k]] == block[j]:
                largest[j] = max(largest[j], abs(data[k]))
        if not largest[j] > 0.0:
            return 0
        for k in range(indptr[j], indptr[j + 1]):
            size = abs(data[k]) if home[indices[k]] == block[j] else 0.0
            # Many entries are their column's largest, and need no logarithm.
            cost[k] = 0.0 if size == largest[j] else np.log(largest[j] / size) if size > 0.0 else np.inf
            u[indices[k]] = min(u[indices[k]], cost[k])
    for i in range(n):
        if not u[i] < np.inf:
            return 0
    found = 0
    for j in range(n):
        least = np.inf
        for k in range(indptr[j], indptr[j + 1]):
            least = min(least, cost[k] - u[indices[k]])
        if not least < np.inf:
            return found
        v[j] = least
        # Of the tight entries the diagonal one keeps the symmetry of the pattern.
        best = -1
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            if column_of[i] < 0 and cost[k] - u[i] <= least + _TIGHT and (best < 0 or i == j):
                best = i
        if best >= 0:
            row_of[j] = best
            column_of[best] = j
            found += 1
    # One exchange: a tight entry whose row can be given back by its column for another tight and free one.
    for j in range(n):
        if row_of[j] >= 0:
            continue
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            if row_of[j] >= 0 or cost[k] - u[i] > v[j] + _TIGHT:
                continue
            other = column_of[i]
            for q in range(indptr[other], indptr[other + 1]):
                free = indices[q]
                if column_of[free] < 0 and cost[q] - u[free] <= v[other] + _TIGHT:
                    row_of[other], column_of[free] = free, other
                    row_of[j], column_of[i] = i, j
                    found += 1
                    break
    distance = np.full(n, np.inf)
    before, touched = np.empty(n, indices.dtype), np.empty(n, indices.dtype)
    # Rows whose distance is final, and of these the ones no farther than the last: they need no place in the heap.
    settled, final, level = np.empty(n, indices.dtype), np.empty(n), np.empty(n, indices.dtype)
    heap, keys = np.empty(stored + 1, indices.dtype), np.empty(stored + 1)
    looked = np.int64(0)
    for start in range(n):
        if row_of[start] >= 0:
            continue
        count, waiting, ended, now = 0, 0, 0, 0
        reach, nearest, end = 0.0, np.inf, -1
        j = start
        while True:
            looked += indptr[j + 1] - indptr[j]
            base = reach - v[j]
            for k in range(uint64(indptr[j]), uint64(indptr[j + 1])):
                r = uint64(indices[k])
                far = max(base + (cost[k] - u[r]), reach)
                if far >= nearest or far >= distance[r]:
                    continue
                if distance[r] == np.inf:
                    touched[count] = indices[k]
                    count += 1
                distance[r] = far
                before[r] = j
                if column_of[r] < 0:
                    nearest, end = far, int64(indices[k])
                elif far <= reach:
                    level[now] = indices[k]
                    now += 1
                    settled[ended] = indices[k]
                    final[ended] = far
                    ended += 1
                    distance[r] = -1.0  # below whatever comes
                else:
                    _push(heap, keys, waiting, far, indices[k])
                    waiting += 1
            if nearest <= reach:
                break
            if now > 0:
                now -= 1
                j = column_of[level[now]]
                continue
            while waiting > 0 and keys[0] > distance[heap[0]]:
                _pop(heap, keys, waiting)
                waiting -= 1
            if waiting == 0 or keys[0] >= nearest:
                break
            i = heap[0]
            reach = keys[0]
            _pop(heap, keys, waiting)
            waiting -= 1
            settled[ended] = i
            final[ended] = reach
            ended += 1
            distance[i] = -1.0
            j = column_of[i]
        if end < 0:
            return found
        if looked > _PATIENCE * np.int64(stored) + 10000:
            return TOO_LONG
        for q in range(ended):
            i = settled[q]
            gain = nearest - final[q]
            u[i] -= gain
            v[column_of[i]] += gain
        v[start] += nearest
        i = end
        while True:
            j = before[i]
            following = row_of[j]
            row_of[j] = i
            column_of[i] = j
            if j == start:
                break
            i = following
        for q in range(count):
            distance[touched[q]] = np.inf
        found += 1
    for i in range(n):
        row_scale[i] = np.exp(u[i])
        column_scale[i] = np.exp(v[i]) / largest[i]
    return found


@jit([void(int64, i[::1], i[::1], d[::1], i[::1], float64[::1], float64[::1], i[::1], d[::1]) for d, i in _KINDS])
def moved(n, indptr, indices, data, row_of, row_scale, column_scale, rows, values):  # type: ignore[no-untyped-def]
    """The scaled matrix, with each matched row where its column is, its indices in order."""
    column_of = np.empty(n, indices.dtype)
    for j in range(n):
        column_of[row_of[j]] = j
    # Twice along the other axis sorts.
    turned = np.zeros(n + 1, indices.dtype)
    for k in range(indptr[n]):
        turned[column_of[indices[k]] + 1] += 1
    for j in range(n):
        turned[j + 1] += turned[j]
    place = turned[:n].copy()
    columns, entries = np.empty(indptr[n], indices.dtype), np.empty(indptr[n], data.dtype)
    for j in range(n):
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            q = place[column_of[i]]
            columns[q] = j
            entries[q] = data[k] * (row_scale[i] * column_scale[j])
            place[column_of[i]] = q + 1
    place[:] = indptr[:n]
    for i in range(n):
        for q in range(turned[i], turned[i + 1]):
            j = columns[q]
            rows[place[j]] = i
            values[place[j]] = entries[q]
            place[j] += 1
