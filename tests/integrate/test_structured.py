"""Large Jacobians with structure: found where entries are small, found again where it does not hold, and by "auto"."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from benchmarks.ivp_problems import brusselator_2d
from fsci.kernels.integrate.callbacks import rhs_of
from fsci.kernels.integrate.host.structured_auto import large_attempt
from fsci.kernels.integrate.sparsity import structure_of

pytestmark = pytest.mark.slow

PROBLEM = brusselator_2d(24)
OPTIONS = {"args": PROBLEM.args, "rtol": 1e-4, "atol": 1e-4}


@pytest.mark.parametrize("m", [16, 32])
def test_every_entry_is_found_where_the_state_has_zeros(m):
    """The products u u v have no slope where u and v are zero."""
    problem = brusselator_2d(m)
    callback = rhs_of(problem.fun, problem.y0.size, problem.args)
    found = structure_of(callback.function, callback.parameters, 0.0, problem.y0)
    assert ((found != 0) != (problem.sparsity() != 0)).nnz == 0


@numba.njit
def wakes(t, y):
    """A ring; at t = 0.5 each unknown begins to feel a second one, far away."""
    n = y.size
    d = np.empty(n)
    for i in range(n):
        d[i] = 2e3 * (y[(i + 1) % n] - 2.0 * y[i] + y[i - 1]) - 50.0 * y[i] ** 3
        if t > 0.5:
            d[i] += 300.0 * (y[(i + n // 3) % n] - y[i])
    return d


@pytest.mark.parametrize("method", ["Radau", "BDF", "auto"])
def test_a_structure_that_does_not_hold_is_widened(method):
    y0 = 1.0 + 0.5 * np.sin(2.0 * np.pi * np.arange(150) / 150) + 0.1 * np.cos(7.0 * np.arange(150))
    ours = fi.solve_ivp(wakes, (0.0, 1.0), y0, method, rtol=1e-5, atol=1e-7)
    theirs = fi.solve_ivp(wakes, (0.0, 1.0), y0, "DOP853", rtol=1e-9, atol=1e-11)
    assert ours.success
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], atol=1e-4)


@pytest.mark.parametrize("form", ["fun", "into"])
def test_auto_with_a_wide_band(form, monkeypatch):
    """Explicit until stiffness is seen, then BDF with a sparse elimination."""
    monkeypatch.setattr("fsci.kernels.integrate.auto._BANDED", 1.0)
    with fsci.trace() as log:
        ours = fi.solve_ivp(getattr(PROBLEM, form), (0.0, 3.0), PROBLEM.y0, "auto", **OPTIONS)
        loose = fi.solve_ivp(getattr(PROBLEM, form), (0.0, 1e-4), PROBLEM.y0, "auto", **OPTIONS)
    assert [entry.route for entry in log] == ["structured_auto"] * 2
    facts = [{name: fact.value for name, fact in entry.attempts[-1].facts.items()} for entry in log]
    assert facts[0]["method"] == "BDF"
    assert facts[0]["entries"] == PROBLEM.sparsity().nnz
    assert not facts[1]["stiff"]
    assert loose.nlu == 0
    exact = fi.solve_ivp(PROBLEM.fun, (0.0, 3.0), PROBLEM.y0, "Radau", **{**OPTIONS, "rtol": 1e-8, "atol": 1e-8})
    np.testing.assert_allclose(ours.y[:, -1], exact.y[:, -1], atol=5e-3)


def test_auto_with_a_plain_callback_and_a_wide_band(monkeypatch):
    """Compiled on the way; the band is too wide for the loop, and LSODA would take a full matrix."""
    monkeypatch.setattr("fsci.kernels.integrate.auto._BANDED", 1.0)
    monkeypatch.setattr("fsci.kernels.integrate.tiering.price", lambda key: 1e-9)
    asked = []

    def watched(problem):
        asked.append(problem.size)
        return large_attempt(problem)

    monkeypatch.setattr("fsci.kernels.integrate.host.stepped.large_attempt", watched)
    ours = fi.solve_ivp(PROBLEM.fun.py_func, (0.0, 2.0), PROBLEM.y0, "auto", **OPTIONS)
    exact = fi.solve_ivp(PROBLEM.fun, (0.0, 2.0), PROBLEM.y0, "DOP853", args=PROBLEM.args, rtol=1e-8, atol=1e-8)
    assert asked == [PROBLEM.y0.size]
    assert ours.success
    np.testing.assert_allclose(ours.y[:, -1], exact.y[:, -1], atol=5e-3)


def test_in_place_callback_in_scipys_driver():
    """A method of SciPy's own calls it for what it gives."""
    times = np.linspace(0.0, 0.2, 4)
    ours = fi.solve_ivp(PROBLEM.into, (0.0, 0.2), PROBLEM.y0, "BDF", t_eval=times, **OPTIONS)
    theirs = si.solve_ivp(PROBLEM.fun, (0.0, 0.2), PROBLEM.y0, "RK45", t_eval=times, **OPTIONS)
    np.testing.assert_allclose(ours.y, theirs.y, atol=1e-2)
