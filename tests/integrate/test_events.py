"""Events: in hardened mode every root of a step; in strict SciPy's, and the certificate says what it lost."""

from __future__ import annotations

from itertools import pairwise

import numba
import numpy as np
import pytest
import scipy.integrate as si
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate.events import pieces

METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF")


@numba.njit
def clock(t, y):
    return np.array([1.0, -y[1]])


def three_roots(t, y):
    """scipy#9228: one long step passes three roots."""
    return (y[0] - 3.1) * (y[0] - 3.5) * (y[0] - 3.9)


def pair(t, y):
    return (y[0] - 5.3) * (y[0] - 5.35)


def second(t, y):
    return (y[0] - 3.1) * (y[0] - 3.5) * (y[0] - 3.9)


second.terminal = 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fun", [clock, clock.py_func], ids=["jitted", "plain"])
def test_every_root_in_hardened_mode(method, fun):
    options = {"method": method, "events": [three_roots, pair], "rtol": 1e-6}
    theirs = si.solve_ivp(fun, (0, 8), [0.0, 1e-3], **options)
    with fsci.policy(mode="hardened"):
        ours = fi.solve_ivp(fun, (0, 8), [0.0, 1e-3], **options)
    np.testing.assert_allclose(ours.t_events[0], [3.1, 3.5, 3.9], rtol=1e-9)
    np.testing.assert_allclose(ours.t_events[1], [5.3, 5.35], rtol=1e-9)
    assert sum(map(len, theirs.t_events)) < 5
    # The pieces that the driver was shown are no steps.
    assert ours.t.shape == theirs.t.shape
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_strict_mode_is_scipys_and_says_so(method):
    options = {"method": method, "events": three_roots, "rtol": 1e-6}
    diagnosis = fsci.explain(fi.solve_ivp, clock, (0, 8), [0.0, 1e-3], **options)
    theirs = si.solve_ivp(clock, (0, 8), [0.0, 1e-3], **options)
    np.testing.assert_allclose(diagnosis.value.t_events[0], theirs.t_events[0])
    lost = 3 - len(theirs.t_events[0])
    assert lost > 0
    assert diagnosis.certificate.detail["roots_lost"] == lost
    assert diagnosis.certificate.verdict == "uncertified"


def test_a_terminal_event_ends_at_the_root_that_it_counts():
    with fsci.policy(mode="hardened"):
        ours = fi.solve_ivp(clock, (0, 8), [0.0, 1.0], events=second, dense_output=True, rtol=1e-6)
    assert ours.status == 1
    np.testing.assert_allclose(ours.t_events[0], [3.1, 3.5], rtol=1e-9)
    assert ours.t[-1] == ours.t_events[0][-1]
    np.testing.assert_allclose(ours.sol(3.3), [3.3, np.exp(-3.3)], rtol=1e-3)


def test_backward_and_times_asked_for():
    with fsci.policy(mode="hardened"):
        ours = fi.solve_ivp(clock, (8, 0), [8.0, 1.0], events=three_roots, t_eval=[7.0, 3.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(ours.t_events[0], [3.9, 3.5, 3.1], rtol=1e-9)
    np.testing.assert_array_equal(ours.t, [7.0, 3.6, 0.0])


def apart(roots):
    return all(b - a > 0.02 for a, b in pairwise(sorted(roots)))


@settings(max_examples=200, deadline=None)
@given(
    roots=st.lists(st.floats(0.02, 0.98), max_size=4, unique_by=lambda r: round(r * 20)).filter(apart),
    direction=st.booleans(),
)
def test_each_piece_changes_sign_at_most_once(roots, direction):
    def event(t, y):
        return float(np.prod([y[0] - r for r in roots])) if roots else 1.0

    ends = (0.0, 1.0) if direction else (1.0, 0.0)
    cuts = pieces([event], lambda t: np.array([t]), *ends)
    bounds = [ends[0], *cuts, ends[1]]
    assert bounds == sorted(bounds, reverse=not direction)
    for left, right in pairwise(bounds):
        inside = [r for r in roots if min(left, right) < r < max(left, right)]
        assert len(inside) <= 1
