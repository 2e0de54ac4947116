"""Triangles, diagonals among them, by substitution, whatever permutations hide them."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.factored import Reusable, refined
from fsci.kernels.sparse.peeling import substitution

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if "peeled" in evidence else Refusal("no triangle under permutations")


def work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    return 2.0 * a.nnz * (b.shape[1] if b.ndim > 1 else 1)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, orders = compressed(problem), evidence.get("peeled")
    if not np.abs(a.data[orders.places]).min() > 0.0:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    solve = substitution(a, orders)
    x, measured = refined(problem, solve)
    kept = {"factors": Fact(Reusable(solve, "substitution"))}
    return Attempt(x, byproducts={"solve": solve, "measured": measured}, facts=kept)


register(
    Kernel(
        name="hidden_triangle",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Duff, Erisman and Reid (2017), section 6.1",
    )
)
