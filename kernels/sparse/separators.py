"""Vertex separators of a graph by the multilevel method (Hendrickson and Rothberg, 1998; Karypis and Kumar, 1999).

The graph is coarsened by heavy-edge matching, split where it is small, and the separator refined by the
moves of Fiduccia and Mattheyses (1982) on every level on the way back. Nothing is random: the same graph has
the same separator.
"""

from __future__ import annotations

import numpy as np
from numba import int64, void

from fsci.kernels.jit import jit

__all__ = ["separate"]

_COARSEST = 120  # vertices at which coarsening ends
_SEEDS = 6  # splits that are tried there
_PASSES = 6
_PATIENCE = 120  # moves without a better separator that end a pass
_BALANCE = 0.6  # neither part may have a larger share than this

_A = int64[::1]


@jit([int64(int64, _A, _A, _A, _A, _A)])
def _match(n, xadj, adj, edge, weight, coarse):  # type: ignore[no-untyped-def]
    """Pair vertices along their heaviest edges, those of small degree first; gives the number of pairs and singles."""
    most = 0
    for v in range(n):
        most = max(most, xadj[v + 1] - xadj[v])
    count = np.zeros(most + 2, np.int64)
    for v in range(n):
        count[xadj[v + 1] - xadj[v] + 1] += 1
    for d in range(most + 1):
        count[d + 1] += count[d]
    visit = np.empty(n, np.int64)
    stride = 1
    if n > 7:  # a fixed shuffle: neighbours in number are neighbours in the graph, and must not always pair alike
        stride = int(0.6180339887498949 * n) | 1
        while n % stride == 0 or (stride % 3 == 0 and n % 3 == 0) or (stride % 5 == 0 and n % 5 == 0):
            stride += 2
        a, b = n, stride
        while b:
            a, b = b, a % b
        if a != 1:
            stride = 1
    v = 0
    for _ in range(n):
        d = xadj[v + 1] - xadj[v]
        visit[count[d]] = v
        count[d] += 1
        v += stride
        if v >= n:
            v -= n
    heaviest = 0
    for v in range(n):
        heaviest += weight[v]
    heaviest = max(2, 3 * heaviest // _COARSEST // 2)
    for v in range(n):
        coarse[v] = -1
    total = 0
    for k in range(n):
        v = visit[k]
        if coarse[v] >= 0:
            continue
        best, value = -1, 0
        for q in range(xadj[v], xadj[v + 1]):
            u = adj[q]
            if coarse[u] < 0 and edge[q] > value and weight[u] + weight[v] <= heaviest:
                best, value = u, edge[q]
        coarse[v] = total
        if best >= 0:
            coarse[best] = total
        total += 1
    return total


@jit([int64(int64, _A, _A, _A, _A, _A, int64, _A, _A, _A, _A)])
def _contract(n, xadj, adj, edge, weight, coarse, total, cxadj, cadj, cedge, cweight):  # type: ignore[no-untyped-def]
    """The graph of the pairs; gives its number of adjacency entries."""
    first = np.full(total, -1, np.int64)
    second = np.full(total, -1, np.int64)
    for v in range(n):
        c = coarse[v]
        if first[c] < 0:
            first[c] = v
        else:
            second[c] = v
    seen = np.full(total, -1, np.int64)
    filled = 0
    cxadj[0] = 0
    for c in range(total):
        begin = filled
        cweight[c] = weight[first[c]] + (weight[second[c]] if second[c] >= 0 else 0)
        for part in range(2):
            v = first[c] if part == 0 else second[c]
            if v < 0:
                continue
            for q in range(xadj[v], xadj[v + 1]):
                d = coarse[adj[q]]
                if d == c:
                    continue
                if seen[d] < begin:
                    seen[d] = filled
                    cadj[filled] = d
                    cedge[filled] = edge[q]
                    filled += 1
                else:
                    cedge[seen[d]] += edge[q]
        cxadj[c + 1] = filled
    return filled


@jit([void(int64, _A, _A, _A, int64, _A)])
def _grow(n, xadj, adj, weight, seed, where):  # type: ignore[no-untyped-def]
    """Breadth-first from `seed` until half of the weight is in part 0; its border becomes the separator."""
    total = 0
    for v in range(n):
        total += weight[v]
        where[v] = 1
    queue = np.empty(n, np.int64)
    queued = np.zeros(n, np.bool_)
    head, tail, taken, restart = 0, 1, 0, 0
    queue[0] = seed
    queued[seed] = True
    while 2 * taken < total:
        if head == tail:
            while restart < n and queued[restart]:
                restart += 1
            if restart == n:
                break
            queue[tail] = restart
            queued[restart] = True
            tail += 1
        v = queue[head]
        head += 1
        where[v] = 0
        taken += weight[v]
        for q in range(xadj[v], xadj[v + 1]):
            u = adj[q]
            if not queued[u]:
                queued[u] = True
                queue[tail] = u
                tail += 1
    for v in range(n):
        if where[v] == 1:
            for q in range(xadj[v], xadj[v + 1]):
                if where[adj[q]] == 0:
                    where[v] = 2
                    break


@jit(inline=True)
def _push(heap, keys, size, key, v):  # type: ignore[no-untyped-def]
    i = size
    while i > 0:
        above = (i - 1) // 2
        if keys[above] >= key:
            break
        keys[i] = keys[above]
        heap[i] = heap[above]
        i = above
    keys[i] = key
    heap[i] = v
    return size + 1


@jit(inline=True)
def _pop(heap, keys, size):  # type: ignore[no-untyped-def]
    size -= 1
    key, v = keys[size], heap[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[i] = keys[child]
        heap[i] = heap[child]
        i = child
    keys[i] = key
    heap[i] = v
    return size


@jit([int64(int64, _A, _A, _A, _A)])
def _refine(n, xadj, adj, weight, where):  # type: ignore[no-untyped-def]
    """Move vertices of the separator into a part, drawing their neighbours of the other; gives its weight."""
    part = np.zeros(3, np.int64)
    for v in range(n):
        part[where[v]] += weight[v]
    limit = int64(_BALANCE * (part[0] + part[1] + part[2])) + 1
    room = 4 * n + 64
    heap0, heap1 = np.empty(room, np.int64), np.empty(room, np.int64)
    keys0, keys1 = np.empty(room, np.int64), np.empty(room, np.int64)
    gain0, gain1 = np.zeros(n, np.int64), np.zeros(n, np.int64)
    moved = np.zeros(n, np.bool_)
    moves = np.empty(n, np.int64)
    sides = np.empty(n, np.int64)
    log = np.empty(n, np.int64)
    log_end = np.empty(n + 1, np.int64)
    for _ in range(_PASSES):
        size0, size1 = 0, 0
        for v in range(n):
            moved[v] = False
            if where[v] == 2:
                g0 = g1 = weight[v]
                for q in range(xadj[v], xadj[v + 1]):
                    u = adj[q]
                    if where[u] == 1:
                        g0 -= weight[u]
                    elif where[u] == 0:
                        g1 -= weight[u]
                gain0[v], gain1[v] = g0, g1
                size0 = _push(heap0, keys0, size0, g0, v)
                size1 = _push(heap1, keys1, size1, g1, v)
        start = part[2]
        best, best_at = part[2], 0
        best_gap = abs(part[0] - part[1])
        done, logged, idle = 0, 0, 0
        log_end[0] = 0
        while idle < _PATIENCE and done < n:
            while size0 > 0 and (moved[heap0[0]] or where[heap0[0]] != 2 or keys0[0] != gain0[heap0[0]]):
                size0 = _pop(heap0, keys0, size0)
            while size1 > 0 and (moved[heap1[0]] or where[heap1[0]] != 2 or keys1[0] != gain1[heap1[0]]):
                size1 = _pop(heap1, keys1, size1)
            if size0 == 0 and size1 == 0:
                break
            fits0 = size0 > 0 and part[0] + weight[heap0[0]] <= limit
            fits1 = size1 > 0 and part[1] + weight[heap1[0]] <= limit
            if not (fits0 or fits1):
                break
            if fits0 and fits1:
                lighter = 0 if part[0] <= part[1] else 1
                side = lighter if keys0[0] == keys1[0] else 0 if keys0[0] > keys1[0] else 1
            else:
                side = 0 if fits0 else 1
            if side == 0:
                v = heap0[0]
                size0 = _pop(heap0, keys0, size0)
            else:
                v = heap1[0]
                size1 = _pop(heap1, keys1, size1)
            moved[v] = True
            where[v] = side
            part[2] -= weight[v]
            part[side] += weight[v]
            moves[done] = v
            sides[done] = side
            for q in range(xadj[v], xadj[v + 1]):
                u = adj[q]
                if where[u] == 2:
                    if side == 0:
                        gain1[u] -= weight[v]
                        if not moved[u] and size1 < room - 1:
                            size1 = _push(heap1, keys1, size1, gain1[u], u)
                    else:
                        gain0[u] -= weight[v]
                        if not moved[u] and size0 < room - 1:
                            size0 = _push(heap0, keys0, size0, gain0[u], u)
                elif where[u] == 1 - side:
                    where[u] = 2
                    log[logged] = u
                    logged += 1
                    part[1 - side] -= weight[u]
                    part[2] += weight[u]
                    g0 = g1 = weight[u]
                    for p in range(xadj[u], xadj[u + 1]):
                        x = adj[p]
                        if where[x] == 2:
                            if side == 0:
                                gain0[x] += weight[u]
                                if not moved[x] and x != u and size0 < room - 1:
                                    size0 = _push(heap0, keys0, size0, gain0[x], x)
                            else:
                                gain1[x] += weight[u]
                                if not moved[x] and x != u and size1 < room - 1:
                                    size1 = _push(heap1, keys1, size1, gain1[x], x)
                        elif where[x] == 1:
                            g0 -= weight[x]
                        else:
                            g1 -= weight[x]
                    gain0[u], gain1[u] = g0, g1
                    if not moved[u]:
                        if size0 < room - 1:
                            size0 = _push(heap0, keys0, size0, g0, u)
                        if size1 < room - 1:
                            size1 = _push(heap1, keys1, size1, g1, u)
            done += 1
            log_end[done] = logged
            gap = abs(part[0] - part[1])
            if part[2] < best or (part[2] == best and gap < best_gap):
                best, best_at, best_gap, idle = part[2], done, gap, 0
            else:
                idle += 1
            if logged + n // 2 >= n and logged + 4096 >= n:
                break
        while done > best_at:
            done -= 1
            v, side = moves[done], sides[done]
            for q in range(log_end[done], log_end[done + 1]):
                u = log[q]
                where[u] = 1 - side
                part[2] -= weight[u]
                part[1 - side] += weight[u]
            where[v] = 2
            part[side] -= weight[v]
            part[2] += weight[v]
        if best >= start:
            break
    return part[2]


@jit([int64(int64, _A, _A, _A)])
def separate(n, xadj, adj, where):  # type: ignore[no-untyped-def]
    """Put each vertex into part 0 or 1 or the separator, 2; gives the size of the separator."""
    levels = 1
    graphs = [(xadj, adj, np.ones(max(xadj[n], 1), np.int64), np.ones(n, np.int64))]
    maps = [np.empty(0, np.int64)]
    m = n
    while m > _COARSEST:
        gx, ga, ge, gw = graphs[levels - 1]
        coarse = np.empty(m, np.int64)
        total = _match(m, gx, ga, ge, gw, coarse)
        if total > m - m // 20:
            break
        cx = np.empty(total + 1, np.int64)
        ca, ce = np.empty(max(gx[m], 1), np.int64), np.empty(max(gx[m], 1), np.int64)
        cw = np.empty(total, np.int64)
        _contract(m, gx, ga, ge, gw, coarse, total, cx, ca, ce, cw)
        graphs.append((cx, ca, ce, cw))
        maps.append(coarse)
        m = total
        levels += 1
    gx, ga, ge, gw = graphs[levels - 1]
    trial = np.empty(m, np.int64)
    kept = np.empty(m, np.int64)
    best = np.inf
    for s in range(min(_SEEDS, m)):
        _grow(m, gx, ga, gw, s * m // min(_SEEDS, m), trial)
        size = _refine(m, gx, ga, gw, trial)
        parts = np.zeros(3, np.int64)
        for v in range(m):
            parts[trial[v]] += gw[v]
        score = size * (1.0 + 0.3 * abs(parts[0] - parts[1]) / max(n, 1))
        if parts[0] == 0 or parts[1] == 0:
            score = 2.0 * n
        if score < best:
            best = score
            for v in range(m):
                kept[v] = trial[v]
    for level in range(levels - 2, -1, -1):
        gx, ga, ge, gw = graphs[level]
        coarse = maps[level + 1]
        fine = np.empty(gw.size, np.int64)
        for v in range(gw.size):
            fine[v] = kept[coarse[v]]
        _refine(gw.size, gx, ga, gw, fine)
        kept = fine
    size = 0
    for v in range(n):
        where[v] = kept[v]
        size += 1 if kept[v] == 2 else 0
    return size
