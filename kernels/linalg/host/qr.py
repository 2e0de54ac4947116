"""QR factorization by Householder reflections: LAPACK's geqrf. No growth of elements, whatever the matrix."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import declared_matrix
from fsci.kernels.factors import lapack_view
from fsci.kernels.general import one_matrix
from fsci.kernels.orthogonal import qr_solver

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return one_matrix(problem)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    return 4.0 / 3.0 * n**3 + 5.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    view, flipped = lapack_view(a)
    found = qr_solver(view, flipped != bool(problem.parameters.get("transposed")), pivoted=False)
    if found is None:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)})
    solve, rcond, _ = found
    return Attempt(
        solve(problem.operands[1]),
        byproducts={"rcond": rcond, "solve": solve},
        facts={"rcond": Fact(rcond, exact=False)},
    )


register(
    Kernel(
        name="qr",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Householder (1958); LAPACK geqrf, ormqr, trtrs, trcon",
    )
)
