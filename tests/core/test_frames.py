"""Frames: listening, certifying, the plan cache."""

import threading

import numpy as np
import pytest

import fsci
from fsci.core.frames import FRAME


def _solve():
    return fsci.linalg.solve(np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0]))


def test_nobody_listens_by_default():
    assert FRAME.get().log is None


def test_trace_collects_every_call_and_nests():
    with fsci.trace() as outer:
        _solve()
        with fsci.trace() as inner:
            _solve()
        _solve()
    assert len(inner) == 1
    assert [d.function for d in outer] == ["linalg.solve"] * 3


def test_certify_gives_the_same_value():
    x, certificate = fsci.certify(_solve)()
    np.testing.assert_array_equal(x, _solve())
    assert certificate.verdict == "certified"
    assert certificate.digits >= 14


def test_certify_keeps_the_name():
    assert fsci.certify(fsci.linalg.solve).__name__ == "solve"


def test_certify_of_a_stranger_is_unexamined():
    value, certificate = fsci.certify(sum)([1, 2])
    assert value == 3
    assert certificate.verdict == "unexamined"


def test_an_exception_leaves_no_listener_behind():
    with pytest.raises(np.linalg.LinAlgError), fsci.trace():
        fsci.linalg.solve(np.zeros((2, 2)), np.ones(2))
    assert FRAME.get().log is None


def test_tracing_does_not_change_the_route_or_the_answer(rng):
    for n in (3, 10, 30, 100):
        a, b = rng.standard_normal((n, n)), rng.standard_normal(n)
        plain = fsci.linalg.solve(a, b)
        np.testing.assert_array_equal(plain, fsci.explain(fsci.linalg.solve, a, b).value)
        np.testing.assert_array_equal(plain, fsci.linalg.solve(a, b))


def test_plans_are_used_only_where_nobody_asks_for_more():
    with fsci.policy(mode="hardened"):
        _solve()
        assert not FRAME.get().plans
    with fsci.trace():
        _solve()
        assert not FRAME.get().plans
    _solve()
    _solve()
    assert FRAME.get().plans


def test_policy_of_one_thread_is_not_that_of_another():
    seen = []
    with fsci.policy(mode="hardened"):
        thread = threading.Thread(target=lambda: seen.append(FRAME.get().policy.mode))
        thread.start()
        thread.join()
    assert seen == ["strict"]


def test_overrides_are_audited():
    with fsci.policy(overrides={"linear_system": "lu"}):
        diagnosis = fsci.explain(_solve)
    assert diagnosis.attempts[0].kernel == "lu"
    assert [e.event for e in fsci.ledger()] == ["override"]


def test_unknown_override_names_the_kernels():
    with fsci.policy(overrides={"linear_system": "magic"}), pytest.raises(ValueError, match="lu"):
        _solve()


def test_record_all_writes_ordinary_decisions():
    with fsci.policy(record_all=True):
        _solve()
    assert [e.event for e in fsci.ledger()] == ["decision"]
