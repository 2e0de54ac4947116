"""How many eigenvalues of a sparse symmetric matrix lie below a number: a count with proof.

The pivots of ``A - s I + E = L D L^T`` have the signs of the eigenvalues of the left-hand side (Sylvester), and
those of A are within ``||E||`` of it (Weyl, 1912): the count is right for some shift within the slack that it
comes with. E is bounded by the sizes of the factors, so that no growth goes unseen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csc_array, eye_array

from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.dissection import dissected
from fsci.kernels.sparse.front_signs import count_negative
from fsci.kernels.sparse.multifrontal import Ordering, Supernodal, graph_of, minimum_degree, ordering_of, supernodal

__all__ = ["Counter", "best_ordering", "counter_of"]

_U = 2.0**-53
_SAVING = 0.5  # share of the flops of minimum degree that dissection may save


def best_ordering(starts: Any, lists: Any, worth: float) -> Ordering:
    """Minimum degree; nested dissection too where a factorization takes more than `worth` flops."""
    first = minimum_degree(starts, lists)
    if _SAVING * first.flops <= worth:
        return first
    return min(first, ordering_of("dissection", starts, lists, dissected(starts, lists)), key=lambda o: o.flops)


@dataclass(frozen=True, slots=True, repr=False)
class Counter:
    """The symbolic factorization of a symmetric matrix, to count with at several shifts."""

    a: Any
    structure: Supernodal
    flops: float

    def __repr__(self) -> str:
        return f"LDL^T in {self.structure.count} supernodes, {self.flops:.3g} flops"

    def below(self, shift: float) -> tuple[int, float] | None:
        """A count c and a slack e: A has at most c eigenvalues below ``shift - e``, and at least c below ``shift + e``.

        None where a pivot vanishes or the factors overflow.
        """
        s = self.structure
        n = s.inverse.size
        shifted = csc_array(self.a - shift * eye_array(n, format="csc"))
        shifted.sort_indices()
        m = one_matrix(shifted)
        sums, terms = np.zeros(n), np.zeros(n, np.int64)
        stack, place = np.empty(sum(s.peaks) + 1), np.empty(s.count, np.int64)
        with np.errstate(all="ignore"):
            negative = int(
                count_negative(
                    s.count, s.first, s.above, s.pointers, s.rows, s.order, s.inverse,
                    m.indptr, m.indices, m.data, s.largest, stack, place, sums, terms,
                )
            )  # fmt: skip
            diagonal = float(np.abs(shifted.diagonal()).max(initial=0.0))
            # The products and sums of an entry, the division by its pivot, and U in the place of D L^T.
            growth = (float(terms.max(initial=0)) + 8.0) * _U
            slack = (growth / (1.0 - growth) * float(sums.max(initial=0.0)) + 2.0 * _U * diagonal) * (1.0 + 4 * n * _U)
        tiny = n * float(np.finfo(float).tiny)
        return None if negative < 0 or not math.isfinite(slack) else (negative, slack + tiny)


def counter_of(a: Any, ordering: Ordering | None = None, worth: float = math.inf) -> Counter:
    """Analyse a symmetric container; `ordering` where one is known."""
    m = one_matrix(a)
    starts, lists = graph_of(m.n, m.indptr, m.indices)
    found = best_ordering(starts, lists, worth) if ordering is None else ordering
    return Counter(csc_array(a, dtype=float), supernodal(starts, lists, found), found.flops)
