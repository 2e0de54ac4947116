"""SciPy's ``sparse`` on the spine: SciPy's containers; the rest handed to SciPy, openly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsci.core.mirror import Mirror

if TYPE_CHECKING:
    from scipy.sparse import *  # noqa: F403

_mirror = Mirror(__name__, topics=())


def __getattr__(name: str) -> Any:
    return _mirror.get(name)


def __dir__() -> list[str]:
    return _mirror.names()
