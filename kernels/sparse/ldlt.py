"""LDL^T factors of a sparse symmetric or Hermitian matrix, as an object that kernels hand around; and its scaling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.kernels.sparse.compressed import Compressed
from fsci.kernels.sparse.front_ldlt import factor_ldlt
from fsci.kernels.sparse.front_ldlt_solve import solve_ldlt
from fsci.kernels.sparse.multifrontal import Supernodal
from fsci.kernels.threads import chunked, spread

__all__ = ["IndefiniteFactors", "equilibration", "ldlt"]

_ROUNDS = 3
# Rows whose largest entries are within this factor of one another are scaled well enough.
_EVEN = 2.0**6
# A pivot below this share of the scaled matrix, whose entries are about one, is no better than the rounding that it
# may be made of: half of the digits.
_SMALL = 2.0**-26


@dataclass(frozen=True, slots=True, repr=False)
class IndefiniteFactors:
    """``S A S = L D L^T`` (or ``L D L^H``), S powers of two, D of blocks of order one and two."""

    s: Supernodal
    scale: Any
    parts: tuple[tuple[int, int, Any, Any], ...]  # supernodes from, to; their factors; names of their rows
    taken: Any
    waiting: Any
    places: tuple[Any, Any]
    dtype: Any
    hermitian: bool
    conjugate: bool  # of a Hermitian matrix stored by rows the conjugate was factored
    missing: int  # columns of zeros, for which no pivot was left
    replaced: int  # pivots that are as small as the rounding of others may be
    pairs: int
    negative: int  # eigenvalues below zero; for complex symmetric matrices, of no meaning
    largest: float  # of the entries of D

    def __repr__(self) -> str:
        delayed = int(self.waiting.sum())
        return f"LDL^T factors in {self.s.count} supernodes, {self.pairs} pivots of order two, {delayed} delayed"

    def solve(self, rhs: Any, adjoint: bool = False) -> Any:
        """``A^-1 @ rhs``, or ``A^-H @ rhs``."""
        if self.dtype.kind != "c" and np.iscomplexobj(rhs):
            return self.solve(rhs.real, adjoint) + 1j * self.solve(rhs.imag, adjoint)
        # Conjugate right-hand sides solve with the conjugate matrix: that of a symmetric one is its adjoint.
        turn = self.dtype.kind == "c" and (self.conjugate if self.hermitian else adjoint)
        given = np.atleast_2d((rhs.conj() if turn else rhs).T)
        x = np.empty(given.shape, self.dtype)

        def some(start: int, stop: int) -> None:
            for c in range(start, stop):
                x[c] = self._one(given[c])

        chunked(some, given.shape[0])
        found = x[0] if rhs.ndim == 1 else x.T
        return found.conj() if turn else found

    def _one(self, rhs: Any) -> Any:
        s = self.s
        y = (self.scale * rhs)[s.order].astype(self.dtype, copy=False)
        for up, parts in ((False, self.parts), (True, self.parts[::-1])):
            for low, high, values, names in parts:
                solve_ldlt(
                    low, high, s.pointers, s.rows, self.taken, self.waiting, *self.places, values, names, y,
                    up, self.hermitian,
                )  # fmt: skip
        x = np.empty_like(y)
        x[s.order] = y
        return self.scale * x


def equilibration(a: Compressed) -> Any:
    """Powers of two that bring the largest entries of the rows near one, symmetrically (Ruiz, 2001)."""
    filled = np.flatnonzero(np.diff(a.indptr))
    starts = a.indptr[filled]
    sizes = np.abs(a.data)
    scale = np.ones(a.n)
    for _ in range(_ROUNDS):
        if filled.size == 0:
            break
        peaks = np.ones(a.n)
        peaks[filled] = np.maximum.reduceat(sizes, starts)
        positive = peaks[peaks > 0.0]
        if positive.size == 0 or positive.max() <= _EVEN * positive.min():
            break
        step = np.ones(a.n)
        exponents = np.frexp(np.sqrt(positive))[1]
        step[peaks > 0.0] = np.ldexp(1.0, -exponents)
        scale *= step
        sizes = sizes * step[a.indices] * np.repeat(step, np.diff(a.indptr))
    # All together near one: what is small can then be told without a look at the matrix.
    top = float(sizes.max(initial=0.0))
    return scale * (np.ldexp(1.0, -(np.frexp(np.sqrt(top))[1])) if top > 0.0 else 1.0)


def ldlt(s: Supernodal, a: Compressed, hermitian: bool, scale: Any = None) -> IndefiniteFactors:
    """Factor a symmetric matrix, or a Hermitian one, of which both triangles are stored."""
    scale = equilibration(a) if scale is None else scale
    data = a.data
    if not (scale == 1.0).all():
        data = data * scale[a.indices] * np.repeat(scale, np.diff(a.indptr))
    count, kind = s.count, a.data.dtype
    place, taken, waiting, vptr, nptr = (np.zeros(count, np.int64) for _ in range(5))
    late = np.empty(a.n, np.int64)
    none = np.empty(0, kind)
    one, two, end = s.cuts

    def factor(low: int, high: int, room: int, stacks: tuple[Any, Any], cuts: tuple[int, int]) -> Any:
        values = np.empty(int(1.1 * (s.lptr[high] - s.lptr[low])) + 16, kind)
        names = np.empty(2 * int(s.first[high] - s.first[low]) + 16, np.int64)
        return factor_ldlt(
            count, s.first, s.above, s.pointers, s.rows, s.order, s.inverse, a.indptr, a.indices, data, s.largest,
            place, late, taken, waiting, vptr, nptr, *stacks, *cuts, low, high,
            values, np.empty(int(1.1 * room) + 16, kind), names, hermitian,
        )  # fmt: skip

    with np.errstate(all="ignore"):
        bounds = [(0, one), (one, two)] if two > 0 else []
        made = spread(lambda i, _: factor(*bounds[i], s.peaks[i], (none, none), (0, 0)), [0, 1, 2]) if bounds else []
        stacks = (made[0][2], made[1][2]) if made else (none, none)
        made.append(factor(two, end, s.peaks[2], stacks, (one, two)))
        bounds.append((two, end))
        parts = tuple((*b, values, names) for b, (values, names, _) in zip(bounds, made, strict=True))
        missing = int(waiting[s.above < 0].sum())
        small, pairs, negative, largest = _pivots(s, parts, taken, waiting, (vptr, nptr))
    turned = hermitian and a.by_rows
    return IndefiniteFactors(
        s, scale, parts, taken, waiting, (vptr, nptr), kind, hermitian, turned, missing, small, pairs, negative, largest
    )


def _pivots(
    s: Supernodal, parts: Any, taken: Any, waiting: Any, places: tuple[Any, Any]
) -> tuple[int, int, int, float]:
    """Of the pivots: how many are small, are of order two, are below zero; and the largest entry of D."""
    small = pairs = negative = 0
    largest = 0.0
    vptr, nptr = places
    for low, high, values, names in parts:
        e = taken[low:high]
        if not e.sum():
            continue
        # Of all columns of this part: their supernode, and their place in it.
        owner = np.repeat(np.arange(low, high), e)
        p = np.arange(owner.size) - np.repeat(np.cumsum(e) - e, e)
        m = (taken + waiting + np.diff(s.pointers))[owner]
        orders = names[nptr[owner] + (taken + waiting)[owner] + p]
        at = vptr[owner] + p * m + p
        single, head = at[orders == 1], at[orders == 2]
        alone, upper, across = values[single], values[head], values[head + 1]
        lower = values[at[np.flatnonzero(orders == 2) + 1]]
        hermitian_square = np.abs(across) ** 2
        determinant = (upper * lower).real - hermitian_square
        top = np.maximum(np.maximum(np.abs(upper), np.abs(lower)), np.abs(across))
        # Of a pair the determinant over the largest entry is about its smaller eigenvalue.
        small += int((np.abs(alone) < _SMALL).sum()) + int((np.abs(determinant) < _SMALL * top).sum())
        negative += int((alone.real < 0.0).sum()) + int((determinant < 0.0).sum())
        negative += 2 * int(((determinant > 0.0) & (upper.real < 0.0)).sum())
        pairs += head.size
        largest = max(largest, float(np.abs(alone).max(initial=0.0)), float(top.max(initial=0.0)))
    return small, pairs, negative, largest
