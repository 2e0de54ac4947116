"""SciPy's calls, answered by the algorithm that the measured condition of the problem asks for.

With a certificate on request of what the answer can be trusted for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> module that holds it. Loaded on first use (PEP 562): `import
# fsci` imports neither numba, jax nor any SciPy submodule.
_LAZY = {
    "Certificate": "fsci.core.types",
    "Diagnosis": "fsci.core.types",
    "FsciError": "fsci.core.errors",
    "Policy": "fsci.core.policy",
    "SingularMatrixError": "fsci.core.errors",
    "UncertifiedError": "fsci.core.errors",
    "UncertifiedWarning": "fsci.linalg.errors",
    "certify": "fsci.core.frames",
    "configure": "fsci.core.frames",
    "explain": "fsci.core.frames",
    "ledger": "fsci.core.frames",
    "load_ipython_extension": "fsci.patch",
    "patch_scipy": "fsci.patch",
    "policy": "fsci.core.frames",
    "trace": "fsci.core.frames",
    "unload_ipython_extension": "fsci.patch",
    "unpatch_scipy": "fsci.patch",
}
_DOMAINS = ("integrate", "linalg", "optimize", "sparse")

__all__ = [
    "Certificate",
    "Diagnosis",
    "FsciError",
    "Policy",
    "SingularMatrixError",
    "UncertifiedError",
    "UncertifiedWarning",
    "__version__",
    "certify",
    "configure",
    "explain",
    "integrate",
    "ledger",
    "linalg",
    "load_ipython_extension",
    "optimize",
    "patch_scipy",
    "policy",
    "sparse",
    "trace",
    "unload_ipython_extension",
    "unpatch_scipy",
]

if TYPE_CHECKING:
    from fsci import integrate, linalg, optimize, sparse
    from fsci.core.errors import FsciError, SingularMatrixError, UncertifiedError
    from fsci.core.frames import certify, configure, explain, ledger, policy, trace
    from fsci.core.policy import Policy
    from fsci.core.types import Certificate, Diagnosis
    from fsci.linalg.errors import UncertifiedWarning
    from fsci.patch import load_ipython_extension, patch_scipy, unload_ipython_extension, unpatch_scipy


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
    elif name in _DOMAINS:
        value = import_module(f"fsci.{name}")
    else:
        raise AttributeError(f"module 'fsci' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
