"""Norms of sparse matrices from their entries; the certificate bounds the rounding of the sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import blas

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of
from fsci.kernels.sparse.guard import malformed
from fsci.kernels.sparse.host.abs_sums import across, along, sum_of_squares

__all__ = ["largest_column", "matrix_norm", "plain", "vector_norms"]

_REAL = {"f": np.float32, "F": np.float32, "d": np.float64, "D": np.float64}
_NRM2 = {"f": blas.snrm2, "d": blas.dnrm2, "F": blas.scnrm2, "D": blas.dznrm2}
_LOW, _HIGH = 2.0**-960, np.finfo(np.float64).max  # of a sum whose terms lose nothing to underflow that counts
_INDICES = {np.dtype(np.int32), np.dtype(np.int64)}


def plain(x: Any) -> bool:
    """Whether a CSR or CSC container has two axes, entries, and arrays that compiled code can take."""
    data, indices, indptr = x.data, x.indices, x.indptr
    return bool(
        len(x._shape) == 2
        and data.size
        and indptr.size > 1
        and data.dtype.isnative
        and indptr.dtype in _INDICES
        and indices.dtype == indptr.dtype
        and data.flags.c_contiguous
        and indices.flags.c_contiguous
        and indptr.flags.c_contiguous
    )


def matrix_norm(x: Any, order: Any) -> Any:
    """Norm of a CSR or CSC container, from its entries."""
    real = _REAL[x.data.dtype.char]
    if order in (None, "fro", "f"):
        data, stop = x.data, x.indptr[-1]
        if not 0 <= stop <= data.size:
            raise malformed(x.indptr, x.indices, data.size, np.iinfo(x.indices.dtype).max)
        if stop != data.size:
            data = data[:stop]
        numbers = data if data.dtype.kind == "f" else data.view(real)
        total = sum_of_squares(numbers)
        # Squares that overflow, or vanish: the scaled sum of BLAS has neither.
        return real(math.sqrt(total)) if _LOW < total < _HIGH else real(_NRM2[data.dtype.char](data))
    sums = _sums(x, 0 if abs(order) == 1 else 1, False)
    return real(sums.max() if order > 0 else sums.min())


def vector_norms(x: Any, axis: int, order: int) -> Any:
    """1-norms or 2-norms of the columns (`axis` 0) or rows (1)."""
    sums = _sums(x, axis, order == 2)
    return (sums if order == 1 else np.sqrt(sums)).astype(_REAL[x.data.dtype.char], copy=False)


def largest_column(rows: Any) -> tuple[Any, int]:
    """The 1-norm of a container of compressed rows, and the column that has it."""
    sums = across(rows.shape[0], rows.shape[1], rows.indptr, rows.indices, rows.data)
    column = int(sums.argmax())
    return sums[column], column


def _sums(x: Any, axis: int, squared: bool) -> Any:
    """Sums of moduli, or of their squares, over the rows (`axis` 0) or the columns (1)."""
    by_rows = x.format == "csr"
    rows, columns = x.shape if by_rows else x.shape[::-1]
    inside = along if by_rows == (axis == 1) else across
    return inside(rows, columns, x.indptr, x.indices, x.data, squared)


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, order = problem.operands[0], problem.parameters["ord"]
    return Attempt(largest_column(a) if order == "largest column" else matrix_norm(a, order), final=True)


@register_check("sparse_norm", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Sums of positive numbers are accurate: n terms lose n roundings at most, whatever the numbers are."""
    value = attempt.value[0] if isinstance(attempt.value, tuple) else attempt.value
    size = float(value)
    u = problem.unit_roundoff
    forward = math.inf
    if math.isfinite(size) and (size == 0.0 or size > float(np.finfo(np.float32 if u > 1e-10 else np.float64).tiny)):
        lost = (problem.size + 8.0) * u
        forward = lost / (1.0 - lost) if lost < 0.5 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "rigorous", u),
        backward_error=forward,
        condition=1.0,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="rigorous",
        algorithm=attempt.kernel,
    )


register(
    Kernel(
        name="sums",
        kind="sparse_norm",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="sums of moduli and of squares",
    )
)
