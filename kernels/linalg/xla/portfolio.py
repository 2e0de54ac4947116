"""The portable kernels on JAX arrays."""

from __future__ import annotations

from fsci.kernels.linalg.portable.portfolio import register_portfolio
from fsci.kernels.linalg.xla.namespace import namespace

__all__: list[str] = []

register_portfolio("xla", namespace)
