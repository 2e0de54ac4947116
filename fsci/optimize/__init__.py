"""SciPy's optimize on the spine: bracketing root finders are fsci's own, the rest is handed to SciPy, openly."""

from __future__ import annotations

from typing import Any

import scipy.optimize as scipy_optimize

from fsci.core.handover import handed_over
from fsci.optimize import roots
from fsci.optimize.roots import bisect as bisect
from fsci.optimize.roots import brenth as brenth
from fsci.optimize.roots import brentq as brentq
from fsci.optimize.roots import ridder as ridder
from fsci.optimize.roots import root_scalar as root_scalar

__fsci_own__ = tuple(roots.__all__)
__all__ = list(scipy_optimize.__all__)  # of the SciPy that is installed


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fsci.optimize' has no attribute {name!r}")
    value = getattr(scipy_optimize, name)
    if callable(value) and not isinstance(value, type):
        value = handed_over(value, f"optimize.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
