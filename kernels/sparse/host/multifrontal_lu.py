"""Sparse LU on the pattern of A + A.T: multifrontal, pivots inside supernodes, refined where that costs accuracy."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.factored import factor_work, factored_attempt, too_large
from fsci.kernels.sparse.multifrontal import lu

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if "ordering" not in evidence:
        return Refusal("the pattern is too far from symmetric, or pivots near the diagonal vanish")
    if evidence.get("restricted_pivots") is False:
        return Refusal("pivots inside supernodes were too small")
    return too_large(problem, evidence, 2.0)


def work(problem: Problem, evidence: Evidence) -> float:
    return factor_work(problem, evidence, 2.0)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    attempt = factored_attempt(problem, evidence, lu)
    return attempt or Attempt(None, status="stalled", facts={"restricted_pivots": Fact(False)})


register(
    Kernel(
        name="lu_multifrontal",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Duff and Reid (1984); Li and Demmel (1998) for the threshold",
    )
)
