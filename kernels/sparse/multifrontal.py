"""Symbolic analysis and numerical factors of the multifrontal method, as objects that kernels hand around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fsci.kernels.sparse.amd import amd, symmetrized
from fsci.kernels.sparse.elimination_tree import analysed
from fsci.kernels.sparse.front_cholesky import factor_cholesky
from fsci.kernels.sparse.front_lu import factor_lu, transposed_entries
from fsci.kernels.sparse.front_solve import solve_cholesky, solve_lu
from fsci.kernels.sparse.front_solve_block import WIDTH, solve_cholesky_block, solve_lu_block
from fsci.kernels.sparse.supernodes import borders, front_sizes, independent_parts, supernodes
from fsci.kernels.threads import chunked, spread, thread_count

__all__ = [
    "Factors",
    "Graph",
    "Ordering",
    "Supernodal",
    "cholesky",
    "graph_of",
    "lu",
    "minimum_degree",
    "ordering_of",
    "supernodal",
]


# Flops from which two subtrees on two threads gain more than the threads cost: some milliseconds.
WORTH_THREADS = 1e8


@dataclass(frozen=True, slots=True, repr=False)
class Ordering:
    """A fill-reducing ordering, with what a factorization under it costs."""

    name: str
    order: Any
    parent: Any
    counts: Any
    entries: float
    flops: float  # of a Cholesky factorization: sum of squares of the column counts

    def __repr__(self) -> str:
        return f"{self.name}: {self.entries:.3g} entries, {self.flops:.3g} flops"


@dataclass(frozen=True, slots=True, repr=False)
class Graph:
    """Adjacency lists of the pattern of ``A + A.T``."""

    starts: Any
    lists: Any

    def __repr__(self) -> str:
        return f"{self.starts.size - 1} vertices, {self.lists.size // 2} edges"


def graph_of(n: int, indptr: Any, indices: Any) -> tuple[Any, Any]:
    """Adjacency lists of ``A + A.T``."""
    starts = np.empty(n + 1, indices.dtype)
    return starts, symmetrized(n, indptr, indices, starts)


def ordering_of(name: str, starts: Any, lists: Any, order: Any) -> Ordering:
    """Postorder `order`, and count."""
    n = starts.size - 1
    parent, counts, costs = np.empty(n, lists.dtype), np.empty(n, lists.dtype), np.empty(2)
    analysed(n, starts, lists, order, parent, counts, costs)
    return Ordering(name, order, parent, counts, float(costs[0]), float(costs[1]))


def minimum_degree(starts: Any, lists: Any) -> Ordering:
    """Approximate minimum degree."""
    order = np.empty(starts.size - 1, lists.dtype)
    amd(starts.size - 1, starts, lists, order, np.empty(2))
    return ordering_of("amd", starts, lists, order)


@dataclass(frozen=True, slots=True)
class Supernodal:
    """Structure of the factors under an ordering."""

    count: int
    first: Any
    above: Any
    pointers: Any
    rows: Any
    order: Any
    inverse: Any
    lptr: Any
    uptr: Any
    largest: int
    cuts: tuple[int, int, int]  # supernodes before the first, and between it and the second, are independent
    peaks: tuple[int, int, int]  # room on the stack for each of these parts, and for the rest


def supernodal(starts: Any, lists: Any, ordering: Ordering) -> Supernodal:
    """Supernodes, their borders, and the places of their blocks."""
    n, kind = starts.size - 1, lists.dtype
    first = np.empty(n + 1, kind)
    count = supernodes(n, ordering.parent, ordering.counts, first)
    first = first[: count + 1]
    above, pointers = np.empty(count, kind), np.empty(count + 1, np.int64)
    total = front_sizes(count, first, ordering.parent, ordering.counts, above, pointers)
    inverse = np.empty(n, kind)
    inverse[ordering.order] = np.arange(n, dtype=kind)
    rows = np.empty(total, kind)
    bad = borders(count, first, above, pointers, starts, lists, ordering.order, inverse, rows)
    if bad >= 0:
        raise AssertionError(f"supernode {bad} has not its predicted structure")
    k, r = np.diff(first).astype(np.int64), np.diff(pointers)
    lptr, uptr = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    np.cumsum(k * (k + r), out=lptr[1:])
    np.cumsum(k * r, out=uptr[1:])
    cuts = (0, 0, count)
    if ordering.flops > WORTH_THREADS and thread_count() > 1:
        halves = np.zeros(2, np.int64)
        independent_parts(count, above, (k * (k + r) ** 2).astype(float), halves)
        cuts = int(halves[0]), int(halves[1]), count
    bounds = (0, *cuts)
    first_peak, second_peak, last_peak = (_peak(above[a:b] - a, r[a:b]) for a, b in pairwise(bounds))
    peaks = first_peak, second_peak, last_peak
    return Supernodal(
        count, first, above, pointers, rows, ordering.order, inverse, lptr, uptr, int((k + r).max()), cuts, peaks
    )


def _peak(above: Any, r: Any) -> int:
    """Most numbers that wait on the stack: sums of squares of borders whose parents have not come yet."""
    if r.size == 0:
        return 0
    size = r * r
    released = np.zeros(r.size, np.int64)
    inner = (above >= 0) & (above < r.size)
    np.add.at(released, above[inner], size[inner])
    # The children leave before their parent's own border is put down.
    return int(np.cumsum(size - released).max(initial=0)) + 1


@dataclass(frozen=True, slots=True, repr=False)
class Factors:
    """Factors of a matrix stored by columns (`by_rows`: of its transpose)."""

    s: Supernodal
    lower: Any
    upper: Any | None
    swaps: Any | None
    by_rows: bool
    dtype: Any
    replaced: int = 0

    def __repr__(self) -> str:
        return f"{'Cholesky' if self.upper is None else 'LU'} factors in {self.s.count} supernodes"

    def solve(self, rhs: Any, adjoint: bool = False) -> Any:
        """``A^-1 @ rhs``, or ``A^-H @ rhs``."""
        s = self.s
        if rhs.ndim == 2 and rhs.shape[1] > 1 and (self.dtype.kind == "c" or not np.iscomplexobj(rhs)):
            return self._solve_block(rhs, adjoint)
        if rhs.ndim == 2:
            return np.stack([self.solve(rhs[:, k], adjoint) for k in range(rhs.shape[1])], axis=1)
        if self.dtype.kind != "c" and np.iscomplexobj(rhs):
            return self.solve(rhs.real, adjoint) + 1j * self.solve(rhs.imag, adjoint)
        x = rhs.astype(self.dtype)[s.order]
        conjugate = self.upper is not None and self.dtype.kind == "c" and adjoint
        if self.upper is None:
            if self.by_rows and self.dtype.kind == "c":
                x = x.conj()
            solve_cholesky(s.count, s.first, s.pointers, s.rows, self.lower, s.lptr, x)
            if self.by_rows and self.dtype.kind == "c":
                x = x.conj()
        else:
            if conjugate:
                x = x.conj()
            solve_lu(
                s.count, s.first, s.pointers, s.rows, self.lower, s.lptr, self.upper, s.uptr, self.swaps, x,
                self.by_rows != adjoint,
            )  # fmt: skip
            if conjugate:
                x = x.conj()
        y = np.empty_like(x)
        y[s.order] = x
        return y

    def _solve_block(self, rhs: Any, adjoint: bool) -> Any:
        """Several right-hand sides, `WIDTH` at a time: the factors are read once for all of them."""
        s = self.s
        n, columns = rhs.shape
        y = np.empty((n, columns), self.dtype, order="F")
        hermitian = self.upper is None
        turn = self.dtype.kind == "c" and (self.by_rows if hermitian else adjoint)

        def block(begin: int, end: int) -> None:
            for start in range(begin * WIDTH, min(end * WIDTH, columns), WIDTH):
                some(start, min(WIDTH, columns - start))

        def some(start: int, w: int) -> None:
            x = np.zeros((n, WIDTH), self.dtype)
            part = rhs[:, start : start + w]
            x[:, :w] = (part.conj() if turn else part)[s.order]
            if hermitian:
                solve_cholesky_block(s.count, s.first, s.pointers, s.rows, self.lower, s.lptr, x)
            else:
                solve_lu_block(
                    s.count, s.first, s.pointers, s.rows, self.lower, s.lptr, self.upper, s.uptr, self.swaps, x,
                    self.by_rows != adjoint,
                )  # fmt: skip
            y[s.order, start : start + w] = x[:, :w].conj() if turn else x[:, :w]

        chunked(block, (columns + WIDTH - 1) // WIDTH)
        return y


def cholesky(s: Supernodal, indptr: Any, indices: Any, data: Any, by_rows: bool) -> Factors | None:
    """Cholesky factors; None where the matrix is not positive definite."""
    lower = np.empty(int(s.lptr[-1]), data.dtype)

    def factor(*part: Any) -> int:
        return factor_cholesky(
            s.count, s.first, s.above, s.pointers, s.rows, s.order, s.inverse, indptr, indices, data,
            lower, s.lptr, s.largest, *part,
        )  # fmt: skip

    definite = all(bad < 0 for bad in _by_parts(s, data.dtype, factor))
    return Factors(s, lower, None, None, by_rows, data.dtype) if definite else None


def lu(s: Supernodal, indptr: Any, indices: Any, data: Any, by_rows: bool) -> Factors:
    """LU factors; those with replaced pivots say how many."""
    n = indptr.size - 1
    tptr, tind, tdata = np.empty_like(indptr), np.empty_like(indices), np.empty_like(data)
    transposed_entries(n, indptr, indices, data, tptr, tind, tdata)
    lower, upper = np.empty(int(s.lptr[-1]), data.dtype), np.empty(int(s.uptr[-1]), data.dtype)
    swaps = np.empty(n, np.int64)

    def factor(*part: Any) -> int:
        return factor_lu(
            s.count, s.first, s.above, s.pointers, s.rows, s.order, s.inverse, indptr, indices, data, tptr, tind, tdata,
            lower, s.lptr, upper, s.uptr, swaps, s.largest, *part,
        )  # fmt: skip

    return Factors(s, lower, upper, swaps, by_rows, data.dtype, sum(_by_parts(s, data.dtype, factor)))


def _by_parts(s: Supernodal, dtype: Any, factor: Callable[..., int]) -> list[int]:
    """Factor the two independent parts on two threads, then the rest; what each says."""
    stack, place = np.empty(sum(s.peaks), dtype), np.empty(s.count, np.int64)
    one, two, end = s.cuts
    bases = 0, s.peaks[0], s.peaks[0] + s.peaks[1]
    said: list[int] = []
    if two > 0:
        parts = ((0, one, bases[0]), (one, two, bases[1]))
        said = spread(lambda i, _: int(factor(stack, place, *parts[i])), [0, 1, 2])
    return [*said, int(factor(stack, place, two, end, bases[2]))]
