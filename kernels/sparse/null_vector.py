"""A vector that a singular sparse matrix annihilates, by inverse iteration with a shift (Wielandt, 1944)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from fsci.kernels.sparse.estimation import irregular
from fsci.kernels.sparse.host.superlu import superlu_solver

__all__ = ["null_vector"]

_STEPS = 3


def null_vector(a: Any) -> tuple[Any, float] | None:
    """``v`` of size one and ``||A v|| / ||A||`` (infinity norms); None where the shifted matrix is singular too."""
    n = a.shape[0]
    norm = float(np.abs(a).sum(axis=1).max())
    # The square root of the roundoff: what is left of A is noise in the factors, what is added no more in the answer.
    shift = float(np.finfo(a.dtype).eps) ** 0.5 * (norm or 1.0)
    try:
        solve = superlu_solver(sp.csc_array(a + shift * sp.eye_array(n, dtype=a.dtype)), {"ColPerm": "COLAMD"})
    except RuntimeError:
        return None
    v = irregular(n).astype(a.dtype)
    for _ in range(_STEPS):
        v = solve(v)
        size = np.abs(v).max()
        if not 0.0 < size < np.inf:
            return None
        v = v / size
    return v, float(np.abs(a @ v).max()) / (norm or 1.0)
