"""Ranking by expected loss.

State: what the evidence class leaves open. Loss: seconds until an accepted
answer, and a penalty for ending without one. Action: the order of kernels
with the least expected loss. For independent trials with cost c and success
probability p that order is by c / p (the classic exchange argument; see
Simon and Kadane, 1975); the loss of a kernel in it is
c + (1 - p) * (loss of the next).
"""

from __future__ import annotations

from fsci.core import profile, registry
from fsci.core.errors import PolicyError
from fsci.core.policy import Policy
from fsci.core.types import Candidate, Decision, Evidence, Kernel, Problem
from fsci.selector import success as posterior

__all__ = ["best_without_evidence", "rank"]

# Ending uncertified costs as much as this many times the dearest kernel: asymmetric,
# so that a cheap kernel that often fails does not win by being cheap.
UNCERTIFIED_PENALTY = 10.0

_NO_EVIDENCE = Evidence()


def _cost(kernel: Kernel, problem: Problem, evidence: Evidence) -> float:
    dtype = "float64" if problem.dtype is None else problem.dtype.name
    return profile.seconds(kernel.key, dtype, kernel.work(problem, evidence))


def rank(problem: Problem, evidence: Evidence, policy: Policy, excluded: frozenset[str] = frozenset()) -> Decision:
    """Order the kernels that apply; `excluded` names those already tried."""
    portfolio = registry.kernels(problem.kind, problem.backend)
    evidence_class = registry.kind(problem.kind).classify(problem, evidence)
    goal = posterior.goal_of(policy)
    forced = policy.overrides.get(problem.kind, "")
    if forced and forced not in portfolio:
        raise PolicyError(
            f"policy overrides: {problem.kind} has no kernel {forced!r} on {problem.backend}; "
            f"it has {', '.join(sorted(portfolio))}"
        )
    refusals: list[tuple[str, str]] = []
    options: list[tuple[float, float, Kernel]] = []
    for name, kernel in portfolio.items():
        if name in excluded:
            continue
        refusal = kernel.applies(problem, evidence)
        if refusal is not None:
            refusals.append((name, refusal.reason))
            continue
        if policy.accuracy == "verified" and "rigorous" not in kernel.tags and _has_rigorous(portfolio):
            refusals.append((name, "accuracy='verified' asks for a rigorous bound"))
            continue
        options.append((_cost(kernel, problem, evidence), posterior.success(kernel.key, goal, evidence_class), kernel))
    options.sort(key=lambda row: (row[2].name != forced, row[0] / row[1], row[2].name))
    loss = UNCERTIFIED_PENALTY * max((cost for cost, _, _ in options), default=0.0)
    ranking: list[Candidate] = []
    for cost, probability, kernel in reversed(options):
        loss = cost + (1.0 - probability) * loss
        ranking.append(Candidate(kernel, cost, probability, loss))
    version = f"{profile.version()}/{posterior.version()}"
    return Decision(tuple(reversed(ranking)), tuple(refusals), evidence, evidence_class, version, forced)


def _has_rigorous(portfolio: dict[str, Kernel]) -> bool:
    return any("rigorous" in kernel.tags for kernel in portfolio.values())


def best_without_evidence(problem: Problem, policy: Policy) -> Kernel | None:
    """The kernel for a problem of which only shape and dtype are known: it depends on no content."""
    ranking = rank(problem, _NO_EVIDENCE, policy).ranking
    return ranking[0].kernel if ranking else None
