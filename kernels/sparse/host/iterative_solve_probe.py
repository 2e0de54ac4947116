"""Evidence for the choice of a preconditioner: one pass over the rows, only where the call leaves the choice open."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64

from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Fact, Problem
from fsci.kernels.jit import jit

__all__ = ["breadth_first", "survey"]

_KINDS = ((float64, float64), (complex128, float64), (float32, float32), (complex64, float32))


@jit([int64(int32[::1], int32[::1], d[::1], s[::1], float64[::1]) for d, s in _KINDS])
def survey(indptr, indices, data, diagonal, found):  # type: ignore[no-untyped-def]
    """The diagonal; found: whether it is positive, Gershgorin's radius of D^-1 A, positive share off the diagonal."""
    positive, radius, above, weight = 1.0, 0.0, 0.0, 0.0
    for i in range(indptr.size - 1):
        own, off = data.dtype.type(0), 0.0
        for k in range(indptr[i], indptr[i + 1]):
            if indices[k] == i:
                own += data[k]
            else:
                modulus = abs(data[k])
                off += modulus
                if data[k].real > 0.0:
                    above += modulus
        weight += off
        diagonal[i] = own.real
        if not (own.real > 0.0 and own.real < np.inf and own.imag == 0.0):
            positive = 0.0
        radius = max(radius, off / abs(own)) if abs(own) > 0.0 else np.inf
    found[0], found[1], found[2] = positive, radius, above / weight if weight > 0.0 else 0.0
    return 0


@jit([int64(int32[::1], int32[::1], int64, int64, int32[::1], int32[::1])])
def breadth_first(indptr, indices, root, sweep, seen, queue):  # type: ignore[no-untyped-def]
    """Levels of the breadth-first search of the part of `root`; the rows it meets, in order, fill `queue` to seen[-1].

    `seen` holds the last sweep in which a row was met.
    """
    queue[0], seen[root] = root, sweep
    head, tail, levels = 0, 1, 0
    while head < tail:
        levels += 1
        end = tail
        while head < end:
            i = queue[head]
            head += 1
            for k in range(indptr[i], indptr[i + 1]):
                j = indices[k]
                if seen[j] != sweep:
                    seen[j] = sweep
                    queue[tail] = j
                    tail += 1
    seen[-1] = tail
    return levels


def _diameter(indptr: Any, indices: Any) -> int:
    """Levels from about the far end of the part of the middle row: near the diameter of its graph."""
    rows = indptr.size - 1
    seen, queue = np.zeros(rows + 1, np.int32), np.empty(rows, np.int32)
    breadth_first(indptr, indices, rows // 2, 1, seen, queue)
    far = int(queue[seen[-1] - 1])
    return int(breadth_first(indptr, indices, far, 2, seen, queue))


def _skew_share(a: Any) -> float:
    """Weight of the skew-Hermitian part over that of all entries."""
    weight = float(np.abs(a.data).sum())
    skew = a - a.conj().T.tocsr()
    return 0.5 * float(np.abs(skew.data).sum()) / weight if weight > 0.0 else 0.0


@register_probe("iterative_solve", "host")
def probe(problem: Problem) -> Evidence:
    if not problem.parameters["choose"]:
        return Evidence()
    a = problem.operands[0]
    diagonal, found = np.empty(a.shape[0], a.data.real.dtype), np.empty(3)
    survey(a.indptr, a.indices, a.data, diagonal, found)
    positive = bool(found[0])
    ratio = float(diagonal.max()) / float(diagonal.min()) if positive else np.inf
    facts: dict[str, Fact] = {}
    if problem.parameters["method"] in ("gmres", "bicgstab") and positive:
        facts["skew_share"] = Fact(_skew_share(a))
    return Evidence(
        {
            **facts,
            "full_diagonal": Fact(math.isfinite(found[1])),
            "diagonal": Fact(diagonal),
            "positive_diagonal": Fact(positive),
            "diagonal_ratio": Fact(ratio),
            "jacobi_radius": Fact(float(found[1])),
            "positive_share": Fact(float(found[2])),
            "diameter": Fact(_diameter(a.indptr, a.indices), exact=False),
        }
    )
