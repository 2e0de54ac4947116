"""CuPy as the portable kernels see it."""

from __future__ import annotations

from functools import lru_cache

from fsci.core.backends import require
from fsci.kernels.linalg.portable.namespace import Namespace

__all__ = ["namespace"]


@lru_cache(maxsize=1)
def namespace() -> Namespace:
    """CuPy's functions; the package is imported at the first call."""
    linalg = require("cupyx.scipy.linalg")
    return Namespace(require("cupy"), linalg.lu_factor, linalg.lu_solve, linalg.solve_triangular, linalg.expm)
