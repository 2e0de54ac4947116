"""LU in single precision, refined to double: half the memory, twice the speed, no accuracy lost.

The factors of ``fl32(A)`` are a good preconditioner while the condition is below about 1e7 / sqrt(n).
One correction tells: it is as large as cond(A) times the single unit roundoff, so a hopeless
case costs one single-precision factorization and no more.
"""

from __future__ import annotations

from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import declared_matrix, structure_of
from fsci.kernels.factors import SINGLE, single_copy, solver
from fsci.kernels.mixed import SINGLE_UNIT, refined_attempt, too_ill_conditioned

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a = problem.operands[0]
    if a.ndim != 2:
        return Refusal("for one matrix, not a batch")
    if a.dtype.char not in SINGLE:
        return Refusal("for double precision")
    if structure_of(problem) not in ("general", "symmetric", "hermitian", "banded"):
        return Refusal("the declared structure has a cheaper factorization")
    return too_ill_conditioned(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    b = problem.operands[1]
    columns = 1.0 if b.ndim == 1 else float(b.shape[1])
    # Single precision runs at twice the rate; about three corrections in double for each column.
    return n**3 / 3.0 + 10.0 * n * n * columns


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    copied = single_copy(a, evidence.get("max_abs"))
    if copied is None:
        return Attempt(None, status="declined")
    copy, flipped, exponent = copied
    getrf, getrs = lapack.get_lapack_funcs(("getrf", "getrs"), (copy,))
    factor, pivots, info = getrf(copy, overwrite_a=True)
    if info > 0:
        return Attempt(None, status="stalled", facts={"rcond_at_most": Fact(SINGLE_UNIT, exact=False)})
    solve = solver(
        lambda rhs, op: getrs(factor, pivots, rhs, trans=op)[0],
        copy.dtype,
        flipped != bool(problem.parameters.get("transposed")),
        exponent,
    )
    return refined_attempt(problem, a, solve)


register(
    Kernel(
        name="lu_float32",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Moler (1967); Langou and others (2006), LAPACK dsgesv; getrf, getrs in single precision",
        tags=frozenset({"mixed_precision"}),
    )
)
