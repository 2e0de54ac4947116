"""The check of compressed index arrays by itself, for products whose arithmetic is left to SciPy's compiled loops.

SciPy's loops take any index for granted; where they are the fastest on one thread they are called, but not before every
index is known to lie inside.
"""

from __future__ import annotations

from numba import int32, int64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.guard import compressed_inside

__all__ = ["A_CALL", "inside"]

# Terms that a compiled loop adds in the time that one more call from Python takes, within a factor of two anywhere.
A_CALL = 4000


@jit([int64(i[::1], i[::1], int64, int64, int64) for i in (int32, int64)])
def inside(indptr, indices, stored, bound, rows):  # type: ignore[no-untyped-def]
    """1 where `rows` compressed rows lie in the `stored` entries and their indices below `bound`; else 0."""
    return int64(compressed_inside(indptr, indices, stored, bound, 0, rows))
