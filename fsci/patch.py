"""Answer SciPy's calls with fsci in code that nobody changed: `patch_scipy`, `unpatch_scipy`, ``%load_ext fsci``.

The convention that this rests on: a domain package ``fsci.<domain>`` mirrors ``scipy.<domain>``,
names in ``__fsci_own__`` the functions that it answers itself, and in ``__fsci_handed_over__`` those
that it leaves to SciPy (`fsci.core.mirror.Mirror` gives all three). A patch puts a twin of
each own function wherever SciPy's stands: in ``scipy.<domain>``, in the private module that
defines it, and in every module that imported it. A twin runs fsci's code under SciPy's name,
docstring and signature, so that it is pickled by reference as SciPy's; it is an object of its own, so
that unpatching can tell what a patch brought from what somebody imported from fsci.

Within fsci nothing is replaced: its modules hold SciPy's functions as they were.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import update_wrapper
from importlib import import_module
from types import FunctionType, ModuleType, TracebackType
from typing import Any

__all__ = ["DOMAINS", "load_ipython_extension", "patch_scipy", "unload_ipython_extension", "unpatch_scipy"]

DOMAINS = ("linalg", "optimize")

_lock = threading.RLock()
_holds: set[Patch] = set()
# Twins now in place by the identity of SciPy's function, and the other way round; both keep their keys alive.
_twin_of: dict[int, tuple[Any, Any]] = {}
_original_of: dict[int, tuple[Any, Any]] = {}
# Where a twin was put, so that a module that has left sys.modules is restored too.
_slots: list[tuple[dict[str, Any], str]] = []


def _twin(own: Callable[..., Any], original: Any) -> Callable[..., Any]:
    """A copy of fsci's function under the name, docstring and signature of SciPy's; it costs no extra call."""
    if isinstance(own, FunctionType):
        twin = FunctionType(own.__code__, own.__globals__, original.__name__, own.__defaults__, own.__closure__)
        twin.__kwdefaults__ = own.__kwdefaults__
        return update_wrapper(twin, original)

    def call(*args: Any, **kwargs: Any) -> Any:
        return own(*args, **kwargs)

    return update_wrapper(call, original)


def _replacements(handovers: bool) -> Iterator[tuple[Any, Callable[..., Any]]]:
    """SciPy's functions and what stands in for them."""
    for domain in DOMAINS:
        ours = import_module(f"fsci.{domain}")
        names = {*ours.__fsci_own__, *(ours.__fsci_handed_over__ if handovers else ())}
        theirs = import_module(f"scipy.{domain}")
        for name in sorted(names):
            original = getattr(theirs, name)
            if id(original) not in _original_of:
                yield original, getattr(ours, name)


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


def _install(handovers: bool) -> None:
    new = [(original, _twin(own, original)) for original, own in _replacements(handovers)]
    new = [pair for pair in new if id(pair[0]) not in _twin_of]
    if new:
        _twin_of.update({id(original): (original, twin) for original, twin in new})
        _original_of.update({id(twin): (twin, original) for original, twin in new})
        _exchange(_twin_of, remember=True)


def _restore() -> None:
    _exchange(_original_of, remember=False)
    for space, name in _slots:
        found = _original_of.get(id(space.get(name)))
        if found is not None:
            space[name] = found[1]
    _slots.clear()
    _twin_of.clear()
    _original_of.clear()


class Patch:
    """What `patch_scipy` gives: a context manager that takes its own patch back."""

    def __init__(self, handovers: bool) -> None:
        self._handovers = handovers

    def _hold(self) -> Patch:
        with _lock:
            _install(self._handovers)
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
