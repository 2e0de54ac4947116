"""Proved bounds on eigenvalues from vectors of a sparse Hermitian matrix, and whether any that was wanted is missing.

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

from fsci.kernels.sparse.counting import Counting
from fsci.kernels.sparse.selection import Region, regions

__all__ = ["Enclosed", "completeness", "enclosed", "sharpened"]

_U = 2.0**-53


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Bound on every eigenvalue, loss of orthogonality, residual norms, their backward error and their total.

    `defect` bounds the distances of the values to the Ritz values of the space of the vectors.
    """

    bound: float
    orthogonality: float
    residuals: Any
    backward: float
    total: float = math.inf
    defect: float = math.inf


def enclosed(a: Any, w: Any, v: Any, m: Any = None, least: float = 1.0) -> Enclosed:
    """Of a Hermitian container in double precision; rounding of the residuals is in the bound.

    With m, of the pencil (a, m), v being orthonormal in ``x* m y``: what is said above holds for ``L^-1 A L^-*``,
    ``m = L L^*``, and the vectors ``L^* v``. `least` is no greater than any eigenvalue of m, so that ``L^-1`` stretches
    a residual by at most the root of its inverse.
    """
    n, k = v.shape
    size, size_v = np.abs(a), np.abs(v)
    norm = float(size.sum(axis=1).max(initial=0.0))
    longest = float(np.diff(a.indptr).max(initial=0))
    mv, size_mv, terms = v, size_v, 0.0
    if m is not None:
        mv, size_mv, terms = m @ v, np.abs(m) @ size_v, float(np.diff(m.indptr).max(initial=0)) + 2.0
        norm += float(np.abs(w).max(initial=0.0) * np.abs(m).sum(axis=1).max(initial=0.0))
    # A complex product is two roundings of products that are each three times as wrong (Higham, 2002, lemma 3.5).
    u = _U * (3.0 if np.iscomplexobj(v) or a.dtype.kind == "c" else 1.0)
    signed = a @ v - mv * w
    rounded = (longest + terms + 4.0) * u
    rounding = rounded / (1.0 - rounded) * (size @ size_v + size_mv * np.abs(w))
    rounding += np.finfo(float).tiny * (longest + terms + 2.0) * (1.0 + np.abs(w))
    r = np.abs(signed) + rounding
    up = 1.0 + 4.0 * (n + k) * u  # norms of positive numbers
    lengths = np.linalg.norm(r, axis=0) * up
    with np.errstate(all="ignore"):
        backward = float((lengths / np.linalg.norm(v, axis=0)).max(initial=0.0)) / norm if norm > 0.0 else 0.0
        residuals = lengths / math.sqrt(least) * (1.0 + 4.0 * _U)
    g = np.abs(v.conj().T @ mv - np.eye(k)) + (n + terms + 4.0) * u * 1.01 * (size_v.T @ size_mv)
    orthogonality = float(np.linalg.norm(g)) * up
    if not orthogonality < 0.5 or not np.isfinite(residuals).all():
        return Enclosed(math.inf, orthogonality, residuals, backward)
    total = float(np.linalg.norm(residuals)) * up
    bound = (1.0 + math.sqrt(1.0 + orthogonality)) * total / (1.0 - orthogonality) * up
    # With G = V* M V, the Ritz values are those of G^(1/2) W G^(-1/2) + G^(-1/2) (V* R) G^(-1/2); the roots of G are
    # within the loss of orthogonality of the identity, and W may be shifted.
    inner = np.abs(v.conj().T @ signed) + (n + 4.0) * u * 1.01 * (size_v.T @ np.abs(signed)) + size_v.T @ rounding
    spread = 0.5 * float(w.max() - w.min())
    defect = float(np.linalg.norm(inner)) * up / (1.0 - orthogonality) + 2.5 * orthogonality * spread * up
    return Enclosed(bound, orthogonality, residuals, backward, total / math.sqrt(1.0 - orthogonality) * up, defect)


def _counted(counter: Counting, where: list[Region]) -> tuple[int, float] | None:
    """Eigenvalues inside of the intervals, and the slack of the count; None where it cannot be told."""
    total, slack = 0, 0.0
    for low, high in where:
        for edge, sign in ((high, 1), (low, -1)):
            if not math.isfinite(edge):
                total += counter.order if edge == math.inf else 0
                continue
            found = counter.below(edge)
            if found is None:
                return None
            total, slack = total + sign * found[0], max(slack, found[1])
    return total, slack


def completeness(
    counter: Counting, w: Any, which: str, sigma: float | None, error: float, room: float
) -> tuple[str, float, float]:
    """Whether `w`, each within `error` of an eigenvalue of its own, are the wanted ones.

    Gives a word for it, the bound on their errors then (infinity where it is not shown), and the distance from
    the worst of them within which there is no further eigenvalue (0 where unknown). `room` is what the
    accuracy that is asked for leaves for not telling near ones apart.
    """
    room = max(room, 8.0 * error)
    if sigma is not None and which != "LM" and not _empty(counter, sigma - room, sigma + room):
        # One side of the shift is wanted: an eigenvalue next to it may be on either.
        return "unknown: an eigenvalue may be next to the shift", math.inf, 0.0
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
    ordered = (sigma is None and which in ("SA", "LA", "BE")) or _one_sided(counter, w, which, sigma, room)
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


def sharpened(counter: Counting, found: Enclosed, w: Any, which: str, wanted: float) -> float:
    """A bound on the errors of the lowest (highest) values by the squares of residuals; infinity where there is none.

    Where exactly these many eigenvalues lie below n, they are within ``||R||^2 / (n - max w)`` of the Ritz values
    (Temple, 1928; Lehmann, 1949; by Weyl's theorem on the matrices of the latter). `wanted` is the bound that is looked
    for.
    """
    left = wanted - found.defect
    if which not in ("SA", "LA") or not (left > 0.0 and math.isfinite(found.total)):
        return math.inf
    square = found.total**2
    for share in (2.0**-10, 2.0**-5, 0.5):
        room = square / (share * left) + 2.0 * found.defect
        counted = _counted(counter, regions(w, which, None, room) or [])
        if counted is not None and counted[0] == w.size:
            distance = room - counted[1] - found.defect
            if distance > 0.0:
                return (found.defect + square / distance) * (1.0 + 8.0 * _U)
    return math.inf


def _empty(counter: Counting, low: float, high: float) -> bool:
    """Whether there is no eigenvalue between, but for the slack of the count at both ends."""
    counted = _counted(counter, [(low, high)])
    return counted is not None and counted[0] == 0 and 4.0 * counted[1] < high - low


def _one_sided(counter: Counting, w: Any, which: str, sigma: float | None, room: float) -> bool:
    """Whether the values that are about as far from the shift (or zero) as the worst of `w` are on one side of it.

    Names that order by distance do not tell the two sides apart: one value may stand there for another only where
    the other side has none.
    """
    center = 0.0 if sigma is None else sigma
    if sigma is not None and which != "LM":
        return True  # one side is asked for
    distance = np.abs(w - center)
    edge = float(distance.min() if sigma is None and which == "LM" else distance.max())
    near = w[np.abs(distance - edge) <= 2.0 * room] - center
    if edge <= 3.0 * room or not (np.all(near > 0.0) or np.all(near < 0.0)):
        return False
    mirror = center - math.copysign(edge, float(near[0]))
    return _empty(counter, mirror - 2.0 * room, mirror + 2.0 * room)


def _count_inside(where: list[Region], w: Any, margin: float) -> int:
    return sum(any(low + margin < x < high - margin for low, high in where) for x in w)
