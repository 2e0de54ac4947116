"""What an elimination of a sparse matrix would cost: fill and flops under each ordering, the tree, the band.

Of the symmetric pattern A + A^T, whose Cholesky factor bounds what an LU with pivots on the
diagonal fills; nothing is factored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.csgraph import reverse_cuthill_mckee

from fsci.cli.tables import table
from fsci.core.render import number
from fsci.kernels.sparse.dissection import dissected
from fsci.kernels.sparse.multifrontal import Ordering, graph_of, minimum_degree, ordering_of
from fsci.kernels.sparse.supernodes import supernodes

__all__ = ["elimination", "show"]


def elimination(a: Any) -> tuple[dict[str, Any], Ordering]:
    """Statistics of a square matrix in compressed columns, and the ordering with the fewest flops."""
    n = a.shape[0]
    starts, lists = graph_of(n, a.indptr.astype(np.int32), a.indices.astype(np.int32))
    cuthill = _cuthill_mckee(n, starts, lists)
    natural = np.arange(n, dtype=lists.dtype)
    candidates = [
        ordering_of("natural", starts, lists, natural.copy()),
        ordering_of("rcm", starts, lists, cuthill.copy()),
        minimum_degree(starts, lists),
        ordering_of("dissection", starts, lists, dissected(starts, lists)),
    ]
    found = {
        "pattern": "A + A^T",
        "edges": int(lists.size // 2),
        "bandwidth": _bandwidth(starts, lists, natural),
        "bandwidth_rcm": _bandwidth(starts, lists, cuthill),
        "orderings": {ordering.name: _described(ordering) for ordering in candidates},
    }
    return found, min(candidates, key=lambda ordering: ordering.flops)


def _described(ordering: Ordering) -> dict[str, Any]:
    n = ordering.parent.size
    first = np.empty(n + 1, ordering.parent.dtype)
    return {
        "entries": ordering.entries,
        "flops": ordering.flops,
        "tree_height": _height(ordering.parent),
        "supernodes": int(supernodes(n, ordering.parent, ordering.counts, first)),
    }


def _height(parent: Any) -> int:
    """Vertices on the longest path from a root to a leaf; a parent comes after its children."""
    above = parent.tolist()
    depth = [1] * len(above)
    for k in range(len(above) - 1, -1, -1):
        if above[k] != -1:
            depth[k] = depth[above[k]] + 1
    return max(depth, default=0)


def _cuthill_mckee(n: int, starts: Any, lists: Any) -> Any:
    from scipy.sparse import csr_array

    pattern = csr_array((np.ones(lists.size, np.int8), lists, starts), shape=(n, n))
    return np.asarray(reverse_cuthill_mckee(pattern, symmetric_mode=True), lists.dtype)


def _bandwidth(starts: Any, lists: Any, order: Any) -> int:
    place = np.empty_like(order)
    place[order] = np.arange(order.size, dtype=order.dtype)
    rows = np.repeat(place, np.diff(starts))
    return int(np.abs(rows - place[lists]).max(initial=0))


def show(found: dict[str, Any]) -> None:
    """Print the statistics."""
    rows = [
        (name, number(row["entries"]), number(row["flops"]), str(row["tree_height"]), str(row["supernodes"]))
        for name, row in found["orderings"].items()
    ]
    table(
        f"Elimination of {found['pattern']}: bandwidth {found['bandwidth']}, after RCM {found['bandwidth_rcm']}",
        ("ordering", ">entries of L", ">flops", ">tree height", ">supernodes"),
        rows,
    )
