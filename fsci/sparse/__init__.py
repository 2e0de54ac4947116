"""SciPy's ``sparse`` on the spine: SciPy's containers; the rest handed to SciPy, openly.

The containers are SciPy's own classes, so ``A @ x`` of code that swaps its import is computed by
SciPy. Under `fsci.patch_scipy` the operators are fsci's: `fsci.sparse.products` says which.
The functions of `fsci.sparse.linalg` use fsci's products in either case.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fsci.core.mirror import Mirror

if TYPE_CHECKING:
    from scipy.sparse import *  # noqa: F403

_mirror = Mirror(__name__, topics=())


def __getattr__(name: str) -> Any:
    if name == "linalg":
        return import_module("fsci.sparse.linalg")
    if name == "__fsci_methods__":
        return import_module("fsci.sparse.products").METHODS
    return _mirror.get(name)


def __dir__() -> list[str]:
    return _mirror.names()
