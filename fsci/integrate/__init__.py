"""SciPy's ``integrate`` on the spine: fsci's own functions, the rest handed to SciPy, openly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsci.core.mirror import Mirror

if TYPE_CHECKING:
    from scipy.integrate import *  # noqa: F403

    from fsci.integrate.ensembles import EnsembleResult, solve_ivp_ensemble  # noqa: F401
    from fsci.integrate.iterated import *  # noqa: F403
    from fsci.integrate.quadrature import *  # noqa: F403
    from fsci.integrate.samples import *  # noqa: F403
    from fsci.integrate.vector_quadrature import *  # noqa: F403

_mirror = Mirror(
    __name__,
    topics=("ivp", "quadrature", "iterated", "vector_quadrature", "samples", "ensembles"),
    extras={"EnsembleResult": "ensembles", "solve_ivp_ensemble": "ensembles"},
)


def __getattr__(name: str) -> Any:
    return _mirror.get(name)


def __dir__() -> list[str]:
    return _mirror.names()
