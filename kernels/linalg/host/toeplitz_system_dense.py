"""Toeplitz systems as dense ones: LU with partial pivoting, which no singular minor stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack, toeplitz

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.doubled import doubled_residual
from fsci.kernels.linalg.host.structured_operator import Operator, refined_attempt
from fsci.kernels.linalg.host.toeplitz_system_levinson import solver_of as levinson_solver
from fsci.kernels.linalg.host.toeplitz_system_levinson import values_of

__all__ = ["operator_of"]

Array = np.ndarray[Any, np.dtype[Any]]

_BLOCK = 1 << 18  # entries of the matrix that are held at once for a residual


def _residual(values: Array, x: Array, low: Array, b: Array) -> Array:
    """``b - T (x + low)``, a block of rows at a time: the matrix is never held whole."""
    n = x.shape[0]
    flipped = np.ascontiguousarray(values[::-1])
    windows = np.lib.stride_tricks.sliding_window_view(flipped, n)[::-1]
    step = max(1, _BLOCK // n)
    complex_result = np.result_type(values.dtype, x.dtype, b.dtype).kind == "c"
    r = np.empty(n, complex if complex_result else float)
    stacked, stacked_low = (np.concatenate([v.real, v.imag]) if complex_result else v for v in (x, low))
    for first in range(0, n, step):
        rows = windows[first : first + step]
        part = b[first : first + step]
        if not complex_result:
            r[first : first + step] = doubled_residual(np.ascontiguousarray(rows), x, low, part)
            continue
        real = np.concatenate([rows.real, -rows.imag], axis=1)
        imag = np.concatenate([rows.imag, rows.real], axis=1)
        r.real[first : first + step] = doubled_residual(real, stacked, stacked_low, part.real.astype(float))
        r.imag[first : first + step] = doubled_residual(imag, stacked, stacked_low, part.imag.astype(float))
    return r


def operator_of(problem: Problem) -> Operator:
    """Products with the Toeplitz matrix."""
    column, row, _ = problem.operands
    values = values_of(column, row)
    sizes, n = np.abs(values), problem.size
    return Operator(
        residual=lambda x, low, b: _residual(values, x, low, b),
        moduli=lambda v: np.convolve(sizes, v)[n - 1 : 2 * n - 1],
    )


def solver_of(problem: Problem) -> tuple[Callable[..., Array], int]:
    """``solve(rhs, adjoint=False)`` by the LU factors of the dense matrix, and the number of a zero pivot."""
    column, row, _ = problem.operands
    getrf, getrs = lapack.get_lapack_funcs(("getrf", "getrs"), dtype=problem.dtype)
    lu, pivots, info = getrf(np.asfortranarray(toeplitz(column, row)), overwrite_a=True)

    def solve(rhs: Array, adjoint: bool = False) -> Array:
        return getrs(lu, pivots, rhs, trans=2 if adjoint else 0)[0]

    return solve, int(info)


def _work(problem: Problem, evidence: Evidence) -> float:
    return 1e4 + 2.0 / 3.0 * float(problem.size) ** 3


def _work_refined(problem: Problem, evidence: Evidence) -> float:
    return _work(problem, evidence) + 1e4 + 60.0 * float(problem.size) * float(problem.operands[2].size)


def _work_levinson(problem: Problem, evidence: Evidence) -> float:
    return 1e4 + 80.0 * float(problem.size) * float(problem.operands[2].size)


def _always(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _singular() -> Attempt:
    return Attempt(None, "singular", facts={"rcond": Fact(0.0)}, final=True)


def _lu(problem: Problem, evidence: Evidence) -> Attempt:
    solve, zero = solver_of(problem)
    return _singular() if zero else Attempt(solve(problem.operands[2]), byproducts={"solve": solve})


def _lu_refined(problem: Problem, evidence: Evidence) -> Attempt:
    solve, zero = solver_of(problem)
    return _singular() if zero else refined_attempt(problem, operator_of(problem), solve)


def _levinson_refined(problem: Problem, evidence: Evidence) -> Attempt:
    return refined_attempt(problem, operator_of(problem), levinson_solver(problem))


_REPAIR = frozenset({"repair"})
_KIND = "toeplitz_system"
register(Kernel("lu", _KIND, "host", _always, _work, _lu, source="LAPACK getrf, getrs"))
register(
    Kernel(
        "lu_refined",
        _KIND,
        "host",
        _always,
        _work_refined,
        _lu_refined,
        safest=True,
        source="LAPACK getrf with extra-precise refinement (Demmel and others, 2006)",
        tags=_REPAIR,
    )
)
register(
    Kernel(
        "levinson_refined",
        _KIND,
        "host",
        _always,
        _work_levinson,
        _levinson_refined,
        source="Levinson's recursion with extra-precise refinement (Demmel and others, 2006)",
        tags=_REPAIR,
    )
)
