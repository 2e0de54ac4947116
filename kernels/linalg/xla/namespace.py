"""JAX as the portable kernels see it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fsci.core.backends import require
from fsci.kernels.linalg.portable.namespace import Namespace

__all__ = ["namespace"]


@lru_cache(maxsize=1)
def namespace() -> Namespace:
    """JAX's functions; the package is imported at the first call."""
    jax = require("jax")
    linalg = require("jax.scipy.linalg")

    def is_tracer(array: Any) -> bool:
        return isinstance(array, jax.core.Tracer)

    return Namespace(
        require("jax.numpy"), linalg.lu_factor, linalg.lu_solve, linalg.solve_triangular, linalg.expm, is_tracer
    )
