"""What condition to expect of a large matrix, before it is factored: from singular values of small sampled blocks.

The smallest singular value cannot be had for less than a factorization, but how the
others fall off can: the middle ones of a principal block, relative to its largest, are stable under
sampling, and as the block grows they follow the law of the whole. For a matrix with a
positive definite part that carries the condition, interlacing makes each block's condition a lower bound
(Cauchy; Horn and Johnson, 2013, theorem 4.3.17). Elsewhere it is an expectation and nothing more: good enough
to choose the route to try first, never to certify.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import lapack

__all__ = ["expected_rcond"]

Array = np.ndarray[Any, np.dtype[Any]]

# Blocks of n/64, n/32 and n/16 rows, four, two and one of them: pivoted QR of all takes 1/1000 of a factorization.
_SHARE = 64
# Means over quarters of the pivots of a sample of 4 m rows scatter by about 1/m, and the extrapolation
# multiplies that by _SHARE: one or two decades of the condition from this order on, by experiment.
_SMALLEST_BLOCK = 48


def expected_rcond(a: Array) -> float | None:
    """Reciprocal condition to expect of the square matrix `a`; None where nothing can be said.

    Right to a few decades where it is small, for matrices whose rows and columns are of one size.
    """
    n = a.shape[0]
    smallest = n // _SHARE
    if smallest < _SMALLEST_BLOCK:
        return None
    order = np.random.default_rng(n).permutation(n)[: 4 * smallest]
    falls, last = [], 1.0
    for blocks in (4, 2, 1):
        found = [_pivots(a[np.ix_(rows, rows)]) for rows in np.split(order, blocks)]
        falls.append(sum(_fall(pivots) for pivots in found) / blocks)
        last = max(float(pivots[-1]) for pivots in found)
    if not all(math.isfinite(fall) for fall in falls):
        return None
    # The fall over half the spectrum of a block of order m as c + power * log2(m) + rate * m: algebraic and
    # geometric decay. A block as ill-conditioned as the whole (diagonal parts) shows at once.
    first, second = falls[1] - falls[0], falls[2] - falls[1]
    rate = min(second - first, 0.0) / smallest
    power = min(second - 2.0 * rate * smallest, 0.0)
    fall = falls[2] + power * math.log2(n / (4 * smallest)) + rate * (n - 4 * smallest)
    return float(min(last, 10.0 ** max(2.0 * fall, -300.0)))


def _pivots(block: Array) -> Array:
    """Diagonal of R, relative to its first entry; they fall as the singular values do (Stewart, 1980)."""
    geqp3 = lapack.get_lapack_funcs("geqp3", (block,))
    r = np.abs(np.diagonal(geqp3(np.asfortranarray(block), overwrite_a=1)[0])).astype(float)
    return r / r[0] if r[0] > 0.0 else np.zeros_like(r)


def _fall(pivots: Array) -> float:
    """Mean decimal logarithm of the third quarter, relative to that of the first quarter."""
    quarter = pivots.size // 4
    if not pivots[3 * quarter - 1] > 0.0:
        return -math.inf
    logarithms = np.log10(pivots[: 3 * quarter])
    return float(logarithms[2 * quarter :].mean() - logarithms[:quarter].mean())
