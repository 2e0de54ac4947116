"""The portable kernels on CuPy arrays."""

from __future__ import annotations

from fsci.kernels.linalg.cuda.namespace import namespace
from fsci.kernels.linalg.portable.portfolio import register_portfolio

__all__: list[str] = []

register_portfolio("cuda", namespace)
