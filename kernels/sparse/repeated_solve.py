"""Solves with one right-hand side after the other, as a Lanczos method asks for them: only the sweeps, no set-up.

In small systems the sweeps take as long as the copies and conversions of a general solve.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.kernels.sparse.front_solve import solve_cholesky, solve_lu
from fsci.kernels.sparse.multifrontal import Factors

__all__ = ["repeated_solver"]


def repeated_solver(factors: Factors) -> Callable[[Any], Any]:
    """``solve(b)`` for vectors of the dtype of the factors, in an array of its own each time."""
    s, order, inverse = factors.s, factors.s.order, factors.s.inverse
    x = np.empty(order.size, factors.dtype)
    # Cholesky factors of the rows of a Hermitian matrix are those of its conjugate.
    turned = factors.upper is None and factors.by_rows and factors.dtype.kind == "c"

    def solve(b: Any) -> Any:
        np.take(b, order, out=x, mode="clip")  # every index is inside, and this mode needs no buffer
        if turned:
            np.conjugate(x, out=x)
        if factors.upper is None:
            solve_cholesky(s.count, s.first, s.pointers, s.rows, factors.lower, s.lptr, x)
        else:
            solve_lu(
                s.count, s.first, s.pointers, s.rows, factors.lower, s.lptr, factors.upper, s.uptr, factors.swaps, x,
                factors.by_rows,
            )  # fmt: skip
        return np.conjugate(x[inverse]) if turned else np.take(x, inverse)

    return solve
