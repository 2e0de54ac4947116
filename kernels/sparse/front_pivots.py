"""Elimination inside one front of a symmetric or Hermitian indefinite matrix: pivots of order one and two.

A pivot may be chosen among the fully summed columns only, and is measured against all rows: none of order one
may be smaller than a share of the rest of its column, and none of order two have an inverse that
makes multipliers larger than one over that share (Duff and Reid, 1983; Ashcraft, Grimes and Lewis, 1998). What finds
no such pivot stays, and is the parent's to eliminate. The search runs inside a panel, whose columns are
kept up to date; the rest of the front is updated by products, once a panel.
"""

from __future__ import annotations

from numba import boolean, complex128, float64, int64, void

from fsci.kernels.jit import jit
from fsci.kernels.sparse.front_lu import subtract_multiple
from fsci.kernels.sparse.pivot_search import dominates, pivot_with, turned
from fsci.kernels.sparse.rank_update import subtract_product

__all__ = ["PANEL", "SHARE", "eliminate"]

# Columns eliminated before the rest of the front is updated, and in these before the rest of them is; in fronts that
# have fewer columns than the former all at once, so that each finds its partner.
PANEL, _STEP, _FEW = 64, 16, 32
_STRIP = 48  # columns of the rest that are updated at a time
# Least share of the rest of its column that a pivot has (Duff and Reid, 1983): a multiplier is at most a hundred.
SHARE = 0.01

_KINDS = (float64, complex128)


@jit([void(d[::1], int64, int64, int64, int64, int64, int64, int64, int64[::1], boolean) for d in _KINDS])
def _exchange(f, ld, m, base, p, i, j, w, names, hermitian):  # type: ignore[no-untyped-def]
    """Rows and columns i and j change places, of which p have been eliminated, those from `base` on in this panel."""
    if i == j:
        return
    i, j = min(i, j), max(i, j)
    names[i], names[j] = names[j], names[i]
    for c in range(i):
        at = c * ld
        f[at + i], f[at + j] = f[at + j], f[at + i]
    for c in range(base, p):
        at = w + (c - base) * ld
        f[at + i], f[at + j] = f[at + j], f[at + i]
    f[i * ld + i], f[j * ld + j] = f[j * ld + j], f[i * ld + i]
    for c in range(i + 1, j):
        held = f[c * ld + j]
        f[c * ld + j] = turned(f[i * ld + c], hermitian)
        f[i * ld + c] = turned(held, hermitian)
    f[i * ld + j] = turned(f[i * ld + j], hermitian)
    for r in range(j + 1, m):
        f[i * ld + r], f[j * ld + r] = f[j * ld + r], f[i * ld + r]


@jit([void(d[::1], int64, int64, int64, int64, int64, int64, boolean) for d in _KINDS])
def _one(f, ld, m, base, p, end, w, hermitian):  # type: ignore[no-untyped-def]
    """Eliminate the pivot at p from the panel."""
    column, kept = p * ld, w + (p - base) * ld
    if hermitian:
        f[column + p] = f.dtype.type(f[column + p].real)
    scale = f.dtype.type(1) / f[column + p]
    for i in range(p + 1, m):
        f[kept + i] = f[column + i]
        f[column + i] *= scale
    for c in range(p + 1, end):
        value = turned(f[kept + c], hermitian)
        if value != 0:
            subtract_multiple(f, c * ld + c, column + c, m - c, value)


@jit([void(d[::1], int64, int64, int64, int64, int64, int64, boolean) for d in _KINDS])
def _two(f, ld, m, base, p, end, w, hermitian):  # type: ignore[no-untyped-def]
    """Eliminate the pivot at p and p + 1 from the panel; the entry beside the diagonal stays where it is."""
    one, two = p * ld, (p + 1) * ld
    kept, also = w + (p - base) * ld, w + (p + 1 - base) * ld
    if hermitian:
        f[one + p] = f.dtype.type(f[one + p].real)
        f[two + p + 1] = f.dtype.type(f[two + p + 1].real)
    across = f[one + p + 1]
    opposite = turned(across, hermitian)
    # The inverse by quotients, so that no square is formed (as LAPACK's xSYTF2).
    first, second = f[two + p + 1] / across, f[one + p] / opposite
    scale = f.dtype.type(1) / (first * second - f.dtype.type(1))
    left, right = scale / opposite, scale / across
    for i in range(p + 2, m):
        x, y = f[one + i], f[two + i]
        f[kept + i] = x
        f[also + i] = y
        f[one + i] = (x * first - y) * left
        f[two + i] = (y * second - x) * right
    for c in range(p + 2, end):
        x, y = turned(f[kept + c], hermitian), turned(f[also + c], hermitian)
        if x != 0:
            subtract_multiple(f, c * ld + c, one + c, m - c, x)
        if y != 0:
            subtract_multiple(f, c * ld + c, two + c, m - c, y)


@jit([void(d[::1], int64, int64, int64, int64, int64, int64, int64, int64, boolean) for d in _KINDS])
def _rest(f, ld, m, base, begin, p, start, stop, w, hermitian):  # type: ignore[no-untyped-def]
    """Update the columns `start` to `stop` by the pivots from `begin` to p of the panel that began at `base`."""
    c = start
    while c < stop:
        width = min(_STRIP, stop - c)
        right = w + (begin - base) * ld + c
        # What falls on the upper triangle of a strip is never read.
        subtract_product(f, ld, c * ld + c, m - c, width, begin * ld + c, right, ld, 1, p - begin, hermitian)
        c += width


@jit(
    [int64(d[::1], int64, int64, int64, int64, int64, int64, int64[::1], int64[::1], float64, boolean) for d in _KINDS]
)
def _panel(f, ld, m, base, begin, end, w, names, orders, share, hermitian):  # type: ignore[no-untyped-def]
    """Eliminate what columns from `begin` to `end` offer; gives the first that is left."""
    p, failed = begin, 0
    while p < end - failed:
        order, other = 1, p
        if not dominates(f, p * ld, p, m, share):
            order, other = pivot_with(f, ld, p, end, m, p, share, hermitian)
        if order == 0:
            failed += 1
            _exchange(f, ld, m, base, p, p, end - failed, w, names, hermitian)
            continue
        orders[p] = order
        if order == 1:
            _exchange(f, ld, m, base, p, p, other, w, names, hermitian)
            _one(f, ld, m, base, p, end, w, hermitian)
        else:
            _exchange(f, ld, m, base, p, p + 1, other, w, names, hermitian)
            orders[p + 1] = 0
            _two(f, ld, m, base, p, end, w, hermitian)
        p += order
        failed = 0
    return p


@jit(
    [
        int64(d[::1], int64, int64, int64, int64, int64, int64, int64, int64[::1], int64[::1], float64, boolean)
        for d in _KINDS
    ]
)
def _panels(f, ld, m, base, begin, end, step, w, names, orders, share, hermitian):  # type: ignore[no-untyped-def]
    """The same, by panels of `step` columns; those that find no pivot wait behind the others."""
    p, untried = begin, end
    while p < untried:
        first, stop = p, min(p + step, untried)
        p = _panel(f, ld, m, base, first, stop, w, names, orders, share, hermitian)
        if p > first:
            _rest(f, ld, m, base, first, p, stop, end, w, hermitian)
        for c in range(min(stop - p, untried - stop)):
            _exchange(f, ld, m, base, p, p + c, untried - 1 - c, w, names, hermitian)
        untried -= stop - p
    return p


@jit([int64(d[::1], int64, int64, int64, int64, int64[::1], int64[::1], float64, boolean) for d in _KINDS])
def eliminate(f, ld, m, k, w, names, orders, share, hermitian):  # type: ignore[no-untyped-def]
    """Eliminate from the m-by-m front, lower triangle, what pivots among its first k columns allow; gives how many.

    L stands below the diagonal, D on it, and between a pair; ``orders[p]`` is 1 or 2 at the first column of a pivot and
    0 at the second of a pair. `names` change places with their rows. From `w` on, f has room for a panel of columns.
    """
    base = p = int64(0)  # typed, else all below is compiled for a constant too
    width, step = (PANEL, _STEP) if k > PANEL else (_FEW, _FEW)
    while p < k:
        begin, end = p, min(p + min(width, PANEL - p + base), k)
        p = _panels(f, ld, m, base, begin, end, step, w, names, orders, share, hermitian)
        if p == begin:
            # All fully summed columns are up to date: partners may come from any of them.
            for c in range(begin, k):
                order, other = pivot_with(f, ld, p, k, m, c, share, hermitian)
                if order > 0:
                    _exchange(f, ld, m, base, p, p, c if order == 2 else other, w, names, hermitian)
                    if order == 2:
                        _exchange(f, ld, m, base, p, p + 1, c if other == p else other, w, names, hermitian)
                    break
            p = _panels(f, ld, m, base, begin, end, step, w, names, orders, share, hermitian)
            if p == begin:
                break
        _rest(f, ld, m, base, begin, p, end, k, w, hermitian)
        for c in range(min(end - p, k - end)):
            _exchange(f, ld, m, base, p, p + c, k - 1 - c, w, names, hermitian)
        if p - base > PANEL - _FEW:
            _rest(f, ld, m, base, base, p, k, m, w, hermitian)
            base = p
    if p > base:
        # The border takes part in no search: one pass over it serves many small panels.
        _rest(f, ld, m, base, base, p, k, m, w, hermitian)
    return p
