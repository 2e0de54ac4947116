"""Exact symmetry of a square array, by blocks: a whole column of a C-ordered array touches one cache line an entry."""

from __future__ import annotations

import numpy as np

__all__ = ["is_hermitian"]


def is_hermitian(a: np.ndarray) -> bool:
    """Whether ``a == a.conj().T`` exactly; most that are not differ in the first row already."""
    if not (a[0] == a[:, 0].conj()).all():
        return False
    n, step = a.shape[0], 256  # two blocks stay in the second-level cache
    for i in range(0, n, step):
        for j in range(0, i + 1, step):
            if not (a[i : i + step, j : j + step] == a[j : j + step, i : i + step].conj().T).all():
                return False
    return True
