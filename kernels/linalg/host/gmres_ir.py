"""LU in single precision as preconditioner of GMRES, inside extra-precise refinement.

Where plain refinement with single-precision factors stalls, GMRES still converges in a few steps: the
preconditioned matrix is near the identity but for a few directions (Carson and Higham, 2017). Factors are
applied, and the Krylov space is built, in double precision; residual and iterate are in doubled precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import declared_matrix
from fsci.kernels.factors import SINGLE, Solve, single_copy, solver
from fsci.kernels.general import extra_precise_attempt, one_matrix
from fsci.kernels.mixed import SINGLE_UNIT
from fsci.kernels.refinement import plain_residual

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]
# Each inner solve gains about this much; refinement does the rest (Carson and Higham, 2018, take 1e-4 too).
_INNER = 1e-4
_LONGEST = 60
# Below this rcond even the preconditioned matrix is out of reach: single times double unit roundoff, and some room.
_HOPELESS = 2.0**-44


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = one_matrix(problem)
    if refusal is not None:
        return refusal
    if problem.operands[0].dtype.char not in SINGLE:
        return Refusal("for double precision")
    rcond = evidence.get("rcond")
    if rcond is None:
        return Refusal("for a condition that is known: plain refinement costs less where it converges")
    if rcond > SINGLE_UNIT * float(problem.size) ** 0.5:
        return Refusal("plain refinement converges at this condition")
    if rcond < _HOPELESS:
        return Refusal(f"condition {1.0 / rcond if rcond else np.inf:.0e} is beyond single-precision preconditioners")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    # Single precision at twice the rate; some ten inner steps of 8 n^2 for each of three corrections.
    return n**3 / 3.0 + (240.0 + 100.0) * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    copied = single_copy(a, evidence.get("max_abs"))
    if copied is None:
        return Attempt(None, status="declined")
    copy, flipped, exponent = copied
    getrf = lapack.get_lapack_funcs("getrf", (copy,))
    factor, pivots, info = getrf(copy, overwrite_a=True)
    if info > 0:
        return Attempt(None, status="stalled", facts={"rcond_at_most": Fact(SINGLE_UNIT, exact=False)})
    factor = factor.astype(a.dtype)
    getrs = lapack.get_lapack_funcs("getrs", (factor,))
    transposed = bool(problem.parameters.get("transposed"))
    precondition = solver(
        lambda rhs, op: getrs(factor, pivots, rhs, trans=op)[0], factor.dtype, flipped != transposed, exponent
    )
    solve = _gmres_solver(a, transposed, precondition)
    return extra_precise_attempt(problem, a, solve, None)


def _gmres_solver(a: Array, transposed: bool, precondition: Solve) -> Solve:
    """``solve(rhs, adjoint=False)`` by preconditioned GMRES, column by column."""
    forward, backward = plain_residual(a, transposed), plain_residual(a, not transposed)

    def product(v: Array) -> Array:
        return -forward(v, np.zeros_like(v))

    def adjoint_product(v: Array) -> Array:
        return -np.conj(backward(np.conj(v), np.zeros_like(v)))

    def solve(rhs: Array, adjoint: bool = False) -> Array:
        multiply = adjoint_product if adjoint else product
        columns = rhs.reshape(rhs.shape[0], -1).astype(a.dtype)
        found = [
            gmres(lambda v: precondition(multiply(v), adjoint), precondition(columns[:, j], adjoint))
            for j in range(columns.shape[1])
        ]
        return np.stack(found, axis=1).reshape(rhs.shape)

    return solve


def gmres(operator: Callable[[Array], Array], rhs: Array) -> Array:
    """Least-residual solution of ``operator(x) = rhs`` in a short Krylov space (Saad and Schultz, 1986)."""
    beta = float(np.linalg.norm(rhs))
    if not 0.0 < beta < np.inf:
        return rhs
    basis = np.empty((rhs.shape[0], _LONGEST + 1), rhs.dtype, order="F")
    hessenberg = np.zeros((_LONGEST + 1, _LONGEST), rhs.dtype)
    basis[:, 0] = rhs / beta
    target = np.zeros(_LONGEST + 1, rhs.dtype)
    target[0] = beta
    y = np.zeros(1, rhs.dtype)
    for k in range(_LONGEST):
        v = operator(basis[:, k])
        # Gram-Schmidt twice: orthogonal to working precision (Giraud and others, 2005).
        for _ in range(2):
            share = basis[:, : k + 1].conj().T @ v
            v = v - basis[:, : k + 1] @ share
            hessenberg[: k + 1, k] += share
        size = float(np.linalg.norm(v))
        if not np.isfinite(size):
            return rhs
        hessenberg[k + 1, k] = size
        y = np.linalg.lstsq(hessenberg[: k + 2, : k + 1], target[: k + 2], rcond=None)[0]
        left = float(np.linalg.norm(target[: k + 2] - hessenberg[: k + 2, : k + 1] @ y))
        if left <= _INNER * beta or size == 0.0:
            break
        basis[:, k + 1] = v / size
    return np.asarray(basis[:, : y.size] @ y)


register(
    Kernel(
        name="gmres_ir",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Carson and Higham (2017, 2018); LAPACK getrf in single precision",
        tags=frozenset({"mixed_precision", "repair"}),
    )
)
