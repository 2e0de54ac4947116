"""Places in the state of implicit compiled loops; what `first_step` reads lies where the explicit loop has it."""

from __future__ import annotations

from fsci.kernels.integrate.explicit_loop import DIRECTION, MAX_STEP, NFEV, RTOL, T_END, H, T
from fsci.kernels.integrate.jacobian import CONSTANT, DIFFERENCES, FOUND, GIVEN
from fsci.kernels.integrate.status import CALLBACK_FAILED, DONE, MORE, TOO_SMALL

__all__ = [
    "ACCEPTED", "ASKED", "CALLBACK_FAILED", "CALLBACK_STATUS", "CONSTANT", "COUNTS",
    "CURRENT", "DIFFERENCES", "DIRECTION", "DONE", "EQUAL_STEPS", "ERROR_BEFORE", "FACTORED", "FOUND", "GIVEN", "HOW",
    "H_BEFORE", "INTERPOLATES", "LOWER", "MAX_STEP", "MORE", "NEWTON_FAILURES", "NEWTON_TOLERANCE", "NFEV", "NJEV",
    "NLU", "ORDER", "RATE", "REALS", "REJECTED", "RTOL", "TOO_SMALL", "T_BEFORE", "T_END", "UNFACTORABLE", "UPPER", "H",
    "T",
]  # fmt: skip

NEWTON_TOLERANCE, H_BEFORE, ERROR_BEFORE, T_BEFORE, RATE, REALS = range(16, 22)

(
    NJEV, NLU, ACCEPTED, REJECTED, NEWTON_FAILURES, ASKED, CALLBACK_STATUS, ORDER, EQUAL_STEPS, FACTORED, CURRENT,
    INTERPOLATES, HOW, LOWER, UPPER, COUNTS,
) = range(16, 32)  # fmt: skip

UNFACTORABLE = 4  # a Newton matrix with a pivot that is exactly zero
