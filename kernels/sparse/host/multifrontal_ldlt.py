"""Sparse LDL^T of symmetric and Hermitian indefinite matrices: half the flops and memory of LU, and as stable."""

from __future__ import annotations

from typing import Any

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.factored import ordering_fits, ordering_work, refined
from fsci.kernels.sparse.ldlt import ldlt
from fsci.kernels.sparse.multifrontal import supernodal

__all__: list[str] = []


def _ordering(evidence: Evidence) -> Any:
    """That of fronts with pivots near the diagonal, or where these vanish one that was counted all the same."""
    return evidence.get("ordering") or evidence.get("indefinite_ordering")


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not (evidence.get("symmetric") or evidence.get("hermitian")):
        return Refusal("neither symmetric nor Hermitian")
    if _ordering(evidence) is None:
        return Refusal("a triangle, or not finite: no symmetric ordering was counted")
    positive = evidence.get("hermitian") and evidence.get("positive_diagonal") and evidence.get("positive_minors")
    if positive and evidence.get("definite") is not False:
        return Refusal("it may be definite: a Cholesky factorization will tell")
    return ordering_fits(problem, _ordering(evidence), 1.0)


def work(problem: Problem, evidence: Evidence) -> float:
    return ordering_work(problem, _ordering(evidence), 1.0)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, graph = compressed(problem), evidence.get("graph")
    factors = ldlt(supernodal(graph.starts, graph.lists, _ordering(evidence)), a, not evidence.get("symmetric"))
    if factors.missing:
        # Zeros left where pivots should be are what an LU factorization that finds a column of zeros would call
        # singular. In another order rounding may leave something there: whether SciPy answers NaN is SuperLU's to say.
        return Attempt(None, status="singular" if factors.zeros else "stalled")
    if factors.small and not factors.serves(a):
        return Attempt(None, status="stalled")
    x, measured = refined(problem, factors.solve)
    return Attempt(
        x,
        byproducts={"solve": factors.solve, "measured": measured, "factors": factors, "growth": factors.growth},
        facts={"factors": Fact(factors)},
    )


register(
    Kernel(
        name="ldlt_multifrontal",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Duff and Reid (1983); Ashcraft, Grimes and Lewis (1998)",
    )
)
