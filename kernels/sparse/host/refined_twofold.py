"""Refinement of an answer in two words, with residuals in doubled precision, by the factors of an earlier attempt.

The low-order part is kept, so that the answer converges to the last bit as long as the factors are a contraction
at all (Demmel and others, 2006): what repairs ill-conditioned systems in hardened mode, and gives full accuracy.
"""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.sparse_residual import compressed_residual

__all__: list[str] = []

_STEPS = 30
_GAIN = 0.5  # a step that leaves more than this share of the one before has stagnated


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if "factors" not in evidence:
        return Refusal("no factors yet")
    return None if problem.unit_roundoff == 2.0**-53 else Refusal("single precision is refined in double")


def work(problem: Problem, evidence: Evidence) -> float:
    return 100.0 * problem.operands[0].nnz


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    solve = evidence.get("factors").solve
    with np.errstate(all="ignore"):
        x = solve(b).astype(problem.dtype)
        low = np.zeros_like(x)
        before = np.inf
        for _ in range(_STEPS):
            r, _ = compressed_residual(a, x, b, low)
            step = solve(r)
            size = float(np.max(np.abs(step), initial=0.0))
            if not size <= _GAIN * before:
                break
            before = size
            low = low + step
            high = x + low
            # The larger first: what the sum of the two loses is exact (Dekker, 1971).
            low = np.where(np.abs(x) >= np.abs(low), low - (high - x), x - (high - low))
            x = high
    if not np.isfinite(x).all():
        return Attempt(None, status="nonfinite")
    return Attempt(x, byproducts={"solve": solve, "correction": low, "repair": "refined in two words"})


register(
    Kernel(
        name="refined_twofold",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Demmel, Hida, Kahan, Li, Mukherjee and Riedy (2006)",
        tags=frozenset({"repair"}),
    )
)
