"""Problem, evidence, kernel and attempt: what is asked, what is known, what can be run, what a run left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["Attempt", "Evidence", "Fact", "Kernel", "Problem", "Refusal", "empty"]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


def empty() -> Mapping[str, Any]:
    """The empty mapping, as the default of a frozen field."""
    return _EMPTY


@dataclass(frozen=True, slots=True)
class Problem:
    """One call, normalized.

    Attributes
    ----------
    kind : str
        What is asked: ``"linear_system"``, ``"root_scalar"``, ...
    operands : tuple
        Arrays and callables as given, after promotion to the working dtype.
    parameters : mapping
        Everything else that changes the answer (``transposed``, ``rcond``, ...).
    backend : str
        Shelf the operands live on: ``"host"``, ``"xla"`` or ``"cuda"``.
    dtype : numpy.dtype or None
        Working precision.
    structure : str or None
        Structure that the caller declared (``assume_a``).
    size : int
        The dimension that rounding errors grow with (n of an n-by-n system).
    """

    kind: str
    operands: tuple[Any, ...]
    parameters: Mapping[str, Any] = field(default_factory=empty)
    backend: str = "host"
    dtype: np.dtype[Any] | None = None
    structure: str | None = None
    size: int = 1

    @property
    def unit_roundoff(self) -> float:
        """Unit roundoff u of the working precision (half of ``eps``)."""
        dtype = np.dtype(np.float64) if self.dtype is None else self.dtype
        return _UNIT_ROUNDOFF.get(dtype.char, 2.0**-53)

    def describe(self) -> dict[str, Any]:
        """Shapes, dtypes and parameters: all that may be written to a ledger."""
        shapes = [list(np.shape(o)) if hasattr(o, "shape") else type(o).__name__ for o in self.operands]
        return {
            "kind": self.kind,
            "operands": shapes,
            "parameters": {k: v for k, v in self.parameters.items() if isinstance(v, (str, int, float, bool))},
            "backend": self.backend,
            "dtype": None if self.dtype is None else self.dtype.name,
            "structure": self.structure,
        }


_UNIT_ROUNDOFF = {"f": 2.0**-24, "F": 2.0**-24, "d": 2.0**-53, "D": 2.0**-53, "e": 2.0**-11}


@dataclass(frozen=True, slots=True)
class Fact:
    """One measured fact: its value, whether it is exact, and what it cost in seconds."""

    value: Any
    exact: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a problem: facts by name."""

    facts: Mapping[str, Fact] = field(default_factory=empty)
    seconds: float = 0.0

    def get(self, name: str, default: Any = None) -> Any:
        """Value of the fact `name`, or `default` where nothing is known."""
        fact = self.facts.get(name)
        return default if fact is None else fact.value

    def __contains__(self, name: str) -> bool:
        return name in self.facts

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def merged(self, facts: Mapping[str, Fact]) -> Evidence:
        """Evidence with `facts` added; newer facts win."""
        return self if not facts else Evidence({**self.facts, **facts}, self.seconds)

    @classmethod
    def of(cls, *, exact: bool = True, seconds: float = 0.0, **values: Any) -> Evidence:
        """Evidence from plain values, all exact or all estimated."""
        return cls({k: Fact(v, exact) for k, v in values.items()}, seconds)

    def to_dict(self) -> dict[str, Any]:
        """Values by name, for reports."""
        return {k: f.value for k, f in self.facts.items()}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a kernel does not apply: a sentence for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a run left. A run never raises on numerics.

    Attributes
    ----------
    value : object
        The answer, or None where there is none.
    status : str
        ``"ok"``, or what went wrong: ``"singular"``, ``"not_definite"``,
        ``"stalled"``, ``"nonfinite"``, ``"not_converged"``.
    byproducts : mapping
        Factor, pivots, rcond, iterations, residual history: for the check and the next kernel.
    facts : mapping of str to Fact
        What the run found out about the problem; it steers the next choice.
    final : bool
        True if the status is the problem's own (an exactly singular matrix),
        so that no other kernel of the portfolio can do better.
    """

    value: Any
    status: str = "ok"
    byproducts: Mapping[str, Any] = field(default_factory=empty)
    facts: Mapping[str, Fact] = field(default_factory=empty)
    final: bool = False
    kernel: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """An algorithm as data.

    Attributes
    ----------
    name, kind, shelf : str
        ``"lu"``, ``"linear_system"``, ``"host"``.
    applies : callable
        ``applies(problem, evidence)`` gives None, or a `Refusal`. Facts that
        nobody measured are absent; a kernel that needs one refuses.
    work : callable
        ``work(problem, evidence)``: the abstract work (flops, bytes) that its
        measured cost is tabulated against.
    run : callable
        ``run(problem, evidence)`` gives an `Attempt`.
    fast : callable, optional
        ``fast(*operands)``: scan, compute and certify in one compiled call, for
        the plan cache; gives the value, or None to decline.
    safest : bool
        The kernel that the kind falls back to when its monitor alarms.
    source : str
        Where the method comes from (author, year, routine).
    tags : frozenset of str
        Traits that a policy can ask about: ``"repair"``, ``"rigorous"``, ...
    """

    name: str
    kind: str
    shelf: str
    applies: Callable[[Problem, Evidence], Refusal | None]
    work: Callable[[Problem, Evidence], float]
    run: Callable[[Problem, Evidence], Attempt]
    fast: Callable[..., Any] | None = None
    safest: bool = False
    source: str = ""
    tags: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """``kind/shelf/name``, the key of the cost and success tables."""
        return f"{self.kind}/{self.shelf}/{self.name}"
