"""Banded matrices found in dense arrays: LAPACK's band LU on their diagonals, certified without the zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.condition import ESTIMATOR_SAFETY, inverse_weighted_norm
from fsci.kernels.factors import solver
from fsci.kernels.structured import rcond_from

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]
Solve = Callable[..., Array]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    below, above = evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth")
    if problem.operands[0].ndim != 2 or below is None or above is None:
        return Refusal("bandwidths not measured")
    if 2 * below + above + 1 >= problem.size:
        return Refusal("the band is as wide as the matrix")
    return None if max(below, above) > 0 else Refusal("diagonal")


def work(problem: Problem, evidence: Evidence) -> float:
    below, above = evidence.get("lower_bandwidth", 0), evidence.get("upper_bandwidth", 0)
    columns = problem.operands[1].size / problem.size
    return (
        2.0 * problem.size * (below + 1) * (below + above + 1) + 4.0 * problem.size * (2 * below + above + 1) * columns
    )


def _diagonals(a: Array, below: int, above: int) -> Array:
    """LAPACK's band storage with room for the fill: entry (i, j) at [below + above + i - j, j]."""
    n = a.shape[0]
    band = np.zeros((2 * below + above + 1, n), a.dtype, order="F")
    for offset in range(-below, above + 1):
        entries = a.diagonal(offset)
        row = below + above - offset
        if offset >= 0:
            band[row, offset:] = entries
        else:
            band[row, : n + offset] = entries
    return band


def _times(band: Array, x: Array, below: int, above: int, start: Array, sign: float) -> Array:
    """``start + sign * A @ x`` diagonal by diagonal, for `x` of shape (n, k)."""
    n = x.shape[0]
    result = start
    for offset in range(-below, above + 1):
        row = below + above - offset
        if offset >= 0:
            result[: n - offset] += sign * band[row, offset:, None] * x[offset:]
        else:
            result[-offset:] += sign * band[row, : n + offset, None] * x[:offset]
    return result


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    below, above = evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth")
    band = _diagonals(a, below, above)
    gbtrf, gbtrs = lapack.get_lapack_funcs(("gbtrf", "gbtrs"), (band,))
    factor, pivots, info = gbtrf(band, below, above)
    if info > 0:
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)

    def apply(rhs: Array, op: int) -> Array:
        return np.asarray(gbtrs(factor, below, above, rhs, pivots, trans=op)[0])

    solve = solver(apply, band.dtype, False)
    x = solve(b)
    with np.errstate(all="ignore"):
        certified = _certified(problem, evidence, band, x.reshape(x.shape[0], -1), solve)
    if not np.isfinite(x).all():
        return Attempt(None, status="nonfinite", facts={"rcond": Fact(certified["rcond"], exact=False)})
    return Attempt(
        x,
        byproducts={"solve": solve, "rcond": certified["rcond"], "certified": certified},
        facts={"rcond": Fact(certified["rcond"], exact=False)},
    )


def _certified(problem: Problem, evidence: Evidence, band: Array, x: Array, solve: Solve) -> dict[str, Any]:
    """Backward errors, rcond and forward bound in O(n * band)."""
    below, above = evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth")
    n = x.shape[0]
    wide = np.result_type(band.dtype, np.float64)
    b = problem.operands[1].reshape(n, -1).astype(wide)
    band, x = band.astype(wide), x.astype(wide)
    r = np.abs(_times(band, x, below, above, b.copy(), -1.0))
    w = _times(np.abs(band), np.abs(x), below, above, np.abs(b), 1.0)
    size, size_b = np.abs(x).max(axis=0), np.abs(b).max(axis=0)
    solved = (size > 0) | (size_b > 0)
    if not solved.any():
        size, solved = np.ones_like(size), np.ones_like(solved)
    r, w, size, size_b = r[:, solved], w[:, solved], size[solved], size_b[solved]
    rcond = rcond_from(evidence.get("norm1"), solve, n)
    # A row holds that many terms; the residual is computed in double precision at least, a complex
    # product rounds as four. The last term is for underflow. (Arioli, Demmel and Duff, 1989.)
    terms = (below + above + 2) * (1.0 if band.dtype.kind == "f" else 4.0)
    weights = ((r + terms * (2.0**-53 * w + 2.0**-1022)) / size).max(axis=1)
    forward = ESTIMATOR_SAFETY * inverse_weighted_norm(solve, weights)
    loss = (
        n * problem.unit_roundoff / rcond if rcond > 0.0 else np.inf
    )  # the factors' own error, on what they say of the inverse
    quotient = np.divide(r, w, out=np.where(r > 0, np.inf, 0.0), where=w > 0)
    forward = forward * (1.0 + 2.0 * loss)
    return {
        "backward_error": float((r.max(axis=0) / (evidence.get("norm_inf") * size + size_b)).max()),
        "componentwise": float(quotient.max()),
        "forward_error": float(forward / (1.0 - forward)) if forward < 0.5 and loss < 0.5 else np.inf,
        "rcond": float(rcond),
    }


register(
    Kernel(
        name="banded",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK gbtrf, gbtrs; bound after Arioli, Demmel and Duff (1989)",
    )
)
