"""Estimates of the infinity norms of operators that are known by their products, from irregular starting vectors.

Hager's (1984) climb, on the operator and its adjoint in turns: every number that enters is a lower bound, and
nearly always within a factor of 3 of the norm (Higham, 2002, section 15.3). Constant and alternating
starts are what the simple matrices of graphs annihilate; multiples of irrational numbers are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.kernels.sparse.compressed import Compressed
from fsci.kernels.sparse.sparse_residual import residual

__all__ = ["CONTRACTION", "contracts", "defect", "inverse_weighted_norm", "irregular"]

# Fractional parts of multiples of these are spread evenly and repeat nothing: the golden section, and roots of 2, 3, 7.
# In a matrix of small blocks a climb cannot leave the block that it begins in, and in the right one the terms may
# cancel: from two starts one estimate in a thousand was below a third of the norm, from four none in fifteen hundred.
_STEPS = (0.6180339887498949, 0.4142135623730951, 0.7320508075688772, 0.6457513110645906)
_CLIMBS = 4
# An estimate of the defect above this is not trusted to be below one.
CONTRACTION = 0.5
# A step that shrinks a vector to this share needs no closer look.
_AT_ONCE = 0.1

Operator = Callable[[Any], Any]


def irregular(n: int, which: int = 0) -> Any:
    """Fixed numbers of either sign, of sizes between 1/2 and 1."""
    part = np.arange(1, n + 1) * _STEPS[which]
    part -= np.floor(part)
    return np.where(part < 0.5, 0.5 + part, -part)


def _norm_inf(product: Operator, adjoint: Operator, n: int, kind: Any) -> float:
    """Estimate of the largest row sum of an operator, from below; infinity where a product is not finite."""
    best = 0.0
    for which in range(len(_STEPS)):
        x = irregular(n, which).astype(kind)
        row = -1
        for _ in range(_CLIMBS):
            image = np.abs(product(x))
            top = int(np.argmax(image))
            if not np.isfinite(image).all():
                return np.inf
            best = max(best, float(image[top]))
            if top == row:
                break
            row = top
            unit = np.zeros(n, kind)
            unit[row] = 1.0
            entries = adjoint(unit)
            sizes = np.abs(entries)
            if not np.isfinite(sizes).all():
                return np.inf
            best = max(best, float(sizes.sum()))
            # The signs under which the entries of this row all add up.
            x = np.divide(entries.conj(), sizes, out=np.ones(n, kind), where=sizes > 0).astype(kind)
    return best


def inverse_weighted_norm(solve: Callable[..., Any], weights: Any, kind: Any) -> float:
    """Estimate of ``|| |A^-1| w ||_inf`` for ``w >= 0`` from ``solve(rhs, adjoint=False)``."""
    return _norm_inf(
        lambda v: solve(weights * v), lambda v: weights * solve(v, adjoint=True).conj(), weights.size, kind
    )


def contracts(a: Compressed, solve: Callable[..., Any]) -> bool:
    """Whether powers of ``I - F^-1 A`` shrink an irregular vector at once, or its norm is estimated below one.

    What a null vector holds of it is kept, while all else shrinks: after steps of a tenth each it would show.
    """
    nothing = np.zeros(a.n, a.data.dtype)
    v = irregular(a.n).astype(a.data.dtype)
    before = float(np.abs(v).max(initial=0.0))
    with np.errstate(all="ignore"):
        for _ in range(_CLIMBS + 1):
            v = v + solve(residual(a.indptr, a.indices, a.data, a.by_rows, v, nothing)[0])
            size = float(np.abs(v).max(initial=0.0))
            if not size <= _AT_ONCE * before:
                return defect(a, solve) < CONTRACTION
            if size == 0.0:
                return True
            v, before = v / size, 1.0
    return True


def defect(a: Compressed, solve: Callable[..., Any]) -> float:
    """Estimate of ``||I - F^-1 A||_inf`` for factors F, by products with exact residuals; infinity if it overflows.

    Below one it shows that A is nonsingular and that refinement with F converges; ``A^-1 r`` is then at most
    ``1 / (1 - defect)`` times what the factors say. A null vector of A is kept by this operator while
    all else shrinks: so powers of it are looked at, whose quotients tend to the largest eigenvalue.
    """
    kind = a.data.dtype
    nothing = np.zeros(a.n, kind)
    conjugate = a.data.conj()

    def product(v: Any) -> Any:
        return v + solve(residual(a.indptr, a.indices, a.data, a.by_rows, v.astype(kind), nothing)[0])

    def adjoint(v: Any) -> Any:
        y = np.asarray(solve(v.astype(kind), adjoint=True), kind)
        return residual(a.indptr, a.indices, conjugate, not a.by_rows, y, v)[0].conj()

    with np.errstate(all="ignore"):
        found = _norm_inf(product, adjoint, a.n, kind)
        v = irregular(a.n).astype(kind)
        size = 1.0
        for _ in range(_CLIMBS):
            v = product(v / size)
            size = float(np.abs(v).max(initial=0.0))
            found = max(found, size) if size == size else np.inf
            if not 0.0 < size < np.inf:
                break
    return found if found == found else np.inf
