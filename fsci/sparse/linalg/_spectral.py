"""What the functions for a few eigenvalues and singular values share: arguments, the run, and what is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

from fsci import selector
from fsci.core.frames import FRAME
from fsci.core.types import Problem
from fsci.sparse.linalg._told import warn_uncertified

__all__ = ["answered", "canonical", "check_start", "is_count", "is_tolerance"]


def is_count(k: Any) -> bool:
    """Whether `k` is an integer."""
    return isinstance(k, Integral) and not isinstance(k, bool)


def is_tolerance(tol: Any) -> bool:
    """Whether `tol` is a finite number that is not negative."""
    return isinstance(tol, Real) and 0.0 <= float(tol) < math.inf


def check_start(v0: Any, n: int) -> None:
    """Refuse a start of another length: SciPy 1.17 reads beyond the end of a short one."""
    if v0 is not None and np.shape(v0) not in ((n,), (n, 1)):
        raise ValueError(f"v0 has shape {np.shape(v0)}, and A asks for ({n},)")


def canonical(rows: Any) -> Any:
    """`rows` with sorted indices and no duplicates; a copy where that changes it."""
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def answered(problem: Problem, function: str, what: str, otherwise: Callable[[], Any]) -> Any:
    """The value of the problem; the error of its last kernel, else `otherwise`, where none gave one.

    `what` begins the warning of hardened mode.
    """
    diagnosis = selector.run(problem, function)
    attempt = diagnosis.attempt
    if attempt is None or attempt.value is None:
        error = None if attempt is None else attempt.byproducts.get("error")
        if error is not None:
            raise error
        return otherwise()
    if FRAME.get().policy.wants_forward:
        warn_uncertified(diagnosis, what, stacklevel=4)
    return attempt.value
