"""Stabilized biconjugate gradients, van der Vorst (1992): SciPy's steps, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int32, int64

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.sparse.iteration import ended, starting_point, wrong_method
from fsci.kernels.sparse.phases import inner, product_inner
from fsci.kernels.sparse.work_limit import limited, plain_work

__all__ = ["bicgstab_loop"]


@jit(
    [
        int64(int32[::1], int32[::1], d[::1], d[::1], d[::1], float64, int64, float64, int64[::1])
        for d in (float64, complex128, float32, complex64)
    ]
)
def bicgstab_loop(indptr, indices, data, x, r, atol, maxiter, tiny, steps):  # type: ignore[no-untyped-def]
    """SciPy's info code: 0, `maxiter`, or -10 and -11 for its breakdowns; x and r are brought up to date."""
    n = x.size
    kind = x.dtype.type
    one = kind(1.0)
    rtilde, p, s = r.copy(), r.copy(), np.empty_like(r)
    v, t = np.empty_like(r), np.empty_like(r)
    double = np.conj(kind(0)) * np.float64(1.0)
    rho_before, alpha, omega = double, double, double
    for done in range(maxiter):
        steps[0] = done
        if math.sqrt(inner(r, r, 0, n).real) < atol:
            return 0
        rho = inner(rtilde, r, 0, n)
        if abs(rho) < tiny:
            return -10
        if done > 0:
            if abs(omega) < tiny:
                return -11
            beta, w = kind((rho / rho_before) * (alpha / omega)), kind(omega)
            for i in range(n):
                p[i] = r[i] + beta * (p[i] - w * v[i])
        rv = product_inner(indptr, indices, data, p, rtilde, v, 0, n)
        if rv == 0:
            return -11
        alpha = rho / rv
        a = kind(alpha)
        for i in range(n):
            s[i] = r[i] - a * v[i]
        if math.sqrt(inner(s, s, 0, n).real) < atol:
            for i in range(n):
                x[i] += a * p[i]
                r[i] = s[i]
            return 0
        st = product_inner(indptr, indices, data, s, s, t, 0, n)
        omega = np.conj(st) / inner(t, t, 0, n)
        w = kind(omega) * one
        for i in range(n):
            x[i] = x[i] + a * p[i] + w * s[i]
            r[i] = s[i] - w * t[i]
        rho_before = rho
    steps[0] = maxiter
    return maxiter


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return wrong_method(problem, "bicgstab")


def _work(problem: Problem, evidence: Evidence) -> float:
    a = problem.operands[0]
    if problem.parameters["choose"]:
        return plain_work(problem, evidence)
    return float(2 * a.nnz + 20 * a.shape[0]) * max(min(problem.size, problem.parameters["maxiter"], 100), 1)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    problem = limited(problem, evidence)
    rows, x, r = starting_point(problem, evidence)
    steps = np.zeros(1, np.int64)
    tiny = float(np.finfo(x.dtype).eps) ** 2
    info: Any = bicgstab_loop(
        *rows.arrays, x, r, problem.parameters["atol"], problem.parameters["maxiter"], tiny, steps
    )
    return ended(problem, x, r, int(steps[0]), info == 0, int(info))


register(
    Kernel(
        name="bicgstab",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="van der Vorst (1992), with the breakdown tests of SciPy 1.17",
    )
)
