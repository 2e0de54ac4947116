"""Stacks of real systems of medium order: the fused solve of each, threads over the stack."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.linalg.host.fused_medium import LARGEST, MOST_COLUMNS, solve_medium
from fsci.kernels.linalg.host.fused_small import LARGEST as SMALL
from fsci.kernels.linalg.host.fused_small import RECORD, solve_small
from fsci.kernels.stacked import stacked_attempt, stacked_fast
from fsci.kernels.threads import chunked

__all__: list[str] = []

_SIGNATURES = tuple(
    f"void({t}[:, :, ::1], {t}[:, ::1], int64, {t}[:, ::1], float64[:, ::1], int64[::1], int64, int64, boolean)"
    for t in ("float64", "float32")
)


@jit(_SIGNATURES)
def solve_each(a, b, columns, x, record, status, start, stop, thorough):  # type: ignore[no-untyped-def]
    """Slices start to stop of the stack; `b` and `x` are laid end to end in each."""
    small = a.shape[1] <= SMALL
    for k in range(start, stop):
        if small:
            status[k] = solve_small(a[k], b[k], columns, x[k], record[k])
        else:
            status[k] = solve_medium(a[k], False, b[k], columns, x[k], record[k], thorough)


def _solve(a: Any, b: Any, thorough: bool) -> tuple[Any, Any, Any]:
    count, _, columns = b.shape
    x, status, record = np.empty_like(b), np.empty(count, np.int64), np.full((count, RECORD), np.inf)
    flat_b, flat_x = b.reshape(count, -1), x.reshape(count, -1)
    chunked(lambda start, stop: solve_each(a, flat_b, columns, flat_x, record, status, start, stop, thorough), count, 2)
    return x, status, record


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a, b = problem.operands
    if a.ndim != 3 or a.dtype.kind != "f" or a.shape[1] > LARGEST or b.shape[2] > MOST_COLUMNS:
        return Refusal(f"for stacks of real systems of order {LARGEST} or less with {MOST_COLUMNS} columns or less")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    return float(a.shape[0]) * a.shape[1] ** 2 * (2.0 / 3.0 * a.shape[1] + 10.0 * b.shape[2])


def run(problem: Problem, evidence: Evidence) -> Attempt:
    return stacked_attempt(problem, _solve)


register(
    Kernel(
        name="batched_medium",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=stacked_fast(_solve),
        source="blocked Gaussian elimination; bound after Arioli, Demmel and Duff (1989), estimator of Hager (1984)",
    )
)
