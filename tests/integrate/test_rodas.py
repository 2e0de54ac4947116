"""Rodas5P: its coefficients meet the order conditions, and its loop the order."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate.rodas_loop import GAMMA, NODES, STAGES, SUMS, TIME

# Back from the form without products by the Jacobian (Hairer and Wanner, 1996, equation IV.7.25).
INVERSE = np.eye(8) / GAMMA - SUMS
GAMMAS = np.linalg.inv(INVERSE)
ALPHA = STAGES @ GAMMAS
BETA = ALPHA + GAMMAS
WEIGHTS = np.array([*STAGES[7, :7], 1.0])  # of the solutions of the systems
EMBEDDED = np.array([*STAGES[7, :7], 0.0])

a, b = ALPHA.sum(axis=1), BETA.sum(axis=1)

# Sums over rooted trees (Hairer and Wanner, 1996, table IV.7.1), by order.
TREES = {
    1: [(np.ones(8), 1)],
    2: [(b, 1 / 2)],
    3: [(a**2, 1 / 3), (BETA @ b, 1 / 6)],
    4: [(a**3, 1 / 4), (a * (ALPHA @ b), 1 / 8), (BETA @ a**2, 1 / 12), (BETA @ BETA @ b, 1 / 24)],
    5: [
        (a**4, 1 / 5),
        (a**2 * (ALPHA @ b), 1 / 10),
        ((ALPHA @ b) ** 2, 1 / 20),
        (a * (ALPHA @ a**2), 1 / 15),
        (a * (ALPHA @ BETA @ b), 1 / 30),
        (BETA @ a**3, 1 / 20),
        (BETA @ (a * (ALPHA @ b)), 1 / 40),
        (BETA @ BETA @ a**2, 1 / 60),
        (BETA @ BETA @ BETA @ b, 1 / 120),
    ],
}


@numba.njit
def driven(t, y):
    return np.array([-50.0 * (y[0] - np.cos(t)) - np.sin(t) + 0.1 * y[1], y[0] * np.sin(3.0 * t) - y[1] ** 2])


@pytest.fixture(scope="module")
def exact():
    return si.solve_ivp(driven, (0.0, 2.0), [1.0, 0.5], "Radau", rtol=1e-12, atol=1e-13, dense_output=True).sol


@pytest.mark.parametrize("order", TREES)
def test_order_conditions(order):
    for tree, value in TREES[order]:
        assert WEIGHTS @ GAMMAS @ tree == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_embedded_order_conditions(order):
    for tree, value in TREES[order]:
        assert EMBEDDED @ GAMMAS @ tree == pytest.approx(value, abs=1e-12)


def test_embedded_method_is_not_of_order_5():
    """Its difference from the method is the error estimate: it must not vanish with the error."""
    residuals = [abs(EMBEDDED @ GAMMAS @ tree - value) for tree, value in TREES[5]]
    assert max(residuals) > 1e-5


def test_nodes_and_time_weights_are_row_sums():
    np.testing.assert_allclose(a, NODES, atol=1e-13)
    np.testing.assert_allclose(GAMMAS.sum(axis=1), TIME, atol=1e-12)


def test_stiffly_accurate():
    np.testing.assert_allclose(WEIGHTS @ GAMMAS, BETA[7], atol=1e-12)


def test_error_follows_the_tolerance(exact):
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        result = fi.solve_ivp(driven, (0.0, 2.0), [1.0, 0.5], "Rodas5P", rtol=rtol, atol=rtol)
        assert result.success
        assert np.abs(result.y[:, -1] - exact(2.0)).max() <= 20.0 * rtol
    # Of order 5: ten thousand times the accuracy for at most 6.3 times the steps, and what FSAL rounding leaves.
    few, many = (
        fi.solve_ivp(driven, (0.0, 2.0), [1.0, 0.5], "Rodas5P", rtol=rtol, atol=rtol).t.size for rtol in (1e-6, 1e-10)
    )
    assert many / few < 8.0


def test_dense_output_and_times_asked_for(exact):
    times = np.linspace(0.0, 2.0, 41)
    options = {"rtol": 1e-8, "atol": 1e-8}
    asked = fi.solve_ivp(driven, (0.0, 2.0), [1.0, 0.5], "Rodas5P", t_eval=times, **options)
    dense = fi.solve_ivp(driven, (0.0, 2.0), [1.0, 0.5], "Rodas5P", dense_output=True, **options)
    assert np.abs(asked.y - exact(times)).max() < 2e-7
    assert np.abs(dense.sol(times) - exact(times)).max() < 2e-7


def test_backward_and_events():
    def crosses(t, y):
        return y[0] - 1.0

    @numba.njit
    def turning(t, y):
        return np.array([y[1], -y[0]])

    result = fi.solve_ivp(turning, (6.0, 0.0), [0.0, 2.0], "Rodas5P", events=crosses, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(result.y[:, -1], 2.0 * np.array([-np.sin(6.0), np.cos(6.0)]), atol=1e-6)
    assert len(result.t_events[0]) == 2
    np.testing.assert_allclose(2.0 * np.sin(result.t_events[0] - 6.0), 1.0, atol=1e-6)


def test_stiff_problem_in_few_steps():
    @numba.njit
    def fast(t, y):
        return -1e6 * (y - np.cos(t))

    with fsci.trace() as log:
        result = fi.solve_ivp(fast, (0.0, 10.0), [0.0], "Rodas5P", rtol=1e-6, atol=1e-8)
    assert log[-1].route == "rodas5p"
    assert result.t.size < 150
    assert abs(result.y[0, -1] - np.cos(10.0)) < 1e-5


def test_interpreted_callback_is_left_to_radau():
    seen = []

    def counted(t, y):
        seen.append(t)
        return [-1e5 * (y[0] - np.cos(t))]

    result = fi.solve_ivp(counted, (0.0, 5.0), [0.0], "Rodas5P", rtol=1e-6)
    assert result.success
    assert len(seen) < 10000
