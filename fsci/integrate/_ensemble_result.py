"""What an ensemble of initial value problems gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["EnsembleResult"]

_MESSAGES = {
    0: "The solver successfully reached the end of the integration interval.",
    -1: "Required step size is less than spacing between numbers.",
    -2: "The member used up max_steps.",
    -3: "fun raised an exception: call it at the member's t and y to see which.",
    -4: "The initial state, or its derivative, is not finite.",
    -5: "The member was not integrated.",
}


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleResult:
    """What an ensemble gave; every array has the member first.

    Attributes
    ----------
    t : (N,) ndarray
        The time that each member reached.
    y : (N, n) or (N, n, m) ndarray
        The state there; or, with `t_eval`, at each of its m times, NaN at those that a member did not reach.
    t_eval : (m,) ndarray, optional
    status : (N,) ndarray of int8
        0: the end was reached; -1: the step became too small; -2: `max_steps` were used up; -3: `fun` raised;
        -4: the initial state or its derivative is not finite.
    nfev, steps, rejected : (N,) ndarray of int64
        Evaluations of `fun`, steps taken and rejected.
    """

    t: Any
    y: Any
    t_eval: Any
    status: Any
    nfev: Any
    steps: Any
    rejected: Any

    @property
    def success(self) -> Any:
        """Which members reached the end."""
        return self.status == 0

    def message(self, member: int) -> str:
        """How `member` ended, in words."""
        return _MESSAGES[int(self.status[member])]

    def __repr__(self) -> str:
        failed = int(np.count_nonzero(np.asarray(self.status)))
        shape = "x".join(str(size) for size in self.y.shape)
        return f"EnsembleResult({len(self.t)} members, {failed} failed, y: {shape}, nfev: {int(np.sum(self.nfev))})"
