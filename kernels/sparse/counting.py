"""Counts of eigenvalues below a number beyond real symmetric matrices: complex Hermitian ones, and pencils (A, M).

A Hermitian B + iC is counted as ``[[B, -C], [C, B]]``, which has every eigenvalue twice. The inertia of ``A - s M``
counts the eigenvalues of the pencil below s where M is positive definite (Sylvester); what the factors are
wrong by moves those by at most that over the least eigenvalue of M, for which a bound is counted too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import block_array, csc_array, csr_array

from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.inertia import Counter, best_ordering, counter_of
from fsci.kernels.sparse.multifrontal import Ordering, Supernodal, graph_of, supernodal

__all__ = ["Counting", "MatrixCounter", "PencilCounter", "counter_for", "least_eigenvalue", "pencil_counter"]

_U = 2.0**-53
# Shifts at which a bound on the least eigenvalue of M is looked for, relative to its least diagonal entry. A
# mass matrix of finite elements that is scaled to a unit diagonal passes at the first ones (Wathen, 1987).
_SHIFTS = (2.0**-1, 2.0**-2, 2.0**-4, 2.0**-8, 2.0**-16, 2.0**-28)


class Counting(Protocol):
    """A matrix or pencil whose eigenvalues below a number are counted."""

    @property
    def order(self) -> int:
        """How many eigenvalues there are."""

    @property
    def structure(self) -> Supernodal:
        """Of the factorization that counts."""

    @property
    def flops(self) -> float:
        """What one count takes."""

    def below(self, shift: float) -> tuple[int, float] | None:
        """As `Counter.below`."""


@dataclass(frozen=True, slots=True)
class MatrixCounter:
    """A Hermitian matrix by a real symmetric one, which has each of its eigenvalues `copies` times."""

    inner: Counter
    copies: int

    @property
    def order(self) -> int:
        """How many eigenvalues there are."""
        return int(self.inner.a.shape[0]) // self.copies

    @property
    def structure(self) -> Supernodal:
        """Of the factorization that counts."""
        return self.inner.structure

    @property
    def flops(self) -> float:
        """What one count takes."""
        return self.inner.flops

    def below(self, shift: float) -> tuple[int, float] | None:
        """As `Counter.below`."""
        found = self.inner.below(shift)
        # At most c below s - e means at most c // copies different ones, and c or more below s + e no fewer than that.
        return None if found is None else (found[0] // self.copies, found[1])


@dataclass(frozen=True, slots=True, repr=False)
class PencilCounter:
    """Real symmetric A and M; all eigenvalues of M are at least `least`, which is positive."""

    a: Any
    m: Any
    structure: Supernodal
    flops: float
    least: float

    @property
    def order(self) -> int:
        """How many eigenvalues there are."""
        return int(self.a.shape[0])

    def below(self, shift: float) -> tuple[int, float] | None:
        """As `Counter.below`."""
        with np.errstate(all="ignore"):
            shifted = csc_array(self.a - shift * self.m)
            found = Counter(shifted, self.structure, self.flops).below(0.0)
            # Of the product and of the difference of every entry.
            sums = np.abs(shifted).sum(axis=0) + abs(shift) * np.abs(self.m).sum(axis=0)
            rounding = 1.01 * _U * float(sums.max(initial=0.0)) + self.order * float(np.finfo(float).tiny)
        if found is None or not math.isfinite(rounding):
            return None
        return found[0], (found[1] + rounding) / self.least * (1.0 + 4.0 * _U)


def counter_for(a: Any, ordering: Ordering | None = None) -> Counting:
    """Analyse a Hermitian container; `ordering` where one is known for its pattern."""
    if a.dtype.kind != "c":
        return MatrixCounter(counter_of(a, ordering), 1)
    real, imaginary = csr_array(a.real), csr_array(a.imag)
    both = csr_array(block_array([[real, -imaginary], [imaginary, real]]))
    both.sort_indices()
    return MatrixCounter(counter_of(both), 2)


def pencil_counter(a: Any, m: Any, least: float) -> PencilCounter:
    """Analyse the pattern that two symmetric containers have together."""
    union = csr_array(np.abs(a) + np.abs(m))
    union.sort_indices()
    arrays = one_matrix(union)
    starts, lists = graph_of(arrays.n, arrays.indptr, arrays.indices)
    ordering = best_ordering(starts, lists, math.inf)
    return PencilCounter(a, m, supernodal(starts, lists, ordering), ordering.flops, least)


def least_eigenvalue(m: Any) -> float:
    """A proved lower bound on the eigenvalues of a real symmetric container; zero where none is positive."""
    diagonal = float(m.diagonal().min())
    if not 0.0 < diagonal < math.inf:
        return 0.0
    if m.nnz == m.shape[0]:  # with a full diagonal there is nothing off it
        return diagonal
    counter = counter_of(m)
    for shift in _SHIFTS:
        found = counter.below(shift * diagonal)
        if found is not None and found[0] == 0 and found[1] < 0.5 * shift * diagonal:
            return (shift * diagonal - found[1]) * (1.0 - 4.0 * _U)
    return 0.0
