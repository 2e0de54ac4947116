"""The loop: probe, rank, run, certify, accept, or hand the by-products to the next."""

from __future__ import annotations

import math
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from fsci.core import registry
from fsci.core.frames import FRAME, Frame
from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Decision, Diagnosis, Evidence, Kernel, Problem
from fsci.selector.ranking import best_without_evidence, rank

__all__ = ["accepts", "run"]

# Signatures kept in a plan cache before it is emptied: a guard on memory, not a tuning.
_PLANS_KEPT = 4096


def run(problem: Problem, function: str, plan_key: Any = None) -> Diagnosis:
    """Answer `problem` by the least expected loss; never raises on numerics.

    Parameters
    ----------
    problem : Problem
    function : str
        Public name, for the record: ``"linalg.solve"``.
    plan_key : hashable, optional
        Call signature (shapes and dtypes). The fused kernel that wins on shape
        and dtype alone is then tried first, and kept in the plan cache.

    Returns
    -------
    Diagnosis
        Its ``.attempt`` is the accepted one, else the best seen; ``.certificate`` is its own.
    """
    started = perf_counter()
    frame = FRAME.get()
    first = None if plan_key is None else _plan(problem, frame, plan_key)
    evidence = Evidence() if first is not None else _probed(problem)
    decisions: list[Decision] = []
    tried: list[tuple[Attempt, Certificate]] = []
    accepted = None
    while accepted is None:
        names = frozenset(attempt.kernel for attempt, _ in tried)
        if first is not None and not tried:
            kernel, decision = first, rank(problem, evidence, frame.policy)
        else:
            if len(tried) == 1 and first is not None:
                evidence = _probed(problem).merged(evidence.facts)
            decision = rank(problem, evidence, frame.policy, names)
            if not decision.ranking:
                decisions.append(decision)
                break
            kernel = decision.ranking[0].kernel
        decisions.append(decision)
        attempt, certificate = _attempted(kernel, problem, evidence, frame)
        tried.append((attempt, certificate))
        if accepts(problem, attempt, certificate, frame.policy):
            accepted = attempt, certificate
        elif attempt.final:
            break
        evidence = evidence.merged(attempt.facts)
    attempt, certificate = accepted or _best(tried)
    diagnosis = Diagnosis(
        function=function,
        problem=problem,
        evidence=evidence,
        decisions=tuple(decisions),
        attempts=tuple(a for a, _ in tried),
        certificates=tuple(c for _, c in tried),
        certificate=certificate,
        attempt=attempt,
        value=attempt.value,
        seconds=perf_counter() - started,
        notes=() if accepted else ("no kernel passed the policy's acceptance rule; this is the best one seen",),
    )
    _record(diagnosis, frame)
    return diagnosis


def _probed(problem: Problem) -> Evidence:
    started = perf_counter()
    evidence = registry.probe(problem)
    return Evidence(evidence.facts, perf_counter() - started)


def _plan(problem: Problem, frame: Frame, key: Any) -> Kernel | None:
    """The fused kernel for this signature; it enters the plan cache where the frame allows that."""
    if frame.policy.wants_forward or frame.policy.overrides:
        return None
    kernel = best_without_evidence(problem, frame.policy)
    if kernel is None or kernel.fast is None:
        return None
    if frame.may_plan:
        if len(frame.plans) >= _PLANS_KEPT:
            frame.plans.clear()
        frame.plans[key] = kernel.fast
    return kernel


def _attempted(kernel: Kernel, problem: Problem, evidence: Evidence, frame: Frame) -> tuple[Attempt, Certificate]:
    started = perf_counter()
    attempt = kernel.run(problem, evidence)
    attempt = replace(attempt, kernel=kernel.name, seconds=perf_counter() - started)
    if attempt.value is None:
        return attempt, Certificate(verdict="uncertified", algorithm=kernel.name)
    asked = frame.log is not None or frame.policy.wants_forward
    if registry.kind(problem.kind).certificate_on_request and not asked:
        return attempt, Certificate(algorithm=kernel.name)
    return attempt, registry.check(problem, evidence.merged(attempt.facts), attempt, frame.policy)


def accepts(problem: Problem, attempt: Attempt, certificate: Certificate, policy: Policy) -> bool:
    """The acceptance rule of `policy`, for kinds whose certificates are made on request only, too."""
    # Asking for a certificate must not change the route.
    if registry.kind(problem.kind).certificate_on_request and not policy.wants_forward:
        return attempt.status == "ok"
    return policy.accepts(problem, attempt, certificate)


def _best(tried: list[tuple[Attempt, Certificate]]) -> tuple[Attempt, Certificate]:
    """The attempt to return when none was accepted: never simply the last one."""
    if not tried:
        return Attempt(None, status="refused", final=True), Certificate(verdict="uncertified")

    def rank_of(pair: tuple[Attempt, Certificate]) -> tuple[bool, bool, float, float]:
        attempt, certificate = pair
        forward, backward = _worst(certificate.forward_error), _worst(certificate.backward_error)
        return attempt.value is None, certificate.worst_verdict != "certified", forward, backward

    # A final status is the problem's own, and is what the caller must hear about.
    return next((pair for pair in tried if pair[0].final), None) or min(tried, key=rank_of)


def _worst(bound: Any) -> float:
    largest = float(np.max(bound, initial=0.0))
    return math.inf if math.isnan(largest) else largest


def _record(diagnosis: Diagnosis, frame: Frame) -> None:
    decision = diagnosis.decisions[0]
    if decision.override:
        frame.ledger.record("override", diagnosis.function, kernel=decision.override)
    if len(diagnosis.attempts) > 1:
        frame.ledger.record(
            "escalation",
            diagnosis.function,
            route=diagnosis.route,
            statuses=[a.status for a in diagnosis.attempts],
            backward_errors=[_worst(c.backward_error) for c in diagnosis.certificates],
        )
    if diagnosis.certificate.worst_verdict != "certified" and frame.policy.wants_forward:
        frame.ledger.record("uncertified", diagnosis.function, **diagnosis.certificate.to_dict())
    if frame.policy.record_all:
        frame.ledger.record("decision", diagnosis.function, **diagnosis.to_dict())
    if frame.log is not None:
        frame.log.append(diagnosis)
