"""Solves with factors by columns, in diagonal blocks: forward, and with the transpose.

What stands above the diagonal blocks was never factored, and is read from the matrix.
"""

from __future__ import annotations

import numpy as np
from numba import complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit

__all__ = ["solve_blocks", "solve_blocks_transposed"]

_KINDS = [(float64, int32), (complex128, int32)]
_SOLVE = [
    int64(
        i[::1], i[::1], d[::1], i[::1], i[::1], float64[::1], i[::1], i[::1], int64[::1], i[::1], d[::1],
        int64[::1], i[::1], d[::1], d[::1], d[::1], d[::1],
    )
    for d, i in _KINDS
]  # fmt: skip


@jit(_SOLVE)
def solve_blocks(  # type: ignore[no-untyped-def]
    indptr, indices, data, columns, bounds, scales, pivot_rows, places, lptr, li, lx, uptr, ui, ux, pivots, rhs, x
):  # fmt: skip
    """Solve with the columns that were factored, from the last block to the first."""
    n = x.size
    w, y = np.empty(n, x.dtype), np.empty(n, x.dtype)
    for i in range(uint64(n)):
        w[i] = rhs[i] * scales[i]
    for b in range(bounds.size - 2, -1, -1):
        k1, k2 = bounds[b], bounds[b + 1]
        for k in range(uint64(k1), uint64(k2)):
            value = w[uint64(pivot_rows[k])]
            y[k] = value
            if value != 0:
                for p in range(uint64(lptr[k]), uint64(lptr[k + uint64(1)])):
                    w[uint64(li[p])] -= lx[p] * value
        for back in range(uint64(k2 - k1)):
            k = uint64(k2 - 1) - back
            value = y[k] / pivots[k]
            x[uint64(columns[k])] = value
            for p in range(uint64(uptr[k]), uint64(uptr[k + uint64(1)])):
                y[uint64(ui[p])] -= ux[p] * value
        if k1 > 0:
            for k in range(uint64(k1), uint64(k2)):
                column = uint64(columns[k])
                value = x[column]
                for q in range(uint64(indptr[column]), uint64(indptr[column + uint64(1)])):
                    i = uint64(indices[q])
                    if places[i] < k1:
                        w[i] -= data[q] * scales[i] * value
    return 0


@jit(_SOLVE)
def solve_blocks_transposed(  # type: ignore[no-untyped-def]
    indptr, indices, data, columns, bounds, scales, pivot_rows, places, lptr, li, lx, uptr, ui, ux, pivots, rhs, x
):  # fmt: skip
    """Solve with the transpose, from the first block to the last."""
    n = x.size
    c = np.empty(n, x.dtype)
    for b in range(bounds.size - 1):
        k1, k2 = bounds[b], bounds[b + 1]
        for k in range(uint64(k1), uint64(k2)):
            column = uint64(columns[k])
            value = rhs[column]
            if k1 > 0:
                for q in range(uint64(indptr[column]), uint64(indptr[column + uint64(1)])):
                    i = uint64(indices[q])
                    if places[i] < k1:
                        value -= data[q] * scales[i] * x[i]
            for p in range(uint64(uptr[k]), uint64(uptr[k + uint64(1)])):
                value -= ux[p] * c[uint64(ui[p])]
            c[k] = value / pivots[k]
        for back in range(uint64(k2 - k1)):
            k = uint64(k2 - 1) - back
            value = c[k]
            for p in range(uint64(lptr[k]), uint64(lptr[k + uint64(1)])):
                value -= lx[p] * x[uint64(li[p])]
            x[uint64(pivot_rows[k])] = value
    for i in range(uint64(n)):
        x[i] *= scales[i]
    return 0
