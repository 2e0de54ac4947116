"""What the certificates of sparse eigenvalues and singular values share: containers, counts that are worth it, numbers.

Bounds come from `ritz_bounds`; here stands what is not examined, and how a bound becomes a certificate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, digits_of, relative_to_truth
from fsci.kernels.sparse.counting import Counting
from fsci.kernels.sparse.factored import SURELY_FITS, available_bytes
from fsci.kernels.sparse.ritz_bounds import Enclosed, completeness, enclosed, sharpened
from fsci.kernels.sparse.selection import ahead

__all__ = ["Pairs", "bounded", "certified_pairs", "examinable", "too_dear", "unexamined"]

# Flops of a count beyond which it is not made: about a minute of one core.
_MOST = 3e11


def unexamined(attempt: Attempt, said: str) -> Certificate:
    """Nothing is vouched for."""
    return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": said})


def examinable(*arrays: Any) -> str:
    """Why numbers of these sizes are not examined; empty where they are: squares must not overflow, nor vanish."""
    limits = np.finfo(float)
    for data in arrays:
        scale = float(np.abs(data).max(initial=0.0))
        if not limits.tiny**0.25 < scale < limits.max**0.25:
            return f"not examined: the largest entry is {scale:.3g}"
    return ""


def too_dear(counter: Counting) -> str:
    """Why a count is not made; empty where it is."""
    memory = 8.0 * sum(counter.structure.peaks)
    if memory > SURELY_FITS and memory > available_bytes():
        return f"unknown: a count takes {memory:.3g} bytes"
    return f"unknown: a count takes {counter.flops:.3g} flops" if counter.flops > _MOST else ""


def bounded(
    attempt: Attempt, policy: Policy, u: float, found: Enclosed, w: Any, said: str, bound: float, **detail: Any
) -> Certificate:
    """The certificate of values `w`, each within `bound` of the wanted one."""
    top = float(np.abs(w).max())
    forward = relative_to_truth(bound / top) if top > 0.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "rigorous", u),
        backward_error=found.backward,
        condition=1.0,
        forward_error=forward,
        digits=digits_of(forward),
        rigor="rigorous",
        algorithm=attempt.kernel,
        detail={
            "completeness": said,
            **detail,
            "residuals": found.residuals,
            "orthogonality": found.orthogonality,
        },
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was asked for and found: k of the ``a @ v = m @ v * w``; m with a lower bound on its eigenvalues."""

    a: Any
    w: Any
    v: Any
    k: int
    which: str
    sigma: float | None = None
    m: Any = None
    least: float = 1.0


def certified_pairs(
    attempt: Attempt, policy: Policy, u: float, pairs: Pairs, counter: Callable[[], Counting], moved: float = 0.0
) -> Certificate:
    """Certificate of eigenpairs of a Hermitian matrix or pencil, all in double precision.

    `counter` analyses it for the counts; `moved` bounds what the values given are away from ``pairs.w``.
    """
    w = pairs.w
    found = enclosed(pairs.a, w, pairs.v, pairs.m, pairs.least)
    error = found.bound + moved
    wanted = policy.target(u) * float(np.abs(w).max())
    analysed, said = _counting(pairs, error, counter)
    bound, gap = math.inf, 0.0
    if analysed is not None:
        said, bound, gap = completeness(analysed, w, pairs.which, pairs.sigma, error, 0.25 * wanted)
        if not bound <= 0.5 * wanted and pairs.sigma is None:
            squared = sharpened(analysed, found, w, pairs.which, 0.5 * wanted) + moved
            if squared < bound:
                said, bound = "complete: counted by inertia", squared
    with np.errstate(divide="ignore", invalid="ignore"):
        # Those that were not found lie behind the worst one by the gap, and behind the others by more.
        behind = gap + ahead(w, pairs.which, pairs.sigma) if gap > 0.0 else np.zeros(w.size)
        gaps = np.minimum(_gaps(w) - 2.0 * error, behind)
        # Of vectors whose lengths are one but for what they lack in orthogonality (Davis and Kahan, 1970).
        lengths = math.sqrt(1.0 - min(found.orthogonality, 0.5))
        angles = np.where(gaps > 0.0, found.residuals / gaps / lengths, 1.0)
    detail = {"eigenvalue_bound": error, "vector_bounds": np.minimum(angles, 1.0)}
    return bounded(attempt, policy, u, found, w, said, bound, **detail)


def _counting(pairs: Pairs, error: float, counter: Callable[[], Counting]) -> tuple[Counting | None, str]:
    """What counts; or none, and why nothing is counted."""
    if not math.isfinite(error):
        return None, "unknown: the vectors enclose nothing"
    if pairs.w.size < pairs.k:
        return None, "incomplete: fewer eigenvalues than were asked for"
    analysed = counter()
    dear = too_dear(analysed)
    return (None, dear) if dear else (analysed, "")


def _gaps(w: Any) -> Any:
    """Distance of each value to its nearest neighbour."""
    order = np.argsort(w)
    steps = np.diff(w[order])
    gaps = np.empty(w.size)
    gaps[order] = np.minimum(np.append(steps, math.inf), np.insert(steps, 0, math.inf))
    return gaps
