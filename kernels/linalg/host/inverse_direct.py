"""Inverse without a word of evidence: look at the structure and take its direct method, one slice or a stack."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.inverse_cholesky import invert_cholesky
from fsci.kernels.linalg.host.inverse_lu import invert_lu
from fsci.kernels.linalg.host.inverse_probe import DIAGONAL, LOWER, SPD_CANDIDATE, UPPER, structure_of
from fsci.kernels.linalg.host.inverse_small import EPS, LARGEST, RECORD, attempt_of, memory_of, passes
from fsci.kernels.linalg.host.inverse_triangular import invert_triangular

__all__: list[str] = []


def invert(a: Any, x: Any, record: Any) -> int:
    """Invert C-ordered `a` into `x` by the direct method of its structure."""
    structure = structure_of(a)
    if structure == SPD_CANDIDATE:
        status = invert_cholesky(a, x, record)
        if status <= 0:
            return int(status)
    elif structure in (LOWER, UPPER, DIAGONAL):
        return int(invert_triangular(a, x, record, structure != UPPER))
    return int(invert_lu(a, x, record))


def fast(a: Any) -> Any:
    """Inverse, or None where the caller must look closer."""
    if a.ndim != 2:
        return None
    memory, flipped = memory_of(a)
    x, record = np.empty(a.shape, a.dtype), np.empty(RECORD)
    if invert(memory, x, record) == 0 and passes(record, a.shape[0], EPS[a.dtype]):
        return x.T if flipped else x
    return None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a = problem.operands[0]
    if a.shape[-1] <= LARGEST or problem.structure not in (None, "general"):
        return Refusal(f"for matrices of an order beyond {LARGEST}, without a declared structure")
    return Refusal("the probe has told the structure") if "structure" in evidence else None


def work(problem: Problem, evidence: Evidence) -> float:
    return 2.0 * float(problem.operands[0].size) * problem.size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    n, batch = problem.size, a.shape[:-2]
    values, records = np.empty(a.shape, a.dtype), np.full((*batch, RECORD), np.inf)
    statuses = np.zeros(batch, np.int64)
    for index in np.ndindex(batch):
        memory, flipped = memory_of(a[index])
        x = values[index] if not flipped else np.empty((n, n), a.dtype)
        statuses[index] = invert(memory, x, records[index])
        if flipped:
            values[index] = x.T
    return attempt_of(values, records, statuses)


register(
    Kernel(
        name="direct",
        kind="inverse",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="structure scan, then LAPACK potri, trtri or getri",
    )
)
