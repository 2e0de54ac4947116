"""Block diagonal matrices: an LU factorization of each block."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.factors import solver
from fsci.kernels.structured import rcond_from

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if "blocks" in evidence else Refusal("not known to be block diagonal")


def work(problem: Problem, evidence: Evidence) -> float:
    sizes = np.diff(evidence.get("blocks")).astype(float)
    columns = problem.operands[1].size / problem.size
    return float((2.0 / 3.0 * sizes**3 + 2.0 * sizes**2 * columns).sum())


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    bounds = evidence.get("blocks")
    getrf, getrs = lapack.get_lapack_funcs(("getrf", "getrs"), (a,))
    factors = []
    for start, stop in pairwise(bounds):
        factor, pivots, info = getrf(a[start:stop, start:stop])
        if info > 0:
            return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
        factors.append((slice(start, stop), factor, pivots))

    def apply(rhs: Array, op: int) -> Array:
        x = np.empty_like(rhs)
        for part, factor, pivots in factors:
            x[part] = getrs(factor, pivots, rhs[part], trans=op)[0]
        return x

    solve = solver(apply, a.dtype, False)
    rcond = rcond_from(evidence.get("norm1"), solve, a.shape[0])
    return Attempt(solve(b), byproducts={"solve": solve, "rcond": rcond}, facts={"rcond": Fact(rcond, exact=False)})


register(
    Kernel(
        name="block_diagonal",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK getrf, getrs, block by block",
    )
)
