"""Evidence for a few eigenvalues of a sparse symmetric pencil (A, M): symmetry, the diagonal of M, orderings."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from fsci.core.profile import seconds
from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.host.eigsh_pencil_dense import pencil_dense_work
from fsci.kernels.sparse.inertia import best_ordering
from fsci.kernels.sparse.multifrontal import Graph, graph_of
from fsci.kernels.sparse.pattern import scan

__all__: list[str] = []


@register_probe("sparse_pencil_eigen", "host")
def probe(problem: Problem) -> Evidence:
    """One pass over each; orderings only where a dense decomposition is the dearer."""
    a, m = problem.operands
    arrays = [one_matrix(x) for x in (a, m)]
    shapes = [scan(x.n, x.indptr, x.indices, x.data) for x in arrays]
    if not all(s.finite and s.symmetric for s in shapes):
        return Evidence.of(finite=all(s.finite for s in shapes), symmetric=False)
    facts: dict[str, Any] = {
        "finite": True,
        "symmetric": True,
        "positive_diagonal": shapes[1].positive_diagonal,
        "norm_inf": shapes[0].norm_inf,
        "metric_norm": shapes[1].norm_inf,
    }
    dense = seconds("sparse_symmetric_eigen/host/dense", "float64", pencil_dense_work(problem))
    if shapes[1].positive_diagonal and dense > seconds("sparse_ordering/host/dissection", "float64", 4.0 * a.nnz):
        union = csr_array(np.abs(a) + np.abs(m))
        union.sort_indices()
        for name, x in (("", one_matrix(union)), ("metric_", arrays[1])):
            graph = Graph(*graph_of(x.n, x.indptr, x.indices))
            facts[f"{name}graph"] = graph
            facts[f"{name}ordering"] = best_ordering(graph.starts, graph.lists, 100.0 * a.nnz)
    return Evidence.of(**facts)
