"""A domain package as a mirror of SciPy's: fsci's own functions, the rest handed over openly.

A package ``fsci.<domain>`` makes one `Mirror` and forwards its module
``__getattr__`` to it (PEP 562). Nothing is imported before a name is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from fsci.core.handover import handed_over

__all__ = ["Mirror"]


class Mirror:
    """The public names of ``scipy.<domain>``, as ``fsci.<domain>`` gives them.

    Parameters
    ----------
    package : str
        ``"fsci.linalg"``, ``"fsci.sparse.linalg"``.
    topics : iterable of str
        Modules of the package that hold fsci's own functions; the names in their
        ``__all__`` that SciPy has too are the ones that fsci answers itself.
    lookups : iterable of str
        Functions of SciPy that compute nothing: passed on as they are, not recorded.
    extras : dict of str to str
        Names that SciPy does not have, and the module of the package that holds each. They are attributes of the
        package, but not of its ``__all__``, which is SciPy's, and no patch touches them.
    """

    def __init__(
        self, package: str, topics: Iterable[str], lookups: Iterable[str] = (), extras: dict[str, str] | None = None
    ) -> None:
        self.package = package
        self.domain = package.removeprefix("fsci.")
        self.topics = tuple(topics)
        self.lookups = frozenset(lookups)
        self.extras = dict(extras or {})

    @cached_property
    def originals(self) -> dict[str, Any]:
        """SciPy's public names. Taken once, before any patch: `fsci.patch` asks for them first."""
        module = import_module(f"scipy.{self.domain}")
        return {name: getattr(module, name) for name in module.__all__}

    @cached_property
    def own(self) -> dict[str, Any]:
        """The functions that fsci answers itself, by name."""
        found: dict[str, Any] = {}
        for topic in self.topics:
            found.update(self._own_of(topic))
        return found

    def _own_of(self, topic: str) -> dict[str, Any]:
        module, originals = import_module(f"{self.package}.{topic}"), self.originals
        return {n: getattr(module, n) for n in module.__all__ if n in originals}

    def _find(self, name: str) -> Any:
        """Fsci's own function `name`, or None; imports topics in their order, and no more than it takes."""
        if "own" in self.__dict__:
            return self.own.get(name)
        return next((own[name] for own in map(self._own_of, self.topics) if name in own), None)

    @property
    def handed_over(self) -> tuple[str, ...]:
        """The functions that are left to SciPy, and recorded when they are called."""
        return tuple(n for n, value in self.originals.items() if n not in self.own and self._is_recorded(n, value))

    def _is_recorded(self, name: str, value: Any) -> bool:
        return callable(value) and not isinstance(value, (type, ModuleType)) and name not in self.lookups

    def get(self, name: str) -> Any:
        """Attribute `name` of the package; it is stored there, so that this runs once a name."""
        if name == "__all__":
            return sorted(self.originals)
        if name == "__fsci_own__":
            return tuple(sorted(self.own))
        if name == "__fsci_handed_over__":
            return tuple(sorted(self.handed_over))
        space = vars(sys.modules[self.package])
        if name in self.extras:
            return space.setdefault(name, getattr(import_module(f"{self.package}.{self.extras[name]}"), name))
        if not name.startswith("_"):
            own = self._find(name) if name in self.originals else None
            if own is not None:
                return space.setdefault(name, own)
            if name in self.originals:
                value = self.originals[name]
                recorded = self._is_recorded(name, value)
                return space.setdefault(name, handed_over(value, f"{self.domain}.{name}") if recorded else value)
        raise AttributeError(f"module {self.package!r} has no attribute {name!r}")

    def names(self) -> list[str]:
        """For ``dir()``: SciPy's names, and the package's extras."""
        return sorted({*self.originals, *self.extras})
