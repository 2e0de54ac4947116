"""Which pivot a column of a front of a symmetric or Hermitian matrix offers: of order one, of order two, or none.

The tests of Duff and Reid (1983): an entry of the diagonal against the rest of its column, and the inverse of a pair
against the largest entries beside it.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, complex128, float64, int64, types, uint64

from fsci.kernels.jit import jit

__all__ = ["dominates", "pivot_with", "turned"]

_KINDS = (float64, complex128)


@jit(inline=True)
def _size(v):  # type: ignore[no-untyped-def]
    """Modulus, up to a factor of 1.5 where it is complex."""
    return abs(v.real) + abs(v.imag)


@jit(inline=True)
def turned(v, hermitian):  # type: ignore[no-untyped-def]
    return np.conj(v) if hermitian else v


@jit([boolean(d[::1], int64, int64, int64, float64) for d in _KINDS])
def dominates(f, column, p, m, share):  # type: ignore[no-untyped-def]
    """Whether the diagonal entry of row p is a pivot of order one, rows from p on."""
    t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
    i = uint64(column + p + 1)
    end = uint64(column + m)
    while i + uint64(4) <= end:
        t0, t1 = max(t0, _size(f[i])), max(t1, _size(f[i + uint64(1)]))
        t2, t3 = max(t2, _size(f[i + uint64(2)])), max(t3, _size(f[i + uint64(3)]))
        i += uint64(4)
    while i < end:
        t0 = max(t0, _size(f[i]))
        i += uint64(1)
    size = _size(f[column + p])
    return size > 0.0 and size >= share * max(t0, t1, t2, t3)


@jit([types.Tuple((int64, float64, float64))(d[::1], int64, int64, int64, int64, int64) for d in _KINDS])
def _largest(f, ld, p, stop, m, c):  # type: ignore[no-untyped-def]
    """Of column c, its diagonal left out: the row below `stop` with its largest entry, that entry's size, and the size
    of the largest and of the second largest of all entries from row p on.
    """
    row, peak, other = -1, 0.0, 0.0
    for r in range(p, c):
        size = _size(f[r * ld + c])
        if size > peak:
            row, peak, other = r, size, peak
        elif size > other:
            other = size
    for r in range(c + 1, stop):
        size = _size(f[c * ld + r])
        if size > peak:
            row, peak, other = r, size, peak
        elif size > other:
            other = size
    below = 0.0
    for r in range(stop, m):
        below = max(below, _size(f[c * ld + r]))
    return row, peak, max(other, below)


@jit([types.Tuple((int64, int64))(d[::1], int64, int64, int64, int64, int64, float64, boolean) for d in _KINDS])
def pivot_with(f, ld, p, stop, m, c, share, hermitian):  # type: ignore[no-untyped-def]
    """A pivot with column c, of rows from p on: its order (zero for none), and its other, or only, column."""
    row, peak, other = _largest(f, ld, p, stop, m, c)
    own = f[c * ld + c]
    size = _size(own)
    if size > 0.0 and size >= share * max(peak, other):
        return 1, c
    if row < 0:
        return 0, c
    low, high = min(row, c), max(row, c)
    _, their_peak, their_other = _largest(f, ld, p, stop, m, row)
    theirs = f[row * ld + row]
    if _size(theirs) > 0.0 and _size(theirs) >= share * max(their_peak, their_other):
        return 1, row
    across = f[low * ld + high]
    square = across * turned(across, hermitian)
    product = own * theirs
    determinant = _size(product - square)
    if not determinant > 0.5 * max(_size(product), _size(square)):
        return 0, c
    # The largest of each column but the entry that both share.
    mine = other
    rest = 0.0
    for r in range(p, row):
        if r != c:
            rest = max(rest, _size(f[r * ld + row]))
    for r in range(row + 1, m):
        if r != c:
            rest = max(rest, _size(f[row * ld + r]))
    bound = determinant / share
    if _size(theirs) * mine + peak * rest <= bound and peak * mine + size * rest <= bound:
        return 2, row
    return 0, c
