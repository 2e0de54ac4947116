"""A V-cycle of smoothed aggregation as a preconditioner: symmetric, in single precision, threads on the large levels.

Every level is scaled to a unit diagonal, so that damped Jacobi is a Richardson step, and a
single-precision cycle can neither overflow nor lose a badly scaled row. A preconditioner needs no more than
single precision: the iteration around it works, and measures its residual, in double.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.kernels.sparse.aggregation import (
    aggregate,
    invert_definite,
    prolongation_rows,
    scale_rows,
    tentative,
    transposed,
)
from fsci.kernels.sparse.host.csr_products import csr_matvec
from fsci.kernels.sparse.host.spgemm import spgemm
from fsci.kernels.sparse.iteration import Rows
from fsci.kernels.sparse.node_blocks import aggregated_nodes
from fsci.kernels.sparse.phases import combine
from fsci.kernels.sparse.subspace import Vectors

__all__ = ["Multigrid", "build"]

# Damping of the prolongation and of Jacobi's method, relative to the spectral radius: Vanek and others (1996).
_DAMPING = 4.0 / 3.0
# An entry is strong from this modulus on, on the finest level; half of it on each coarser one (there, section 5.1).
_STRENGTH = 0.08
# The coarsest level is inverted densely: its n^3 is below the cost of one more level's calls.
_COARSEST = 64
# A level that does not shrink to this share has nothing left to aggregate.
_SHRINKS = 0.8


@dataclass(slots=True)
class _Level:
    matrix: Rows
    weight: np.float32
    prolongation: Rows
    restriction: Rows


class Multigrid:
    """The hierarchy; a call sets ``z`` to the preconditioned ``r``, and gives ``r . z``."""

    def __init__(self, scale: Any, levels: list[_Level], coarsest: Any) -> None:
        self.scale, self.levels, self.coarsest = scale, levels, coarsest
        single = np.float32
        self._work = [[np.empty(lv.matrix.count, single) for _ in range(4)] for lv in levels]
        self.vectors = Vectors(levels[0].matrix.bounds if levels else [0, scale.size])

    @property
    def sizes(self) -> list[int]:
        """Rows of every level."""
        return [lv.matrix.count for lv in self.levels] + [self.coarsest.shape[0]]

    @property
    def complexity(self) -> float:
        """Entries of all levels over those of the finest."""
        entries = [lv.matrix.arrays[2].size for lv in self.levels]
        return (sum(entries) + self.coarsest.size) / max(entries[0], 1) if entries else 1.0

    def _cycle(self, depth: int, r: Any) -> Any:
        if depth == len(self.levels):
            return np.dot(self.coarsest, r)
        lv = self.levels[depth]
        residual, y, out, _ = self._work[depth]
        one, zero, w = np.float32(1), np.float32(0), lv.weight
        a, p, t = lv.matrix, lv.prolongation, lv.restriction
        a.sum(lambda i, j: combine(*a.arrays, r, one, r, zero, r, -w, residual, i, j))
        coarse = np.empty(t.count, np.float32)
        t.sum(lambda i, j: combine(*t.arrays, residual, zero, residual, zero, residual, one, coarse, i, j))
        correction = self._cycle(depth + 1, coarse)
        p.sum(lambda i, j: combine(*p.arrays, correction, w, r, zero, r, one, y, i, j))
        a.sum(lambda i, j: combine(*a.arrays, y, one, y, w, r, -w, out, i, j))
        return out

    def __call__(self, r: Any, z: Any) -> float:
        """Set z; gives ``r . z``."""
        norm = self.vectors.norm(r)
        if not 0.0 < norm < np.inf:
            z[:] = r
            return norm
        scaled = np.multiply(r, self.scale / norm, out=np.empty(r.size, np.float32), casting="unsafe")
        np.multiply(self._cycle(0, scaled), self.scale * norm, out=z, casting="unsafe")
        return float(self.vectors.dot(r, z))


def build(indptr: Any, indices: Any, data: Any, diagonal: Any, unknowns: int = 1) -> Multigrid | None:
    """Multigrid of a symmetric matrix with a positive diagonal; None where aggregation does not shrink it.

    With several unknowns to a node the nodes are aggregated. The near null vectors, one for each unknown, share no
    row: each row knows one of them, and belongs to one owner, as with one unknown.
    """
    scale = 1.0 / np.sqrt(diagonal)
    a = indptr, indices, data.astype(np.float64)
    bound = scale_rows(*a, scale, scale)
    near_null = 1.0 / scale  # the constant, in the scaled unknowns
    levels: list[_Level] = []
    threshold = _STRENGTH
    while a[0].size - 1 > _COARSEST:
        n = a[0].size - 1
        owner, values, least = np.empty(n, np.int32), np.empty(n), threshold
        if unknowns > 1:
            # Weak entries moved to the diagonal would mix the unknowns of a node: none is.
            (owner, count), least = aggregated_nodes(a, unknowns, threshold, aggregate), 0.0
        else:
            count = aggregate(*a, threshold, owner)
        if count > _SHRINKS * n:
            return None
        coarse_null = np.empty(count)
        tentative(owner, near_null, values, coarse_null)
        radius = _spectral_radius(a, bound)
        place, p_indptr = np.empty(count, np.int32), np.empty(n + 1, np.int32)
        weight = _DAMPING / radius
        nothing = np.empty(0, np.int32), np.empty(0)
        entries = prolongation_rows(*a, least, weight, owner, values, place, p_indptr, *nothing)
        p = p_indptr, np.empty(entries, np.int32), np.empty(entries)
        prolongation_rows(*a, least, weight, owner, values, place, *p)
        r = transposed(count, *p)
        coarse = _triple(n, count, r, a, p)
        if coarse is None:
            return None
        d = _diagonal(coarse)
        if not (d > 0.0).all():
            return None
        s = 1.0 / np.sqrt(d)
        ones = np.ones(n)
        scale_rows(*p, ones, s)
        scale_rows(*r, s, ones)
        levels.append(_Level(_single(a), np.float32(weight), _single(p), _single(r)))
        bound = scale_rows(*coarse, s, s)
        a, near_null, threshold = coarse, coarse_null / s, threshold / 2.0
    return Multigrid(scale, levels, _inverse(a))


def _triple(n: int, count: int, r: Any, a: Any, p: Any) -> tuple[Any, Any, Any] | None:
    """R A P as (indptr, indices, data)."""
    ap = spgemm(n, count, a, p)
    product = None if ap is None else spgemm(count, count, r, (ap[2], ap[1], ap[0]))
    return None if product is None else (product[2], product[1], product[0])


def _single(a: Any) -> Rows:
    return Rows(a[0], a[1], a[2].astype(np.float32))


def _diagonal(a: Any) -> Any:
    rows = np.repeat(np.arange(a[0].size - 1), np.diff(a[0]))
    on = rows == a[1]
    return np.bincount(rows[on], weights=a[2][on], minlength=a[0].size - 1)


def _spectral_radius(a: Any, bound: float, steps: int = 8) -> float:
    """Largest eigenvalue by the power method, raised by a tenth; at most Gershgorin's bound."""
    n = a[0].size - 1
    x = np.random.default_rng(n).standard_normal(n)
    estimate, vectors = 0.0, Vectors([0, n])
    for _ in range(steps):
        x /= vectors.norm(x)
        y = csr_matvec(n, n, a[0], a[1], a[2], x)
        estimate, x = float(vectors.dot(x, y)), y
        if not np.isfinite(estimate) or not x.any():
            return bound
    return min(bound, 1.1 * max(estimate, 1.0))


def _inverse(a: Any) -> Any:
    """Dense inverse of the coarsest matrix; of a singular one a generalized inverse."""
    n = a[0].size - 1
    dense = np.zeros((n, n))
    np.add.at(dense, (np.repeat(np.arange(n), np.diff(a[0])), a[1]), a[2])
    invert_definite(dense, float(np.finfo(np.float32).eps))
    return dense.astype(np.float32)
