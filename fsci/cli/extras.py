"""The optional packages: what each serves, which extra brings it, and whether it is here."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

__all__ = ["Extra", "extras", "version_of"]

# Package -> what fsci does with it; the names under which it may be installed.
_SERVES = {
    "jax": ("the xla shelf: kernels on any device that XLA has, under jit and vmap", ("jax",)),
    "cupy": ("the cuda shelf: dense and sparse kernels on NVIDIA GPUs", ("cupy-cuda13x", "cupy-cuda12x", "cupy")),
    "pypardiso": ("sparse: MKL's PARDISO, a member of spsolve's portfolio", ("pypardiso",)),
    "pyamg": ("sparse: algebraic multigrid and its gallery, to measure against", ("pyamg",)),
    "rich": ("tables and progress in the terminal", ("rich",)),
    "matplotlib": ("pictures of fsci solve --plot-file", ("matplotlib",)),
}


class Extra(NamedTuple):
    """One optional package."""

    package: str
    extra: str  # of fsci, that installs it; empty where none does
    serves: str
    version: str  # empty: not installed


def version_of(*names: str) -> str:
    """The version of the first of these packages that is installed; empty if none is."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""


def extras() -> list[Extra]:
    """All of them."""
    try:
        required = requires("fsci") or []
    except PackageNotFoundError:  # run from its sources
        required = []
    brought: dict[str, str] = {}
    for line in required:
        found = re.match(r"([\w-]+).*extra == ['\"]([\w-]+)['\"]", line)
        if found and found[2] not in ("dev", "test", "docs"):
            brought.setdefault(found[1].lower(), found[2])
    return [
        Extra(package, next((brought[n] for n in names if n in brought), ""), serves, version_of(*names))
        for package, (serves, names) in _SERVES.items()
    ]
