"""What the pivots of LDL^T factors say: inertia, small pivots, and the largest, in one pass over D."""

from __future__ import annotations

import numpy as np
from numba import boolean, complex128, float64, int64, void

from fsci.kernels.jit import jit

__all__ = ["inspect_pivots"]


@jit([
    void(
        int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], d[::1], int64[::1], float64, boolean,
        float64[::1],
    )
    for d in (float64, complex128)
])  # fmt: skip
def inspect_pivots(  # type: ignore[no-untyped-def]
    low, high, pointers, taken, waiting, vptr, nptr, values, names, small, hermitian, found
):  # fmt: skip
    """Add to `found`: small pivots, pairs, negative eigenvalues of D (real or Hermitian); and raise its last to the
    largest entry of D.
    """
    for s in range(low, high):
        k = taken[s] + waiting[s]
        m = k + pointers[s + 1] - pointers[s]
        p = 0
        while p < taken[s]:
            at = vptr[s] + p * m + p
            own = values[at]
            found[3] = max(found[3], abs(own))
            if names[nptr[s] + k + p] == 1:
                found[0] += abs(own) < small
                found[2] += own.real < 0.0
                p += 1
                continue
            across, other = values[at + 1], values[at + m + 1]
            square = across * (np.conj(across) if hermitian else across)
            determinant = own * other - square
            top = max(abs(own), abs(across), abs(other))
            # The determinant over the largest entry is about the size of the smaller eigenvalue.
            found[0] += abs(determinant) < small * top
            found[1] += 1
            found[2] += 1 if determinant.real < 0.0 else 2 if own.real < 0.0 else 0
            found[3] = max(found[3], top)
            p += 2
