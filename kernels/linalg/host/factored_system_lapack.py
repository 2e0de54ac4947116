"""Systems whose matrix is given by its factors: LAPACK's getrs and potrs (trsv for one column).

Substitution is backward stable without conditions, |E| <= gamma_n |L| |U| (Higham, 2002, theorems 8.5 and
9.4), so that the compiled call has only to see that nothing overflowed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, getrs, letter, routine
from fsci.kernels.linalg.host.factored_system_operator import solver_of
from fsci.kernels.linalg.host.inverse_small import memory_of

__all__ = ["finite_rows"]

_DTYPES = ("float64", "float32", "complex128", "complex64")
_LU = tuple(f"boolean({t}[:, ::1], int32[::1], {t}[:, ::1], int64)" for t in _DTYPES)
_CHOLESKY = tuple(f"boolean({t}[:, ::1], {t}[:, ::1], boolean, boolean, boolean)" for t in _DTYPES)
_FINITE = tuple(f"boolean({t}[:, ::1])" for t in _DTYPES)

potrs = routine("potrs", "ciixixii")  # uplo n nrhs a lda b ldb info
trsv = routine("trsv", "cccixixi")  # uplo trans diag n a lda x incx
_N, _T, _C, _U, _L = letter("N"), letter("T"), letter("C"), letter("U"), letter("L")


@jit(_FINITE)
def finite_rows(a):  # type: ignore[no-untyped-def]
    """Whether all entries are finite: zero times them is summed, which only infinities and NaN spoil."""
    m, n = a.shape
    lanes = 64
    found = np.zeros(lanes, np.float64)
    for i in range(m):
        whole = n // lanes * lanes
        for j in range(0, whole, lanes):
            for k in range(lanes):
                v = a[i, j + k]
                found[k] += (v.real * 0) + (v.imag * 0)
        for j in range(whole, n):
            v = a[i, j]
            found[0] += (v.real * 0) + (v.imag * 0)
    total = 0.0
    for k in range(lanes):
        total += found[k]
    return total == 0.0


@jit(_LU)
def solve_lu(lu, pivots, x, trans):  # type: ignore[no-untyped-def]
    """Overwrite the rows of `x` by solutions; `lu` is memory by columns. False if something is not finite."""
    n, count = lu.shape[0], x.shape[0]
    first = np.empty(n, np.int32)
    for i in range(n):
        # LAPACK would read past the matrix.
        if pivots[i] < 0 or pivots[i] >= n:
            return False
        first[i] = pivots[i] + 1
    order = np.int32(n)
    how = _N if trans == 0 else _T if trans == 1 else _C
    getrs(lu, byref(how), byref(order), byref(np.int32(count)), lu.ctypes, byref(order), first.ctypes, x.ctypes,
          byref(order), byref(np.int32(0)))  # fmt: skip
    return finite_rows(x)


@jit(_CHOLESKY)
def solve_cholesky(c, x, lower, conjugated, look):  # type: ignore[no-untyped-def]
    """Overwrite the rows of `x` by solutions; `c` is memory as it lies, of the conjugate matrix if `conjugated`."""
    if look and not finite_rows(c):
        return False
    n, count = c.shape[0], x.shape[0]
    order = np.int32(n)
    if conjugated:
        for i in range(count):
            for j in range(n):
                x[i, j] = np.conj(x[i, j])
    uplo = _L if lower else _U
    if count == 1:  # see cholesky_solve
        for trans in (_N, _C) if lower else (_C, _N):
            trsv(c, byref(uplo), byref(trans), byref(_N), byref(order), c.ctypes, byref(order), x.ctypes,
                 byref(np.int32(1)))  # fmt: skip
    else:
        potrs(c, byref(uplo), byref(order), byref(np.int32(count)), c.ctypes, byref(order), x.ctypes,
              byref(order), byref(np.int32(0)))  # fmt: skip
    if conjugated:
        for i in range(count):
            for j in range(n):
                x[i, j] = np.conj(x[i, j])
    return finite_rows(x)


def fast_lu(factor: Any, pivots: Any, b: Any, trans: int) -> Any:
    """Solution, or None where the caller must look closer."""
    memory = factor.T if factor.flags.f_contiguous and factor.flags.writeable else np.array(factor.T, order="C")
    if not (pivots.flags.carray and pivots.dtype == np.int32):
        pivots = np.array(pivots, np.int32)
    x = np.array(b.T, order="C")
    return x.T if solve_lu(memory, pivots, x if x.ndim == 2 else x.reshape(1, -1), trans) else None


def fast_cholesky(factor: Any, b: Any, lower: bool, look: bool) -> Any:
    """Solution, or None where the caller must look closer; `look` asks for a finite factor."""
    # Memory by columns, or that of the transpose.
    memory, flipped = memory_of(factor.T)
    x = np.array(b.T, order="C")
    # The memory of a C-ordered factor is that of the conjugate matrix, in the other triangle.
    conjugated = flipped and factor.dtype.kind == "c"
    rows = x if x.ndim == 2 else x.reshape(1, -1)
    return x.T if solve_cholesky(memory, rows, lower != flipped, conjugated, look) else None


def work(problem: Problem, evidence: Evidence) -> float:
    return 2.0 * float(problem.size) * float(problem.operands[-1].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    solve = solver_of(problem)
    x = solve(problem.operands[-1])
    return Attempt(x, byproducts={"solve": solve})


def _register(name: str, form: str, call: Any, source: str) -> None:
    def for_form(problem: Problem, evidence: Evidence) -> Refusal | None:
        return None if problem.parameters["form"] == form else Refusal(f"for {form} factors")

    register(Kernel(name, "factored_system", "host", for_form, work, run, fast=call, source=source))


_register("getrs", "lu", fast_lu, "LAPACK getrs")
_register("potrs", "cholesky", fast_cholesky, "LAPACK potrs")
