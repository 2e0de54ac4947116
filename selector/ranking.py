"""Ranking by expected loss.

State: what the evidence class leaves open. Loss: seconds until an accepted
answer, and a penalty for ending without one. Action: the order of kernels
with the least expected loss. For independent trials with cost c and success
probability p that order is by c / p (the classic exchange argument; see
Simon and Kadane, 1975); the loss of a kernel in it is
c + (1 - p) * (loss of the next).

A call that no plan answers pays for this in Python: what depends on no content (the portfolio,
posteriors of a class) is looked up once per table and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.core import profile, registry
from fsci.core.errors import PolicyError
from fsci.core.policy import Policy
from fsci.core.types import Candidate, Decision, Evidence, Kernel, Problem
from fsci.selector import success as posterior

__all__ = ["Order", "best_without_evidence", "ordered", "rank"]

# Ending uncertified costs as much as this many times the dearest kernel: asymmetric,
# so that a cheap kernel that often fails does not win by being cheap.
UNCERTIFIED_PENALTY = 10.0

_NO_EVIDENCE = Evidence()
_DTYPE_NAMES = {c: np.dtype(c).name for c in "fdFD"}
_KEPT = 4096  # signatures remembered before the memory is emptied: a guard, not a tuning

Option = tuple[float, float, Kernel]  # seconds, probability of passing, kernel


@dataclass(slots=True)
class Order:
    """A ranking before anybody asks to see it."""

    options: list[Option]
    refusals: list[tuple[str, str]]
    evidence_class: str
    forced: str
    passing: dict[str, tuple[float, float]]


class _Memory:
    """What is kept while the same two tables are in force."""

    def __init__(self) -> None:
        self.tables: tuple[Any, Any] = (None, None)
        self.posteriors: dict[tuple[str, str, str, str], dict[str, tuple[float, float]]] = {}
        self.first: dict[Any, Kernel | None] = {}

    def current(self) -> _Memory:
        tables = profile.load_profile(), posterior.load_success()
        if tables[0] is not self.tables[0] or tables[1] is not self.tables[1]:
            self.tables = tables
            self.posteriors.clear()
            self.first.clear()
        return self


_memory = _Memory()


def _posteriors(
    problem: Problem, goal: str, evidence_class: str, portfolio: dict[str, Kernel]
) -> dict[str, tuple[float, float]]:
    """By kernel: mean probability of passing, and what it is at the least (two deviations below)."""
    kept = _memory.current().posteriors
    key = problem.kind, problem.backend, goal, evidence_class
    found = kept.get(key)
    if found is None or len(found) != len(portfolio):
        found = kept[key] = {}
        for name, kernel in portfolio.items():
            mean = posterior.success(kernel.key, goal, evidence_class)
            found[name] = mean, mean - 2.0 * posterior.spread(kernel.key, goal, evidence_class)
    return found


def ordered(
    problem: Problem,
    evidence: Evidence,
    policy: Policy,
    excluded: frozenset[str] = frozenset(),
    safest_first: bool = False,
) -> Order:
    """Kernels that apply, by cost over probability; `excluded` names those already tried."""
    portfolio = registry.kernels(problem.kind, problem.backend)
    evidence_class = registry.kind(problem.kind).classify(problem, evidence)
    passing = _posteriors(problem, posterior.goal_of(policy), evidence_class, portfolio)
    forced = policy.overrides.get(problem.kind, "") if policy.overrides else ""
    if forced and forced not in portfolio:
        raise PolicyError(
            f"policy overrides: {problem.kind} has no kernel {forced!r} on {problem.backend}; "
            f"it has {', '.join(sorted(portfolio))}"
        )
    dtype = "float64" if problem.dtype is None else _DTYPE_NAMES.get(problem.dtype.char) or problem.dtype.name
    proof_only = policy.accuracy == "verified" and _has_rigorous(portfolio)
    order = Order([], [], evidence_class, forced, passing)
    for name, kernel in portfolio.items():
        if name in excluded:
            continue
        refusal = kernel.applies(problem, evidence)
        if refusal is not None:
            order.refusals.append((name, refusal.reason))
        elif proof_only and "rigorous" not in kernel.tags:
            order.refusals.append((name, "accuracy='verified' asks for a rigorous bound"))
        else:
            seconds = profile.seconds(kernel.key, dtype, kernel.work(problem, evidence))
            order.options.append((seconds, passing[name][0], kernel))
    if len(order.options) > 1:
        order.options.sort(
            key=lambda row: (row[2].name != forced, safest_first and not row[2].safest, row[0] / row[1], row[2].name)
        )
    return order


def decision_of(order: Order, evidence: Evidence) -> Decision:
    """The ranking with its expected losses, for the record."""
    loss = UNCERTIFIED_PENALTY * max((cost for cost, _, _ in order.options), default=0.0)
    ranking: list[Candidate] = []
    for cost, probability, kernel in reversed(order.options):
        loss = cost + (1.0 - probability) * loss
        ranking.append(Candidate(kernel, cost, probability, loss))
    version = f"{profile.version()}/{posterior.version()}"
    return Decision(
        tuple(reversed(ranking)), tuple(order.refusals), evidence, order.evidence_class, version, order.forced
    )


def rank(problem: Problem, evidence: Evidence, policy: Policy, excluded: frozenset[str] = frozenset()) -> Decision:
    """Order the kernels that apply; `excluded` names those already tried."""
    return decision_of(ordered(problem, evidence, policy, excluded), evidence)


def _has_rigorous(portfolio: dict[str, Kernel]) -> bool:
    return any("rigorous" in kernel.tags for kernel in portfolio.values())


def best_without_evidence(problem: Problem, policy: Policy, key: Any = None) -> Kernel | None:
    """The kernel for a problem of which only shape and dtype are known: it depends on no content.

    Parameters
    ----------
    key : hashable, optional
        Call signature to remember the choice by. Memory order and flags are no part of a
        signature, so a remembered kernel is asked again whether it applies.
    """
    kept = _memory.current().first
    goal = posterior.goal_of(policy)
    memory_key = problem.kind, problem.backend, goal, problem.structure, key
    if key is not None and memory_key in kept:
        kernel = kept[memory_key]
        if kernel is None or kernel.applies(problem, _NO_EVIDENCE) is None:
            return kernel
    options = ordered(problem, _NO_EVIDENCE, policy).options
    kernel = options[0][2] if options else None
    if key is not None:
        if len(kept) >= _KEPT:
            kept.clear()
        kept[memory_key] = kernel
    return kernel
