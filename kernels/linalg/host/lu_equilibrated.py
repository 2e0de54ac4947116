"""LU of the equilibrated matrix, refined in doubled precision: for badly scaled systems.

Rows and columns are scaled by powers of two (LAPACK's geequb), so that scaling itself rounds nothing
and pivots are chosen by significance, not by units. Residuals and certificate are those of the matrix as given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.backward import times_power
from fsci.kernels.declared import declared_matrix
from fsci.kernels.factors import lapack_view, solver
from fsci.kernels.general import extra_precise_attempt, one_matrix

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = one_matrix(problem)
    if refusal is not None:
        return refusal
    # LAPACK's own rule (laqge): rows or columns within a factor of ten need no scaling.
    rows, columns = evidence.get("row_scale"), evidence.get("col_scale")
    if rows is not None and columns is not None and max(rows, columns) <= 10.0:
        return Refusal("rows and columns are of one size already")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    return 2.0 / 3.0 * n**3 + 8.0 * n * n + 100.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, _ = declared_matrix(problem, evidence)
    view, flipped = lapack_view(a)
    getrf, getrs = lapack.get_lapack_funcs(("getrf", "getrs"), (view,))
    rows, columns = _powers(view)
    if not (np.isfinite(rows).all() and np.isfinite(columns).all()):
        return Attempt(None, status="declined")
    with np.errstate(all="ignore"):
        scaled = np.asfortranarray(times_power(times_power(view, rows[:, None]), columns[None, :]))
        factor, pivots, info = getrf(scaled, overwrite_a=True)
    if info > 0:
        return Attempt(None, status="singular")

    def apply(rhs: Array, op: int) -> Array:
        # F^-1 = C (R F C)^-1 R, and the other way round for its transpose.
        first, last = (rows, columns) if op == 0 else (columns, rows)
        shape = (-1,) + (1,) * (rhs.ndim - 1)
        inner = getrs(factor, pivots, times_power(rhs, first.reshape(shape)), trans=op)[0]
        return times_power(inner, last.reshape(shape))

    return extra_precise_attempt(
        problem, a, solver(apply, view.dtype, flipped != bool(problem.parameters.get("transposed"))), None
    )


def _powers(view: Array) -> tuple[Array, Array]:
    """Exponents of two for rows and columns after which the largest entry of each is about one."""
    size = np.maximum(np.abs(view.real), np.abs(view.imag)) if view.dtype.kind == "c" else np.abs(view)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(size)
    exponent = np.where(size > 0, exponent.astype(float), -np.inf)
    rows = -exponent.max(axis=1, initial=-np.inf)
    columns = -(exponent + rows[:, None]).max(axis=0, initial=-np.inf)
    if not (np.isfinite(rows).all() and np.isfinite(columns).all()):
        return rows, columns
    return rows.astype(int), columns.astype(int)


register(
    Kernel(
        name="lu_equilibrated",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="powers of two as LAPACK geequb, getrf; extra-precise refinement after Demmel and others (2006)",
        tags=frozenset({"repair"}),
    )
)
