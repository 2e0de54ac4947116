"""SciPy's ``linalg`` on the spine: fsci's own functions, the rest handed to SciPy, openly.

``__all__`` is SciPy's. ``__fsci_own__`` names what fsci answers itself; see `fsci coverage`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsci.core.mirror import Mirror

if TYPE_CHECKING:
    from scipy.linalg import *  # noqa: F403

    from fsci.linalg.banded_systems import *  # noqa: F403
    from fsci.linalg.cholesky_factors import *  # noqa: F403
    from fsci.linalg.functions import *  # noqa: F403
    from fsci.linalg.general_eigen import *  # noqa: F403
    from fsci.linalg.inverse import *  # noqa: F403
    from fsci.linalg.least_squares import *  # noqa: F403
    from fsci.linalg.lu_factors import *  # noqa: F403
    from fsci.linalg.orthogonal import *  # noqa: F403
    from fsci.linalg.symmetric_eigen import *  # noqa: F403
    from fsci.linalg.systems import *  # noqa: F403
    from fsci.linalg.toeplitz_systems import *  # noqa: F403
    from fsci.linalg.triangular_systems import *  # noqa: F403

_TOPICS = (
    "systems",
    "least_squares",
    "orthogonal",
    "inverse",
    "lu_factors",
    "cholesky_factors",
    "triangular_systems",
    "banded_systems",
    "toeplitz_systems",
    "symmetric_eigen",
    "general_eigen",
    "functions",
)

_mirror = Mirror(
    __name__,
    topics=_TOPICS,
    lookups=("find_best_blas_type", "get_blas_funcs", "get_lapack_funcs"),
)


def __getattr__(name: str) -> Any:
    return _mirror.get(name)


def __dir__() -> list[str]:
    return _mirror.names()
