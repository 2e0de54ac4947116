"""The selector against its own portfolio, on problems that it was not fitted on.

For each held-out problem every kernel that applies is run and timed with its certificate. The
virtual best solver (VBS) takes the cheapest kernel that passes; the single best solver (SBS) is the one
kernel that is best over all problems of the kind, with the safest route behind it where it does not
pass; the selector pays for its probe and for every attempt on its route (Bischl and others, 2016). The gap closed is
(SBS - selector) / (SBS - VBS). Every certificate met on the way is held against independent truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from fsci.core import registry
from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem
from fsci.selector import calibration
from fsci.selector.balls import exactly_singular
from fsci.selector.catalogue import Entry, catalogue
from fsci.selector.ranking import rank
from fsci.selector.tables import Tally
from fsci.selector.truth import TRUTHS, Pair, relative_error

__all__ = ["Report", "judge"]

# A solver that never passes pays its own time and this many times the dearest kernel (PAR10).
_PAR = 10.0

_POLICIES = {"strict": Policy(), "full": Policy(accuracy="full")}


@dataclass(slots=True)
class Row:
    """One problem: seconds to an accepted answer, by kernel (infinity where it does not pass)."""

    name: str
    kind: str
    seconds: dict[str, float]
    spent: dict[str, float]
    selector: float
    route: str


@dataclass(slots=True)
class Report:
    """What the judgement found; `to_dict` for JSON, `str` for people."""

    rows: list[Row] = field(default_factory=list)
    certificates: int = 0
    wrong: list[dict[str, Any]] = field(default_factory=list)
    tightness: dict[str, list[float]] = field(default_factory=dict)

    def by_kind(self) -> dict[str, dict[str, Any]]:
        """Means of SBS, VBS and selector in seconds, and the gap closed, kind by kind.

        Times of one kind span decades, so each problem is weighted by its own VBS time: the
        numbers are mean ratios to the virtual best.
        """
        found: dict[str, dict[str, Any]] = {}
        for kind in sorted({row.kind for row in self.rows}):
            rows = [r for r in self.rows if r.kind == kind and any(map(math.isfinite, r.seconds.values()))]
            if not rows:
                continue
            names = {name for row in rows for name in row.seconds}
            best = [min(row.seconds.values()) for row in rows]
            means = {
                name: float(np.mean([_loss(row, name) / b for row, b in zip(rows, best, strict=True)]))
                for name in names
            }
            sbs = min(means, key=lambda name: (means[name], name))
            own = float(np.mean([row.selector / b for row, b in zip(rows, best, strict=True)]))
            gap = means[sbs] - 1.0
            found[kind] = {
                "problems": len(rows),
                "kernels": len(names),
                "single_best": sbs,
                "sbs": means[sbs],
                "vbs": 1.0,
                "selector": own,
                "gap_closed": (means[sbs] - own) / gap if gap > _NO_GAP else None,
                "first_try": float(np.mean([" > " not in row.route for row in rows])),
            }
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "kinds": self.by_kind(),
            "problems": len(self.rows),
            "certificates": self.certificates,
            "wrong_certificates": len(self.wrong),
            "wrong": self.wrong,
            "bound_over_error": {goal: float(median(v)) for goal, v in self.tightness.items() if v},
        }

    def __str__(self) -> str:
        lines = [f"{'kind':<18} {'problems':>8} {'SBS':>7} {'selector':>8} {'gap closed':>10}  single best"]
        for kind, row in self.by_kind().items():
            closed = "no gap" if row["gap_closed"] is None else f"{row['gap_closed']:.0%}"
            lines.append(
                f"{kind:<18} {row['problems']:>8} {row['sbs']:>7.3g} {row['selector']:>8.3g} "
                f"{closed:>10}  {row['single_best']}"
            )
        lines.append("times are means of ratios to the virtual best solver of the portfolio (VBS = 1)")
        for goal, values in self.tightness.items():
            if values:
                lines.append(f"bound / true error, {goal}: median {median(values):.3g}")
        lines.append(f"certificates held against truth: {self.certificates}; wrong: {len(self.wrong)}")
        lines += [
            f"  WRONG {w['problem']} by {w['kernel']}: bound {w['bound']:.3g}, error {w['error']:.3g}"
            for w in self.wrong
        ]
        return "\n".join(lines)


# One kernel measured twice on a shared machine differs by this: a smaller gap is none.
_NO_GAP = 0.1


def _loss(row: Row, name: str) -> float:
    """Seconds of a lone solver; where it does not pass, the dearest one times `_PAR` besides."""
    seconds = row.seconds.get(name, math.inf)
    if math.isfinite(seconds):
        return seconds
    return row.spent.get(name, 0.0) + _PAR * max(row.spent.values())


def judge(
    entries: Iterable[Entry] | None = None,
    progress: Callable[[str, float], None] | None = None,
    budget: float = 120.0,
) -> Report:
    """Judge every kind of these entries (the held-out half by default) within `budget` seconds."""
    waiting = list(_held_out() if entries is None else entries)
    by_kind: dict[str, list[Entry]] = {}
    for entry in waiting:
        by_kind.setdefault(entry.kind, []).append(entry)
    report, tally, started, granted = Report(), Tally(), perf_counter(), 0.0
    for group in by_kind.values():
        granted += budget * len(group) / len(waiting)
        answered = False
        for done, entry in enumerate(calibration._interleaved(group)):
            if perf_counter() - started > granted or (done >= 3 and not answered):
                break
            if progress is not None:
                progress(entry.name, min((perf_counter() - started) / budget, 1.0))
            diagnosis = calibration.pose(entry)
            if diagnosis is not None and diagnosis.problem is not None:
                answered = True
                _examine(entry, diagnosis.problem, report, tally)
    if progress is not None:
        progress("done", 1.0)
    return report


def _held_out() -> Iterable[Entry]:
    yield from catalogue(half="held_out")
    yield from catalogue(half="held_out", dtypes=("float32", "complex128"), sizes=(20, 150))


def _examine(entry: Entry, problem: Problem, report: Report, tally: Tally) -> None:
    portfolio = registry.kernels(problem.kind, problem.backend)
    probed = registry.probe(problem)
    started = perf_counter()
    registry.probe(problem)
    probing = perf_counter() - started
    seconds: dict[str, float] = {}
    spent: dict[str, float] = {}
    attempts: list[tuple[Attempt, Evidence]] = []
    for name, kernel in portfolio.items():
        evidence = probed if kernel.applies(problem, probed) is None else Evidence()
        if kernel.applies(problem, evidence) is not None:
            continue
        if tally.cold(kernel.key, str(problem.dtype)):
            calibration.run_kernel(kernel, problem, evidence)
        attempt, certificate, took = calibration.timed(kernel, problem, evidence)
        good = calibration.passes(problem, evidence, attempt, certificate, "backward")
        spent[name] = took
        seconds[name] = took if good else math.inf
        attempts.append((attempt, evidence.merged(attempt.facts)))
    _hold_against_truth(entry, problem, attempts, report)
    cost, route = _selected(problem, probed, probing, portfolio, spent, seconds)
    report.rows.append(Row(entry.name, problem.kind, seconds, spent, cost, route))


def _selected(
    problem: Problem,
    probed: Evidence,
    probing: float,
    portfolio: dict[str, Kernel],
    spent: dict[str, float],
    seconds: dict[str, float],
) -> tuple[float, str]:
    """Seconds and route of the selector: the loop, replayed over the timings of this problem."""
    policy = _POLICIES["strict"]
    first = rank(problem, Evidence(), policy).ranking
    cost, tried, evidence = 0.0, [], probed
    if first and first[0].kernel.fast is not None and first[0].kernel.name in spent:
        tried.append(first[0].kernel.name)
    else:
        cost += probing
    while True:
        if not tried:
            pass
        elif math.isfinite(seconds[tried[-1]]):
            return cost + spent[tried[-1]], " > ".join(tried)
        else:
            cost += spent[tried[-1]] + (probing if len(tried) == 1 and cost == 0.0 else 0.0)
            attempt = portfolio[tried[-1]].run(problem, evidence)
            evidence = evidence.merged(attempt.facts)
            if attempt.final:
                break
        ranking = rank(problem, evidence, policy, frozenset(tried)).ranking
        following = next((c.kernel.name for c in ranking if c.kernel.name in spent), None)
        if following is None:
            break
        tried.append(following)
    return cost + _PAR * max(spent.values(), default=0.0), " > ".join(tried)


def _hold_against_truth(
    entry: Entry, problem: Problem, attempts: list[tuple[Attempt, Evidence]], report: Report
) -> None:
    find = TRUTHS.get(problem.kind)
    if find is None or any(np.ndim(o) > 2 for o in problem.operands):
        return
    truth: Pair | None = find(*problem.operands)
    singular = truth is None and _singular(problem)
    if truth is None and not singular:
        return
    for attempt, evidence in attempts:
        for goal, policy in _POLICIES.items():
            if attempt.value is None:
                continue
            certificate: Certificate = registry.check(problem, evidence, attempt, policy)
            if np.ndim(certificate.forward_error) or not math.isfinite(float(certificate.forward_error)):
                continue
            report.certificates += 1
            error = math.inf if truth is None else relative_error(_answer(attempt.value), truth)
            bound = float(certificate.forward_error)
            certified = certificate.worst_verdict == "certified"
            if certified and error > bound:
                report.wrong.append(
                    {"problem": entry.name, "kernel": attempt.kernel, "goal": goal, "bound": bound, "error": error}
                )
            if certified and 0.0 < error < math.inf:
                report.tightness.setdefault(goal, []).append(bound / error)


def _answer(value: Any) -> Any:
    """The array that truth is held against: least squares give it first, with residuals, rank and more."""
    return value[0] if isinstance(value, tuple) else value


def _singular(problem: Problem) -> bool:
    a = problem.operands[0]
    return problem.kind == "linear_system" and a.ndim == 2 and bool(exactly_singular(a))
