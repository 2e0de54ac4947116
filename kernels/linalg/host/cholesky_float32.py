"""Cholesky factorization in single precision, refined to double.

A positive definite matrix stays so in single precision while its condition is below about 1e7; what
`lu_float32` says of the rate holds here as well.
"""

from __future__ import annotations

from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.cholesky_solve import cholesky_solver
from fsci.kernels.declared import declared_matrix
from fsci.kernels.definite import definite_candidate, mirrored_solver, reads_lower
from fsci.kernels.factors import SINGLE, single_copy
from fsci.kernels.mixed import SINGLE_UNIT, refined_attempt, too_ill_conditioned

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = definite_candidate(problem, evidence)
    if refusal is not None:
        return refusal
    if problem.operands[0].dtype.char not in SINGLE:
        return Refusal("for double precision")
    return too_ill_conditioned(problem, evidence)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    return n**3 / 6.0 + 10.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    copied = single_copy(a, evidence.get("max_abs"))
    if copied is None:
        return Attempt(None, status="declined")
    copy, flipped, exponent = copied
    lower = reads_lower(problem, flipped)
    potrf = lapack.get_lapack_funcs("potrf", (copy,))
    factor, info = potrf(copy, lower=lower, clean=False, overwrite_a=True)
    if info > 0:
        # Single precision cannot tell indefinite from ill-conditioned; working precision will.
        return Attempt(None, status="not_definite", facts={"rcond_at_most": Fact(SINGLE_UNIT, exact=False)})
    solve = mirrored_solver(
        cholesky_solver(factor, lower),
        copy.dtype,
        flipped != bool(problem.parameters.get("transposed")),
        hermitian=True,
        exponent=exponent,
    )
    return refined_attempt(problem, a, solve)


register(
    Kernel(
        name="cholesky_float32",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Langou and others (2006), LAPACK dsposv; potrf, trsv in single precision",
        tags=frozenset({"mixed_precision"}),
    )
)
