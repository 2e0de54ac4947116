"""Where a Jacobian has its entries: given, or found by probing; and the band that a reordering brings them into.

Columns that share no row are differenced together (Curtis, Powell and Reid, 1974). The order is that of Cuthill and
McKee (1969). A pattern that was found is no proof: it is held against a random direction at every Jacobian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from scipy.optimize._numdiff import group_columns
from scipy.sparse import csc_array, csc_matrix
from scipy.sparse.csgraph import reverse_cuthill_mckee

from fsci.kernels.integrate.callbacks import CALLBACK
from fsci.kernels.jit import jit

__all__ = ["Pattern", "banded", "dense", "found", "reached", "structure_of", "structure_seen"]

_VECTOR, _INTEGERS = numba.float64[::1], numba.int64[::1]
_SIZE = numba.int64
_NOTHING = np.empty(0, np.int64)

# Entries in a column, on average, beyond which a Jacobian is taken for dense.
_DENSEST = 64
# Of the largest component: what the others are at least where that is seen. Products of three of them must show beside
# a term of the largest.
_LEAST = 1e-3
_BLOCK = 64  # of LAPACK's banded elimination: wider ones are blocked, and threaded in small pieces
_STEP = 1.015625  # by which a component is multiplied to see what it reaches


@dataclass(frozen=True, slots=True)
class Pattern:
    """How compiled loops lay out a Jacobian of order `n`, and how they difference it.

    Attributes
    ----------
    lower, upper : int
        Widths of the band; -1 and 0 for a dense one.
    arrays : tuple of five (...) ndarray
        As `jacobian.differences` takes them.
    """

    n: int
    lower: int
    upper: int
    arrays: tuple[Any, ...]

    @property
    def wide(self) -> bool:
        """Whether elimination in the band would be blocked, and a sparse one cheaper."""
        return self.lower > _BLOCK

    @property
    def rows(self) -> int:
        """Numbers stored for each column."""
        return self.n if self.lower < 0 else 2 * self.lower + self.upper + 1

    def stored(self, matrix: Any) -> Any:
        """`matrix` as the loops lay it out."""
        if self.lower < 0:
            full = matrix.toarray() if hasattr(matrix, "toarray") else matrix
            return np.array(np.asarray(full, dtype=float).T, order="C")
        entries, place = matrix.tocoo(), self.arrays[0]
        i, j = place[entries.row], place[entries.col]
        band = np.zeros((self.n, self.rows))
        np.add.at(band, (j, self.lower + self.upper + i - j), entries.data)
        return band

    def matrix(self, stored: Any) -> Any:
        """The matrix that is laid out in `stored`: dense, or CSC."""
        if self.lower < 0:
            return stored.T.copy()
        place, _, _, indptr, indices = self.arrays
        j = np.repeat(np.arange(self.n), np.diff(indptr))
        values = stored[place[j], self.lower + self.upper + place[indices] - place[j]]
        return csc_matrix((values, indices, indptr), shape=(self.n, self.n))


def dense(n: int) -> Pattern:
    """No structure."""
    return Pattern(n, -1, 0, (_NOTHING,) * 5)


def banded(structure: Any) -> Pattern | None:
    """The band of a sparse matrix, reordered; None where elimination in it would cost as much as of a full matrix."""
    pattern = csc_array(structure)
    n = pattern.shape[0]
    order = np.asarray(reverse_cuthill_mckee(pattern.tocsr(), symmetric_mode=False))
    best: tuple[int, int, Any] = (n, n, None)
    for candidate in (np.arange(n), order):
        place = np.empty(n, np.int64)
        place[candidate] = np.arange(n)
        offsets = place[pattern.indices] - np.repeat(place, np.diff(pattern.indptr))
        lower, upper = int(max(offsets.max(initial=0), 0)), int(max(-offsets.min(initial=0), 0))
        if lower + upper < best[0] + best[1]:
            best = lower, upper, place
    lower, upper, place = best
    # Multiplications: 2 n lower (lower + upper) against 2 n**3 / 3.
    if 3 * lower * (lower + upper) >= n * n:
        return None
    # In the order of the band, the greedy grouping is optimal for a full one.
    groups = np.asarray(group_columns(csc_matrix(pattern), np.argsort(place)), np.int64)
    columns = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[columns], np.arange(groups.max() + 2))
    indptr, indices = pattern.indptr.astype(np.int64), pattern.indices.astype(np.int64)
    return Pattern(n, lower, upper, (place, columns.astype(np.int64), starts.astype(np.int64), indptr, indices))


def _near(y: Any) -> Any:
    """A point near `y` where no component is so small that its products, or its change, would be lost."""
    i = np.arange(y.size)
    least = _LEAST * (float(np.abs(y).max(initial=0.0)) or 1.0)
    point = y * (1.0 + 0.001 * ((i * 37) % 101) / 101.0)
    return np.where(np.abs(point) < least, least * (1.0 + ((i * 53) % 97) / 97.0), point)


@jit([_SIZE(CALLBACK, _VECTOR, numba.float64, _VECTOR, _INTEGERS, _INTEGERS)])
def reached(rhs, p, t, point, indptr, indices):  # type: ignore[no-untyped-def]
    """Rows that change with each component of `point`; 0, or 1 where the callback fails, or a column is full.

    Also 1 where `indices` is too short.
    """
    n = point.shape[0]
    base, slope = np.empty(n), np.empty(n)
    at, to, given = point.ctypes, slope.ctypes, p.ctypes
    if rhs(t, at, base.ctypes, given) != 0:
        return 1
    filled = 0
    for j in range(n):
        held = point[j]
        point[j] = held * _STEP
        indptr[j] = filled
        if rhs(t, at, to, given) != 0:
            return 1
        point[j] = held
        for i in range(n):
            if i == j or slope[i] != base[i]:
                if filled == indices.shape[0]:
                    return 1
                indices[filled] = i
                filled += 1
        if 2 * (filled - indptr[j]) > n:
            return 1
    indptr[n] = filled
    return 0


def structure_of(function: Any, parameters: Any, t: float, y: Any) -> Any:
    """Where the Jacobian of a compiled callback has entries near ``(t, y)``, as CSC; None if nearly everywhere."""
    n = y.size
    indptr, indices = np.zeros(n + 1, np.int64), np.empty(_DENSEST * n, np.int64)
    if reached(function, parameters, t, np.ascontiguousarray(_near(y), dtype=float), indptr, indices):
        return None
    rows = indices[: indptr[-1]]
    return csc_array((np.ones(rows.size), rows, indptr), shape=(n, n))


def structure_seen(function: Any, t: float, y: Any) -> Any:
    """The same for ``function(t, y)`` in Python."""
    n = y.size
    point = _near(y)
    base = np.array(function(t, point), dtype=float)
    lists: list[Any] = []
    filled = 0
    for j in range(n):
        held = point[j]
        point[j] = held * _STEP
        slope = np.asarray(function(t, point), dtype=float)
        point[j] = held
        changed = slope != base
        changed[j] = True
        lists.append(np.flatnonzero(changed))
        filled += lists[-1].size
        if 2 * lists[-1].size > n or filled > _DENSEST * n:
            return None
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum([rows.size for rows in lists], out=indptr[1:])
    return csc_array((np.ones(filled), np.concatenate(lists), indptr), shape=(n, n))


def found(function: Any, parameters: Any, t: float, y: Any) -> Pattern | None:
    """The band that the Jacobian of a compiled callback has near ``(t, y)``; None where nothing is gained."""
    structure = structure_of(function, parameters, t, y)
    return None if structure is None else banded(structure)
