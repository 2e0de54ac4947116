"""What kernels of stacks share: the attempt with a record for each slice, and the fast call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.types import Attempt, Problem

__all__ = ["stacked_attempt", "stacked_fast"]

# (a, b, thorough) -> solutions, status of each slice (0: good), record of each
# (normwise and componentwise backward error, rcond, forward bound).
SolveEach = Callable[[Any, Any, bool], tuple[Any, Any, Any]]


def stacked_attempt(problem: Problem, solve: SolveEach) -> Attempt:
    """All slices, each with its numbers; one that did not pass its own check has none and a status of 1."""
    a, b = (np.array(operand, order="C") for operand in problem.operands)
    x, status, record = solve(a, b, True)
    good = (status == 0) & np.isfinite(x).all(axis=(1, 2))
    normwise, componentwise, rcond, forward = (np.where(good, column, np.inf) for column in record[:, :4].T)
    certified = {
        "backward_error": normwise,
        "componentwise": componentwise,
        "forward_error": np.where(forward >= 0.0, forward, np.inf),
        "rcond": np.where(good, rcond, 0.0),
    }
    return Attempt(x, byproducts={"certified": certified, "statuses": np.where(good, 0, 1)})


def stacked_fast(solve: SolveEach) -> Callable[[Any, Any], Any]:
    """``fast(a, b)``: the solutions if every slice passed, else None."""

    def fast(a: Any, b: Any) -> Any:
        if a.ndim != 3 or b.ndim != 3 or b.shape[0] != a.shape[0]:
            return None
        x, status, _ = solve(np.ascontiguousarray(a), np.ascontiguousarray(b), False)
        return None if status.any() else x

    return fast
