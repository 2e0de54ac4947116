"""Which shelf an array lives on: one table, keyed by the root module of the array's type.

Nothing is imported to ask: an array of a library that was never imported cannot exist.
"""

from __future__ import annotations

from typing import Any

from fsci.core.errors import BackendError, MissingExtraError

__all__ = ["HOST", "SHELF_OF", "backend_of", "require"]

HOST = "host"

# Root module of an array's type -> shelf. A new backend is one line here and one folder of kernels.
SHELF_OF = {
    "numpy": HOST,
    "jax": "xla",
    "jaxlib": "xla",
    "cupy": "cuda",
    "cupyx": "cuda",
}

_EXTRA = {"jax": "jax", "cupy": "cuda", "pyarrow": "interop", "pyamg": "peers"}


def shelf_of(operand: Any) -> str | None:
    """Shelf of one operand; None for scalars, lists and anything else that NumPy converts."""
    return SHELF_OF.get(type(operand).__module__.partition(".")[0])


def backend_of(*operands: Any) -> str:
    """Shelf on which these operands live.

    Raises
    ------
    BackendError
        If they live on different devices: nothing is moved silently.
    """
    shelves = {shelf for shelf in map(shelf_of, operands) if shelf is not None}
    if len(shelves) > 1:
        types = ", ".join(f"{type(o).__module__.partition('.')[0]}.{type(o).__name__}" for o in operands)
        raise BackendError(
            f"operands live on different devices ({types}); move them to one, "
            "for example with numpy.asarray, jax.numpy.asarray or cupy.asarray"
        )
    return shelves.pop() if shelves else HOST


def require(package: str) -> Any:
    """Import an optional package, or say which extra brings it."""
    from importlib import import_module

    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        extra = _EXTRA.get(package.partition(".")[0], "all")
        raise MissingExtraError(f"{package} is not installed; install it with: pip install 'fsci[{extra}]'") from error
