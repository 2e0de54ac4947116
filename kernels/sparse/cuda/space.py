"""CuPy as the portable sparse kernels see it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fsci.core.backends import require
from fsci.kernels.sparse.portable.space import Space, Triples, python_loop

__all__ = ["space", "space_with"]


@lru_cache(maxsize=1)
def space() -> Space:
    """CuPy's functions; the package is imported at the first call."""
    return space_with(require("cupy"))


def space_with(xp: Any) -> Space:
    """The functions of a library that computes at once and in place: CuPy, or NumPy with SciPy's containers."""

    def triples(a: Any) -> Triples:
        if not hasattr(a, "tocoo"):
            rows, columns = xp.indices(a.shape)
            return a.ravel(), rows.ravel(), columns.ravel()
        coo = a.tocoo()
        return coo.data, coo.row, coo.col

    def add_at(n: int, index: Any, values: Any) -> Any:
        out = xp.zeros(n, values.dtype)
        inside = index < n
        xp.add.at(out, index[inside], values[inside])
        return out

    def put_row(matrix: Any, k: Any, row: Any) -> Any:
        matrix[k] = row
        return matrix

    def linear(product: Any, b: Any, solve: Any, adjoint: Any) -> Any:
        return solve(product, b)

    return Space(xp, triples, python_loop, add_at, put_row, lambda array: False, lambda function: function, linear)
