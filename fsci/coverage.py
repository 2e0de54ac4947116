"""What fsci answers itself and what it leaves to SciPy, read from the domains and the registry themselves."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from fsci.core import registry
from fsci.patch import DOMAINS

__all__ = ["Answered", "Portfolio", "answered", "as_markdown", "portfolios"]

# Shelf -> package that it needs to be looked into.
_NEEDS = {"host": "numba", "xla": "jax", "cuda": "cupy"}


@dataclass(frozen=True, slots=True)
class Answered:
    """The functions of one domain by who answers them."""

    domain: str
    own: tuple[str, ...]
    handed_over: tuple[str, ...]

    @property
    def total(self) -> int:
        """Number of SciPy's public functions."""
        return len(self.own) + len(self.handed_over)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The kernels of one kind of problem by shelf; None where the shelf's package is not installed."""

    kind: str
    domain: str
    summary: str
    kernels: dict[str, tuple[str, ...] | None]


def answered() -> list[Answered]:
    """Who answers each public function of SciPy, by domain."""
    rows = []
    for domain in DOMAINS:
        ours = import_module(f"fsci.{domain}")
        rows.append(Answered(domain, ours.__fsci_own__, ours.__fsci_handed_over__))
    return rows


def portfolios() -> list[Portfolio]:
    """Every declared kind of problem and the algorithms that can serve it."""
    answered()  # the public modules declare the kinds
    present = {shelf: find_spec(package) is not None for shelf, package in _NEEDS.items()}
    rows = []
    for kind in registry.kinds().values():
        folder = import_module(f"fsci.kernels.{kind.domain}")
        kernels: dict[str, tuple[str, ...] | None] = {}
        for shelf in _NEEDS:
            if find_spec(f"{folder.__name__}.{shelf}") is None:
                kernels[shelf] = ()
            else:
                kernels[shelf] = tuple(sorted(registry.kernels(kind.name, shelf))) if present[shelf] else None
        rows.append(Portfolio(kind.name, kind.domain, kind.summary, kernels))
    return rows


def as_markdown() -> str:
    """The tables for the README."""
    lines = ["| domain | answered by fsci | handed to SciPy, openly |", "|---|---|---|"]
    for row in answered():
        own, rest = (", ".join(f"`{n}`" for n in names) for names in (row.own, row.handed_over))
        lines.append(f"| `scipy.{row.domain}` | {own} | {rest} |")
    lines += ["", "| problem | on the host | JAX | CuPy |", "|---|---|---|---|"]
    for portfolio in portfolios():
        cells = ("not installed" if k is None else ", ".join(k) or "-" for k in portfolio.kernels.values())
        lines.append(f"| {portfolio.kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
