"""Singular value decomposition: LAPACK's gesdd. The last word on numerical rank.

The answer is the full one, whatever the rank, unless the policy allows the minimum norm solution
(parameter ``minimum_norm``) and the matrix is singular to working precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.declared import declared_matrix
from fsci.kernels.factors import lapack_view, solver
from fsci.kernels.general import needs_minimum_norm, one_matrix
from fsci.kernels.refinement import measured

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return one_matrix(problem)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    return 22.0 * n**3 + 4.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    b, n = problem.operands[1], a.shape[0]
    transposed = bool(problem.parameters.get("transposed"))
    view, flipped = lapack_view(a)
    gesdd = lapack.get_lapack_funcs("gesdd", (view,))
    gemm = blas.get_blas_funcs("gemm", (view,))
    u, s, vh, info = gesdd(view)
    if info != 0:
        return Attempt(None, status="not_converged")
    # Weyl: rounding moves singular values by n u s_1 at most, so that smaller ones are not known from zero.
    rank = int((s > n * problem.unit_roundoff * s[0]).sum()) if n else 0
    ratio = float(s[-1] / s[0]) if n and s[0] > 0 else 0.0
    facts = {"rcond": Fact(ratio, exact=False), "numerical_rank": Fact(rank, exact=False)}
    truncated = rank < n and needs_minimum_norm(problem)
    kept = rank if truncated else n
    if kept == 0 or s[kept - 1] == 0.0:
        return Attempt(None, status="singular", facts=facts)

    def apply(rhs: Array, op: int) -> Array:
        if op == 1:
            return np.conj(apply(np.conj(rhs), 2))
        left, right = (u[:, :kept], vh[:kept]) if op == 0 else (vh[:kept].conj().T, u[:, :kept].conj().T)
        inner = gemm(1.0, left, rhs.reshape(n, -1), trans_a=2) / s[:kept, None]
        return np.asarray(gemm(1.0, right, inner, trans_a=2)).reshape(rhs.shape)

    solve = solver(apply, view.dtype, flipped != transposed)
    x = solve(b)
    extra: dict[str, Any] = {"numerical_rank": rank, "rcond": ratio}
    if truncated:
        extra["repair"] = "minimum_norm"
        extra["certified"] = _minimum_norm(
            a, x, b, transposed, problem.unit_roundoff, float(s[0]), float(s[kept - 1]), rank
        )
    else:
        extra["solve"] = solve
    return Attempt(x, byproducts=extra, facts=facts)


def _minimum_norm(
    a: Array, x: Array, b: Array, transposed: bool, unit: float, largest: float, smallest: float, rank: int
) -> dict[str, Any]:
    """Numbers for the certificate of a minimum norm solution of a matrix of this rank.

    The bound is Wedin's (1973; Bjorck, 1996, theorem 1.4.6), for a relative change of n u in the matrix that
    leaves the rank as it is: what the truncation itself means for the data is the caller's decision.
    """
    seen = measured(a, x, b, transposed)
    n, condition = a.shape[0], largest / smallest
    change = n * unit
    eta = condition * change
    residual = float(np.max(np.abs(seen.r))) * n**0.5 / largest  # columns of x are of size one
    forward = eta / (1.0 - eta) * (2.0 + (condition + 1.0) * residual) + eta if eta < 1.0 else np.inf
    return {
        "backward_error": seen.backward_error,
        "componentwise": seen.componentwise,
        "condition": condition,
        "forward_error": float(n**0.5 * forward),
        "rcond": 0.0,
        "numerical_rank": rank,
        "answer": "minimum norm",
    }


register(
    Kernel(
        name="svd",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Golub and Reinsch (1970); LAPACK gesdd",
    )
)
