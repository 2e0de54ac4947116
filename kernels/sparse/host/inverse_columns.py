"""The inverse of a sparse matrix by blocks of columns through factors, and its certificate."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of

__all__: list[str] = []

_COLUMNS = 128  # at a time: bounds the dense memory
_U = 2.0**-53


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size) ** 2 * 20.0


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, solve, n = problem.operands[0], problem.parameters["solve"], problem.size
    adjoint = a.format == "csr"
    counts, indices, values = [np.zeros(1, np.int64)], [], []
    for start in range(0, n, _COLUMNS):
        width = min(_COLUMNS, n - start)
        block = np.zeros((n, width), a.dtype, order="F")
        block[np.arange(start, start + width), np.arange(width)] = 1.0
        # Of compressed rows the rows of the inverse are wanted: columns of that of the adjoint.
        x = np.asarray(solve(block, adjoint=True)).conj() if adjoint else np.asarray(solve(block))
        x = np.ascontiguousarray(x.T, a.dtype)
        kept = x != 0
        counts.append(kept.sum(axis=1))
        indices.append(np.nonzero(kept)[1].astype(np.int32 if n < 2**31 else np.int64))
        values.append(x[kept])
    pointers = np.cumsum(np.concatenate(counts))
    # SciPy's rule: 32 bits where they count all entries.
    kind = sp.get_index_dtype(maxval=max(n, int(pointers[-1])))
    arrays = np.concatenate(values), np.concatenate(indices).astype(kind, copy=False), pointers.astype(kind)
    found = (sp.csr_array if adjoint else sp.csc_array)(arrays, shape=(n, n))
    finite = bool(np.isfinite(found.data).all())
    return Attempt(found, "ok" if finite else "nonfinite", final=True)


@register_check("sparse_inverse", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """``A^-1 - X = A^-1 (I - A X)``: the norm of the residual is the relative error, in every norm."""
    a, n = problem.operands[0], problem.size
    kind = np.complex128 if a.dtype.kind == "c" else np.float64
    wide, x = a.astype(kind), attempt.value.astype(kind)
    scale = float(np.abs(wide.data).max(initial=0.0)) * float(np.abs(x.data).max(initial=0.0))
    forward = backward = condition = math.inf
    if attempt.status == "ok" and 0.0 < scale < 1e290:
        residual = sp.csr_array(sp.eye_array(n, format="csr") - wide @ x)
        weights = np.abs(wide) @ (np.abs(x) @ np.ones(n))
        longest = float(np.diff(wide.tocsr().indptr).max(initial=0))
        room = (longest + 8.0) * 2.0 * _U
        rows = np.abs(residual) @ np.ones(n) + room / (1.0 - room) * (weights + 1.0)
        forward = float(rows.max()) * (1.0 + 4.0 * n * _U)
        norm, size = (float((np.abs(m) @ np.ones(n)).max()) for m in (wide, x))
        condition, backward = norm * size, forward / max(norm * size, 1.0)
    return Certificate(
        verdict=policy.verdict(forward, "rigorous", problem.unit_roundoff),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="rigorous",
        algorithm=attempt.kernel,
    )


register(
    Kernel(
        name="columns",
        kind="sparse_inverse",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="columns of the identity through the factors",
    )
)
