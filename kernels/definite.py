"""What the routes for symmetric and Hermitian matrices share: when they apply, and which triangle they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.types import Evidence, Problem, Refusal
from fsci.kernels.declared import structure_of
from fsci.kernels.factors import Solve, solver

__all__ = ["definite_candidate", "mirrored_norm", "mirrored_solver", "reads_lower"]

Array = np.ndarray[Any, np.dtype[Any]]


def definite_candidate(problem: Problem, evidence: Evidence) -> Refusal | None:
    """Refuse unless the matrix is declared positive definite, or may be by its diagonal."""
    if problem.operands[0].ndim != 2:
        return Refusal("for one matrix, not a batch")
    declared = structure_of(problem)
    if declared == "positive definite":
        return None
    if declared not in ("general", "hermitian") and not (
        declared == "symmetric" and problem.operands[0].dtype.kind != "c"
    ):
        return Refusal("the declared structure has another factorization")
    if evidence.get("structure") == "spd_candidate":
        return None
    if evidence.get("hermitian") and evidence.get("positive_diagonal"):
        return None
    return Refusal("not known to be Hermitian with a positive diagonal")


def reads_lower(problem: Problem, flipped: bool) -> bool:
    """Which triangle of LAPACK's view is the one that the caller named."""
    return bool(problem.parameters.get("lower")) != flipped


def mirrored_norm(view: Array, lower: bool) -> float:
    """1-norm (and infinity norm) of the symmetric or Hermitian matrix that one triangle of `view` stores."""
    memory = view.T  # rows of memory, of which the other triangle is the stored one
    n = memory.shape[0]
    sums = np.zeros(n)
    step = max(1, (1 << 18) // max(n, 1))
    for first in range(0, n, step):
        last = min(first + step, n)
        # Blocks off the diagonal are whole; only the diagonal block is cut.
        beyond = slice(last, n) if lower else slice(0, first)
        block = np.abs(memory[first:last, beyond])
        sums[first:last] += block.sum(axis=1)
        sums[beyond] += block.sum(axis=0)
        corner = np.abs(memory[first:last, first:last])
        corner = np.triu(corner) if lower else np.tril(corner)
        sums[first:last] += corner.sum(axis=1) + corner.sum(axis=0) - corner.diagonal()
    return float(sums.max(initial=0.0))


def mirrored_solver(
    apply: Callable[[Array], Array], dtype: np.dtype[Any], flipped: bool, hermitian: bool, exponent: int = 0
) -> Solve:
    """`solver` for factors of a symmetric or Hermitian F, of which LAPACK only solves with F itself."""

    def with_op(rhs: Array, op: int) -> Array:
        # Hermitian: F^T is the conjugate, F^H is F. Complex symmetric: the other way round.
        conjugated = op == (1 if hermitian else 2)
        return np.conj(apply(np.conj(rhs))) if conjugated else apply(rhs)

    return solver(with_op, dtype, flipped, exponent)
