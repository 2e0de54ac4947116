"""Stacks of systems in every dtype: LAPACK's factorization of each with its certificate, threads over the stack.

From the order on where LAPACK itself uses threads the slices go one after the other, as single systems do: both
at once would fight over the cores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.linalg.host.fused_lapack import LARGEST, solve_lapack, solve_one
from fsci.kernels.linalg.host.fused_small import RECORD
from fsci.kernels.stacked import stacked_attempt, stacked_fast
from fsci.kernels.threads import chunked

__all__: list[str] = []

# OpenBLAS factors in one thread while m n is below 10,000 (its interface/lapack/getrf.c).
_SERIAL_LAPACK = 10_000

_SIGNATURES = tuple(
    f"void({t}[:, :, ::1], {t}[:, :, ::1], {t}[:, :, ::1], float64[:, ::1], int64[::1], int64, int64, boolean)"
    for t in ("float64", "float32", "complex128", "complex64")
)


@jit(_SIGNATURES)
def solve_each(a, b, x, record, status, start, stop, thorough):  # type: ignore[no-untyped-def]
    """Slices start to stop of the stack; right-hand sides and solutions are rows."""
    n = a.shape[1]
    factor = np.empty((n, n), a.dtype)
    for k in range(start, stop):
        status[k] = solve_lapack(a[k], False, b[k], x[k], factor, record[k], thorough)


def _solve(a: Any, b: Any, thorough: bool) -> tuple[Any, Any, Any]:
    count, n, _ = b.shape
    status, record = np.empty(count, np.int64), np.full((count, RECORD), np.inf)
    if n * n < _SERIAL_LAPACK:
        sides = np.ascontiguousarray(b.swapaxes(1, 2))
        x = np.empty_like(sides)
        chunked(lambda start, stop: solve_each(a, sides, x, record, status, start, stop, thorough), count, 2)
        return np.ascontiguousarray(x.swapaxes(1, 2)), status, record
    x = np.empty_like(b)
    for k in range(count):
        found = solve_one(a[k], b[k], record[k], thorough)
        status[k] = found is None
        x[k] = np.nan if found is None else found
    return x, status, record


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a, _ = problem.operands
    return None if a.ndim == 3 and a.shape[1] <= LARGEST else Refusal(f"for stacks of orders up to {LARGEST}")


def work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    return float(a.shape[0]) * a.shape[1] ** 2 * (2.0 / 3.0 * a.shape[1] + 10.0 * b.shape[2])


def run(problem: Problem, evidence: Evidence) -> Attempt:
    return stacked_attempt(problem, _solve)


register(
    Kernel(
        name="batched_lapack",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=stacked_fast(_solve),
        source="LAPACK getrf; bound after Arioli, Demmel and Duff (1989), estimator of Hager (1984)",
    )
)
