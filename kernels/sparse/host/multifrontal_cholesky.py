"""Sparse Cholesky: multifrontal, under the best of the orderings that were counted."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.factored import factor_work, factored_attempt, too_large
from fsci.kernels.sparse.multifrontal import cholesky

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if "ordering" not in evidence:
        return Refusal("no symmetric ordering was counted")
    if not (evidence.get("hermitian") and evidence.get("positive_diagonal")):
        return Refusal("not Hermitian with a positive diagonal")
    if not evidence.get("positive_minors"):
        return Refusal("a minor of order two is not positive")
    if evidence.get("definite") is False:
        return Refusal("a Cholesky factorization has broken down")
    return too_large(problem, evidence, 1.0)


def work(problem: Problem, evidence: Evidence) -> float:
    return factor_work(problem, evidence, 1.0)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    attempt = factored_attempt(problem, evidence, cholesky)
    return attempt or Attempt(None, status="not_definite", facts={"definite": Fact(False)})


register(
    Kernel(
        name="cholesky_multifrontal",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Duff and Reid (1983); Amestoy, Davis and Duff (1996)",
    )
)
