"""The operator that factors stand for: its solves, its products in doubled precision, its moduli.

A = P^T L U (getrf), U^H U or L L^H (potrf), as stored: nothing else is known of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lapack

from fsci.core.types import Problem
from fsci.kernels.cholesky_solve import cholesky_solver
from fsci.kernels.doubled import doubled_residual

__all__ = ["Stage", "moduli", "residual", "solver_of", "stages_of"]

Array = np.ndarray[Any, np.dtype[Any]]


class Stage(NamedTuple):
    """One factor of the operator: a dense matrix, or a permutation of rows (then `matrix` is None)."""

    matrix: Array | None
    transposed: bool
    rows: Array | None = None


def permutation(pivots: Array, n: int) -> Array:
    """Row order after the interchanges of getrf: ``(P A)[i] = A[order[i]]``."""
    order = np.arange(n)
    for i, p in enumerate(pivots.tolist()):
        order[[i, p]] = order[[p, i]]
    return order


def stages_of(problem: Problem) -> list[Stage]:
    """Factors of the operator, in the order in which they are applied to a vector."""
    factor = problem.operands[0]
    n = factor.shape[0]
    trans = int(problem.parameters.get("trans", 0))
    if problem.parameters["form"] == "cholesky":
        lower = bool(problem.parameters["lower"])
        half = np.tril(factor) if lower else np.triu(factor)
        # A Cholesky factor has a real diagonal; LAPACK reads it so.
        first, second = (half.conj(), half) if lower else (half, half.conj())
        return [Stage(first, lower), Stage(second, not lower)]
    lower_half = np.tril(factor, -1) + np.eye(n, dtype=factor.dtype)
    upper_half = np.triu(factor)
    order = permutation(problem.operands[1], n)
    if trans == 0:
        return [Stage(upper_half, False), Stage(lower_half, False), Stage(None, False, np.argsort(order))]
    if trans == 2:
        lower_half, upper_half = lower_half.conj(), upper_half.conj()
    return [Stage(None, False, order), Stage(lower_half, True), Stage(upper_half, True)]


def moduli(stages: list[Stage], v: Array) -> Array:
    """``|S_k| ... |S_1| v`` for ``v >= 0``: what bounds the rounding of all products and substitutions."""
    for stage in stages:
        if stage.matrix is None:
            v = v[stage.rows]
        else:
            size = np.abs(stage.matrix).astype(float)
            v = (size.T if stage.transposed else size) @ v
    return v


def residual(stages: list[Stage], x: Array, low: Array, b: Array) -> Array:
    """``b - A (x + low)`` for one right-hand side, products carried in two words between the factors."""
    for stage in stages[:-1] if stages[-1].matrix is not None else stages[:-2]:
        if stage.matrix is None:
            x, low = x[stage.rows], low[stage.rows]
            continue
        zero = np.zeros_like(b, dtype=np.result_type(stage.matrix.dtype, x.dtype, b.dtype, np.float64))
        top = -doubled_residual(stage.matrix, x, low, zero, stage.transposed)
        x, low = top, -doubled_residual(stage.matrix, x, low, top, stage.transposed)
    if stages[-1].matrix is not None:
        return doubled_residual(stages[-1].matrix, x, low, b, stages[-1].transposed)
    # The permutation comes last: undo it on the right-hand side.
    rows = stages[-1].rows
    assert rows is not None  # noqa: S101
    matrix = stages[-2].matrix
    assert matrix is not None  # noqa: S101
    inner = np.empty_like(b)
    inner[rows] = b
    return doubled_residual(matrix, x, low, inner, stages[-2].transposed)[rows]


def solver_of(problem: Problem) -> Callable[..., Array]:
    """``solve(rhs, adjoint=False)`` by LAPACK, in the precision of the factors."""
    factor = problem.operands[0]
    dtype = problem.dtype
    if problem.parameters["form"] == "cholesky":
        once = cholesky_solver(np.asarray(factor, dtype), bool(problem.parameters["lower"]))

        def by_cholesky(rhs: Array, adjoint: bool = False) -> Array:
            return once(rhs)

        return by_cholesky
    getrs = lapack.get_lapack_funcs("getrs", dtype=dtype)
    pivots, trans = problem.operands[1], int(problem.parameters.get("trans", 0))

    def by_lu(rhs: Array, adjoint: bool = False) -> Array:
        if not adjoint:
            return getrs(factor, pivots, rhs, trans=trans)[0]
        if trans == 1:  # the adjoint of A^T is the conjugate of A
            return np.conj(getrs(factor, pivots, np.conj(rhs), trans=0)[0])
        return getrs(factor, pivots, rhs, trans=2 if trans == 0 else 0)[0]

    return by_lu
