"""What multifrontal factorizations share: work, memory, and a solve that is refined where it must be."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fsci.core.types import Attempt, Evidence, Fact, Problem, Refusal
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.estimation import contracts
from fsci.kernels.sparse.multifrontal import Factors, Ordering, supernodal
from fsci.kernels.sparse.sparse_residual import compressed_residual

__all__ = [
    "EXACTLY_SINGULAR",
    "PER_ROW",
    "SURELY_FITS",
    "Reusable",
    "available_bytes",
    "factor_work",
    "factored_attempt",
    "ordering_fits",
    "ordering_work",
    "refined",
    "too_large",
]

# Flops that a row is worth in fronts, whose making costs more than small fronts have flops: grids of one to three
# dimensions and networks, of 100 to 180,000 rows, then lie on one curve.
PER_ROW = 2000.0
# Relaxed supernodes, fronts and the stack beside the factor.
_OVERHEAD = 2.5
_STEPS = 4
# Bytes below which the system is not asked how much memory it has.
SURELY_FITS = 2.0**28
# What a plan gives instead of an answer where SciPy warns and gives NaN: one factorization is then evidence enough.
EXACTLY_SINGULAR: Final = object()


@dataclass(frozen=True, slots=True, repr=False)
class Reusable:
    """Factors that an attempt leaves to the next one."""

    solve: Callable[..., Any]
    name: str

    def __repr__(self) -> str:
        return self.name


def available_bytes() -> float:
    """Memory that the system can still give; infinity where it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123  (read for each large system)
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return float(line.split()[1]) * 1024.0
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES")) * float(os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return float("inf")


def too_large(problem: Problem, evidence: Evidence, sides: float) -> Refusal | None:
    """Refuse a factorization that does not fit into memory, naming its size."""
    return ordering_fits(problem, evidence.get("ordering"), sides)


def ordering_fits(problem: Problem, ordering: Ordering, sides: float) -> Refusal | None:
    """The same for any ordering."""
    predicted = predicted_bytes(problem, ordering, sides)
    if predicted < SURELY_FITS or predicted <= available_bytes():
        return None
    return Refusal(f"the factors take {predicted:.3g} bytes, and {available_bytes():.3g} are available")


def predicted_bytes(problem: Problem, ordering: Ordering, sides: float) -> float:
    """Memory of the factors under this ordering."""
    item = 16.0 if problem.dtype is not None and problem.dtype.kind == "c" else 8.0
    return ordering.entries * sides * item * _OVERHEAD


def factor_work(problem: Problem, evidence: Evidence, sides: float) -> float:
    """Flops of the factorization and the solves, and the handling of rows counted as flops."""
    return ordering_work(problem, evidence.get("ordering"), sides)


def ordering_work(problem: Problem, ordering: Ordering, sides: float) -> float:
    """The same for any ordering."""
    a, b = problem.operands
    columns = b.shape[1] if b.ndim > 1 else 1
    return sides * (ordering.flops + PER_ROW * a.shape[0] + 2.0 * columns * ordering.entries)


def factored_attempt(problem: Problem, evidence: Evidence, factor: Callable[..., Factors | None]) -> Attempt | None:
    """Factor, solve and refine; None where the factorization breaks down, or is too far from the matrix."""
    a = compressed(problem)
    graph = evidence.get("graph")
    s = supernodal(graph.starts, graph.lists, evidence.get("ordering"))
    factors = factor(s, a.indptr, a.indices, a.data, a.by_rows)
    if factors is None or (factors.replaced and not contracts(a, factors.solve)):
        return None
    x, measured = refined(problem, factors.solve)
    return Attempt(
        x,
        byproducts={"solve": factors.solve, "measured": measured, "factors": factors},
        facts={"factors": Fact(factors)},
    )


def refined(problem: Problem, solve: Callable[..., Any], steps: int = _STEPS) -> tuple[Any, tuple[Any, Any]]:
    """Solve, and refine while the answer is not componentwise stable (Arioli, Demmel and Duff, 1989).

    Gives the answer in the dtype of the problem, and its residual and weights.
    """
    a, b = problem.operands
    tolerance = 4.0 * problem.unit_roundoff * float(a.shape[0]) ** 0.5
    best: Any = None
    error = np.inf
    with np.errstate(all="ignore"):
        x = solve(b).astype(problem.dtype)
        for _ in range(steps):
            r, w = compressed_residual(a, x, b)
            found = float(np.max(np.divide(np.abs(r), w, out=np.zeros(w.shape), where=w > 0), initial=0.0))
            if best is None or found < error:
                best, improved = (x, (r, w)), found < 0.5 * error
                error = found
            else:
                improved = False
            if not improved or error <= tolerance:
                break
            x = (x + solve(r)).astype(problem.dtype)
    return best
