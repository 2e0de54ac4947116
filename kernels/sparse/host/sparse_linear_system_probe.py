"""Evidence of a sparse system: its pattern in one pass; exact fill and flops where a symmetric ordering fits it."""

from __future__ import annotations

import math
from typing import Any

from fsci.core.profile import seconds
from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.columns import matching_of
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.dissection import dissected
from fsci.kernels.sparse.factored import PER_ROW
from fsci.kernels.sparse.host.multigrid_refined import work as multigrid_work
from fsci.kernels.sparse.multifrontal import Graph, Ordering, graph_of, minimum_degree, ordering_of
from fsci.kernels.sparse.pattern import SYMMETRY, scan
from fsci.kernels.sparse.peeling import peeled

__all__: list[str] = []

# Share of the flops of minimum degree that dissection may save: measured on grids in three dimensions.
SAVING = 0.5


@register_probe("sparse_linear_system", "host")
def probe(problem: Problem) -> Evidence:
    """Scan; then order by minimum degree and count, unless the pattern alone says what to do."""
    a = compressed(problem)
    p = scan(a.n, a.indptr, a.indices, a.data)
    low, up = (p.upper, p.lower) if a.by_rows else (p.lower, p.upper)
    one, other = (p.norm_inf, p.norm1) if a.by_rows else (p.norm1, p.norm_inf)
    facts: dict[str, Any] = {
        "finite": p.finite,
        "lower_bandwidth": low,
        "upper_bandwidth": up,
        "diagonal_full": p.diagonal_full,
        "pattern_symmetry": p.pattern_symmetry,
        "symmetric": p.symmetric,
        "hermitian": p.hermitian,
        "positive_diagonal": p.positive_diagonal,
        "dominant": p.dominant,
        "positive_minors": p.positive_minors,
        "vanishing_minors": p.vanishing_minors,
        "norm1": one,
        "norm_inf": other,
        "malformed": p.malformed,
        "structure": _structure(low, up, p.pattern_symmetry, p.hermitian, p.positive_diagonal and p.positive_minors),
    }
    if p.malformed or not p.finite:
        return Evidence.of(**facts)
    orders = None if p.symmetric_order else peeled(a)
    if orders is not None:
        facts["peeled"] = orders
        if low and up:
            facts["structure"] = "permuted_triangular"
    # Pivots that cancel on a full diagonal are no matching's to mend, and those of order two need none.
    cancelling = p.diagonal_full and p.pattern_symmetry >= SYMMETRY
    if orders is None and not (p.symmetric_order or cancelling or p.symmetric or p.hermitian):
        matching = matching_of(a)
        if matching is not None:
            facts["matching"] = matching
    if p.symmetric_order:
        starts, lists = graph_of(a.n, a.indptr, a.indices)
        facts["graph"] = Graph(starts, lists)
        meshlike = p.dominant and p.symmetric and p.positive_diagonal and p.positive_minors
        facts["ordering"] = _best_ordering(starts, lists, _multigrid_seconds(problem) if meshlike else math.inf)
    elif orders is None and (p.symmetric or p.hermitian):
        # Pivots of order two serve where the diagonal does not.
        starts, lists = graph_of(a.n, a.indptr, a.indices)
        facts["graph"] = Graph(starts, lists)
        facts["indefinite_ordering"] = _best_ordering(starts, lists, math.inf)
    return Evidence.of(**facts)


def _multigrid_seconds(problem: Problem) -> float:
    """What an iteration is expected to take on a matrix that it may serve."""
    return seconds("sparse_linear_system/host/multigrid_refined", "float64", multigrid_work(problem, Evidence()))


def _best_ordering(starts: Any, lists: Any, otherwise: float) -> Ordering:
    """Minimum degree; nested dissection too, where what it may save is worth more than it costs.

    A route that takes no factorization, and so many seconds, leaves less to save.
    """
    first = minimum_degree(starts, lists)
    work = first.flops + PER_ROW * (starts.size - 1)
    factored = seconds("sparse_linear_system/host/cholesky_multifrontal", "float64", work)
    saved = min(factored, otherwise) - min((1.0 - SAVING) * factored, otherwise)
    if saved <= seconds("sparse_ordering/host/dissection", "float64", float(lists.size)):
        return first
    second = ordering_of("dissection", starts, lists, dissected(starts, lists))
    return min(first, second, key=lambda ordering: ordering.flops)


def _structure(low: int, up: int, symmetry: float, hermitian: bool, positive: bool) -> str:
    if low == 0 or up == 0:
        return "diagonal" if low == up else "upper" if low == 0 else "lower"
    if hermitian:
        return "spd_candidate" if positive else "hermitian"
    return "symmetric_pattern" if symmetry >= SYMMETRY else "general"
