"""A narrow band as LAPACK stores it, and LU with row exchanges inside of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import complex128, float64, int32, int64
from scipy.linalg import lapack

from fsci.kernels.jit import jit
from fsci.kernels.sparse.compressed import Compressed

__all__ = ["BandFactors", "band_factors"]

_KINDS = [(float64, int32), (complex128, int32)]


@jit([int64(i[::1], i[::1], d[::1], int64, d[:, ::1]) for d, i in _KINDS])
def _fill(indptr, indices, data, diagonal, band):  # type: ignore[no-untyped-def]
    """Put column j into row j of `band`, its diagonal entry at the place `diagonal`."""
    for j in range(band.shape[0]):
        for p in range(band.shape[1]):
            band[j, p] = 0
        for k in range(indptr[j], indptr[j + 1]):
            band[j, diagonal + indices[k] - j] = data[k]
    return 0


@dataclass(frozen=True, slots=True, repr=False)
class BandFactors:
    """LU factors of a band (`by_rows`: of that of the transpose)."""

    lu: Any
    pivots: Any
    lower: int
    upper: int
    by_rows: bool

    def __repr__(self) -> str:
        return f"LU factors of a band, {self.lower} below and {self.upper} above the diagonal"

    def solve(self, rhs: Any, adjoint: bool = False) -> Any:
        """``A^-1 @ rhs``, or ``A^-H @ rhs``."""
        real = self.lu.dtype.kind != "c"
        if real and np.iscomplexobj(rhs):
            return self.solve(rhs.real, adjoint) + 1j * self.solve(rhs.imag, adjoint)
        # Stored rows are the columns of the transpose, whose adjoint is the conjugate.
        turn = self.by_rows and adjoint and not real
        trans = 0 if self.by_rows == adjoint else 1 if self.by_rows or real else 2
        run = lapack.dgbtrs if real else lapack.zgbtrs
        x, _ = run(self.lu, self.lower, self.upper, rhs.conj() if turn else rhs, self.pivots, trans=trans)
        return x.conj() if turn else x


def band_factors(a: Compressed, lower: int, upper: int) -> BandFactors | None:
    """Factor; None where a pivot is zero. Bandwidths are those of the stored columns."""
    band = np.empty((a.n, 2 * lower + upper + 1), a.data.dtype)
    _fill(a.indptr, a.indices, a.data, lower + upper, band)
    run = lapack.dgbtrf if a.data.dtype.kind != "c" else lapack.zgbtrf
    lu, pivots, info = run(band.T, lower, upper, overwrite_ab=True)
    return BandFactors(lu, pivots, lower, upper, a.by_rows) if info == 0 else None
