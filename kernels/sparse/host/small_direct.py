"""Small systems without a look beforehand: compiled calls that order, match if they must, factor and check.

It is the plan of `spsolve` for systems whose evidence and ranking would cost more than they save. What has symmetric
values but no pivots on its diagonal goes to LDL^T; what none of these serves, and the verdict that a matrix is exactly
singular, is SuperLU's, called as SciPy calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.band import band_factors
from fsci.kernels.sparse.compressed import Compressed, compressed, one_matrix
from fsci.kernels.sparse.direct import direct
from fsci.kernels.sparse.direct_columns import (
    ANOTHER_WAY,
    BAND,
    CHECKED,
    EMPTY,
    EVIDENCE,
    INDEFINITE,
    SOLVED,
    TRIANGLE,
    UNMATCHED,
    alike,
    backward_error,
    direct_blocks,
    direct_matched,
)
from fsci.kernels.sparse.factored import EXACTLY_SINGULAR
from fsci.kernels.sparse.host.superlu import superlu_answer, superlu_solver
from fsci.kernels.sparse.ldlt import ldlt
from fsci.kernels.sparse.matching import matched
from fsci.kernels.sparse.multifrontal import cholesky, graph_of, lu, minimum_degree, supernodal
from fsci.kernels.sparse.pattern import SYMMETRY, scan
from fsci.kernels.sparse.peeling import peeled, substitution
from fsci.kernels.sparse.sparse_residual import residual

__all__ = ["SMALL"]

# Stored entries up to which evidence and ranking, a tenth of a millisecond, are a tenth of SciPy's own time or more.
SMALL = 150_000
_UNIT = {"f": 2.0**-24, "F": 2.0**-24, "d": 2.0**-53, "D": 2.0**-53}
_OPTIONS = {"ColPerm": "COLAMD"}
# Stored entries from which LDL^T is the faster: at 1,700 its calls from Python take as long as SuperLU in all, and
# twice that where a pivot is missing after all; at 7,000 it takes half as long.
_LEAST_FOR_PAIRS = 4000
_STEPS = 2  # of refinement, where SuperLU leaves more than a stable method does


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[1].ndim != 1:
        return Refusal("several right-hand sides")
    if problem.operands[0].nnz > SMALL:
        return Refusal("large enough for evidence to pay")
    return Refusal("there is evidence to choose by") if "structure" in evidence else None


def work(problem: Problem, evidence: Evidence) -> float:
    return 400.0 * problem.operands[0].nnz


def fast(A: Any, b: Any) -> Any:
    """The answer if its backward error is that of a stable method, `EXACTLY_SINGULAR` as SciPy finds it, or None."""
    a = one_matrix(A)
    sides = np.ascontiguousarray(b, a.data.dtype)
    x = np.empty(a.n, a.data.dtype)
    tolerance = BACKWARD_SLACK * _UNIT[A.dtype.char] * a.n**0.5
    with np.errstate(all="ignore"):
        options = int(a.by_rows), 0.5 * tolerance
        status = direct(a.n, a.indptr, a.indices, a.data, sides, x, *options)
        if status == UNMATCHED:
            status = _matched(a, sides, x, x[0].real >= SYMMETRY, *options)
        if status == CHECKED:
            if A.dtype == x.dtype:
                return x
            status = SOLVED
        if status == BAND:
            band = band_factors(a, int(x[0].real), int(x[-1].real))
            if band is None:  # a zero pivot: SciPy's answer hangs on what SuperLU finds
                status = ANOTHER_WAY
            else:
                x, status = band.solve(sides), SOLVED
        if status == INDEFINITE:
            found = _by_pairs(a, sides, tolerance)
            x, status = (found, SOLVED) if found is not None else (x, ANOTHER_WAY)
        orders = peeled(a) if status == TRIANGLE else None
        if orders is not None:
            x = substitution(a, orders)(sides)
        elif status == EMPTY:
            return EXACTLY_SINGULAR
        elif status in (ANOTHER_WAY, TRIANGLE):
            return _by_superlu(A, b, a, sides, tolerance)
        elif status != SOLVED:
            return None
        x = x.astype(A.dtype, copy=False)
        good = _error(a, x, sides) <= tolerance
    return x if good else None


def _matched(a: Compressed, sides: Any, x: Any, symmetric: bool, by_rows: int, tolerance: float) -> int:
    """What became of the system under a transversal, and if that will not do under the best one."""
    home, block = np.empty(a.n, a.indices.dtype), np.empty(a.n, a.indices.dtype)
    status = direct_blocks(a.n, a.indptr, a.indices, a.data, sides, x, home, block, by_rows, tolerance)
    if status == UNMATCHED:
        rows, scales = np.empty(a.n, a.indices.dtype), np.empty(a.n)
        if matched(a.n, a.indptr, a.indices, a.data, home, block, rows, scales, np.empty(a.n)) != a.n:
            return ANOTHER_WAY
        status = direct_matched(a.n, a.indptr, a.indices, a.data, rows, scales, sides, x, block, by_rows, tolerance)
    # The pattern of A + A.T then fills, and is far from that of A: fronts would not serve either.
    return ANOTHER_WAY if status == EVIDENCE and not symmetric else int(status)


def _by_pairs(a: Compressed, sides: Any, tolerance: float) -> Any:
    """The answer by pivots of order one and two; None where some are missing, or may be nothing but rounding."""
    if a.indices.size < _LEAST_FOR_PAIRS or alike(a.n, a.indptr, a.indices, a.data):
        return None
    starts, lists = graph_of(a.n, a.indptr, a.indices)
    symmetric = a.data.dtype.kind != "c" or scan(a.n, a.indptr, a.indices, a.data).symmetric
    factors = ldlt(supernodal(starts, lists, minimum_degree(starts, lists)), a, not symmetric)
    if factors.missing or factors.small:
        return None
    x = factors.solve(sides)
    for _ in range(_STEPS):
        if _error(a, x, sides) <= tolerance:
            return x
        x = x + factors.solve(residual(a.indptr, a.indices, a.data, a.by_rows, x, sides)[0])
    return None


def _by_superlu(A: Any, b: Any, a: Compressed, sides: Any, tolerance: float) -> Any:
    """SciPy's own answer, refined where SuperLU leaves more than a stable method does."""
    x, info = superlu_answer(A, b)
    if info:
        return EXACTLY_SINGULAR if info <= a.n else None
    error = _error(a, x, sides)
    if tolerance < error < np.inf:
        solve = superlu_solver(A, _OPTIONS)
        for _ in range(_STEPS):
            r, _ = residual(a.indptr, a.indices, a.data, a.by_rows, x, sides)
            x = x + solve(r).astype(x.dtype)
            error = _error(a, x, sides)
            if error <= tolerance:
                break
    return x if error <= tolerance else None


def _error(a: Compressed, x: Any, sides: Any) -> float:
    given = x.astype(a.data.dtype, copy=False)
    return float(backward_error(a.indptr, a.indices, a.data, given, sides, float(a.by_rows)))


def run(problem: Problem, evidence: Evidence) -> Attempt:
    x = fast(*problem.operands)
    if x is EXACTLY_SINGULAR:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    return Attempt(None, status="declined") if x is None else Attempt(x, byproducts={"solve": _solver(problem)})


def _solver(problem: Problem) -> Callable[..., Any]:
    """``solve(rhs, adjoint=False)`` by the factorization that `fast` takes, made when it is first asked for."""

    @cache
    def factors() -> Callable[..., Any]:
        a = compressed(problem)
        pattern = scan(a.n, a.indptr, a.indices, a.data)
        if pattern.symmetric_order:
            starts, lists = graph_of(a.n, a.indptr, a.indices)
            s = supernodal(starts, lists, minimum_degree(starts, lists))
            found = cholesky(s, a.indptr, a.indices, a.data, a.by_rows) if pattern.perhaps_definite else None
            if found is None:
                found = lu(s, a.indptr, a.indices, a.data, a.by_rows)
            if not found.replaced:
                return found.solve
        orders = None if pattern.symmetric_order else peeled(a)
        return superlu_solver(problem.operands[0], _OPTIONS) if orders is None else substitution(a, orders)

    def solve(rhs: Any, adjoint: bool = False) -> Any:
        return factors()(rhs, adjoint)

    return solve


register(
    Kernel(
        name="small_direct",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="Amestoy, Davis and Duff (1996); Gilbert and Peierls (1988); Duff and Reid (1984); SuperLU",
    )
)
