"""Triangular systems by substitution: BLAS trsv and trsm in one compiled call, memory as it lies.

Substitution is backward stable row by row, whatever the matrix, ``|E| <= gamma_n |T|`` (Higham, 2002, theorem 8.5):
the call has only to look for zeros on the diagonal and for infinities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, letter, routine
from fsci.kernels.linalg.host.factored_system_lapack import finite_rows
from fsci.kernels.linalg.host.inverse_small import memory_of

__all__ = ["solver_of", "triangle_of"]

_DTYPES = ("float64", "float32", "complex128", "complex64")
_SIGNATURES = tuple(f"int64({t}[:, ::1], {t}[:, ::1], boolean, int64, boolean, boolean, boolean)" for t in _DTYPES)

trsv = routine("trsv", "cccixixi")  # uplo trans diag n a lda x incx
trsm = routine("trsm", "cccciixxixi")  # side uplo trans diag m n alpha a lda b ldb
_N, _T, _C, _U, _L = letter("N"), letter("T"), letter("C"), letter("U"), letter("L")


@jit(_SIGNATURES)
def substitute(a, x, upper, how, conjugated, unit, look):  # type: ignore[no-untyped-def]
    """Overwrite the rows of `x` by solutions with the triangle that LAPACK sees in memory `a`.

    `how` is 0, 1 or 2 for the triangle, its transpose, its adjoint; `conjugated` for the conjugate of that.
    Gives 0, the number of a zero on the diagonal, or -1 if something is not finite.
    """
    if look and not finite_rows(a):
        return -1
    n, count = a.shape[0], x.shape[0]
    if not unit:
        for i in range(n):
            if a[i, i] == 0:
                return i + 1
    if conjugated:
        for i in range(count):
            for j in range(n):
                x[i, j] = np.conj(x[i, j])
    order, step = np.int32(n), np.int32(1)
    triangle = _U if upper else _L
    trans = _N if how == 0 else _T if how == 1 else _C
    diagonal = _U if unit else _N
    if count == 1:
        trsv(a, byref(triangle), byref(trans), byref(diagonal), byref(order), a.ctypes, byref(order), x.ctypes,
             byref(step))  # fmt: skip
    else:
        scalars = np.ones(1, a.dtype)
        trsm(a, byref(_L), byref(triangle), byref(trans), byref(diagonal), byref(order), byref(np.int32(count)),
             byref(scalars[0]), a.ctypes, byref(order), x.ctypes, byref(order))  # fmt: skip
    if conjugated:
        for i in range(count):
            for j in range(n):
                x[i, j] = np.conj(x[i, j])
    return 0 if finite_rows(x) else -1


# How LAPACK must read memory that holds the transpose: (how, conjugated) by the operation asked for.
_BY_ROWS = ((1, False), (0, False), (0, True))


def _substituted(
    memory: Any, by_rows: bool, b: Any, trans: int, lower: bool, unit: bool, look: bool
) -> tuple[Any, int]:
    x = np.array(b.T, order="C")
    how, conjugated = _BY_ROWS[trans] if by_rows else (trans, False)
    upper = bool(lower) == by_rows
    conjugated = conjugated and memory.dtype.kind == "c"
    status = substitute(memory, x if x.ndim == 2 else x.reshape(1, -1), upper, how, conjugated, unit, look)
    return x.T, status


def fast(a: Any, b: Any, trans: int, lower: bool, unit: bool, look: bool) -> Any:
    """Solution, or None where the caller must look closer."""
    memory, flipped = (a, False) if a.flags.carray else memory_of(a)
    x, status = _substituted(memory, not flipped, b, trans, lower, unit, look)
    return x if status == 0 else None


def triangle_of(problem: Problem) -> Any:
    """The triangular matrix that is meant, before `trans`, with its unit diagonal where that is not stored."""
    a = problem.operands[0]
    triangle = np.tril(a) if problem.parameters["lower"] else np.triu(a)
    if problem.parameters["unit_diagonal"]:
        np.fill_diagonal(triangle, 1)
    return triangle


def solver_of(problem: Problem) -> Callable[..., Any]:
    """``solve(rhs, adjoint=False)`` by LAPACK's trtrs."""
    trtrs = lapack.get_lapack_funcs("trtrs", dtype=problem.dtype)
    triangle = np.asfortranarray(triangle_of(problem))
    trans, lower = int(problem.parameters["trans"]), bool(problem.parameters["lower"])

    def solve(rhs: Any, adjoint: bool = False) -> Any:
        if adjoint and trans == 1:  # the adjoint of T^T is the conjugate of T
            return np.conj(trtrs(triangle, np.conj(rhs), lower=lower, trans=0)[0])
        how = trans if not adjoint else 2 if trans == 0 else 0
        return trtrs(triangle, rhs, lower=lower, trans=how)[0]

    return solve


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) * float(problem.operands[1].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    p = problem.parameters
    memory, flipped = memory_of(a)
    x, status = _substituted(memory, not flipped, b, p["trans"], p["lower"], p["unit_diagonal"], False)
    if status > 0:
        return Attempt(None, "singular", {"zero": status}, {"rcond": Fact(0.0)}, final=True)
    return Attempt(x, byproducts={"solve": solver_of(problem)})


register(
    Kernel(
        name="substitution",
        kind="triangular_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="BLAS trsv, trsm; Higham (2002), chapter 8",
    )
)
