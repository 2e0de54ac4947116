"""Evidence about a matrix on a device: a few reductions there, one transfer of scalars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fsci.core.types import Evidence, Problem
from fsci.kernels.linalg.portable.namespace import Namespace, adjoint, norm_1, norm_inf

__all__ = ["hager", "matrix_probe", "sampled"]


def matrix_probe(namespace: Callable[[], Namespace]) -> Callable[[Problem], Evidence]:
    """A probe for kinds whose first operand is the matrix; empty under tracing."""

    def probe(problem: Problem) -> Evidence:
        space = namespace()
        a = problem.operands[0]
        if space.traced(a) or a.shape[-1] != a.shape[-2]:
            return Evidence()
        xp = space.xp
        diagonal = xp.diagonal(a, axis1=-2, axis2=-1)
        flags = [
            (a == adjoint(a)).all(),
            (xp.tril(a, -1) == 0).all(),
            (xp.triu(a, 1) == 0).all(),
            ((diagonal.real > 0) & (diagonal.imag == 0)).all(),
        ]
        hermitian, upper, lower, positive = (bool(flag) for flag in xp.stack(flags).tolist())
        if upper or lower:
            structure = "diagonal" if upper and lower else "upper" if upper else "lower"
        elif hermitian:
            structure = "spd_candidate" if positive else "hermitian"
        else:
            structure = "general"
        return Evidence.of(
            hermitian=hermitian,
            positive_diagonal=positive,
            structure=structure,
            norm1=float(norm_1(xp, a).max()),
            norm_inf=float(norm_inf(xp, a).max()),
        )

    return probe


def sampled(space: Namespace, rows: int, dtype: Any, columns: int = 2) -> Any:
    """Fixed vectors of signs for random checks of a product (Freivalds, 1979).

    A wrong entry of size e in a row leaves a residual of at least e with probability 1/2
    for each vector; the vectors are fixed, so that the same input has the same certificate.
    """
    import numpy as np

    signs = np.random.default_rng(rows).integers(0, 2, size=(rows, columns)) * 2.0 - 1.0
    return space.xp.asarray(signs.astype(np.float32)).astype(dtype)


def hager(space: Namespace, solve: Callable[[Any, bool], Any], weights: Any, steps: int = 5) -> float:
    """Estimate of || |A^-1| w ||_inf from solves with the factors (Hager, 1984; Higham, 1988).

    The largest row sum of A^-1 diag(w) is the 1-norm of its adjoint; the estimate is
    a lower bound, almost always within a factor of three.

    Parameters
    ----------
    solve : callable
        ``solve(rhs, adjoint)``.
    weights : array
        The vector w, not negative.
    """
    xp = space.xp
    n = weights.shape[0]
    x = xp.full((n,), 1.0 / n, dtype=weights.dtype)
    estimate, last = 0.0, -1
    for _ in range(steps):
        y = weights * solve(x, True)
        found = float(xp.abs(y).sum())
        if not found > estimate and last >= 0:
            break
        estimate = max(estimate, found)
        size = xp.abs(y)
        sign = xp.where(size == 0, 1, y / xp.where(size == 0, 1, size))
        z = xp.abs(solve(weights * sign, False))
        best = int(z.argmax())
        if best == last:
            break
        x = (xp.arange(n) == best).astype(weights.dtype)
        last = best
    alternating = (1.0 + xp.arange(n) / max(n - 1, 1)) * (1 - 2 * (xp.arange(n) % 2))
    extra = weights * solve(alternating.astype(weights.dtype), True)
    return max(estimate, 2.0 * float(xp.abs(extra).sum()) / (3.0 * n))
