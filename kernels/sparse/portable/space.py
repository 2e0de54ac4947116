"""What the portable sparse kernels need of an array library: loops without Python's control flow, sums by index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

__all__ = ["Space", "Triples", "python_loop", "space_of"]

Triples = tuple[Any, Any, Any]  # entries, rows, columns


def python_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], state: Any) -> Any:
    """A while loop on concrete arrays."""
    while bool(condition(state)):
        state = body(state)
    return state


@dataclass(frozen=True, slots=True)
class Space:
    """An array library with sparse matrices.

    Attributes
    ----------
    xp : module
        ``jax.numpy``, ``cupy`` or (in tests) ``numpy``.
    triples : callable
        ``triples(a)``: entries, rows and columns of a matrix of the library.
    loop : callable
        ``loop(condition, body, state)``; under a transformation the library's own.
    add_at : callable
        ``add_at(n, index, values)``: n sums of the values by index; an index from n on is left out.
    put_row : callable
        ``put_row(matrix, k, row)``: the matrix with another row k; the old one may be gone.
    is_tracer : callable
        Whether an array is abstract.
    compiled : callable
        ``compiled(function)``: the function, compiled once for all arrays of a shape where the library can.
    linear : callable
        ``linear(product, b, solve, adjoint)``: what ``solve(product, b)`` gives, x and more; where the library
        differentiates, by the equation that x fulfils, and not through the steps. Then `adjoint` solves the transposed.
    """

    xp: Any
    triples: Callable[[Any], Triples]
    loop: Callable[..., Any]
    add_at: Callable[..., Any]
    put_row: Callable[..., Any]
    is_tracer: Callable[[Any], bool]
    compiled: Callable[[Callable[..., Any]], Callable[..., Any]]
    linear: Callable[..., Any]

    def traced(self, a: Any, *arrays: Any) -> bool:
        """Whether the matrix or any of the arrays has no values to look at."""
        return any(self.is_tracer(array) for array in (*self.triples(a), *arrays))


def space_of(shelf: str) -> Space:
    """The space of a device's shelf; its library is imported here."""
    found: Space = import_module(f"fsci.kernels.sparse.{shelf}.space").space()
    return found
