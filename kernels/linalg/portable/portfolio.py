"""Registers the portable kernels, probes and checks on a shelf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fsci.core.registry import register, register_check, register_probe
from fsci.kernels.linalg.portable import linear_systems, rectangular, square
from fsci.kernels.linalg.portable.evidence import matrix_probe
from fsci.kernels.linalg.portable.namespace import Namespace

__all__ = ["register_portfolio"]

_OTHERS = (
    square.INVERSE,
    square.DETERMINANT,
    square.CHOLESKY,
    square.EIGEN,
    square.EXPONENTIAL,
    rectangular.LEAST_SQUARES,
    rectangular.PSEUDOINVERSE,
    rectangular.QR,
    rectangular.SVD,
)
_TOPICS: dict[str, Any] = {"linear_system": linear_systems, **{topic.kind: topic for topic in _OTHERS}}


def register_portfolio(shelf: str, namespace: Callable[[], Namespace]) -> None:
    """Put every portable kernel on `shelf`; `namespace` imports its library when first called."""
    for kind, topic in _TOPICS.items():
        register_probe(kind, shelf)(matrix_probe(namespace))
        register_check(kind, shelf)(topic.check_with(namespace))
        for kernel in topic.kernels(shelf, namespace):
            register(kernel)
