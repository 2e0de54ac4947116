"""Conjugate gradients, Hestenes and Stiefel (1952): plain as SciPy runs it, and with the diagonal as preconditioner.

Where one thread is the faster the whole loop is compiled; else its steps are shared out by rows.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.sparse.iteration import Rows, ended, expected_iterations, starting_point, wrong_method
from fsci.kernels.sparse.krylov import Watch
from fsci.kernels.sparse.phases import advance, direct, product_inner, scale_inner
from fsci.kernels.sparse.work_limit import limited

__all__ = ["cg_loop", "conjugate_gradients"]


@jit(
    [
        int64(int32[::1], int32[::1], d[::1], d[::1], d[::1], d[::1], float64, int64)
        for d in (float64, complex128, float32, complex64)
    ]
)
def cg_loop(indptr, indices, data, factors, x, r, atol, maxiter):  # type: ignore[no-untyped-def]
    """Iterations until ``|r| < atol``, on one thread; -1 - maxiter where that is not reached.

    `factors` is the inverse diagonal, or empty for no preconditioner; x and r are brought up to date.
    """
    n = x.size
    kind = x.dtype.type
    p, q = np.zeros_like(x), np.empty_like(x)
    z = r if factors.size == 0 else np.empty_like(x)
    squares = advance(kind(0), p, p, x, r, 0, n)
    rho_before = np.conj(kind(0)) * np.float64(1.0)
    for done in range(maxiter):
        if math.sqrt(squares) < atol:
            return done
        rho = squares + np.conj(kind(0)) * np.float64(0.0)
        if factors.size > 0:
            rho = scale_inner(factors, r, z, 0, n)
        direct(kind(rho / rho_before) if done > 0 else kind(0), z, p, 0, n)
        step = rho / product_inner(indptr, indices, data, p, p, q, 0, n)
        squares = advance(kind(step), p, q, x, r, 0, n)
        rho_before = rho
    return -1 - maxiter


def conjugate_gradients(
    rows: Rows,
    x: Any,
    r: Any,
    atol: float,
    maxiter: int,
    precondition: Any,
    callback: Any = None,
    watch: Watch | None = None,
) -> tuple[int, bool]:
    """Iterations, and whether ``|r| < atol`` was reached; the steps are shared out by rows.

    ``precondition(r, z)`` sets z, and gives ``r* z``; None for none. Stops where A or the
    preconditioner shows that it is not positive definite, or where `watch` ends it.
    """
    kind = x.dtype.type
    p, q = np.zeros_like(x), np.empty_like(x)
    z = r if precondition is None else np.empty_like(x)
    squares = float(np.real(rows.sum(lambda i, j: advance(kind(0), p, p, x, r, i, j))))
    rho_before: Any = None
    for done in range(maxiter):
        if math.sqrt(squares) < atol:
            return done, True
        if watch is not None and watch.ended(done, math.sqrt(squares)):
            return done, False
        rho = squares if precondition is None else precondition(r, z)
        if precondition is not None and not np.real(rho) > 0.0:
            return done, False
        beta = kind(0) if rho_before is None else kind(rho / rho_before)
        rows.sum(partial(direct, beta, z, p))
        curvature = rows.sum(lambda i, j: product_inner(*rows.arrays, p, p, q, i, j))
        if precondition is not None and not np.real(curvature) > 0.0:
            return done, False
        alpha = kind(rho / curvature) if curvature != 0 else kind(np.nan)
        squares = float(np.real(rows.sum(partial(advance, alpha, p, q, x, r))))
        rho_before = rho
        if callback is not None:
            callback(x)
    return maxiter, False


def _run(problem: Problem, evidence: Evidence, factors: Any) -> Attempt:
    problem = limited(problem, evidence)
    rows, x, r = starting_point(problem, evidence)
    atol, maxiter = problem.parameters["atol"], problem.parameters["maxiter"]
    callback = problem.parameters["callback"]
    if rows.alone and callback is None:
        done = int(cg_loop(*rows.arrays, factors, x, r, atol, maxiter))
        return ended(problem, x, r, abs(done + 1) if done < 0 else done, done >= 0)
    precondition = None
    if factors.size:

        def precondition(r: Any, z: Any) -> Any:
            return rows.sum(lambda i, j: scale_inner(factors, r, z, i, j))

    return ended(problem, x, r, *conjugate_gradients(rows, x, r, atol, maxiter, precondition, callback))


def _plain(problem: Problem, evidence: Evidence) -> Attempt:
    return _run(problem, evidence, np.empty(0, problem.dtype))


def _diagonal(problem: Problem, evidence: Evidence) -> Attempt:
    return _run(problem, evidence, (1.0 / evidence.get("diagonal")).astype(problem.dtype))


def _plain_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return wrong_method(problem, "cg")


def _diagonal_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = wrong_method(problem, "cg", chosen=True)
    if refusal is None and not evidence.get("positive_diagonal", False):
        return Refusal("the diagonal is not positive, or not known")
    return refusal


def _work(problem: Problem, evidence: Evidence) -> float:
    a = problem.operands[0]
    return float(a.nnz + 10 * a.shape[0]) * expected_iterations(problem, evidence)


def _plain_work(problem: Problem, evidence: Evidence) -> float:
    # Scaling by the diagonal is within a factor n_z of the best scaling (van der Sluis, 1969): without
    # it nothing is known to be better, and badly scaled matrices take many times as long.
    spread = evidence.get("diagonal_ratio", 1.0)
    return _work(problem, evidence) * math.sqrt(spread)


register(
    Kernel(
        name="cg",
        kind="iterative_solve",
        shelf="host",
        applies=_plain_applies,
        work=_plain_work,
        run=_plain,
        source="Hestenes and Stiefel (1952)",
    )
)

register(
    Kernel(
        name="cg_diagonal",
        kind="iterative_solve",
        shelf="host",
        applies=_diagonal_applies,
        work=_work,
        run=_diagonal,
        source="Hestenes and Stiefel (1952), scaled by the diagonal: van der Sluis (1969)",
    )
)
