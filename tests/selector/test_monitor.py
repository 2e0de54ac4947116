"""The drift monitor: false alarms as rare as promised, real drift found, and what an alarm does."""

from __future__ import annotations

import numpy as np
import pytest

from fsci.core import frames
from fsci.selector import loop
from fsci.selector.monitor import ALPHA, HOLDS, MONITOR, PASSES, Monitor, Wealth


@pytest.fixture(autouse=True)
def fresh_monitor():
    MONITOR.reset()
    yield
    MONITOR.reset()


def _ever_alarms(outcomes, probability, alpha=ALPHA):
    monitor = Monitor(alpha)
    return any(monitor.observe("kind", PASSES, probability, bool(y)) is not None for y in outcomes)


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_false_alarms_are_at_most_alpha(rng, probability):
    # 400 lives of 400 calls at the edge of the hypothesis, alpha = 0.1: 40 alarms expected at the most.
    alarms = sum(_ever_alarms(rng.uniform(size=400) < probability, probability, alpha=0.1) for _ in range(400))
    assert alarms <= 40 + 3 * np.sqrt(400 * 0.1 * 0.9)


def test_the_wealth_is_a_supermartingale_of_mean_at_most_one(rng):
    values = []
    for _ in range(4000):
        wealth = Wealth()
        for y in rng.uniform(size=10) < 0.8:
            wealth.observe(0.8, bool(y))
        values.append(wealth.value)
    assert np.mean(values) <= 1.0 + 4 * np.std(values) / np.sqrt(len(values))


def test_one_step_has_mean_exactly_one_at_the_edge():
    for p in (0.3, 0.9, 0.999):
        won, lost = Wealth(), Wealth()
        mean = p * won.observe(p, True) + (1 - p) * lost.observe(p, False)
        assert mean == pytest.approx(1.0)


def test_success_beyond_the_prediction_never_alarms():
    assert not _ever_alarms([True] * 5000, 0.9)


@pytest.mark.parametrize("calm", [0, 300, 5000])
def test_a_drift_is_found_soon_however_late_it_comes(rng, calm):
    monitor = Monitor()
    for y in rng.uniform(size=calm) < 0.97:
        monitor.observe("kind", PASSES, 0.95, bool(y))
    assert not monitor.alarmed("kind")
    drifted = rng.uniform(size=200) < 0.5
    steps = next(i for i, y in enumerate(drifted) if monitor.observe("kind", PASSES, 0.95, bool(y)) is not None)
    assert steps < 60


def test_an_alarm_is_raised_once_and_for_its_kind_only():
    monitor = Monitor()
    alarms = [monitor.observe("one", PASSES, 0.9, False) for _ in range(50)]
    assert sum(a is not None for a in alarms) == 1
    assert monitor.alarmed("one")
    assert not monitor.alarmed("other")
    assert monitor.e_value("other", PASSES) == 1.0
    monitor.reset()
    assert not monitor.alarmed("one")


def test_certain_predictions_are_no_bets():
    wealth = Wealth()
    for p in (0.0, 1.0, -0.2):
        assert wealth.observe(p, False) == 1.0


def test_contradicting_bounds_alarm_at_once():
    monitor = Monitor()
    steps = 1
    while monitor.observe("kind", HOLDS, 1 - 1e-3, False) is None:
        steps += 1
    assert steps <= 3


def _pair(x, bound):
    from fsci.core.types import Attempt, Certificate

    return Attempt(np.array(x)), Certificate("certified", 0.0, 1.0, bound)


def test_agreement_of_two_bounded_answers():
    assert loop._agree([_pair([1.0, 2.0], 1e-6), _pair([1.0, 2.0 + 1e-6], 1e-10)]) is True
    assert loop._agree([_pair([1.0, 2.0], 1e-8), _pair([1.0, 2.1], 1e-8)]) is False
    assert loop._agree([_pair([1.0, 2.0], np.inf), _pair([1.0, 2.1], 1e-8)]) is None
    assert loop._agree([_pair([1.0], 1e-8), _pair([1.0, 2.1], 1e-8)]) is None


def test_an_alarm_is_a_ledger_entry():
    frame = frames.FRAME.get()
    for _ in range(60):
        loop._bet("linear_system", PASSES, 0.9, False, "linalg.solve", frame)
    alarms = [e for e in frame.ledger if e.event == "alarm"]
    assert len(alarms) == 1
    assert alarms[0].facts["kind"] == "linear_system"
    assert alarms[0].facts["e_value"] >= 1 / ALPHA
    assert "unchanged" in alarms[0].facts["consequence"]
