"""LAPACK's banded LU, for bands that are narrow as they stand."""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.band import band_factors
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.direct import NARROW
from fsci.kernels.sparse.factored import SURELY_FITS, Reusable, available_bytes, refined

__all__: list[str] = []

# Flops that moving one entry of the band is worth.
_PER_ENTRY = 4.0


def _entries(problem: Problem, evidence: Evidence) -> float:
    widest = 2.0 * max(evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth"))
    return float(problem.size) * (widest + min(evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth")) + 1.0)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if "lower_bandwidth" not in evidence or evidence.get("malformed"):
        return Refusal("no bandwidth is known")
    if "peeled" in evidence:
        return Refusal("a triangle needs no factors")
    low, up = evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth")
    if low * (low + up) * problem.size >= NARROW * problem.operands[0].nnz:
        return Refusal(f"the band is wide: {low} below and {up} above the diagonal")
    predicted = 16.0 * _entries(problem, evidence)
    if predicted > SURELY_FITS and predicted > available_bytes():
        return Refusal(f"the band takes {predicted:.3g} bytes, and {available_bytes():.3g} are available")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    b = problem.operands[1]
    columns = b.shape[1] if b.ndim > 1 else 1
    low, up = evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth")
    return 2.0 * problem.size * low * (low + up) + (_PER_ENTRY + 2.0 * columns) * _entries(problem, evidence)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = compressed(problem)
    low, up = int(evidence.get("lower_bandwidth")), int(evidence.get("upper_bandwidth"))
    factors = band_factors(a, up, low) if a.by_rows else band_factors(a, low, up)
    if factors is None:
        # Rows were exchanged by their size: zero at the last is singular in working precision.
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)})
    x, measured = refined(problem, factors.solve)
    kept = {"factors": Fact(Reusable(factors.solve, repr(factors)))}
    return Attempt(x, byproducts={"solve": factors.solve, "measured": measured, "factors": factors}, facts=kept)


register(
    Kernel(
        name="banded_lu",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK gbtrf, gbtrs",
    )
)
