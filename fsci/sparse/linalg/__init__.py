"""SciPy's ``sparse.linalg`` on the spine: fsci's own functions, the rest handed to SciPy, openly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsci.core.mirror import Mirror

if TYPE_CHECKING:
    from scipy.sparse.linalg import *  # noqa: F403

    from fsci.sparse.linalg.eigen import *  # noqa: F403
    from fsci.sparse.linalg.exponential_action import *  # noqa: F403
    from fsci.sparse.linalg.factorizations import *  # noqa: F403
    from fsci.sparse.linalg.general_eigen import *  # noqa: F403
    from fsci.sparse.linalg.inverse import *  # noqa: F403
    from fsci.sparse.linalg.iterative import *  # noqa: F403
    from fsci.sparse.linalg.norms import *  # noqa: F403
    from fsci.sparse.linalg.other_iterations import *  # noqa: F403
    from fsci.sparse.linalg.singular_values import *  # noqa: F403
    from fsci.sparse.linalg.systems import *  # noqa: F403
    from fsci.sparse.linalg.triangular import *  # noqa: F403

_mirror = Mirror(
    __name__,
    topics=(
        "systems",
        "factorizations",
        "iterative",
        "other_iterations",
        "triangular",
        "eigen",
        "exponential_action",
        "general_eigen",
        "inverse",
        "norms",
        "singular_values",
    ),
)


def __getattr__(name: str) -> Any:
    return _mirror.get(name)


def __dir__() -> list[str]:
    return _mirror.names()
