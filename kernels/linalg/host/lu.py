"""LU with partial pivoting: LAPACK's getrf."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if problem.operands[0].ndim == 2 else Refusal("for one matrix, not a batch")


def work(problem: Problem, evidence: Evidence) -> float:
    return 2.0 / 3.0 * float(problem.size) ** 3


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    getrf, getrs, gecon = lapack.get_lapack_funcs(("getrf", "getrs", "gecon"), (a,))
    # The memory of a C-ordered array is its transpose in LAPACK's eyes: factor that, solve with trans.
    by_rows = a.flags.c_contiguous and not a.flags.f_contiguous
    transposed = bool(problem.parameters.get("transposed"))
    factor, pivots, info = getrf(a.T if by_rows else a)
    if info > 0:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    norm = np.abs(a).sum(axis=1 if by_rows else 0).max(initial=0.0)
    rcond = float(gecon(factor, norm)[0])
    trans = int(by_rows != transposed)
    x, _ = getrs(factor, pivots, b, trans=trans)

    def solve_factored(rhs: np.ndarray, adjoint: bool = False) -> np.ndarray:
        """Solve with the factor; `adjoint` for the transposed system."""
        return getrs(factor, pivots, rhs, trans=trans ^ int(adjoint))[0]

    return Attempt(
        x,
        byproducts={"factor": (factor, pivots), "rcond": rcond, "solve": solve_factored},
        facts={"rcond": Fact(rcond, exact=False)},
    )


register(
    Kernel(
        name="lu",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK getrf, getrs, gecon",
    )
)
