"""The nouns: problem, evidence, kernel, attempt, certificate, decision, diagnosis.

Rice's algorithm-selection framework (J. R. Rice, 1976: problem, features,
algorithms, performance), in the field's words. Fields may grow, meanings may not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from fsci.core.render import Rendered, number, plain

__all__ = [
    "Attempt",
    "Candidate",
    "Certificate",
    "Decision",
    "Diagnosis",
    "Evidence",
    "Fact",
    "Kernel",
    "Problem",
    "Refusal",
    "digits_of",
]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


def _empty() -> Mapping[str, Any]:
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
    parameters: Mapping[str, Any] = field(default_factory=_empty)
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

    facts: Mapping[str, Fact] = field(default_factory=_empty)
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
    byproducts: Mapping[str, Any] = field(default_factory=_empty)
    facts: Mapping[str, Fact] = field(default_factory=_empty)
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


def digits_of(forward_error: Any) -> Any:
    """Decimal digits that a relative error bound vouches for: ``floor(-log10(bound))``, at least 0."""
    if isinstance(forward_error, float):
        if not forward_error < 1.0:
            return 0
        return 324 if forward_error <= 0.0 else math.floor(-math.log10(forward_error))
    bound = np.clip(np.nan_to_num(np.asarray(forward_error, dtype=float), nan=1.0, posinf=1.0), 1e-324, 1.0)
    with np.errstate(divide="ignore"):
        return np.minimum(np.floor(-np.log10(bound)), 324).astype(int)


@dataclass(frozen=True, slots=True, repr=False)
class Certificate(Rendered):
    """What can be vouched for in one answer.

    Attributes
    ----------
    verdict : str or ndarray of str
        ``"certified"`` (the bound meets the policy's accuracy), ``"uncertified"``
        (examined, and it does not) or ``"unexamined"``.
    backward_error : float or ndarray
        Relative size of the change in the data that makes the answer exact.
    condition : float or ndarray
        How much a relative change in the data can change the answer.
    forward_error : float or ndarray
        Bound on the relative error of the answer, infinity norm.
    digits : int or ndarray
        ``floor(-log10(forward_error))``, 0 when nothing can be vouched for.
    rigor : str
        ``"rigorous"`` (a proof) or ``"estimated"`` (a condition estimator was used).
    algorithm : str
        Kernel that gave the answer.
    detail : mapping
        The kind's own numbers.
    """

    verdict: Any = "unexamined"
    backward_error: Any = math.inf
    condition: Any = math.inf
    forward_error: Any = math.inf
    digits: Any = 0
    rigor: str = "estimated"
    algorithm: str = ""
    detail: Mapping[str, Any] = field(default_factory=_empty)

    @property
    def worst_verdict(self) -> str:
        """The verdict that holds for every slice of a batch."""
        if isinstance(self.verdict, str):
            return self.verdict
        present = set(np.asarray(self.verdict).ravel().tolist())
        for verdict in ("unexamined", "uncertified"):
            if verdict in present:
                return verdict
        return "certified"

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain Python values, for JSON."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__ if name != "detail"} | {
            "detail": plain(dict(self.detail))
        }

    def title(self) -> str:
        """Verdict, digits and rigour in one line."""
        return f"Certificate: {number(self.verdict)}, {number(self.digits)} digits ({self.rigor}, by {self.algorithm})"

    def rows(self) -> list[tuple[str, str]]:
        """The numbers, and the kind's own."""
        named = ("backward_error", "condition", "forward_error")
        shown = [(name.replace("_", " "), number(getattr(self, name))) for name in named]
        return [*shown, *((k.replace("_", " "), number(v)) for k, v in self.detail.items())]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of a ranking: a kernel, what it costs, how likely it passes, its expected loss."""

    kernel: Kernel
    cost: float
    success: float
    loss: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The ranking of one step, and what it was based on."""

    ranking: tuple[Candidate, ...]
    refusals: tuple[tuple[str, str], ...]
    evidence: Evidence
    evidence_class: str = ""
    calibration: str = ""
    override: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Diagnosis(Rendered):
    """All of one call: problem, evidence, decisions, attempts, certificate, seconds.

    A call that fsci handed to SciPy has a `handover` reason and nothing else.
    """

    function: str
    problem: Problem | None = None
    evidence: Evidence = field(default_factory=Evidence)
    decisions: tuple[Decision, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    certificate: Certificate = field(default_factory=Certificate)
    attempt: Attempt | None = None
    value: Any = None
    seconds: float = 0.0
    handover: str = ""
    notes: tuple[str, ...] = ()

    @property
    def route(self) -> str:
        """Kernels tried, in order: ``"lu_float32 > lu"``."""
        return " > ".join(a.kernel for a in self.attempts) if self.attempts else ("scipy" if self.handover else "")

    def with_value(self, value: Any) -> Diagnosis:
        """The same diagnosis for the value as it was returned to the caller."""
        return replace(self, value=value)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as plain Python values."""
        return {
            "function": self.function,
            "problem": None if self.problem is None else self.problem.describe(),
            "evidence": plain(self.evidence.to_dict()),
            "ranking": [
                [{"kernel": c.kernel.name, "cost": c.cost, "success": c.success, "loss": c.loss} for c in d.ranking]
                for d in self.decisions
            ],
            "refusals": [dict(d.refusals) for d in self.decisions],
            "calibration": self.decisions[0].calibration if self.decisions else "",
            "attempts": [{"kernel": a.kernel, "status": a.status, "seconds": a.seconds} for a in self.attempts],
            "certificate": self.certificate.to_dict(),
            "seconds": self.seconds,
            "handover": self.handover,
            "notes": list(self.notes),
        }

    def title(self) -> str:
        """Function, route and time in one line."""
        where = f"handed to SciPy: {self.handover}" if self.handover else self.route
        return f"Diagnosis of {self.function}: {where} ({self.seconds * 1e3:.3g} ms)"

    def rows(self) -> list[tuple[str, str]]:
        """Problem, evidence, rankings with reasons, attempts, certificate."""
        lines: list[tuple[str, str]] = []
        if self.problem is not None:
            shapes = " ".join(str(tuple(np.shape(o))) for o in self.problem.operands if hasattr(o, "shape"))
            dtype = "" if self.problem.dtype is None else self.problem.dtype.name
            lines.append(("problem", f"{self.problem.kind} {shapes} {dtype} on {self.problem.backend}"))
        lines += [(f"evidence {name}", number(self.evidence.get(name))) for name in self.evidence]
        for step, decision in enumerate(self.decisions, 1):
            lines += [
                (f"ranking {step}.{place}", f"{c.kernel.name}: {c.loss:.3g} s expected, passes {c.success:.0%}")
                for place, c in enumerate(decision.ranking, 1)
            ]
        if self.decisions:
            lines += [(f"refused {name}", reason) for name, reason in self.decisions[0].refusals]
        lines += [(f"attempt {a.kernel}", f"{a.status} ({a.seconds * 1e3:.3g} ms)") for a in self.attempts]
        lines += [("note", note) for note in self.notes]
        return [*lines, ("certificate", self.certificate.title()), *self.certificate.rows()]
