"""LDL^T factors of a sparse symmetric or Hermitian matrix, as an object that kernels hand around; and its scaling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.kernels.sparse.compressed import Compressed
from fsci.kernels.sparse.estimation import contracts
from fsci.kernels.sparse.front_inertia import inspect_pivots
from fsci.kernels.sparse.front_ldlt import factor_ldlt
from fsci.kernels.sparse.front_ldlt_solve import solve_ldlt
from fsci.kernels.sparse.multifrontal import Supernodal
from fsci.kernels.threads import chunked, spread

__all__ = ["IndefiniteFactors", "equilibration", "ldlt"]

_ROUNDS = 8
# Rows whose largest entries are within this factor of one another are scaled well enough.
_EVEN = 2.0**6
# A pivot below this share of the largest entry of the scaled matrix may have lost half of its digits and more.
_SMALL = 2.0**-26


@dataclass(frozen=True, slots=True, repr=False)
class IndefiniteFactors:
    """``S A S = L D L^T`` (or ``L D L^H``), S powers of two, D of blocks of order one and two."""

    s: Supernodal
    scale: Any
    inner_scale: Any | None  # the same in the permuted order, unless it is one everywhere
    parts: tuple[tuple[int, int, Any, Any], ...]  # supernodes from, to; their factors; names of their rows
    taken: Any
    waiting: Any
    places: tuple[Any, Any]
    dtype: Any
    hermitian: bool
    conjugate: bool  # of a Hermitian matrix stored by rows the conjugate was factored
    missing: int  # columns for which no pivot was left
    zeros: bool  # whether nothing but zeros was left in these
    small: int  # pivots that may be nothing but the rounding of others
    pairs: int
    negative: int  # eigenvalues below zero; for complex symmetric matrices, of no meaning
    growth: float  # largest entry of D, in units of the largest of the scaled matrix

    def __repr__(self) -> str:
        delayed = int(self.waiting.sum())
        return f"LDL^T factors in {self.s.count} supernodes, {self.pairs} pivots of order two, {delayed} delayed"

    def solve(self, rhs: Any, adjoint: bool = False) -> Any:
        """``A^-1 @ rhs``, or ``A^-H @ rhs``."""
        if self.dtype.kind != "c":
            if rhs.ndim == 1 and rhs.dtype == self.dtype:
                return self._one(rhs)
            if np.iscomplexobj(rhs):
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

    def serves(self, a: Compressed) -> bool:
        """Whether refinement with these factors converges, for the scaled matrix: that it is regular, and they its own.

        To be asked where small pivots may be the rounding of zeros.
        """
        data = a.data * self.scale[a.indices] * np.repeat(self.scale, np.diff(a.indptr))

        def solve(rhs: Any, adjoint: bool = False) -> Any:
            return self.solve(rhs / self.scale, adjoint) / self.scale

        return contracts(a._replace(data=data), solve)

    def _one(self, rhs: Any) -> Any:
        s, scale = self.s, self.inner_scale
        y = rhs[s.order].astype(self.dtype, copy=False)
        if scale is not None:
            y *= scale
        for up, parts in ((False, self.parts), (True, self.parts[::-1])):
            for low, high, values, names in parts:
                solve_ldlt(
                    low, high, s.pointers, s.rows, self.taken, self.waiting, *self.places, values, names, y,
                    up, self.hermitian,
                )  # fmt: skip
        if scale is not None:
            y *= scale
        return y[s.inverse]


def equilibration(a: Compressed) -> Any:
    """Powers of two that bring the largest entries of the rows near one another, symmetrically (Ruiz, 2001)."""
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
    return scale


def ldlt(s: Supernodal, a: Compressed, hermitian: bool, scale: Any = None) -> IndefiniteFactors:
    """Factor a symmetric matrix, or a Hermitian one, of which both triangles are stored."""
    scale = equilibration(a) if scale is None else scale
    data, even = a.data, bool((scale == 1.0).all())
    if not even:
        data = data * scale[a.indices] * np.repeat(scale, np.diff(a.indptr))
    top = float(np.abs(data).max(initial=0.0))
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
        found = np.zeros(4)
        for low, high, values, names in parts:
            inspect_pivots(
                low, high, s.pointers, taken, waiting, vptr, nptr, values, names, _SMALL * top, hermitian, found
            )  # fmt: skip
    left = np.flatnonzero((s.above < 0) & (waiting > 0))
    # What a root could not eliminate is zero, unless something has overflown.
    zeros = all(not _left_over(made, bounds, i, int(place[i]), int(waiting[i])).any() for i in left.tolist())
    return IndefiniteFactors(
        s, scale, None if even else scale[s.order], parts, taken, waiting, (vptr, nptr), kind,
        hermitian, hermitian and a.by_rows,
        int(waiting[left].sum()), zeros, int(found[0]), int(found[1]), int(found[2]),
        float(found[3]) / top if top > 0.0 else 1.0,
    )  # fmt: skip


def _left_over(made: Any, bounds: Any, root: int, place: int, size: int) -> Any:
    """The lower triangle that stayed on the stack of a root's part."""
    stack = next(m[2] for m, (low, high) in zip(made, bounds, strict=True) if low <= root < high)
    return np.tril(stack[place : place + size * size].reshape(size, size).T)
