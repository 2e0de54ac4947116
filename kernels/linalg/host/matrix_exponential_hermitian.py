"""Exponential of a Hermitian matrix from its eigendecomposition: V exp(L) V^H."""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.random_checks import backward_hermitian, passes
from fsci.kernels.linalg.host.symmetric_eigen_drivers import decompose

__all__ = ["hermitian_work"]

_GEMM = {"f": blas.sgemm, "d": blas.dgemm, "F": blas.cgemm, "D": blas.zgemm}


def hermitian_work(n: int) -> float:
    """Operations: divide and conquer, and one product."""
    return 6.5 * float(n) ** 3 + 30.0 * float(n) ** 2 + 100.0


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[0].ndim > 2:
        return Refusal("for one matrix, not a batch")
    return None if evidence.get("hermitian") else Refusal("not known to be Hermitian")


def work(problem: Problem, evidence: Evidence) -> float:
    return hermitian_work(problem.size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    w, v, info = decompose(a)
    if info != 0:
        return Attempt(None, status="not_converged")
    backward = backward_hermitian(a, True, w, v)
    if not passes(backward, a):
        return Attempt(None, status="stalled")
    with np.errstate(over="ignore"):
        grown = np.exp(w)
    if not np.isfinite(grown).all():
        return Attempt(None, status="nonfinite")
    x = _GEMM[a.dtype.char](1.0, v * grown, v, trans_b=2)
    return Attempt(x, byproducts={"spectrum": w, "vectors": v, "backward": backward})


register(
    Kernel(
        name="hermitian",
        kind="matrix_exponential",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK syevd/heevd (Higham, 2008, section 10.2)",
    )
)
