"""Sparse systems of symmetric matrices that are diagonally dominant, as meshes have them, or elastic: multigrid.

Conjugate gradients under a V-cycle of smoothed aggregation, begun again from the true residual until the backward
error is that of a stable factorization. No factor is stored: in three dimensions this is what saves the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import Compressed, compressed
from fsci.kernels.sparse.factored import Reusable
from fsci.kernels.sparse.host.cg import conjugate_gradients
from fsci.kernels.sparse.host.csr_products import csr_matvec
from fsci.kernels.sparse.host.iterative_solve_probe import survey
from fsci.kernels.sparse.iteration import Rows
from fsci.kernels.sparse.krylov import Watch
from fsci.kernels.sparse.multigrid import Multigrid, build
from fsci.kernels.sparse.node_blocks import unknowns_of

__all__: list[str] = []

# Conjugate gradients by a V-cycle gain a digit in one to two steps on meshes; who needs more is better factored.
_LIMIT, _STEPS, _LOOK = 60.0, 25.0, 8
# Digits of the first round; the rounds after it begin from the true residual.
_FIRST = 1e-9
_ROUNDS = 4
# Entries read in building the levels, over those of the matrix; and in a step: smoothing, and the levels below.
_SETUP, _STEP = 40.0, 6.0
# Share of the moduli off the diagonal that may exceed it: what rounding leaves of zero sums.
_EXCESS = 1e-8
_POSITIVE = 0.5
# Solves of a bound that is asked for, by Hager's climbs on three operators: factors do them in no time.
_ESTIMATED = 50


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.dtype is None or problem.dtype.kind != "f":
        return Refusal("aggregation is for real matrices")
    if not (evidence.get("symmetric") and evidence.get("positive_diagonal") and evidence.get("positive_minors")):
        return Refusal("not symmetric with a positive diagonal and positive minors")
    if "ordering" not in evidence:
        return Refusal("a triangle, or too small to be a mesh")
    a = compressed(problem)
    if a.indices.dtype != np.int32:
        return Refusal("for indices of 32 bits")
    _, radius, above = _surveyed(a)
    if radius > 1.0 + _EXCESS:
        return (
            None
            if unknowns_of(a.indptr, a.indices, a.data) > 1
            else Refusal("not diagonally dominant, and no translations of nodes are nearly in the null space")
        )
    if above > _POSITIVE:
        return Refusal(
            "most of the weight off the diagonal is positive: no constant vector is nearly in the null space"
        )
    return None


def _surveyed(a: Compressed) -> tuple[Any, float, float]:
    """The diagonal, Gershgorin's radius relative to it, and the positive share off it."""
    diagonal, found = np.empty(a.n), np.empty(3)
    survey(a.indptr, a.indices, a.data, diagonal, found)
    return diagonal, float(found[1]), float(found[2])


def work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    columns = b.shape[1] if b.ndim > 1 else 1
    if FRAME.get().policy.wants_forward:
        columns += _ESTIMATED
    return float(a.nnz) * _SETUP + columns * _STEPS * (_STEP * a.nnz + 10.0 * a.shape[0])


def _iteration(a: Compressed, cycle: Multigrid) -> Callable[[Any], tuple[Any, bool]]:
    """``iterate(b)``: x of a backward error near the unit roundoff, and whether the first round got that far."""
    rows = Rows(a.indptr, a.indices, a.data)
    norm = float(np.bincount(a.indices, np.abs(a.data), a.n).max(initial=0.0))

    def residual(b: Any, x: Any) -> Any:
        return b - csr_matvec(a.n, a.n, a.indptr, a.indices, a.data, x)

    def iterate(b: Any) -> tuple[Any, bool]:
        b = np.ascontiguousarray(b, np.float64)
        x, r = np.zeros(a.n), b.copy()
        size = float(np.abs(r).max(initial=0.0))
        target, met = _FIRST * size, True
        for _ in range(_ROUNDS):
            step = np.zeros(a.n)
            watch = Watch(target * a.n**0.5, _LIMIT, _LOOK)
            _, met = conjugate_gradients(rows, step, r, target * a.n**0.5, int(_LIMIT), cycle, watch=watch)
            better = x + step
            r = residual(b, better)
            before, size = size, float(np.abs(r).max(initial=0.0))
            if not met:
                return better, False
            if not size < before:
                break
            x = better
            # A quarter of what a product with x rounds off: the mean of its entries is about that.
            target = 2.0**-55 * (norm * float(np.abs(x).max(initial=0.0)) + float(np.abs(b).max(initial=0.0)))
            if size <= 4.0 * target:
                break
        return x, met

    return iterate


def _solver(iterate: Callable[[Any], tuple[Any, bool]]) -> Callable[..., Any]:
    def solve(rhs: Any, adjoint: bool = False) -> Any:
        if rhs.ndim == 2:
            return np.stack([solve(column) for column in rhs.T], axis=1)
        return solve(rhs.real) + 1j * solve(rhs.imag) if np.iscomplexobj(rhs) else iterate(rhs)[0]

    return solve


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = compressed(problem), problem.operands[1]
    diagonal, radius, _ = _surveyed(a)
    unknowns = 1 if radius <= 1.0 + _EXCESS else unknowns_of(a.indptr, a.indices, a.data)
    cycle = build(a.indptr, a.indices, a.data, diagonal, unknowns)
    if cycle is None:
        return Attempt(None, status="stalled")
    iterate = _iteration(a, cycle)
    with np.errstate(all="ignore"):
        found = [iterate(column) for column in (b.T if b.ndim > 1 else [b])]
        x = np.stack([column for column, _ in found], axis=-1) if b.ndim > 1 else found[0][0]
        x = x.astype(problem.dtype)
    if not all(met for _, met in found):
        return Attempt(None, status="stalled")
    if not np.isfinite(x).all():
        return Attempt(None, status="nonfinite")
    solve = _solver(iterate)
    detail = {"level_sizes": cycle.sizes, "operator_complexity": cycle.complexity}
    return Attempt(
        x, byproducts={"solve": solve, **detail}, facts={"factors": Fact(Reusable(solve, "multigrid, iterated"))}
    )


register(
    Kernel(
        name="multigrid_refined",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Vanek, Mandel and Brezina (1996); Wilkinson (1963)",
    )
)
