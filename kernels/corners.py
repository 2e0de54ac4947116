"""A glance at the corners of a matrix, before anything is compiled or loaded: does a look at its structure pay?"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["looks_structured"]

Array = np.ndarray[Any, np.dtype[Any]]


def looks_structured(a: Array) -> bool:
    """Whether half of the first or of the last row of the square matrix `a` is zero: then a whole look pays.

    So it is where `a` is triangular, banded with a band of less than half its order, block diagonal or Hessenberg.
    Costs two entries where `a` is full.
    """
    half = a.shape[0] // 2
    if half < 2 or (a[0, -1] != 0.0 and a[-1, 0] != 0.0):
        return False
    return not (a[0, -half:].any() and a[-1, :half].any())
