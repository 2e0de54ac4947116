"""Solves that SciPy would never end, end; those of stiff problems leave the default method in hardened mode."""

from __future__ import annotations

import signal
import warnings

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate import tiering

EXPLICIT = ("RK23", "RK45", "DOP853", "Tsit5", "Vern7", "auto")
MORE = [{}, {"dense_output": True}, {"events": lambda t, y: y[0] - 5.0}, {"t_eval": [0.5, 1.0]}]


def nothing(t, y):
    return np.full(len(y), np.nan)


def one_of_two(t, y):
    return np.array([np.nan, 1.0])


@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("more", MORE, ids=["plain", "dense", "events", "times"])
@pytest.mark.parametrize("fun", [nothing, one_of_two, numba.njit(nothing)], ids=["plain", "one", "jitted"])
def test_no_number_at_the_beginning_is_a_failure(method, more, fun):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fi.solve_ivp(fun, (0, 1), [1.0, 2.0], method, **more)
    assert found.status == -1
    assert found.message.startswith(si.RK45.TOO_SMALL_STEP)
    assert found.nfev == 2


TABLE = {"mu": 1000.0}


def van_der_pol(t, y):
    return [y[1], 1000.0 * (1.0 - y[0] ** 2) * y[1] - y[0]]


def interpreted(t, y):
    return [y[1], TABLE["mu"] * (1.0 - y[0] ** 2) * y[1] - y[0]]


@pytest.mark.parametrize("fun", [van_der_pol, interpreted], ids=lambda f: f.__name__)
@pytest.mark.parametrize("more", [{}, {"events": lambda t, y: y[0] - 1.9}], ids=["plain", "events"])
def test_a_plain_callback_of_a_stiff_problem_leaves_the_default(fun, more):
    with fsci.policy(mode="hardened"), fsci.trace() as log:
        ours = fi.solve_ivp(fun, (0, 300), [2.0, 0.0], **more)
    attempt = log[-1].attempts[-1]
    assert attempt.facts["stiff"].value
    assert attempt.facts["switches"].value >= 1
    assert "left" in attempt.byproducts["repair"]
    theirs = si.solve_ivp(fun, (0, 300), [2.0, 0.0], "Radau", rtol=1e-8, atol=1e-10, **more)
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], rtol=0.05, atol=1e-3)
    assert ours.nfev < 5000
    if more:
        np.testing.assert_allclose(ours.t_events[0], theirs.t_events[0], rtol=0.05)


def test_strict_mode_and_smooth_problems_keep_the_default():
    def smooth(t, y):
        return [y[1], -y[0]]

    theirs = si.solve_ivp(smooth, (0, 30), [1.0, 0.0], rtol=1e-6)
    with fsci.policy(mode="hardened"), fsci.trace() as log:
        ours = fi.solve_ivp(smooth, (0, 30), [1.0, 0.0], rtol=1e-6)
    assert ours.nfev == theirs.nfev
    assert "repair" not in log[-1].attempts[-1].byproducts
    strict = fi.solve_ivp(interpreted, (0, 2), [2.0, 0.0])
    assert strict.nfev == si.solve_ivp(interpreted, (0, 2), [2.0, 0.0]).nfev


def endless(t, y):
    return [y[1], -1e6 * TABLE["mu"] * y[0]]


def endless_arithmetic(t, y):
    return [y[1], -1e12 * y[0]]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
@pytest.mark.parametrize("fun", [endless, endless_arithmetic], ids=["interpreted", "taken over"])
@pytest.mark.parametrize("method", ["RK45", "Radau", "BDF", "LSODA"])
@pytest.mark.parametrize("events", [None, lambda t, y: 1.0], ids=["plain", "events"])
def test_an_interrupt_ends_a_solve(fun, method, events, monkeypatch):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(tiering, "price", lambda key: 1e-9)
    fi.solve_ivp(fun, (0, 1e-3), [1.0, 0.0], method, max_step=1e-6, events=events)  # what is compiled is compiled
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            fi.solve_ivp(fun, (0, 1e9), [1.0, 0.0], method, rtol=1e-6, t_eval=[1e9], events=events)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
