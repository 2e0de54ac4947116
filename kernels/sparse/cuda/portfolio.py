"""The portable sparse kernels on CuPy arrays."""

from __future__ import annotations

from fsci.kernels.sparse.cuda.space import space
from fsci.kernels.sparse.portable.portfolio import register_portfolio

__all__: list[str] = []

register_portfolio("cuda", space)
