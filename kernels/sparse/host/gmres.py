"""Restarted GMRES, Saad and Schultz (1986), in SciPy's steps, compiled: one thread, and no wait at every vector."""

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

__all__ = ["gmres_loop"]


@jit(
    [
        int64(int32[::1], int32[::1], d[::1], d[::1], d[::1], d[::1], float64, int64, int64, float64, int64[::1])
        for d in (float64, complex128, float32, complex64)
    ]
)
def gmres_loop(indptr, indices, data, b, x, r, atol, restart, maxiter, eps, steps):  # type: ignore[no-untyped-def]
    """SciPy's info code: 0 or `maxiter`; x and r are brought up to date, and `steps` counts inner iterations."""
    n = x.size
    kind = x.dtype.type
    size = math.sqrt(inner(b, b, 0, n).real)
    rnorm = math.sqrt(inner(r, r, 0, n).real)
    if rnorm < atol:
        return 0
    factor, presid = 1.0, 0.0
    ptol = size * min(factor, atol / size)
    v = np.empty((restart + 1, n), x.dtype)
    h = np.zeros((restart, restart + 1), x.dtype)
    turns = np.zeros((restart, 2), x.dtype)
    for _ in range(maxiter):
        beta = math.sqrt(inner(r, r, 0, n).real)
        scale = kind(1.0 / beta)
        for i in range(n):
            v[0, i] = r[i] * scale
        rhs = np.zeros(restart + 1, x.dtype)
        rhs[0] = kind(beta)
        broken, col = False, 0
        for c in range(restart):
            col = c
            w = v[c + 1]
            product_inner(indptr, indices, data, v[c], v[c], w, 0, n)
            h0 = math.sqrt(inner(w, w, 0, n).real)
            for k in range(c + 1):
                vk = v[k]
                along = kind(inner(vk, w, 0, n))
                h[c, k] = along
                for i in range(n):
                    w[i] -= along * vk[i]
            h1 = math.sqrt(inner(w, w, 0, n).real)
            h[c, c + 1] = kind(h1)
            if h1 <= eps * h0:
                h[c, c + 1] = kind(0.0)
                broken = True
            else:
                scale = kind(1.0 / h1)
                for i in range(n):
                    w[i] *= scale
            for k in range(c):
                cosine, sine = turns[k, 0], turns[k, 1]
                n0, n1 = h[c, k], h[c, k + 1]
                h[c, k] = cosine * n0 + sine * n1
                h[c, k + 1] = -np.conj(sine) * n0 + cosine * n1
            f, g = h[c, c], h[c, c + 1]
            # A plane rotation as LAPACK's lartg gives it.
            if g == 0:
                cosine, sine, length = kind(1.0), kind(0.0), f
            elif f == 0:
                cosine, length = kind(0.0), kind(abs(g))
                sine = kind(np.conj(g) / abs(g))
            else:
                d = math.hypot(abs(f), abs(g))
                phase = kind(f / abs(f))
                cosine, sine, length = kind(abs(f) / d), kind(phase * np.conj(g) / d), kind(phase * d)
            turns[c, 0], turns[c, 1] = cosine, sine
            h[c, c], h[c, c + 1] = length, kind(0.0)
            rhs[c + 1] = -np.conj(sine) * rhs[c]
            rhs[c] = cosine * rhs[c]
            presid = abs(rhs[c + 1])
            steps[0] += 1
            if presid <= ptol or broken:
                break
        if h[col, col] == 0:
            rhs[col] = kind(0.0)
        for k in range(col, -1, -1):
            if rhs[k] != 0:
                rhs[k] /= h[k, k]
                for i in range(k):
                    rhs[i] -= rhs[k] * h[k, i]
        for k in range(col + 1):
            vk, along = v[k], rhs[k]
            for i in range(n):
                x[i] += along * vk[i]
        product_inner(indptr, indices, data, x, x, r, 0, n)
        for i in range(n):
            r[i] = b[i] - r[i]
        rnorm = math.sqrt(inner(r, r, 0, n).real)
        if rnorm <= atol:
            return 0
        if broken:
            return maxiter
        factor = max(eps, 0.25 * factor) if presid <= ptol else min(1.0, 1.5 * factor)
        ptol = presid * min(factor, atol / rnorm)
    return maxiter


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return wrong_method(problem, "gmres")


def _work(problem: Problem, evidence: Evidence) -> float:
    a, restart = problem.operands[0], min(problem.parameters.get("restart", 20), problem.size)
    if problem.parameters["choose"]:
        return plain_work(problem, evidence)
    return float(a.nnz + 4 * restart * a.shape[0]) * max(min(problem.size, 100), 1)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    problem = limited(problem, evidence)
    rows, x, r = starting_point(problem, evidence)
    restart = min(problem.parameters["restart"], problem.size)
    steps = np.zeros(1, np.int64)
    parameters, b = problem.parameters, problem.operands[1]
    eps = float(np.finfo(x.dtype).eps)
    info: Any = gmres_loop(*rows.arrays, b, x, r, parameters["atol"], restart, parameters["maxiter"], eps, steps)
    return ended(problem, x, r, int(steps[0]), info == 0, int(info))


register(
    Kernel(
        name="gmres",
        kind="iterative_solve",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Saad and Schultz (1986), with the tolerances of SciPy 1.17",
    )
)
