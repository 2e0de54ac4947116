"""Triangular systems by sweeps over all rows: after as many as there are levels, every row is right.

With T = D + N the iteration ``x = D^-1 (b - N x)`` is exact in the rows of a level once those before it are: N is
nilpotent. A sweep is a product, which a device does at once; the levels are its only sequence.
"""

from __future__ import annotations

from typing import Any

from fsci.kernels.sparse.portable.space import Space, Triples

__all__ = ["diagonal_of", "substituted"]


def diagonal_of(space: Space, entries: Triples, n: int) -> Any:
    """Diagonal of a matrix, duplicates summed."""
    data, rows, columns = entries
    return space.add_at(n, rows, space.xp.where(rows == columns, data, 0))


def substituted(space: Space, entries: Triples, b: Any, lower: bool, pivots: Any) -> Any:
    """Solve T x = b for one right-hand side; T has these pivots, and of the entries those in its own triangle."""
    xp, n = space.xp, b.shape[0]
    data, rows, columns = entries
    inside = ((columns < rows) if lower else (columns > rows)) & (rows < n) & (columns < n)
    strict, at = xp.where(inside, data, 0), xp.where(inside, columns, 0)

    def sweep(state: Any) -> Any:
        x, _, done = state
        # Rows that are not yet right may overflow, and are written anew: what is left out must not meet them.
        following = (b - space.add_at(n, rows, xp.where(inside, strict * x[at], 0))) / pivots
        same = (following == x) | (xp.isnan(following) & xp.isnan(x))
        return following, same.all(), done + 1

    x, _, _ = space.loop(lambda s: ~s[1] & (s[2] <= n), sweep, (b / pivots, xp.asarray(n == 0), xp.asarray(0)))
    return x
