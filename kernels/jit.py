"""The only place that holds Numba's flags, and where compiled code is cached.

Every kernel releases the GIL, follows IEEE order (no ``fastmath``: certificates
and compensated sums depend on it), lets division by zero give inf, and is cached
on disk in the user's cache folder, under a digest of its source and of the kernel
sources that it imports. Numba's own rule looks only at the file of the function
itself, and so would keep an old version of anything inlined from another file.

Signatures are declared, not compiled, at import: a process loads from the cache the
few that it calls, and `fsci warmup` compiles them all ahead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache, _CacheLocator
from numba.core.runtime import rtsys

from fsci.core.profile import cache_folder

__all__ = ["declared", "jit", "source_digest"]

F = TypeVar("F", bound=Callable[..., Any])

_FLAGS = {"nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": False}

_declared: list[tuple[Any, tuple[Any, ...]]] = []


# Names in parentheses may go over lines; without them they end with the line, and the next import begins.
_IMPORT = re.compile(r"^[ \t]*from fsci\.kernels\.?([\w.]*) import (\([^)]*\)|[^\n(]+)", re.MULTILINE)
_ROOT = Path(__file__).resolve().parent


@cache
def _source(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Give a kernel source, and the kernel sources that it imports: all that a compiled kernel can inline."""
    text = path.read_text(encoding="utf-8")
    found: set[Path] = set()
    for module, names in _IMPORT.findall(text):
        base = _ROOT.joinpath(*module.split(".")) if module else _ROOT
        for imported in (base.with_suffix(".py"), *(base / f"{n}.py" for n in re.findall(r"\w+", names))):
            if imported.is_file():
                found.add(imported)
    return text.encode(), tuple(sorted(found))


@cache
def source_digest(path: Path) -> str:
    """Digest of a kernel source and of every kernel source that it imports, directly or not."""
    seen: set[Path] = set()
    waiting = [path, Path(__file__).resolve()]
    state = hashlib.sha256(numba.__version__.encode())
    while waiting:
        source = waiting.pop()
        if source not in seen:
            seen.add(source)
            text, imports = _source(source)
            state.update(text)
            waiting.extend(imports)
    return state.hexdigest()[:16]


class _UserFolderLocator(_CacheLocator):
    """Puts the cache of a kernel into the user's cache folder."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        self._module = py_func.__module__
        self._digest = source_digest(Path(py_file).resolve())

    def get_cache_path(self) -> str:
        return str(cache_folder() / "numba" / f"{self._module.removeprefix('fsci.kernels.')}-{self._digest}")

    def get_source_stamp(self) -> str:
        return self._digest

    def get_disambiguator(self) -> str:
        return self._digest

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _UserFolderLocator:
        return cls(py_func, py_file)


class _KernelCacheImpl(FunctionCache._impl_class):
    _locator_classes = (_UserFolderLocator,)


class _KernelCache(FunctionCache):
    """Cache of one kernel; loading from it needs no typing rules."""

    _impl_class = _KernelCacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        # Numba's own method first registers every typing rule that it has, 0.1 s once a process.
        # Compiled code needs the runtime alone; compiling registers the rules by itself.
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
        return None


def jit(signatures: Iterable[Any] = (), *, inline: bool = False) -> Callable[[F], F]:
    """Compile a kernel with fsci's flags and cache.

    Parameters
    ----------
    signatures : iterable of numba signatures or strings
        What `fsci warmup` compiles ahead.
    inline : bool
        For small helpers that are only called from other kernels.
    """

    def decorate(function: F) -> F:
        dispatcher = numba.njit(function, inline="always" if inline else "never", **_FLAGS)
        if not inline:
            dispatcher._cache = _KernelCache(function)
            _declared.append((dispatcher, tuple(signatures)))
        return dispatcher

    return decorate


def declared() -> list[tuple[Any, tuple[Any, ...]]]:
    """Every kernel imported so far, with its declared signatures."""
    return list(_declared)
