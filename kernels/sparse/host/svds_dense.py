"""A few singular values of a small sparse matrix by its dense decomposition, which misses none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes

__all__ = ["dense_triplets"]

_GESDD = {"f": lapack.sgesdd, "d": lapack.dgesdd, "F": lapack.cgesdd, "D": lapack.zgesdd}
_QUERY = {"f": lapack.sgesdd_lwork, "d": lapack.dgesdd_lwork, "F": lapack.cgesdd_lwork, "D": lapack.zgesdd_lwork}


def dense_triplets(a: Any, k: int, which: str) -> tuple[Any, Any, Any] | None:
    """The k largest or smallest singular values of a container, ascending, with their vectors."""
    whole = np.asfortranarray(a.toarray())
    char = whole.dtype.char
    length, info = _QUERY[char](*whole.shape, compute_uv=1, full_matrices=0)
    u, s, vh, info = _GESDD[char](whole, compute_uv=1, full_matrices=0, lwork=math.ceil(length.real), overwrite_a=1)
    if info != 0 or not np.isfinite(s).all():
        return None
    part = slice(0, k) if which == "LM" else slice(s.size - k, s.size)
    return u[:, part][:, ::-1], s[part][::-1], vh[part][::-1]


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.parameters["by_scipy"]:
        return Refusal(problem.parameters["by_scipy"])
    m, n = problem.operands[0].shape
    needed = 4.0 * m * n * 8.0
    if needed > SURELY_FITS and needed > available_bytes():
        return Refusal(f"the dense matrix and its vectors take {needed:.3g} bytes")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape)
    return 6.0 * n * m * m + 16.0 * m**3 + 1000.0


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    found = dense_triplets(problem.operands[0], problem.parameters["k"], problem.parameters["which"])
    return Attempt(None, status="not_converged") if found is None else Attempt(found)


register(
    Kernel(
        name="dense",
        kind="sparse_svd",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="LAPACK gesdd",
    )
)
