"""What Numba raises on user code that it cannot compile."""

from __future__ import annotations

import numba

__all__ = ["COMPILER_ERRORS"]

# Unsupported code is mostly answered by Numba's own errors, but an assertion of its compiler, a look-up
# that fails or a cast that is not implemented are met as well.
COMPILER_ERRORS = (
    numba.core.errors.NumbaError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,  # with it NotImplementedError and RecursionError
    TypeError,
    ValueError,
)
