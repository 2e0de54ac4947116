"""One pass over a compressed matrix: its diagonal, band, symmetry in pattern and value, dominance, minors of order two.

Columns must be in order and free of duplicates. A transposed entry is found by a pointer for each
column that only moves on, so that the whole costs a few operations an entry.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.moduli import modulus

__all__ = ["SYMMETRY", "Pattern", "scan", "scanned", "symmetric_order"]

# Below this share of entries that stand opposite one another, the pattern of A + A.T says little about A.
SYMMETRY = 0.5


class Pattern(NamedTuple):
    """What one pass over the stored columns M of a matrix shows (the matrix, or its transpose)."""

    finite: bool
    lower: int
    upper: int
    diagonal_full: bool
    pattern_symmetry: float
    symmetric: bool
    hermitian: bool
    positive_diagonal: bool
    dominant: bool
    positive_minors: bool
    vanishing_minors: bool
    norm1: float
    norm_inf: float
    malformed: bool

    @property
    def symmetric_order(self) -> bool:
        """As the compiled `symmetric_order`: no triangle, and pivots near the diagonal that will not cancel."""
        near = self.diagonal_full and self.pattern_symmetry >= SYMMETRY and not self.vanishing_minors
        return near and self.lower > 0 and self.upper > 0

    @property
    def perhaps_definite(self) -> bool:
        """Whether nothing cheap denies that the matrix is Hermitian and positive definite."""
        return self.hermitian and self.positive_diagonal and self.positive_minors


_KINDS = [(float64, int32), (complex128, int32)]


@jit([float64[::1](int64, i[::1], i[::1], d[::1]) for d, i in _KINDS])
def scanned(n, indptr, indices, data):  # type: ignore[no-untyped-def]
    facts = np.zeros(14)
    if indptr.size != n + 1 or indptr[0] != 0 or indptr[uint64(n)] > min(indices.size, data.size):
        facts[10] = 1.0
        return facts
    outside = False
    for j in range(uint64(n)):
        outside |= indptr[j] > indptr[j + uint64(1)]
    if not outside:
        for k in range(uint64(indptr[uint64(n)])):
            outside |= (indices[k] < 0) | (indices[k] >= n)
    if outside:
        facts[10] = 1.0
        return facts
    place = np.empty(n, np.int64)
    rows = np.zeros(n)
    size = np.zeros(n)
    diagonal = np.zeros(n + 1, data.dtype)
    for j in range(n):
        place[uint64(j)] = indptr[uint64(j)]
        for k in range(uint64(indptr[uint64(j)]), uint64(indptr[uint64(j + 1)])):
            # Without a branch, which no processor foresees: what is not of the diagonal goes where nobody reads.
            diagonal[uint64(j if indices[k] == j else n)] = data[k]
    minors, vanishing = True, False
    low, up, diagonals, positive = 0, 0, 0, 0
    below, above, matched, equal, mirrored = 0, 0, 0, 0, 0
    norm, dominated, finite = 0.0, True, True
    for j in range(n):
        total, own = 0.0, 0.0
        k, stop_column = uint64(indptr[uint64(j)]), uint64(indptr[uint64(j + 1)])
        while k < stop_column and indices[k] < j:
            size_here = np.float64(modulus(data[k]))
            total += size_here
            rows[uint64(indices[k])] += size_here
            up = max(up, j - indices[k])
            above += 1
            k += uint64(1)
        while k < stop_column:
            i, v = indices[k], data[k]
            k += uint64(1)
            size_here = np.float64(modulus(v))
            total += size_here
            rows[uint64(i)] += size_here
            if i > j:
                low = max(low, i - j)
                below += 1
                product = np.float64(diagonal[uint64(i)].real) * np.float64(diagonal[uint64(j)].real)
                minors = minors and bool(size_here * size_here < product)
                p, stop = uint64(place[uint64(i)]), uint64(indptr[uint64(i + 1)])
                while p < stop and indices[p] < j:
                    p += uint64(1)
                place[uint64(i)] = p
                if p < stop and indices[p] == j:
                    matched += 1
                    w = data[p]
                    vanishing = vanishing or bool(v * w == diagonal[uint64(i)] * diagonal[uint64(j)])
                    if w == v:
                        equal += 2
                    if w.real == v.real and w.imag == -v.imag:
                        mirrored += 2
            elif i == j:
                own = size_here
                if size_here != 0.0:
                    diagonals += 1
                if v.imag == 0.0 and v.real > 0.0:
                    positive += 1
                if v.imag == 0.0:
                    mirrored += 1
                equal += 1
            else:
                up = max(up, j - i)
                above += 1
        finite = finite and bool(np.isfinite(total))
        norm = max(norm, total)
        size[uint64(j)] = own
        dominated = dominated and 2.0 * own >= total
    for j in range(n):
        dominated = dominated and bool(2.0 * size[uint64(j)] >= rows[uint64(j)])
        facts[11] = max(facts[11], rows[uint64(j)])
    entries = indptr[uint64(n)]
    facts[0] = 1.0 if finite else 0.0
    facts[1], facts[2] = low, up
    facts[3] = 1.0 if diagonals == n else 0.0
    facts[4] = 2.0 * matched / (below + above) if below + above > 0 else 1.0
    facts[5] = 1.0 if equal == entries else 0.0
    facts[6] = 1.0 if mirrored == entries else 0.0
    facts[7] = 1.0 if positive == n else 0.0
    facts[8] = 1.0 if dominated else 0.0
    facts[9] = norm
    facts[12] = 1.0 if minors else 0.0
    facts[13] = 1.0 if vanishing else 0.0
    return facts


@jit(inline=True)
def symmetric_order(facts):  # type: ignore[no-untyped-def]
    """Whether `scanned` found what an ordering of ``A + A.T`` with pivots near the diagonal can serve."""
    return facts[1] > 0 and facts[2] > 0 and facts[3] == 1.0 and facts[4] >= SYMMETRY and facts[13] == 0.0


def scan(n: int, indptr: Any, indices: Any, data: Any) -> Pattern:
    """Scan the n columns of a compressed matrix whose indices are sorted; malformed ones are named so."""
    f = scanned(n, indptr, indices, data).tolist()
    return Pattern(
        finite=f[0] == 1.0,
        lower=int(f[1]),
        upper=int(f[2]),
        diagonal_full=f[3] == 1.0,
        pattern_symmetry=f[4],
        symmetric=f[5] == 1.0,
        hermitian=f[6] == 1.0,
        positive_diagonal=f[7] == 1.0,
        dominant=f[8] == 1.0,
        positive_minors=f[12] == 1.0,
        vanishing_minors=f[13] == 1.0,
        norm1=f[9],
        norm_inf=f[11],
        malformed=f[10] == 1.0,
    )
