"""Factors by columns, and a matching with the orderings under it, as objects that kernels hand around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.kernels.sparse.block_order import block_graph, by_blocks
from fsci.kernels.sparse.compressed import Compressed
from fsci.kernels.sparse.left_looking import factor_columns, row_scales, solve_blocks, solve_blocks_transposed
from fsci.kernels.sparse.matching import matched, moved
from fsci.kernels.sparse.multifrontal import Ordering, minimum_degree
from fsci.kernels.sparse.transversal import components
from fsci.kernels.threads import chunked

__all__ = ["ColumnFactors", "Matching", "columns_of", "matching_of", "moved_matrix"]

# Share of the largest entry of a scaled column from which its diagonal one is the pivot (KLU's).
DIAGONAL_SHARE = 1e-3
# A block with more than this share of the rows is all: fronts then serve, which know no blocks.
_NEARLY_ALL = 0.8


@dataclass(frozen=True, slots=True, repr=False)
class Matching:
    """The rows that stand at the columns, their scales, the diagonal blocks, and an ordering of these."""

    row_of: Any
    row_scale: Any
    column_scale: Any
    block: Any
    blocks: int
    largest: int
    starts: Any
    lists: Any
    ordering: Ordering

    def __repr__(self) -> str:
        return f"{self.blocks} diagonal blocks, the largest of {self.largest} rows; {self.ordering!r}"


def matching_of(a: Compressed) -> Matching | None:
    """Match, find the blocks, order; None where no full matching exists, or it takes too long to find."""
    row_of, block = np.empty(a.n, a.indices.dtype), np.empty(a.n, a.indices.dtype)
    row_scale, column_scale = np.empty(a.n), np.empty(a.n)
    block[:] = 0
    if matched(a.n, a.indptr, a.indices, a.data, block, block, row_of, row_scale, column_scale) != a.n:
        return None
    blocks = components(a.n, a.indptr, a.indices, row_of, block)
    largest = int(np.bincount(block, minlength=blocks).max())
    if largest > _NEARLY_ALL * a.n:
        block[:] = 0
        blocks = 1
    starts = np.empty(a.n + 1, a.indices.dtype)
    lists = block_graph(a.n, a.indptr, a.indices, row_of, block, starts)
    ordering = minimum_degree(starts, lists)
    return Matching(row_of, row_scale, column_scale, block, blocks, largest, starts, lists, ordering)


def moved_matrix(a: Compressed, m: Matching) -> Compressed:
    """The scaled matrix, its matched entries on the diagonal."""
    rows, values = np.empty_like(a.indices), np.empty_like(a.data)
    moved(a.n, a.indptr, a.indices, a.data, m.row_of, m.row_scale, m.column_scale, rows, values)
    return Compressed(a.n, a.indptr, rows, values, False)


@dataclass(frozen=True, slots=True, repr=False)
class ColumnFactors:
    """Factors of the diagonal blocks of a matrix, by columns."""

    a: Compressed
    columns: Any
    bounds: Any
    scales: Any
    pivot_rows: Any
    places: Any
    lower: tuple[Any, Any, Any]
    upper: tuple[Any, Any, Any]
    pivots: Any
    swapped: int

    def __repr__(self) -> str:
        entries = int(self.lower[0][-1] + self.upper[0][-1]) + self.a.n
        blocks = self.bounds.size - 1
        return f"{entries} entries in {blocks} diagonal blocks, {self.swapped} pivots off the diagonal"

    def solve(self, rhs: Any, adjoint: bool = False) -> Any:
        """``A^-1 @ rhs``, or ``A^-H @ rhs``."""
        kind = self.a.data.dtype
        if kind.kind != "c" and np.iscomplexobj(rhs):
            return self.solve(rhs.real, adjoint) + 1j * self.solve(rhs.imag, adjoint)
        turn = adjoint and kind.kind == "c"
        given = np.asarray(rhs.conj() if turn else rhs, kind)
        run = solve_blocks_transposed if adjoint != self.a.by_rows else solve_blocks

        # One column after the other stands together in memory.
        given = np.ascontiguousarray(np.atleast_2d(given.T))
        x = np.empty(given.shape, kind)

        def some(start: int, stop: int) -> None:
            for k in range(start, stop):
                run(
                    self.a.indptr, self.a.indices, self.a.data, self.columns, self.bounds, self.scales,
                    self.pivot_rows, self.places, *self.lower, *self.upper, self.pivots, given[k], x[k],
                )  # fmt: skip

        chunked(some, given.shape[0])
        x = x[0] if rhs.ndim == 1 else x.T
        return x.conj() if turn else x


def columns_of(a: Compressed, m: Matching | None, ordering: Ordering, limit: float) -> ColumnFactors | None:
    """Factor under a matching, or the ordering alone; None without a pivot, or beyond `limit` entries."""
    n, kind = a.n, a.indices.dtype
    columns, candidates = ordering.order, ordering.order
    bounds, scales = np.array([0, n], kind), None
    if m is not None:
        columns, candidates = np.empty(n, kind), np.empty(n, kind)
        bounds, scales = np.empty(m.blocks + 1, kind), m.row_scale
        by_blocks(n, ordering.order, m.block, m.row_of, columns, candidates, bounds)
    if scales is None:
        scales = row_scales(n, a.indptr, a.indices, a.data)
    pivot_rows, places = np.empty(n, kind), np.empty(n, kind)
    lptr, uptr, pivots = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64), np.empty(n, a.data.dtype)
    swapped, li, lx, ui, ux = factor_columns(
        n, a.indptr, a.indices, a.data, columns, candidates, bounds, scales, DIAGONAL_SHARE,
        int(1.2 * ordering.entries) + n, int(limit), pivot_rows, places, lptr, uptr, pivots,
    )  # fmt: skip
    if swapped < 0:
        return None
    return ColumnFactors(
        a, columns, bounds, scales, pivot_rows, places, (lptr, li, lx), (uptr, ui, ux), pivots, swapped
    )
