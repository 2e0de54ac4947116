"""Hessenberg matrices: elimination of one subdiagonal, in O(n^2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.factors import solver
from fsci.kernels.jit import jit
from fsci.kernels.structured import rcond_from

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]
_DTYPES = ("float64", "float32", "complex128", "complex64")


@jit([f"boolean({t}[:, ::1], {t}[::1], boolean[::1])" for t in _DTYPES])
def eliminate(h, multiplier, swapped):  # type: ignore[no-untyped-def]
    """Make upper Hessenberg `h` upper triangular in place, rows exchanged for the larger pivot; False if singular."""
    n = h.shape[0]
    for k in range(n - 1):
        upper, lower = h[k], h[k + 1]
        swapped[k] = abs(lower[k]) > abs(upper[k])
        if swapped[k]:
            for j in range(k, n):
                upper[j], lower[j] = lower[j], upper[j]
        if upper[k] == 0:
            return False
        factor = lower[k] / upper[k]
        multiplier[k] = factor
        lower[k] = 0
        for j in range(k + 1, n):
            lower[j] -= factor * upper[j]
    return h[n - 1, n - 1] != 0


@jit([f"void({t}[::1], boolean[::1], {t}[:, ::1], boolean)" for t in _DTYPES])
def reduce_sides(multiplier, swapped, x, transposed):  # type: ignore[no-untyped-def]
    """Apply the steps of `eliminate` to the rows of `x`, or their transposes in reverse order."""
    n, columns = x.shape
    for step in range(n - 1):
        k = n - 2 - step if transposed else step
        if transposed:
            for j in range(columns):
                x[k, j] -= multiplier[k] * x[k + 1, j]
        if swapped[k]:
            for j in range(columns):
                x[k, j], x[k + 1, j] = x[k + 1, j], x[k, j]
        if not transposed:
            for j in range(columns):
                x[k + 1, j] -= multiplier[k] * x[k, j]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if evidence.get("structure") == "hessenberg" else Refusal("not known to be Hessenberg")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) * (problem.size + problem.operands[1].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    # A lower Hessenberg matrix is the transpose of an upper one.
    flipped = evidence.get("lower_bandwidth") != 1
    h = np.array(a.T if flipped else a, order="C")
    multiplier, swapped = np.empty(h.shape[0], h.dtype), np.empty(h.shape[0], bool)
    if not eliminate(h, multiplier, swapped):
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    (trtrs,) = lapack.get_lapack_funcs(("trtrs",), (h,))

    def apply(rhs: Array, op: int) -> Array:
        """Solve with H, its transpose or its adjoint; ``h.T`` is LAPACK's view of the triangle."""
        x = np.array(rhs.reshape(rhs.shape[0], -1), order="C")
        if op == 0:
            reduce_sides(multiplier, swapped, x, False)
            x = trtrs(h.T, x, lower=1, trans=1)[0]
        else:
            held = np.conj(x) if op == 2 else x
            x = np.array(trtrs(h.T, held, lower=1, trans=0)[0], order="C")
            reduce_sides(multiplier, swapped, x, True)
            x = np.conj(x) if op == 2 else x
        return np.asarray(x.reshape(rhs.shape))

    solve = solver(apply, h.dtype, flipped)
    rcond = rcond_from(evidence.get("norm1"), solve, h.shape[0])
    return Attempt(solve(b), byproducts={"solve": solve, "rcond": rcond}, facts={"rcond": Fact(rcond, exact=False)})


register(
    Kernel(
        name="hessenberg",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Gaussian elimination with partial pivoting of a Hessenberg matrix (Golub and Van Loan 2013, 4.3.4)",
    )
)
