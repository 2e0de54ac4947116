"""Answer SciPy's calls with fsci in code that nobody changed: `patch_scipy`, `unpatch_scipy`, ``%load_ext fsci``.

The convention that this rests on: a domain package ``fsci.<domain>`` mirrors ``scipy.<domain>``,
names in ``__fsci_own__`` the functions that it answers itself, and in ``__fsci_handed_over__`` those
that it leaves to SciPy (`fsci.core.mirror.Mirror` gives all three). A patch puts a twin of
each own function wherever SciPy's stands: in ``scipy.<domain>``, in the private module that
defines it, and in every module that imported it. A twin runs fsci's code under SciPy's name,
docstring and signature, so that it is pickled by reference as SciPy's; it is an object of its own, so
that unpatching can tell what a patch brought from what somebody imported from fsci.

A domain may also name in ``__fsci_methods__`` methods of SciPy's classes, (class, name) -> function:
operators have no function that a module could hold. They are set on the class, and unpatching puts back
what the class itself held before.

Within fsci nothing is replaced: its modules hold SciPy's functions as they were.
"""

from __future__ import annotations

import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import update_wrapper
from importlib import import_module
from types import FunctionType, ModuleType, TracebackType
from typing import Any

__all__ = ["DOMAINS", "load_ipython_extension", "patch_scipy", "unload_ipython_extension", "unpatch_scipy"]

DOMAINS = ("linalg", "optimize", "integrate", "sparse", "sparse.linalg")

_lock = threading.RLock()
_holds: set[Patch] = set()
# SciPy's function and its twin by the identity of the other; made once, and kept, so that a twin
# that somebody put back after the patch had gone is still known for one.
_twin_of: dict[int, tuple[Any, Any]] = {}
_original_of: dict[int, tuple[Any, Any]] = {}
# Where a twin was put, so that a module that has left sys.modules is restored too.
_slots: list[tuple[dict[str, Any], str]] = []

# Methods of SciPy's classes that are exchanged, with what the class itself held: _INHERITED for nothing.
_methods: dict[tuple[type, str], Any] = {}
_INHERITED = object()


def _twin(own: Callable[..., Any], original: Any) -> Callable[..., Any]:
    """A copy of fsci's function under the name, docstring and signature of SciPy's; it costs no extra call."""
    if isinstance(own, FunctionType):
        twin = FunctionType(own.__code__, own.__globals__, original.__name__, own.__defaults__, own.__closure__)
        twin.__kwdefaults__ = own.__kwdefaults__
        return update_wrapper(twin, original)

    def call(*args: Any, **kwargs: Any) -> Any:
        return own(*args, **kwargs)

    return update_wrapper(call, original)


def _describe(twin: Any, original: Any) -> None:
    """Enter the twin beside SciPy's function in SciPy's table of array backends, which its tests are drawn from."""
    table = getattr(sys.modules.get("scipy._lib._array_api"), "xp_capabilities_table", {})
    with suppress(KeyError, TypeError):  # not in the table, or not hashable
        table[twin] = table[original]


def _loaded(package: str) -> ModuleType:
    """The package with all its modules: one imported later would take a twin for SciPy's own function."""
    ours = import_module(package)
    for module in pkgutil.iter_modules(ours.__path__, f"{package}."):
        import_module(module.name)
    return ours


def _twins(handovers: bool) -> dict[int, tuple[Any, Any]]:
    """SciPy's functions and what shall stand in for them, by the identity of SciPy's."""
    wanted: dict[int, tuple[Any, Any]] = {}
    for domain in DOMAINS:
        ours = _loaded(f"fsci.{domain}")
        theirs = import_module(f"scipy.{domain}")
        for name in {*ours.__fsci_own__, *(ours.__fsci_handed_over__ if handovers else ())}:
            found = getattr(theirs, name)
            original = _original_of.get(id(found), (found, found))[1]
            if id(original) not in _twin_of:
                twin = _twin(getattr(ours, name), original)
                _describe(twin, original)
                _twin_of[id(original)] = original, twin
                _original_of[id(twin)] = twin, original
            wanted[id(original)] = _twin_of[id(original)]
    return wanted


def _namespaces() -> Iterator[dict[str, Any]]:
    """The dictionaries of all imported modules but fsci's."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.partition(".")[0] != "fsci":
            yield module.__dict__


def _exchange(table: dict[int, tuple[Any, Any]], *, remember: bool) -> None:
    for space in _namespaces():
        for name, value in list(space.items()):
            found = table.get(id(value))
            if found is not None and found[0] is value:
                space[name] = found[1]
                if remember:
                    _slots.append((space, name))


def _exchange_methods() -> None:
    for domain in DOMAINS:
        for (cls, name), own in getattr(import_module(f"fsci.{domain}"), "__fsci_methods__", {}).items():
            if (cls, name) not in _methods:
                _methods[cls, name] = vars(cls).get(name, _INHERITED)
                setattr(cls, name, own)


def _restore_methods() -> None:
    for (cls, name), held in _methods.items():
        if held is _INHERITED:
            delattr(cls, name)
        else:
            setattr(cls, name, held)
    _methods.clear()


def _restore() -> None:
    _restore_methods()
    _exchange(_original_of, remember=False)
    for space, name in _slots:
        found = _original_of.get(id(space.get(name)))
        if found is not None:
            space[name] = found[1]
    _slots.clear()


class Patch:
    """What `patch_scipy` gives: a context manager that takes its own patch back."""

    def __init__(self, handovers: bool) -> None:
        self._handovers = handovers

    def _hold(self) -> Patch:
        with _lock:
            _exchange(_twins(self._handovers), remember=True)
            _exchange_methods()
            _holds.add(self)
        return self

    __enter__ = _hold

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _lock:
            if self in _holds:
                _holds.discard(self)
                if not _holds:
                    _restore()


def patch_scipy(*, handovers: bool = False) -> Patch:
    """Let fsci answer SciPy's functions, in modules already imported and in later ones.

    Call it and it holds until `unpatch_scipy`, however often it was called; or use it in a ``with``
    statement, and it holds to the end of the block. Blocks may be nested, and may
    overlap between threads: the last one to leave restores SciPy.

    Parameters
    ----------
    handovers : bool
        Also record the calls of functions that fsci does not answer itself.

    Examples
    --------
    >>> import fsci, scipy.linalg
    >>> with fsci.patch_scipy():
    ...     x = scipy.linalg.solve([[2.0]], [4.0])
    >>> float(x[0])
    2.0
    """
    return Patch(handovers)._hold()


def unpatch_scipy() -> None:
    """Restore SciPy everywhere, also in modules that were imported under the patch."""
    with _lock:
        _holds.clear()
        _restore()


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext fsci``."""
    patch_scipy()


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext fsci``."""
    unpatch_scipy()
