"""BDF without a matrix: the steps of BDF with one, for systems where every unknown feels every other."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate.krylov import KrylovBdf


@numba.njit
def field(t, y):
    """Rates from 1 to 1000; all feel the mean, and the mean of squares."""
    n = y.size
    mean, square = 0.0, 0.0
    for i in range(n):
        mean += y[i] / n
        square += y[i] ** 2 / n
    d = np.empty(n)
    for i in range(n):
        d[i] = -(10.0 ** (3.0 * i / (n - 1))) * (y[i] - np.tanh(mean) * np.cos(t)) - 0.1 * square * y[i]
    return d


def start(n):
    return 1.0 + 0.5 * np.sin(np.arange(n))


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_makes_the_steps_of_bdf(rtol):
    options = {"rtol": rtol, "atol": 1e-2 * rtol}
    full = fi.solve_ivp(field, (0.0, 5.0), start(60), "BDF", **options)
    ours = si.solve_ivp(field, (0.0, 5.0), start(60), KrylovBdf, **options)
    exact = fi.solve_ivp(field, (0.0, 5.0), start(60), "DOP853", rtol=1e-10, atol=1e-12)
    assert ours.success
    assert ours.njev < 0.2 * ours.t.size
    assert abs(ours.t.size - full.t.size) <= 0.1 * full.t.size
    error, full_error = (np.abs(r.y[:, -1] - exact.y[:, -1]).max() for r in (ours, full))
    assert error <= max(2.0 * full_error, rtol)


def test_dense_output_and_events():
    def falls(t, y):
        return y[0] - 0.5

    ours = si.solve_ivp(field, (0.0, 5.0), start(60), KrylovBdf, rtol=1e-6, events=falls, dense_output=True)
    theirs = fi.solve_ivp(field, (0.0, 5.0), start(60), "Radau", rtol=1e-8, atol=1e-10, events=falls, dense_output=True)
    np.testing.assert_allclose(ours.t_events[0], theirs.t_events[0], rtol=1e-4)
    np.testing.assert_allclose(ours.sol(2.2), theirs.sol(2.2), atol=1e-4)


def test_auto_takes_it_where_a_full_matrix_costs_more(monkeypatch):
    monkeypatch.setattr("fsci.kernels.integrate.auto._FULL", 100)
    with fsci.trace() as log:
        ours = fi.solve_ivp(field, (0.0, 0.5), start(120), "auto", rtol=1e-3, atol=1e-5)
        short = fi.solve_ivp(field, (0.0, 1e-3), start(120), "auto", rtol=1e-3, atol=1e-5)
    assert [entry.route for entry in log] == ["structured_auto"] * 2
    assert log[0].attempts[-1].facts["method"].value == "Krylov BDF"
    assert short.nlu == 0  # nothing was stiff yet
    exact = fi.solve_ivp(field, (0.0, 0.5), start(120), "DOP853", rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.y[:, -1], exact.y[:, -1], atol=5e-3)


def test_nothing_to_solve_and_nonfinite_derivatives():
    still = si.solve_ivp(lambda t, y: np.zeros_like(y), (0.0, 1.0), np.ones(5), KrylovBdf)
    assert np.array_equal(still.y[:, -1], np.ones(5))
    with np.errstate(all="ignore"):
        lost = si.solve_ivp(lambda t, y: np.where(t > 0.5, np.nan, -y), (0.0, 1.0), np.ones(3), KrylovBdf)
    assert lost.status == -1
    assert 0.4 < lost.t[-1] <= 0.5
