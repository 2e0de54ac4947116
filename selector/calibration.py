"""Calibration: measured seconds and counted passes of every kernel, on the calibration half.

Each problem is posed by calling its public function, so that kernels see the `Problem`
that they will see in use; every kernel that applies is then run, timed and judged by the
acceptance rule of each goal. The tables go to the user's cache folder, with the machine they came from.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from numpy.linalg import LinAlgError

from fsci.core import profile, registry
from fsci.core.frames import policy as policy_block
from fsci.core.frames import trace
from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Diagnosis, Evidence, Kernel, Problem
from fsci.selector import success
from fsci.selector.catalogue import POSES, Entry, catalogue
from fsci.selector.loop import accepts
from fsci.selector.tables import Tally, machine_text, stamped

__all__ = ["GOALS", "calibrate", "calibration_entries", "measure", "pose", "report", "write_tables"]

# What must pass, by goal: the policies under which the acceptance rule is asked.
GOALS = {
    "backward": Policy(),
    "standard": Policy(mode="hardened"),
    "full": Policy(accuracy="full"),
    "verified": Policy(accuracy="verified"),
}

# Repetitions of one timing: enough of them, or enough seconds, but three (one where it takes a second:
# what another process adds to so long a run is a small share).
_REPEATS, _REPEAT_SECONDS, _LEAST, _LONG = 12, 0.06, 3, 1.0

# Problems larger than this are for the costs; outcomes are counted on the many small ones.
_OUTCOME_ORDER = 500

# Share of the budget by kind; the rest have one unit each.
_SHARE = {"linear_system": 5.0, "least_squares": 3.0, "batched_system": 1.0}

Progress = Callable[[str, float], None]


def pose(entry: Entry) -> Diagnosis | None:
    """Call the entry's public function, and give the diagnosis of it; None where SciPy answers."""
    domain, _, name = entry.function.partition(".")
    function = getattr(import_module(f"fsci.{domain}"), name)
    operands = entry.operands()
    with warnings.catch_warnings(), policy_block(mode="strict", accuracy="standard"), trace() as log:
        warnings.simplefilter("ignore")
        with suppress(LinAlgError, ValueError, ArithmeticError):  # singular: the diagnosis is in the log
            function(*operands)
    return next((d for d in reversed(log) if d.problem is not None and d.function == entry.function), None)


def run_kernel(kernel: Kernel, problem: Problem, evidence: Evidence) -> tuple[Attempt, Certificate, float]:
    """One run with its strict certificate, and the seconds of both."""
    started = perf_counter()
    attempt = replace(kernel.run(problem, evidence), kernel=kernel.name)
    certificate = Certificate(verdict="uncertified")
    if attempt.value is not None:
        certificate = registry.check(problem, evidence.merged(attempt.facts), attempt, GOALS["backward"])
    return attempt, certificate, perf_counter() - started


def timed(kernel: Kernel, problem: Problem, evidence: Evidence) -> tuple[Attempt, Certificate, float]:
    """As `run_kernel`, with the least seconds of a few runs: what other processes add is no cost of the kernel."""
    attempt, certificate, best = run_kernel(kernel, problem, evidence)
    spent = best
    for done in range(1, _REPEATS):
        if best > _LONG or (done >= _LEAST and spent > _REPEAT_SECONDS):
            break
        seconds = run_kernel(kernel, problem, evidence)[2]
        best, spent = min(best, seconds), spent + seconds
    return attempt, certificate, best


def passes(problem: Problem, evidence: Evidence, attempt: Attempt, certificate: Certificate, goal: str) -> bool:
    """Whether the attempt meets the acceptance rule of `goal`."""
    policy = GOALS[goal]
    if attempt.value is None:
        return False
    if goal != "backward":
        certificate = registry.check(problem, evidence.merged(attempt.facts), attempt, policy)
    return accepts(problem, attempt, certificate, policy)


def examine(problem: Problem, tally: Tally) -> None:
    """Run every kernel that applies to `problem`; add seconds and passes to `tally`."""
    portfolio = registry.kernels(problem.kind, problem.backend)
    classify = registry.kind(problem.kind).classify
    probed = registry.probe(problem)
    dtype = "float64" if problem.dtype is None else problem.dtype.name
    results: dict[str, tuple[Attempt, dict[str, bool]]] = {}
    for kernel in portfolio.values():
        evidence = probed if kernel.applies(problem, probed) is None else Evidence()
        if kernel.applies(problem, evidence) is not None:
            continue
        work = kernel.work(problem, evidence)
        if tally.cold(kernel.key, dtype):
            tally.cold_seconds += run_kernel(kernel, problem, evidence)[2]  # compiles, or loads
        attempt, certificate, seconds = timed(kernel, problem, evidence)
        if attempt.status == "ok":
            tally.add_time(kernel.key, dtype, work, seconds)
        rigorous = any("rigorous" in k.tags for k in portfolio.values())
        goals = [g for g in GOALS if g != "verified" or not rigorous or "rigorous" in kernel.tags]
        if problem.size > _OUTCOME_ORDER:
            goals = ["backward"]
        results[kernel.name] = attempt, {g: passes(problem, probed, attempt, certificate, g) for g in goals}
    # The same outcome counts in every class that the loop can meet this problem in: before
    # the probe, after it, and with what a failed attempt found out.
    states = {classify(problem, e): e for e in (Evidence(), probed)}
    for attempt, _ in results.values():
        if attempt.facts:
            after = probed.merged(attempt.facts)
            states.setdefault(classify(problem, after), after)
    for name, (_, passed) in results.items():
        for label, evidence in states.items():
            if portfolio[name].applies(problem, evidence) is None:
                for goal, good in passed.items():
                    tally.add_outcome(portfolio[name].key, goal, label, good)


def calibration_entries() -> list[Entry]:
    """The calibration half: small orders in every dtype, larger ones in double, largest for the costs."""
    entries = list(catalogue(half="calibration"))
    entries += catalogue(half="calibration", dtypes=("float32", "complex128", "complex64"), sizes=(8, 60))
    for kind, p in POSES.items():
        if p.cost_sizes:
            entries += catalogue([kind], "calibration", ["scalable"], ("float64", "float32"), p.cost_sizes)
    return entries


def measure(
    progress: Progress | None = None, budget: float = 180.0, entries: Iterable[Entry] | None = None
) -> dict[str, dict[str, Any]]:
    """Measure this machine; give the tables ``{"profile": ..., "success": ...}`` and write nothing.

    Parameters
    ----------
    progress : callable, optional
        ``progress(what, share)``, share from 0 to 1.
    budget : float
        Seconds, not counting what compiling takes (`fsci warmup` does that ahead); what
        was not reached keeps the values in force.
    entries : iterable of Entry, optional
        Instead of the calibration half of the generated catalogue.
    """
    by_kind: dict[str, list[Entry]] = {}
    for entry in calibration_entries() if entries is None else entries:
        by_kind.setdefault(entry.kind, []).append(entry)
    total = sum(_SHARE.get(kind, 1.0) for kind in by_kind)
    started, tally, granted = perf_counter(), Tally(), 0.0
    for kind, waiting in by_kind.items():
        # What one kind leaves unused goes to the next.
        granted += budget * _SHARE.get(kind, 1.0) / total
        for done, entry in enumerate(_interleaved(waiting)):
            if perf_counter() - started - tally.cold_seconds > granted:
                break
            if progress is not None:
                progress(entry.name, min((perf_counter() - started) / budget, 1.0))
            diagnosis = pose(entry)
            if diagnosis is None or diagnosis.problem is None:
                if done >= _UNANSWERED and not tally.kinds.get(kind):
                    break  # SciPy answers this function
                continue
            tally.kinds[kind] = tally.kinds.get(kind, 0) + 1
            examine(diagnosis.problem, tally)
    if progress is not None:
        progress("done", 1.0)
    return stamped(tally, profile.load_profile(), success.load_success(), machine_text())


def calibrate(progress: Progress | None = None, budget: float = 180.0, write: bool = True) -> dict[str, Any]:
    """Measure this machine, and use the tables from now on; gives a summary.

    Parameters
    ----------
    progress, budget
        As `measure` takes them.
    write : bool
        Put the tables into the user's cache folder; False only measures.
    """
    tables = measure(progress, budget)
    folder = profile.cache_folder()
    if write:
        write_tables(tables, folder / "profile.json", folder / "success.json")
        profile.reset()
        success.reset()
    return {
        "profile": tables["profile"]["version"],
        "success": tables["success"]["version"],
        "machine": tables["profile"]["machine"],
        "measurement": tables["profile"]["measurement"],
        "kernels": len(tables["success"]["kernels"]),
        "folder": str(folder) if write else "",
    }


_UNANSWERED = 3


def _interleaved(entries: list[Entry]) -> list[Entry]:
    """By turns from each order and dtype, so that a short budget reaches all of them."""
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: e.seed):
        groups.setdefault((entry.shape[-1], entry.dtype), []).append(entry)
    largest = max((len(g) for g in groups.values()), default=0)
    ranked = [
        ((place + 0.5) * largest / len(group), entry) for group in groups.values() for place, entry in enumerate(group)
    ]
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]


def write_tables(tables: dict[str, dict[str, Any]], profile_path: Path, success_path: Path) -> None:
    """Write both tables as JSON, complete or not at all."""
    for name, path in (("profile", profile_path), ("success", success_path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = path.with_suffix(".part")
        waiting.write_text(json.dumps(tables[name], indent=1, sort_keys=True) + "\n", encoding="utf-8")
        waiting.replace(path)


def report(
    entries: Iterable[Entry] | None = None, progress: Progress | None = None, budget: float = 120.0
) -> dict[str, Any]:
    """Judge the selector on the held-out half (see `fsci.selector.judge`); ``"text"`` holds it in words."""
    from fsci.selector.judge import judge

    found = judge(entries, progress, budget)
    return {**found.to_dict(), "text": str(found)}
