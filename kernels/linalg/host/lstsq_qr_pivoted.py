"""Least squares by QR with column pivoting: LAPACK's gelsy, or geqp3 and the SVD of its small factor.

Where singular values decide the rank (gelsd's contract), they are those of R: a deficient problem is solved in
the leading singular vectors of R, which is the minimum-norm solution at that cutoff.
"""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.products import adjoint_times, times
from fsci.kernels.workspace import lapack_function, workspace

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not evidence.get("finite", False):
        return Refusal("for entries known to be finite")
    m, n = problem.operands[0].shape
    if m < n and problem.parameters["driver"] != "gelsy":
        return Refusal("for as many rows as columns, or more")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    m, n = sorted(problem.operands[0].shape, reverse=True)
    # Half of geqp3's operations are matrix-vector products, bound by memory.
    values = 0.0 if problem.parameters["driver"] == "gelsy" else 30.0 * float(n) ** 3
    return 8.0 * m * n * n + values


def run(problem: Problem, evidence: Evidence) -> Attempt:
    return _gelsy(problem) if problem.parameters["driver"] == "gelsy" else _revealed(problem)


def _gelsy(problem: Problem) -> Attempt:
    a, b = problem.operands
    m, n = a.shape
    char = a.dtype.char
    columns = 1 if b.ndim == 1 else b.shape[1]
    if m < n:
        longer = np.zeros((n, *b.shape[1:]), dtype=b.dtype)
        longer[:m] = b
        b = longer
    pivots = np.zeros((n, 1), dtype=np.int32)
    lwork = workspace("gelsy", char, m, n, nrhs=columns, cond=0.0)
    _, x, _, rank, info = lapack_function("gelsy", char)(a, b, pivots, problem.parameters["cond"], lwork, False, False)
    if info != 0:
        return Attempt(None, status="declined")
    return Attempt((x[:n], np.empty(0, x.dtype), rank, None))


def _revealed(problem: Problem) -> Attempt:
    a, b = problem.operands
    m, n = a.shape
    char = a.dtype.char
    reflectors, pivots, tau, _, _ = lapack_function("geqp3", char)(a, lwork=workspace("geqp3", char, m, n))
    r = np.triu(reflectors[:n])
    lwork = workspace("gesdd", char, n, n, compute_uv=True, full_matrices=False)
    left, s, right, info = lapack_function("gesdd", char)(r, compute_uv=1, full_matrices=0, lwork=lwork)
    if info != 0:
        return Attempt(None, status="not_converged")
    rhs = np.asfortranarray(b.reshape(m, -1))
    transposed = "T" if char in "fd" else "C"
    rotated = lapack_function("ormqr", char)("L", transposed, reflectors, tau, rhs, 64 * rhs.shape[1] + 4160)[0]
    rank = int(np.count_nonzero(s > problem.parameters["cond"] * s[0]))
    if rank == n:
        x, _ = lapack_function("trtrs", char)(r, rotated[:n])
    else:
        weights = adjoint_times(left[:, :rank], rotated[:n]) / s[:rank, None]
        x = adjoint_times(right[:rank], weights.astype(a.dtype, copy=False))
    unpivoted = np.empty_like(x)
    unpivoted[pivots - 1] = x
    x = unpivoted.reshape((n, *b.shape[1:]))
    residual = b - times(a, x)
    full = m > n and rank == n
    resids = np.einsum("i...,i...->...", residual.conj(), residual).real if full else np.empty(0, x.dtype)
    condition = float(s[0]) / float(s[-1]) if s[-1] > 0 else math.inf
    byproducts = {"residual": residual, "r_factor": r, "column_order": pivots - 1}
    return Attempt((x, resids, rank, s), byproducts=byproducts, facts={"condition": Fact(condition)})


register(
    Kernel(
        name="qr_pivoted",
        kind="least_squares",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Businger and Golub (1965); LAPACK geqp3, gelsy",
    )
)
