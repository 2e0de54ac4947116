"""Ranking by expected loss: order, losses, refusals, overrides, posteriors and the memory of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import fsci
from fsci.core import profile, registry
from fsci.core.errors import PolicyError
from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal
from fsci.selector import loop, monitor, ranking, success

KIND = "ranking_test"


def _work(cost):
    return lambda problem, evidence: cost


def _kernel(name, cost, **more):
    return Kernel(
        name, KIND, "host", more.pop("applies", lambda p, e: None), _work(cost), more.pop("run", None), **more
    )


@pytest.fixture
def portfolio(monkeypatch):
    """Three kernels of a kind of their own; seconds are their work, posteriors as given."""
    kernels = {
        "cheap": _kernel("cheap", 1.0, run=lambda p, e: Attempt(np.array([1.0]))),
        "middle": _kernel("middle", 3.0, run=lambda p, e: Attempt(np.array([3.0]))),
        "dear": _kernel(
            "dear", 10.0, run=lambda p, e: Attempt(np.array([10.0])), safest=True, tags=frozenset({"rigorous"})
        ),
        "never": _kernel("never", 0.1, applies=lambda p, e: Refusal("it never does")),
    }
    kind = registry.Kind(KIND, KIND, lambda p, e: e.get("class", "plain"))
    monkeypatch.setitem(registry._kinds, KIND, kind)
    monkeypatch.setattr(registry, "_loaded", registry._loaded | {(KIND, "host", None)})
    monkeypatch.setitem(registry._kernels, (KIND, "host"), kernels)
    monkeypatch.setattr(profile, "seconds", lambda key, dtype, work: work)
    table = {
        "version": "test",
        "kernels": {
            f"{KIND}/host/{name}": {"backward": {"plain": counts, "*": counts}}
            for name, counts in {"cheap": [1, 9], "middle": [99, 1], "dear": [100, 0]}.items()
        },
    }
    monkeypatch.setattr(success, "load_success", lambda: table)
    return kernels


def _problem():
    return Problem(KIND, (np.zeros((4, 4)),), dtype=np.dtype(float), size=4)


def _loss(order, penalty):
    """Expected loss of trying in this order, by hand."""
    loss = penalty
    for cost, probability in reversed(order):
        loss = cost + (1 - probability) * loss
    return loss


def test_the_order_has_the_least_expected_loss_of_all(portfolio):
    decision = ranking.rank(_problem(), Evidence(), Policy())
    pairs = [(c.cost, c.success) for c in decision.ranking]
    penalty = ranking.UNCERTIFIED_PENALTY * max(cost for cost, _ in pairs)
    best = min(_loss(order, penalty) for order in itertools.permutations(pairs))
    assert decision.ranking[0].loss == pytest.approx(best)
    assert _loss(pairs, penalty) == pytest.approx(best)
    assert [c.kernel.name for c in decision.ranking] == ["middle", "cheap", "dear"]


def test_refusals_carry_their_reasons(portfolio):
    decision = ranking.rank(_problem(), Evidence(), Policy())
    assert decision.refusals == (("never", "it never does"),)
    assert decision.evidence_class == "plain"


def test_tried_kernels_are_left_out(portfolio):
    decision = ranking.rank(_problem(), Evidence(), Policy(), frozenset({"middle"}))
    assert [c.kernel.name for c in decision.ranking] == ["cheap", "dear"]


def test_an_override_goes_first_and_shows(portfolio):
    decision = ranking.rank(_problem(), Evidence(), Policy(overrides={KIND: "dear"}))
    assert decision.ranking[0].kernel.name == "dear"
    assert decision.override == "dear"
    with pytest.raises(PolicyError, match="cheap, dear, middle, never"):
        ranking.rank(_problem(), Evidence(), Policy(overrides={KIND: "unknown"}))


def test_a_proof_is_asked_of_those_who_can_give_one(portfolio):
    decision = ranking.rank(_problem(), Evidence(), Policy(accuracy="verified"))
    assert [c.kernel.name for c in decision.ranking] == ["dear"]


def test_the_safest_goes_first_when_asked(portfolio):
    order = ranking.ordered(_problem(), Evidence(), Policy(), safest_first=True)
    assert [k.name for _, _, k in order.options] == ["dear", "middle", "cheap"]


def test_a_class_leans_on_the_record_over_all_classes(portfolio):
    plain = success.success(f"{KIND}/host/cheap", "backward", "plain")
    unseen = success.success(f"{KIND}/host/cheap", "backward", "unseen")
    assert unseen == pytest.approx(2 / 12)
    assert plain == pytest.approx((1 + 2 * unseen) / 12)
    assert success.success("no/such/kernel", "backward", "plain") == 0.5
    assert 0 < success.spread(f"{KIND}/host/cheap", "backward", "plain") < 0.5


def test_goals_follow_the_policy():
    assert success.goal_of(Policy()) == "backward"
    assert success.goal_of(Policy(mode="hardened")) == "standard"
    assert success.goal_of(Policy(accuracy="full")) == "full"
    assert success.goal_of(Policy(accuracy=1e-12)) == "full"


def test_the_memory_is_emptied_when_the_tables_change(portfolio, monkeypatch):
    first = ranking.rank(_problem(), Evidence(), Policy()).ranking[0].kernel.name
    other = {"version": "other", "kernels": {f"{KIND}/host/cheap": {"backward": {"plain": [99, 0], "*": [99, 0]}}}}
    monkeypatch.setattr(success, "load_success", lambda: other)
    assert first == "middle"
    assert ranking.rank(_problem(), Evidence(), Policy()).ranking[0].kernel.name == "cheap"


def test_the_choice_without_evidence_is_remembered_but_asked_again(portfolio, monkeypatch):
    kernel = ranking.best_without_evidence(_problem(), Policy(), "key")
    assert kernel.name == "middle"
    calls = []
    monkeypatch.setattr(ranking, "ordered", lambda *a: calls.append(a))
    assert ranking.best_without_evidence(_problem(), Policy(), "key") is kernel
    assert not calls


def test_an_alarm_changes_the_route_of_adaptive_policies_only(portfolio, monkeypatch):
    monkeypatch.setitem(
        registry._checks, (KIND, "host"), lambda p, e, a, policy: Certificate("certified", 0.0, 1.0, 0.0)
    )
    monkeypatch.setattr(monitor.MONITOR, "alarmed", lambda kind: kind == KIND)
    assert loop.run(_problem(), "linalg.test").value == 3.0
    with fsci.policy(adaptive=True):
        assert loop.run(_problem(), "linalg.test").value == 10.0


def test_the_best_seen_is_returned_never_the_last(portfolio, monkeypatch):
    errors = {"middle": 1e-3, "cheap": 0.5, "dear": 1e-2}
    monkeypatch.setitem(
        registry._checks,
        (KIND, "host"),
        lambda p, e, a, policy: Certificate("uncertified", errors[a.kernel], algorithm=a.kernel),
    )
    with fsci.trace() as log:
        pass
    diagnosis = loop.run(_problem(), "linalg.test")
    assert diagnosis.route == "middle > cheap > dear"
    assert diagnosis.value == 3.0
    assert diagnosis.notes
    assert [e.event for e in fsci.ledger()] == ["escalation"]
    assert len(diagnosis.decisions) >= 3
    assert not log


@pytest.mark.parametrize("known", [True, False])
def test_who_looks_on_does_not_change_the_best_seen(portfolio, monkeypatch, known):
    def run(name, left):
        by = {"recurrence_residual": np.array([0.0, left])} if known else {}
        return lambda p, e: Attempt(np.array([left]), status="not_converged", byproducts=by)

    for name, left in {"cheap": 0.5, "middle": np.nan, "dear": 0.1}.items():
        portfolio[name] = _kernel(name, {"cheap": 1.0, "middle": 3.0, "dear": 10.0}[name], run=run(name, left))
    kind = registry.Kind(KIND, KIND, lambda p, e: "plain", certificate_on_request=True)
    monkeypatch.setitem(registry._kinds, KIND, kind)
    # To the check the dearest is the worst.
    monkeypatch.setitem(
        registry._checks,
        (KIND, "host"),
        lambda p, e, a, policy: Certificate("uncertified", forward_error={"dear": 0.9}.get(a.kernel, 0.3)),
    )
    plain = loop.run(_problem(), "linalg.test")
    with fsci.trace():
        traced = loop.run(_problem(), "linalg.test")
    assert len(plain.attempts) == len(traced.attempts) == 3
    assert plain.attempt.kernel == traced.attempt.kernel == ("dear" if known else "middle")
    # A policy that asks for certificates has them at every call, and goes by them.
    with fsci.policy(mode="hardened"):
        assert loop.run(_problem(), "linalg.test").attempt.kernel != "dear"


def test_a_plan_that_declined_is_not_tried_twice(portfolio, monkeypatch):
    runs = []

    def declining(problem, evidence):
        runs.append("fused")
        return Attempt(None, status="declined")

    fused = _kernel("fused", 0.5, run=declining, fast=lambda *operands: None)
    portfolio["fused"] = fused
    monkeypatch.setitem(
        registry._checks, (KIND, "host"), lambda p, e, a, policy: Certificate("certified", 0.0, 1.0, 0.0)
    )
    assert loop.run(_problem(), "linalg.test", "signature").route == "fused > middle"
    # The caller asks the plan first from now on, and comes here when it declines.
    assert loop.run(_problem(), "linalg.test", "signature").route == "middle"
    assert runs == ["fused"]


def test_same_input_same_route():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((80, 80)), rng.standard_normal(80)
    routes = {fsci.explain(fsci.linalg.solve, a, b).route for _ in range(5)}
    assert len(routes) == 1
