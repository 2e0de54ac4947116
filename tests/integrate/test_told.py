"""What every certificate of `solve_ivp` tells: the stiffness ratio, what the steps cost, digits, invariants' drift."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import fsci
import fsci.integrate as fi

METHODS = ("RK23", "RK45", "DOP853", "Tsit5", "Vern7", "Radau", "BDF", "Rodas5P", "auto")


@numba.njit
def cooling(t, y, rate):
    return np.array([-rate * (y[0] - np.cos(t)), y[0] - 0.5 * y[1]])


@numba.njit
def turning(t, y):
    return np.array([y[1], -y[0]])


def energy(t, y):
    return 0.5 * (y[0] ** 2 + y[1] ** 2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fun", [cooling, cooling.py_func], ids=["jitted", "plain"])
def test_every_method_tells_all(method, fun):
    result, certificate = fsci.certify(fi.solve_ivp)(
        fun, (0.0, 3.0), [0.0, 1.0], method, args=(20.0,), rtol=1e-5, atol=1e-7
    )
    detail = certificate.detail
    assert detail["steps"] == len(result.t) - 1
    assert detail["rejected_steps"] >= 0
    assert detail["failed_newton"] >= 0
    # Of the Jacobian in use, which implicit methods keep while it serves.
    assert detail["stiffness_ratio"] == pytest.approx(60.0, rel=0.1)
    assert detail["digits_by_component"].shape == (2,)
    assert np.all(detail["digits_by_component"] >= 3) == (certificate.verdict == "certified")


@pytest.mark.parametrize("method", METHODS)
def test_rejected_steps_are_counted(method):
    """A forcing that jumps makes every method try again."""

    @numba.njit
    def kicked(t, y):
        return -y + (50.0 if t > 0.5 else 0.0)

    _, certificate = fsci.certify(fi.solve_ivp)(kicked, (0.0, 1.0), [1.0], method, rtol=1e-6, atol=1e-8)
    assert certificate.detail["rejected_steps"] + certificate.detail["failed_newton"] > 0


@pytest.mark.parametrize("times", [None, np.linspace(10.0, 100.0, 7)], ids=["steps", "t_eval"])
def test_drift_of_invariants(times):
    span, start, loose = (0.0, 100.0), [1.0, 0.0], {"rtol": 1e-4, "atol": 1e-6}
    plain = fi.solve_ivp(turning, span, start, t_eval=times, **loose)
    result, certificate = fsci.certify(fi.solve_ivp)(
        turning, span, start, t_eval=times, invariants=[energy, lambda t, y: 3.0], **loose
    )
    drift = certificate.detail["invariants_drift"]
    assert np.array_equal(result.y, plain.y)
    assert drift.shape == (2,)
    assert drift[0] == np.abs(energy(0.0, result.y) - 0.5).max()
    assert drift[0] > 1e-3
    assert drift[1] == 0.0


def test_invariants_are_told_nobody_who_does_not_ask():
    def never(t, y):
        raise AssertionError

    result = fi.solve_ivp(turning, (0.0, 1.0), [1.0, 0.0], invariants=never)
    assert result.success
    assert fi.solve_ivp(turning.py_func, (0.0, 1.0), [1.0, 0.0], "LSODA", invariants=[never]).success
    with pytest.raises(TypeError, match="invariants"):
        fi.solve_ivp(turning, (0.0, 1.0), [1.0, 0.0], invariants=3.0)
