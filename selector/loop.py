"""The loop: probe, rank, run, certify, accept, or hand the by-products to the next."""

from __future__ import annotations

import math
from time import perf_counter
from typing import Any

import numpy as np

from fsci.core import registry
from fsci.core.frames import FRAME, Frame
from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Diagnosis, Evidence, Kernel, Problem
from fsci.selector.monitor import CONTRADICTION_RATE, HOLDS, MONITOR, PASSES
from fsci.selector.ranking import Order, best_without_evidence, decision_of, ordered

__all__ = ["accepts", "run"]

# Signatures kept in a plan cache before it is emptied: a guard on memory, not a tuning.
_PLANS_KEPT = 4096

_NONE: frozenset[str] = frozenset()
_NO_EVIDENCE = Evidence()
_NOTE = ("no kernel passed the policy's acceptance rule; this is the best one seen",)


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
    policy = frame.policy
    safest = policy.adaptive and MONITOR.alarmed(problem.kind)
    first, declined = (None, _NONE) if plan_key is None or safest else _plan(problem, frame, plan_key)
    evidence = _NO_EVIDENCE if first is not None else _probed(problem)
    orders: list[tuple[Order, Evidence]] = []
    tried: list[tuple[Attempt, Certificate]] = []
    excluded, accepted = declined, None
    while accepted is None:
        if first is not None and len(tried) == 1:
            evidence = _probed(problem).merged(evidence.facts)
        if first is not None and not tried and not _told(frame):
            kernel = first
        else:
            order = ordered(problem, evidence, policy, excluded, safest)
            orders.append((order, evidence))
            if not order.options and declined and not tried:
                excluded = declined = _NONE  # nobody else can: let it say why
                orders.pop()
                continue
            if not order.options:
                break
            kernel = order.options[0][2] if first is None or tried else first
        attempt, certificate = _attempted(kernel, problem, evidence, frame)
        tried.append((attempt, certificate))
        excluded |= {kernel.name}
        if accepts(problem, attempt, certificate, policy):
            accepted = attempt, certificate
        elif attempt.final:
            break
        evidence = evidence.merged(attempt.facts)
    blind = registry.kind(problem.kind).certificate_on_request and not policy.wants_forward
    attempt, certificate = accepted or _best(tried, blind)
    # The decisions are drawn up for those who can look at them.
    seen = _told(frame) or accepted is None or len(tried) > 1
    diagnosis = Diagnosis(
        function=function,
        problem=problem,
        evidence=evidence,
        decisions=tuple([decision_of(order, known) for order, known in orders]) if seen else (),
        attempts=tuple([a for a, _ in tried]),
        certificates=tuple([c for _, c in tried]),
        certificate=certificate,
        attempt=attempt,
        value=attempt.value,
        seconds=perf_counter() - started,
        notes=() if accepted else _NOTE,
    )
    if first is None and not declined and orders and tried and not safest:
        _observe(problem, orders[0][0], tried, accepted is not None, function, frame)
    _record(diagnosis, frame, policy)
    return diagnosis


def _told(frame: Frame) -> bool:
    """Whether somebody will see the decisions of an ordinary call."""
    policy = frame.policy
    return frame.log is not None or policy.record_all or policy.wants_forward or bool(policy.overrides)


def _observe(
    problem: Problem,
    order: Order,
    tried: list[tuple[Attempt, Certificate]],
    accepted: bool,
    function: str,
    frame: Frame,
) -> None:
    """Let the monitor bet on the first choice and, where there are two bounds, on their agreement."""
    if problem.backend == "host":
        # What the posterior says at the least: its own error must not raise an alarm.
        least = order.passing[order.options[0][2].name][1]
        _bet(problem.kind, PASSES, least, accepted and len(tried) == 1, function, frame)
    agree = None if len(tried) < 2 else _agree(tried)
    if agree is not None:
        _bet(problem.kind, HOLDS, 1.0 - CONTRADICTION_RATE, agree, function, frame)


def _bet(kind: str, hypothesis: str, probability: float, success: bool, function: str, frame: Frame) -> None:
    alarm = MONITOR.observe(kind, hypothesis, probability, success)
    if alarm is not None:
        change = "runs its safest kernel from now on" if frame.policy.adaptive else "route unchanged (not adaptive)"
        frame.ledger.record("alarm", function, kind=kind, hypothesis=hypothesis, e_value=alarm, consequence=change)


def _agree(tried: list[tuple[Attempt, Certificate]]) -> bool | None:
    """Whether the first two bounded answers lie within their bounds of each other; None without two bounds."""
    bounded = [
        (a.value, c.forward_error)
        for a, c in tried
        if isinstance(a.value, np.ndarray) and isinstance(c.forward_error, float) and c.forward_error < 1.0
    ]
    if len(bounded) < 2 or bounded[0][0].shape != bounded[1][0].shape or bounded[0][0].size == 0:
        return None
    (x, bound_x), (y, bound_y) = bounded[:2]
    size_x, size_y = float(np.abs(x).max()), float(np.abs(y).max())
    # |x - t| <= bound_x |t| and |t| <= |x| / (1 - bound_x), for either.
    room = bound_x / (1.0 - bound_x) * size_x + bound_y / (1.0 - bound_y) * size_y
    return float(np.abs(x - y).max()) <= room


def _probed(problem: Problem) -> Evidence:
    started = perf_counter()
    evidence = registry.probe(problem)
    return Evidence(evidence.facts, perf_counter() - started)


def _plan(problem: Problem, frame: Frame, key: Any) -> tuple[Kernel | None, frozenset[str]]:
    """The fused kernel for this signature, which enters the plan cache where the frame allows that.

    Where it is there already, the call itself has tried it: then its name, to leave out.
    """
    if frame.policy.wants_forward or frame.policy.overrides:
        return None, _NONE
    kernel = best_without_evidence(problem, frame.policy, key)
    if kernel is None or kernel.fast is None:
        return None, _NONE
    if frame.may_plan:
        if key in frame.plans:
            return None, frozenset([kernel.name])
        if len(frame.plans) >= _PLANS_KEPT:
            frame.plans.clear()
        frame.plans[key] = kernel.fast
    return kernel, _NONE


def _attempted(kernel: Kernel, problem: Problem, evidence: Evidence, frame: Frame) -> tuple[Attempt, Certificate]:
    started = perf_counter()
    attempt = kernel.run(problem, evidence)
    attempt = Attempt(
        attempt.value,
        attempt.status,
        attempt.byproducts,
        attempt.facts,
        attempt.final,
        kernel.name,
        perf_counter() - started,
    )
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


def _best(tried: list[tuple[Attempt, Certificate]], blind: bool = False) -> tuple[Attempt, Certificate]:
    """The attempt to return when none was accepted: never simply the last one.

    `blind` to certificates that are made on request only, it takes the least ``recurrence_residual``, else the first.
    """
    if not tried:
        return Attempt(None, status="refused", final=True), Certificate(verdict="uncertified")

    def rank_of(pair: tuple[Attempt, Certificate]) -> tuple[bool, bool, float, float]:
        attempt, certificate = pair
        if blind:
            return attempt.value is None, False, _left(attempt), 0.0
        forward, backward = _worst(certificate.forward_error), _worst(certificate.backward_error)
        return attempt.value is None, certificate.worst_verdict != "certified", forward, backward

    # A final status is the problem's own, and is what the caller must hear about.
    return next((pair for pair in tried if pair[0].final), None) or min(tried, key=rank_of)


def _left(attempt: Attempt) -> float:
    """What the attempt itself thinks is left of the residual; infinity where it does not say."""
    residual = attempt.byproducts.get("recurrence_residual")
    return math.inf if residual is None else _worst(np.abs(residual))


def _worst(bound: Any) -> float:
    largest = float(np.max(bound, initial=0.0))
    return math.inf if math.isnan(largest) else largest


def _record(diagnosis: Diagnosis, frame: Frame, policy: Policy) -> None:
    if policy.overrides and diagnosis.decisions and diagnosis.decisions[0].override:
        frame.ledger.record("override", diagnosis.function, kernel=diagnosis.decisions[0].override)
    if len(diagnosis.attempts) > 1:
        frame.ledger.record(
            "escalation",
            diagnosis.function,
            route=diagnosis.route,
            statuses=[a.status for a in diagnosis.attempts],
            backward_errors=[_worst(c.backward_error) for c in diagnosis.certificates],
        )
    repair = diagnosis.attempt is not None and diagnosis.attempt.byproducts.get("repair")
    if repair:
        frame.ledger.record("repair", diagnosis.function, repair=repair, kernel=diagnosis.route.rpartition(" > ")[2])
    if policy.wants_forward and diagnosis.certificate.worst_verdict != "certified":
        frame.ledger.record("uncertified", diagnosis.function, **diagnosis.certificate.to_dict())
    if policy.record_all:
        facts = {k: v for k, v in diagnosis.to_dict().items() if k != "function"}
        frame.ledger.record("decision", diagnosis.function, **facts)
    if frame.log is not None:
        frame.log.append(diagnosis)
