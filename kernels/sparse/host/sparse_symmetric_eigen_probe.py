"""Evidence for a few eigenvalues of a sparse symmetric matrix: symmetry, Gershgorin's interval, the graph's extent."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.profile import seconds
from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.host.eigsh_dense import dense_work
from fsci.kernels.sparse.host.iterative_solve_probe import breadth_first
from fsci.kernels.sparse.inertia import best_ordering
from fsci.kernels.sparse.multifrontal import Graph, graph_of
from fsci.kernels.sparse.pattern import scan

__all__: list[str] = []


def interval(a: Any) -> tuple[float, float]:
    """Gershgorin's interval of a Hermitian matrix by rows."""
    diagonal = a.diagonal().real.astype(float)
    m = one_matrix(a)
    sums = np.add.reduceat(np.append(np.abs(m.data), 0.0), m.indptr[:-1].astype(np.intp)) * (np.diff(m.indptr) > 0)
    radius = sums - np.abs(diagonal)
    return float((diagonal - radius).min()), float((diagonal + radius).max())


def _diameter(m: Any) -> int:
    """Levels from about the far end of the part of the middle row: near the diameter of its graph."""
    indptr, indices = (v.astype(np.int32, copy=False) for v in (m.indptr, m.indices))
    seen, queue = np.zeros(m.n + 1, np.int32), np.empty(m.n, np.int32)
    breadth_first(indptr, indices, m.n // 2, 1, seen, queue)
    far = int(queue[seen[-1] - 1])
    return int(breadth_first(indptr, indices, far, 2, seen, queue))


@register_probe("sparse_symmetric_eigen", "host")
def probe(problem: Problem) -> Evidence:
    """One pass; the ordering for a factorization only where a dense decomposition is the dearer."""
    a = problem.operands[0]
    m = one_matrix(a)
    p = scan(m.n, m.indptr, m.indices, m.data)
    symmetric = p.hermitian if a.dtype.kind == "c" else p.symmetric
    if not p.finite or not symmetric:
        return Evidence.of(finite=p.finite, symmetric=False)
    low, high = interval(a)
    facts: dict[str, Any] = {"finite": True, "symmetric": True, "low": low, "high": high, "norm_inf": p.norm_inf}
    dense = seconds("sparse_symmetric_eigen/host/dense", "float64", dense_work(problem))
    if dense > seconds("sparse_ordering/host/dissection", "float64", 4.0 * a.nnz):
        facts["diameter"] = _diameter(m)
        starts, lists = graph_of(m.n, m.indptr, m.indices)
        facts["graph"] = Graph(starts, lists)
        facts["ordering"] = best_ordering(starts, lists, 10.0 * a.nnz * facts["diameter"])
    return Evidence.of(**facts)
