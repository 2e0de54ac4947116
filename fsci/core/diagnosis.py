"""Candidate, decision and diagnosis: how a call was decided, and all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fsci.core.certificate import Certificate
from fsci.core.problem import Attempt, Evidence, Kernel, Problem
from fsci.core.render import Rendered, number, plain

__all__ = ["Candidate", "Decision", "Diagnosis"]


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
