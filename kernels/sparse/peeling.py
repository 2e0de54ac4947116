"""Rows and columns of a triangle that is hidden by permutations, and substitution in their order.

A row with one unknown gives that unknown; its column then leaves all rows, and others have one unknown left.
If this goes through, the matrix is a triangle under the two orders (Duff, Erisman and Reid, 2017, section 6.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import boolean, complex128, float64, int32, int64, void

from fsci.kernels.jit import jit
from fsci.kernels.sparse.compressed import Compressed

__all__ = ["Orders", "peeled", "substitution"]

_KINDS = [(float64, int32), (complex128, int32)]


@jit([int64(int64, i[::1], i[::1], int64[::1], int64[::1], int64[::1]) for i in (int32,)])
def _peel(n, indptr, indices, rows, columns, places):  # type: ignore[no-untyped-def]
    """Fill the orders, and where the pivots are stored; gives how many rows could be peeled off."""
    left = np.zeros(n, np.int64)
    sums = np.zeros(n, np.int64)  # of the columns left in a row: the last one is the sum
    for j in range(n):
        for q in range(indptr[j], indptr[j + 1]):
            left[indices[q]] += 1
            sums[indices[q]] += j
    found = 0
    for i in range(n):
        if left[i] == 1:
            rows[found] = i
            found += 1
    done = 0
    while done < found:
        i = rows[done]
        if left[i] != 1:
            return done
        j = sums[i]
        columns[done] = j
        for q in range(indptr[j], indptr[j + 1]):
            r = indices[q]
            left[r] -= 1
            sums[r] -= j
            if r == i:
                places[done] = q
            elif left[r] == 1:
                rows[found] = r
                found += 1
        done += 1
    return done


@jit([
    void(int64, i[::1], i[::1], d[::1], int64[::1], int64[::1], int64[::1], d[::1], d[::1], boolean)
    for d, i in _KINDS
])  # fmt: skip
def _substitute(n, indptr, indices, data, rows, columns, places, b, x, transposed):  # type: ignore[no-untyped-def]
    """Solve with the columns, or with their transpose; overwrites b."""
    if transposed:
        for k in range(n - 1, -1, -1):
            i, j = rows[k], columns[k]
            total = b[j]
            for q in range(indptr[j], indptr[j + 1]):
                if q != places[k]:
                    total -= data[q] * x[indices[q]]
            x[i] = total / data[places[k]]
        return
    for k in range(n):
        j = columns[k]
        value = b[rows[k]] / data[places[k]]
        x[j] = value
        for q in range(indptr[j], indptr[j + 1]):
            b[indices[q]] -= data[q] * value


@dataclass(frozen=True, slots=True, repr=False)
class Orders:
    """Rows and columns in the order of elimination, and where the pivots are stored."""

    rows: Any
    columns: Any
    places: Any

    def __repr__(self) -> str:
        return f"{self.rows.size} rows, each with one unknown when its turn comes"


def peeled(a: Compressed) -> Orders | None:
    """Orders of rows and columns, and the places of the pivots; None for what is no hidden triangle."""
    rows, columns, places = (np.empty(a.n + 1, np.int64) for _ in range(3))
    done = _peel(a.n, a.indptr, a.indices, rows, columns, places)
    return Orders(rows[: a.n], columns[: a.n], places[: a.n]) if done == a.n else None


@dataclass(frozen=True, slots=True, repr=False)
class _Substitution:
    """A matrix and its orders. An object, not a closure that calls itself: a cycle would hold on to them."""

    a: Compressed
    orders: Orders

    def __call__(self, rhs: Any, adjoint: bool = False) -> Any:
        """``A^-1 @ rhs``, or ``A^-H @ rhs``."""
        a, orders = self.a, self.orders
        if rhs.ndim == 2:
            return np.stack([self(rhs[:, k], adjoint) for k in range(rhs.shape[1])], axis=1)
        if a.data.dtype.kind != "c" and np.iscomplexobj(rhs):
            return self(rhs.real, adjoint) + 1j * self(rhs.imag, adjoint)
        x = np.empty(a.n, a.data.dtype)
        data = a.data.conj() if adjoint and a.data.dtype.kind == "c" else a.data
        given = np.array(rhs, a.data.dtype, copy=True, order="C")
        _substitute(
            a.n, a.indptr, a.indices, data, orders.rows, orders.columns, orders.places, given, x, a.by_rows != adjoint
        )
        return x


def substitution(a: Compressed, orders: Orders) -> Callable[..., Any]:
    """``solve(rhs, adjoint=False)`` by substitution; division by a zero pivot gives infinity."""
    return _Substitution(a, orders)
