"""SciPy's optimize on the spine: bracketing root finders are fsci's own, the rest is handed to SciPy, openly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsci.core.mirror import Mirror

if TYPE_CHECKING:
    from scipy.optimize import *  # noqa: F403

    from fsci.optimize.roots import *  # noqa: F403

_mirror = Mirror(__name__, topics=("roots",))


def __getattr__(name: str) -> Any:
    return _mirror.get(name)


def __dir__() -> list[str]:
    return _mirror.names()
