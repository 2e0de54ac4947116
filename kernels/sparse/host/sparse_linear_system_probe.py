"""Evidence of a sparse system: its pattern in one pass; exact fill and flops where a symmetric ordering fits it."""

from __future__ import annotations

from typing import Any

from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.multifrontal import graph_of, minimum_degree
from fsci.kernels.sparse.pattern import scan

__all__: list[str] = []

# Below this share of entries that stand opposite one another, the pattern of A + A.T says little about A.
SYMMETRY = 0.5


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
        "norm1": one,
        "norm_inf": other,
        "malformed": p.malformed,
        "structure": _structure(low, up, p.pattern_symmetry, p.hermitian, p.positive_diagonal),
    }
    if not p.malformed and p.finite and low and up and p.diagonal_full and p.pattern_symmetry >= SYMMETRY:
        starts, lists = graph_of(a.n, a.indptr, a.indices)
        facts["graph"] = starts, lists
        facts["ordering"] = minimum_degree(starts, lists)
    return Evidence.of(**facts)


def _structure(low: int, up: int, symmetry: float, hermitian: bool, positive: bool) -> str:
    if low == 0 or up == 0:
        return "diagonal" if low == up else "upper" if low == 0 else "lower"
    if hermitian:
        return "spd_candidate" if positive else "hermitian"
    return "symmetric_pattern" if symmetry >= SYMMETRY else "general"
