"""Condition of a matrix whose factors solve cheaply."""

from __future__ import annotations

from fsci.kernels.condition import inverse_norm_1
from fsci.kernels.factors import Solve

__all__ = ["rcond_from"]


def rcond_from(norm1: float, solve: Solve, n: int) -> float:
    """Reciprocal condition in the 1-norm from solves (Hager, 1984); 0 where the inverse overflows."""
    product = norm1 * inverse_norm_1(solve, n)
    return 1.0 / product if product > 0.0 else 0.0
