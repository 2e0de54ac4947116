"""Proved bounds on eigenvalues from vectors of a sparse symmetric matrix, and whether any that was wanted is missing.

With R = A V - V diag(w) and nearly orthonormal V of k columns, A has k eigenvalues within
``(1 + ||V||) ||R|| / (1 - ||V^T V - I||)`` of the k values, one each (Kahan, 1967; Parlett, 1998, section 11.5). Which
ones of the spectrum these are, no residual says: Lanczos may miss a copy of a multiple eigenvalue, or a whole
part of the spectrum that its start has no share in. A count of the eigenvalues that would have been wanted before the
worst one found (`inertia`) decides it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.kernels.sparse.inertia import Counter
from fsci.kernels.sparse.selection import Region, regions

__all__ = ["Enclosed", "completeness", "enclosed"]

_U = 2.0**-53


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Bound on every eigenvalue, loss of orthogonality, residual norms, and the norm of the matrix by its rows."""

    bound: float
    orthogonality: float
    residuals: Any
    norm: float


def enclosed(a: Any, w: Any, v: Any) -> Enclosed:
    """Of a symmetric container in double precision; rounding of the residuals is in the bound."""
    n, k = v.shape
    size = np.abs(a)
    norm = float(size.sum(axis=1).max(initial=0.0))
    longest = float(np.diff(a.indptr).max(initial=0))
    r = np.abs(a @ v - v * w)
    rounded = (longest + 4.0) * _U
    r += rounded / (1.0 - rounded) * (size @ np.abs(v) + np.abs(v) * np.abs(w)) + np.finfo(float).tiny * (longest + 2.0)
    up = 1.0 + 4.0 * (n + k) * _U  # norms of positive numbers
    residuals = np.linalg.norm(r, axis=0) * up
    g = np.abs(v.T @ v - np.eye(k)) + (n + 4.0) * _U * 1.01 * (np.abs(v).T @ np.abs(v))
    orthogonality = float(np.linalg.norm(g)) * up
    if not orthogonality < 0.5 or not np.isfinite(residuals).all():
        return Enclosed(math.inf, orthogonality, residuals, norm)
    total = float(np.linalg.norm(residuals)) * up
    bound = (1.0 + math.sqrt(1.0 + orthogonality)) * total / (1.0 - orthogonality) * up
    return Enclosed(bound, orthogonality, residuals, norm)


def _counted(counter: Counter, where: list[Region]) -> tuple[int, float] | None:
    """Eigenvalues inside of the intervals, and the slack of the count; None where it cannot be told."""
    total, slack = 0, 0.0
    for low, high in where:
        for edge, sign in ((high, 1), (low, -1)):
            if not math.isfinite(edge):
                total += counter.a.shape[0] if edge == math.inf else 0
                continue
            found = counter.below(edge)
            if found is None:
                return None
            total, slack = total + sign * found[0], max(slack, found[1])
    return total, slack


def completeness(
    counter: Counter, w: Any, which: str, sigma: float | None, error: float, room: float
) -> tuple[str, float, float]:
    """Whether `w`, each within `error` of an eigenvalue of its own, are the wanted ones.

    Gives a word for it, the bound on their errors then (infinity where it is not shown), and the distance from
    the worst of them within which there is no further eigenvalue (0 where unknown). `room` is what the
    accuracy that is asked for leaves for not telling near ones apart.
    """
    room = max(room, 8.0 * error)
    for _ in range(2):
        wide = regions(w, which, sigma, room)
        if wide is None:
            return "unknown: no count for this selection", math.inf, 0.0
        counted = _counted(counter, wide)
        if counted is None or counted[1] + error < room:
            break
        room = 8.0 * (counted[1] + error)
    if counted is not None and wide is not None:
        count, slack = counted
        # Every value found lies inside by more than the slack of the edges, so that at least k are counted.
        if slack + error < room and _count_inside(wide, w, error + slack) == w.size:
            if count == w.size:
                return "complete: counted by inertia", error, room - slack - error
            if count < w.size:
                return "unknown: the count contradicts the residuals", math.inf, 0.0
    ordered = sigma is None and which in ("SA", "LA", "BE")
    narrow = regions(w, which, sigma, -room) if ordered else None
    counted = None if narrow is None else _counted(counter, narrow)
    if counted is not None and narrow is not None:
        count, slack = counted
        sure, perhaps = _count_inside(narrow, w, error + slack), _count_inside(narrow, w, -error - slack)
        if count == sure:
            # Whatever else is wanted lies between the narrow edge and the worst value found.
            return "complete up to eigenvalues that are not told apart", 2.0 * error + room + slack, 0.0
        if count > perhaps:
            return "incomplete: more eigenvalues than were found", math.inf, 0.0
    return "unknown: the count is not sharp enough", math.inf, 0.0


def _count_inside(where: list[Region], w: Any, margin: float) -> int:
    return sum(any(low + margin < x < high - margin for low, high in where) for x in w)
