"""The portable sparse kernels on JAX arrays."""

from __future__ import annotations

from fsci.kernels.sparse.portable.portfolio import register_portfolio
from fsci.kernels.sparse.xla.space import space

__all__: list[str] = []

register_portfolio("xla", space)
