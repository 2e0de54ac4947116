"""Systems given by their factors: the kind that `lu_solve` and `cho_solve` share."""

from __future__ import annotations

from typing import Any

from fsci import selector
from fsci.core.registry import declare_kind
from fsci.core.types import Problem
from fsci.linalg._verdicts import classify_dense, warn_uncertified

__all__ = ["solution"]

declare_kind("factored_system", "linalg", classify_dense, "x with A x = b, A given by its LU or Cholesky factors")


def solution(problem: Problem, function: str, key: Any) -> Any:
    """The answer, with a warning in hardened mode where it is not certified."""
    diagnosis = selector.run(problem, function, key)
    warn_uncertified(diagnosis, stacklevel=5)
    return diagnosis.value
