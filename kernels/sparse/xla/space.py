"""JAX as the portable sparse kernels see it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fsci.core.backends import require
from fsci.kernels.sparse.portable.space import Space, Triples

__all__ = ["space"]


@lru_cache(maxsize=1)
def space() -> Space:
    """JAX's functions; the package is imported at the first call."""
    jax, xp = require("jax"), require("jax.numpy")
    sparse = require("jax.experimental.sparse")

    def triples(a: Any) -> Triples:
        if isinstance(a, sparse.BCSR):
            places = xp.arange(a.nse, dtype=a.indptr.dtype)
            # Padding comes after the last row, and belongs to none.
            return a.data, xp.searchsorted(a.indptr, places, side="right") - 1, a.indices
        if isinstance(a, sparse.BCOO):
            return a.data, a.indices[:, 0], a.indices[:, 1]
        rows, columns = xp.indices(a.shape)
        return a.ravel(), rows.ravel(), columns.ravel()

    def add_at(n: int, index: Any, values: Any) -> Any:
        return xp.zeros(n, values.dtype).at[index].add(values, mode="drop")

    def put_row(matrix: Any, k: Any, row: Any) -> Any:
        return matrix.at[k].set(row)

    def is_tracer(array: Any) -> bool:
        return isinstance(array, jax.core.Tracer)

    def linear(product: Any, b: Any, solve: Any, adjoint: Any) -> Any:
        return jax.lax.custom_linear_solve(product, b, solve, transpose_solve=adjoint, has_aux=True)

    return Space(xp, triples, jax.lax.while_loop, add_at, put_row, is_tracer, jax.jit, linear)
