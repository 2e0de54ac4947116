"""MINRES, Paige and Saunders (1975), in SciPy's steps, compiled: one thread, and no wait at every vector."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import float64, int32, int64

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.sparse.iteration import ended, starting_point, true_residual, wrong_method
from fsci.kernels.sparse.phases import inner, product_inner
from fsci.kernels.sparse.work_limit import limited, plain_work

__all__ = ["UNSYMMETRIC", "minres_loop"]

# What the loop gives where the Lanczos process shows that A is not symmetric.
UNSYMMETRIC = -7


@jit(
    [
        int64(int32[::1], int32[::1], d[::1], d[::1], d[::1], float64, int64, float64, float64, int64[::1])
        for d in (float64,)
    ]
)
def minres_loop(indptr, indices, data, x, r, rtol, maxiter, eps, largest, steps):  # type: ignore[no-untyped-def]
    """SciPy's info code, from the residual r of x; x is brought up to date."""
    n = x.size
    kind = x.dtype.type
    beta1 = inner(r, r, 0, n)
    if beta1 == 0.0:
        return 0
    beta1 = math.sqrt(beta1)
    stop, oldb, beta, dbar, epsln, phibar = 0, 0.0, beta1, 0.0, 0.0, beta1
    tnorm2, gmax, gmin, cs, sn = 0.0, 0.0, largest, -1.0, 0.0
    w, w1, w2 = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    r1, r2, v, y = r.copy(), r.copy(), np.empty_like(x), np.empty_like(x)
    for done in range(1, maxiter + 1):
        steps[0] = done
        s = kind(1.0 / beta)
        for i in range(n):
            v[i] = s * r2[i]
        product_inner(indptr, indices, data, v, v, y, 0, n)
        if done >= 2:
            f = kind(beta / oldb)
            for i in range(n):
                y[i] -= f * r1[i]
        alfa = inner(v, y, 0, n)
        f = kind(alfa / beta)
        for i in range(n):
            y[i] -= f * r2[i]
        r1, r2, y = r2, y, r1
        oldb = beta
        beta = inner(r2, r2, 0, n)
        if beta < 0.0:
            return -7
        beta = math.sqrt(beta)
        tnorm2 += alfa * alfa + oldb * oldb + beta * beta
        if done == 1 and beta / beta1 <= 10.0 * eps:
            stop = -1
        oldeps = epsln
        delta = cs * dbar + sn * alfa
        gbar = sn * dbar - cs * alfa
        epsln = sn * beta
        dbar = -cs * beta
        root = math.hypot(gbar, dbar)
        gamma = max(math.hypot(gbar, beta), eps)
        cs, sn = gbar / gamma, beta / gamma
        phi = cs * phibar
        phibar = sn * phibar
        w1, w2, w = w2, w, w1
        denom, e, d, f = kind(1.0 / gamma), kind(oldeps), kind(delta), kind(phi)
        for i in range(n):
            w[i] = (v[i] - e * w1[i] - d * w2[i]) * denom
            x[i] += f * w[i]
        gmax, gmin = max(gmax, gamma), min(gmin, gamma)
        norm = math.sqrt(tnorm2)
        ynorm = math.sqrt(inner(x, x, 0, n))
        test1 = np.inf if ynorm == 0.0 or norm == 0.0 else phibar / (norm * ynorm)
        test2 = np.inf if norm == 0.0 else root / norm
        if stop == 0:
            if 1.0 + test2 <= 1.0:
                stop = 2
            if 1.0 + test1 <= 1.0:
                stop = 1
            if done >= maxiter:
                stop = 6
            if gmax / gmin >= 0.1 / eps:
                stop = 4
            if norm * ynorm * eps >= beta1:
                stop = 3
            if test2 <= rtol:
                stop = 2
            if test1 <= rtol:
                stop = 1
        if stop != 0:
            break
    return maxiter if stop == 6 else 0


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    refusal = wrong_method(problem, "minres")
    if refusal is None and (problem.dtype is None or problem.dtype.char != "d"):
        return Refusal("MINRES is for real matrices in double precision here")
    return refusal


def _work(problem: Problem, evidence: Evidence) -> float:
    a = problem.operands[0]
    if problem.parameters["choose"]:
        return plain_work(problem, evidence)
    return float(a.nnz + 15 * a.shape[0]) * max(min(problem.size, 100), 1)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    problem = limited(problem, evidence)
    rows, x, r = starting_point(problem, evidence)
    parameters = problem.parameters
    steps = np.zeros(1, np.int64)
    finfo = np.finfo(x.dtype)
    limits = parameters["rtol"], parameters["maxiter"], float(finfo.eps), float(finfo.max)
    info: Any = minres_loop(*rows.arrays, x, r, *limits, steps)
    if info == 0 and not np.isfinite(x).all():
        info = parameters["maxiter"]  # where SciPy's loop ends up
    if info > 0:
        r = true_residual(problem, x)
    return ended(problem, x, r, int(steps[0]), info == 0, int(info))


register(
    Kernel(
        name="minres",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Paige and Saunders (1975), with the stopping rules of SciPy 1.17",
    )
)
