"""Certificates of general eigenproblems.

For nonsingular V, A is similar to L + V^-1 R with R = A V - V L: its Gershgorin discs hold the
eigenvalues, a set of k overlapping discs exactly k of them (Varah, 1968; Yamamoto, 1980). This
holds for clusters and defective matrices too, where first-order condition numbers say nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

from fsci.core.frames import FRAME
from fsci.core.policy import Policy
from fsci.core.registry import register_check, register_probe
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.linalg.host.general_eigen_geev import geev
from fsci.kernels.linalg.host.random_checks import backward_left, backward_pairs, frobenius, trace_defect
from fsci.kernels.linalg.host.structure_hermitian import is_hermitian
from fsci.kernels.linalg.host.symmetric_eigen_check import rounding

__all__ = ["disc_bounds"]


@register_probe("general_eigen", "host")
def probe(problem: Problem) -> Evidence:
    """Whether the matrix is exactly Hermitian: most that are not differ in the first row already."""
    a = problem.operands[0]
    return Evidence() if a.ndim > 2 else Evidence.of(hermitian=is_hermitian(a))


def disc_bounds(a: np.ndarray, w: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bound on each eigenvalue's error, and the condition number 1 / |y^H x| of each; infinity where none holds."""
    n, u = a.shape[0], 2.0**-53
    unknown = np.full(n, math.inf)
    a = a.astype("D", order="F")
    v = np.asarray(v, dtype="D", order="F")
    factor, pivots, info = lapack.zgetrf(v)
    if info != 0:
        return unknown, unknown
    inverse, info = lapack.zgetri(factor, pivots)
    if info != 0 or not np.isfinite(inverse).all():
        return unknown, unknown
    c = 2.0 * rounding(n, u)  # complex products round twice as much
    size_v, size_i = np.abs(v), np.abs(inverse)
    residual = np.abs(blas.zgemm(1.0, a, v) - v * w)
    residual += c * (blas.dgemm(1.0, np.abs(a), size_v) + size_v * np.abs(w))
    # |V^-1| <= |W| + |W| |I - V W| / (1 - ||I - V W||), with W the computed inverse.
    defect = np.abs(blas.zgemm(1.0, v, inverse) - np.eye(n)) + c * blas.dgemm(1.0, size_v, size_i)
    worst = float(defect.sum(axis=0).max())
    condition = np.linalg.norm(inverse, axis=1) * np.linalg.norm(v, axis=0)
    if not worst < 0.5:
        return unknown, condition
    reach = blas.dgemm(1.0, size_i, residual)
    correction = float(residual.sum(axis=0).max()) * worst / (1.0 - worst)
    # Every entry of |V^-1 R| is at most |W| |R| + max_k |W|_ik * ||(V W)^-1 - I||_1 ||R||_1.
    reach += size_i.max(axis=1)[:, None] * correction
    return _components(w, _balanced_radii(reach)), condition


def _balanced_radii(reach: np.ndarray) -> np.ndarray:
    """Disc radii: the smaller of row and column sums (both families of discs hold the spectrum).

    One family must be used for all discs, so that the count of eigenvalues in a component holds.
    """
    rows, columns = reach.sum(axis=1), reach.sum(axis=0)
    return rows if rows.max() <= columns.max() else columns


def _components(w: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Farthest that an eigenvalue can be from `w` within the component of overlapping discs that holds it."""
    n = w.shape[0]
    order = np.argsort(w.real - radii)
    group = np.arange(n)

    def root(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = int(group[i])
        return i

    left, right = (w.real - radii)[order], (w.real + radii)[order]
    for k in range(n):
        stop = int(np.searchsorted(left, right[k], side="right"))
        near = order[k + 1 : stop]
        i = int(order[k])
        for j in near[np.abs(w[near] - w[i]) <= radii[near] + radii[i]]:
            group[root(int(j))] = root(i)
    roots = np.array([root(i) for i in range(n)])
    bounds = radii.copy()
    for label in np.unique(roots):
        members = np.flatnonzero(roots == label)
        if members.size > 1:
            far = np.abs(w[members][:, None] - w[members][None, :]) + radii[members][None, :]
            bounds[members] = far.max(axis=1)
    return bounds


def matched(w: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A one-to-one assignment of `w` to `reference`, nearest first: indices, and distances."""
    free = np.ones(reference.shape[0], dtype=bool)
    index = np.empty(w.shape[0], dtype=int)
    for i, value in enumerate(w):
        distance = np.where(free, np.abs(reference - value), math.inf)
        index[i] = int(distance.argmin())
        free[index[i]] = False
    return index, np.abs(reference[index] - w)


@register_check("general_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Sampled backward error always; discs when somebody listens."""
    a = problem.operands[0]
    listened = FRAME.get().log is not None or policy.wants_forward
    if a.ndim == 2:
        backward, forward, condition, detail = _judged(a, *attempt.value, listened)  # type: ignore[call-arg]
    else:
        shape, detail = a.shape[:-2], {}
        backward, forward, condition = (np.empty(shape) for _ in range(3))
        for i in np.ndindex(*shape):
            parts = [None if part is None else part[i] for part in attempt.value]
            backward[i], forward[i], condition[i], _ = _judged(a[i], *parts, listened)  # type: ignore[arg-type, call-arg]
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
        detail=detail,
    )


def _judged(a: np.ndarray, w: Any, vl: Any, vr: Any, listened: bool) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Backward error, forward bound, condition and detail of one matrix."""
    scale = frobenius(a)
    if vr is not None:
        backward = backward_pairs(a, w, vr, scale)
    elif vl is not None:
        backward = backward_left(a, w, vl, scale)
    else:
        backward = trace_defect(a, w, scale)
    if not listened:
        return backward, math.inf, math.inf, {}
    bounds, conditions = _bounded(a, w, vr)
    top, forward = float(np.abs(w).max()), float(bounds.max())
    forward = relative_to_truth(forward / top if top > 0.0 else (0.0 if forward == 0.0 else math.inf))
    detail = {"eigenvalue_bounds": bounds, "eigenvalue_conditions": conditions}
    return backward, forward, float(conditions.max()), detail


def _bounded(a: np.ndarray, w: np.ndarray, vr: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Bounds and condition numbers; for values alone, those of a full decomposition and the distance to it."""
    if vr is not None:
        return disc_bounds(a, w.astype("D"), vr)
    wide = a.astype("D" if a.dtype.char in "FD" else "d")
    all_w, _, all_v, info = geev(wide, False, True)
    if info != 0:
        return np.full(w.shape, math.inf), np.full(w.shape, math.inf)
    bounds, conditions = disc_bounds(wide, all_w, all_v)
    index, distance = matched(w.astype("D"), all_w)
    return bounds[index] + distance, conditions[index]
