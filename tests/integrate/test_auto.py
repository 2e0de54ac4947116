"""``method="auto"``: the right kind of method at each time, no chatter, and answers as exact as asked for."""

from __future__ import annotations

import json

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi

pytestmark = pytest.mark.slow


@numba.njit
def rober(t, y):
    fast, slow = 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    return np.array([-0.04 * y[0] + slow, 0.04 * y[0] - slow - fast, fast])


@numba.njit
def van_der_pol(t, y, mu):
    return np.array([y[1], mu * ((1.0 - y[0] ** 2) * y[1]) - y[0]])


@numba.njit
def lorenz(t, y):
    return np.array([10.0 * (y[1] - y[0]), y[0] * (28.0 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]])


@numba.njit
def oregonator(t, y):
    s, w, q = 77.27, 0.161, 8.375e-6
    return np.array(
        [s * (y[1] - y[0] * y[1] + y[0] - q * y[0] ** 2), (-y[1] - y[0] * y[1] + y[2]) / s, w * (y[0] - y[2])]
    )


@numba.njit
def scaled_van_der_pol(t, y):
    return np.array([y[1], ((1.0 - y[0] ** 2) * y[1] - y[0]) / 1e-6])


@numba.njit
def heat(t, y):
    d, c = np.empty_like(y), (y.size + 1.0) ** 2
    for i in range(y.size):
        left, right = y[i - 1] if i > 0 else 0.0, y[i + 1] if i < y.size - 1 else 0.0
        d[i] = c * (left - 2.0 * y[i] + right)
    return d


def traced(*arguments, **options):
    with fsci.trace() as log:
        result = fi.solve_ivp(*arguments, method="auto", **options)
    return result, log[-1]


def facts_of(diagnosis):
    return {name: fact.value for name, fact in diagnosis.attempts[-1].facts.items()}


@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_nonstiff_problem_stays_explicit(rtol):
    result, diagnosis = traced(lorenz, (0.0, 3.0), [1.0, 1.0, 1.0], rtol=rtol, atol=rtol)
    facts = facts_of(diagnosis)
    assert result.success
    assert facts["switches"] == 0
    assert facts["implicit_steps"] == 0
    assert not facts["stiff"]
    assert diagnosis.route == "auto"
    exact = si.solve_ivp(lorenz, (0.0, 3.0), [1.0, 1.0, 1.0], "DOP853", rtol=1e-13, atol=1e-13)
    assert np.abs(result.y[:, -1] - exact.y[:, -1]).max() <= 1e3 * rtol * 50.0


@pytest.mark.parametrize("rtol", [1e-4, 1e-7])
def test_stiff_problem_goes_implicit_once(rtol):
    result, diagnosis = traced(rober, (0.0, 1e7), [1.0, 0.0, 0.0], rtol=rtol, atol=1e-6 * rtol)
    facts = facts_of(diagnosis)
    exact = si.solve_ivp(rober, (0.0, 1e7), [1.0, 0.0, 0.0], "Radau", rtol=1e-11, atol=1e-17).y[:, -1]
    assert result.success
    assert facts["switches"] == 1
    assert facts["method"] == ("Rodas5P" if rtol >= 1e-4 else "Radau")
    assert facts["implicit_steps"] > 0.4 * facts["steps"]
    assert facts["steps"] < 1000
    assert np.all(np.abs(result.y[:, -1] - exact) <= 10.0 * rtol * np.abs(exact))


@pytest.mark.parametrize(("rtol", "method"), [(1e-3, "Tsit5"), (1e-7, "Vern7"), (1e-11, "DOP853")])
def test_explicit_pair_by_tolerance(rtol, method):
    """Its steps are those of the pair by itself, where nothing is stiff."""
    options = {"rtol": rtol, "atol": rtol}
    result, diagnosis = traced(lorenz, (0.0, 2.0), [1.0, 1.0, 1.0], **options)
    alone = fi.solve_ivp(lorenz, (0.0, 2.0), [1.0, 1.0, 1.0], method, **options)
    assert facts_of(diagnosis)["method"] == method
    assert result.nfev == alone.nfev
    assert np.array_equal(result.y, alone.y)


@pytest.mark.parametrize("rtol", [1e-3, 1e-4, 1e-6, 1e-8])
def test_neither_chatters_nor_stays(rtol):
    """A relaxation oscillator changes some times a period, at every tolerance, and with every implicit method."""
    result, diagnosis = traced(van_der_pol, (0.0, 1000.0), [2.0, 0.0], args=(100.0,), rtol=rtol, atol=1e-2 * rtol)
    facts = facts_of(diagnosis)
    crossings = np.count_nonzero(np.diff(np.sign(result.y[0])))
    assert result.success
    assert crossings > 8
    assert 1 <= facts["switches"] <= 2 * crossings + 2
    assert facts["method"] in ("Rodas5P", "Vern7", "Tsit5") if rtol >= 1e-4 else facts["method"] in ("Radau", "Vern7")


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_dense_output_of_every_method_that_it_takes(rtol):
    options = {"args": (30.0,), "rtol": rtol, "atol": 1e-2 * rtol}
    dense = fi.solve_ivp(van_der_pol, (0.0, 40.0), [1.5, 0.0], "auto", dense_output=True, **options)
    exact = si.solve_ivp(
        van_der_pol, (0.0, 40.0), [1.5, 0.0], "Radau", args=(30.0,), rtol=1e-10, atol=1e-12, dense_output=True
    )  # fmt: skip
    inside = 0.5 * (dense.t[1:] + dense.t[:-1])
    assert np.abs(dense.sol(dense.t) - dense.y).max() < 1e-12 * 40.0
    assert np.abs(dense.sol(inside)[0] - exact.sol(inside)[0]).max() < 500.0 * rtol


def test_spectral_radius_is_that_of_the_jacobian():
    _, diagnosis = traced(heat, (0.0, 0.5), np.sin(np.pi * np.arange(1, 32) / 32.0), rtol=1e-6, atol=1e-9)
    true = 4.0 * 32.0**2 * np.sin(np.pi * 31.0 / 64.0) ** 2
    assert facts_of(diagnosis)["spectral_radius"] == pytest.approx(true, rel=0.1)


def test_relaxation_oscillator_does_not_chatter():
    """Stiff and nonstiff phases alternate: more changes than phases would be chatter."""
    result, diagnosis = traced(van_der_pol, (0.0, 1600.0), [2.0, 0.0], args=(100.0,), rtol=1e-6, atol=1e-8)
    facts = facts_of(diagnosis)
    phases = 2 * np.count_nonzero(np.diff(np.sign(result.y[0]))) + 2
    assert result.success
    assert 1 <= facts["switches"] <= phases
    exact = si.solve_ivp(van_der_pol, (0.0, 1600.0), [2.0, 0.0], "Radau", args=(100.0,), rtol=1e-9, atol=1e-11)
    assert abs(result.y[0, -1] - exact.y[0, -1]) <= 1e-3


def test_goes_back_to_explicit_when_stiffness_ends():
    @numba.njit
    def calming(t, y):
        return np.array([-1e5 * np.exp(-10.0 * t) * (y[0] - np.cos(t)), 20.0 * np.cos(20.0 * t) - y[1]])

    _, diagnosis = traced(calming, (0.0, 300.0), [0.0, 0.0], rtol=1e-6, atol=1e-9)
    facts = facts_of(diagnosis)
    assert facts["implicit_steps"] > 0
    assert facts["method"] == "Vern7"


@pytest.mark.parametrize("span", [(0.0, 40.0), (2.0, 0.0)])
def test_times_asked_for_and_dense_output(span):
    times = np.linspace(*span, 33)
    mu = 30.0 if span[1] > 0.0 else 2.0
    options = {"args": (mu,), "rtol": 1e-7, "atol": 1e-9}
    asked = fi.solve_ivp(van_der_pol, span, [1.5, 0.0], "auto", t_eval=times, **options)
    dense = fi.solve_ivp(van_der_pol, span, [1.5, 0.0], "auto", dense_output=True, **options)
    exact = si.solve_ivp(van_der_pol, span, [1.5, 0.0], "Radau", t_eval=times, args=(mu,), rtol=1e-10, atol=1e-12).y
    assert np.array_equal(asked.t, times)
    size = np.abs(exact).max(axis=1, keepdims=True)
    assert np.all(np.abs(asked.y - exact) <= 1e-3 * size)
    assert np.all(np.abs(dense.sol(times) - exact) <= 1e-3 * size)


def test_events():
    def falls(t, y):
        return y[0] - 0.5

    ours = fi.solve_ivp(rober, (0.0, 1e4), [1.0, 0.0, 0.0], "auto", events=falls, rtol=1e-8, atol=1e-12)
    exact = si.solve_ivp(rober, (0.0, 1e4), [1.0, 0.0, 0.0], "Radau", events=falls, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(ours.t_events[0], exact.t_events[0], rtol=1e-5)


@pytest.mark.parametrize("n", [64, 300])
def test_larger_systems_go_to_bdf_with_their_band(n):
    y0 = np.sin(np.pi * np.arange(1, n + 1) / (n + 1.0))
    result, diagnosis = traced(heat, (0.0, 0.3), y0, rtol=1e-6, atol=1e-9)
    facts = facts_of(diagnosis)
    rate = 4.0 * (n + 1.0) ** 2 * np.sin(0.5 * np.pi / (n + 1.0)) ** 2
    assert facts["method"] == ("BDF" if n >= 100 else "Radau")
    np.testing.assert_allclose(result.y[:, -1], y0 * np.exp(-0.3 * rate), atol=1e-4)
    assert result.nlu < 200


def test_given_jacobian_is_used():
    @numba.njit
    def jacobian(t, y):
        return np.array(
            [[-0.04, 1e4 * y[2], 1e4 * y[1]], [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]], [0.0, 6e7 * y[1], 0.0]]
        )

    result = fi.solve_ivp(rober, (0.0, 1e5), [1.0, 0.0, 0.0], "auto", jac=jacobian, rtol=1e-6, atol=1e-10)
    assert result.success
    assert result.njev > 0


def test_plain_callback():
    result = fi.solve_ivp(rober.py_func, (0.0, 1e5), [1.0, 0.0, 0.0], "auto", rtol=1e-6, atol=1e-10)
    exact = si.solve_ivp(rober, (0.0, 1e5), [1.0, 0.0, 0.0], "Radau", rtol=1e-10, atol=1e-14).y[:, -1]
    assert result.success
    np.testing.assert_allclose(result.y[:, -1], exact, rtol=1e-4)


def test_callback_that_does_not_compile_is_left_to_lsoda():
    seen = []

    def counted(t, y):
        seen.append(t)
        return [-1e5 * (y[0] - np.cos(t))]

    result = fi.solve_ivp(counted, (0.0, 5.0), [0.0], "auto", rtol=1e-6)
    assert result.success
    assert len(seen) < 5000  # an explicit method needs 150 thousand


def test_vectorized_callback_is_handed_to_lsoda():
    result = fi.solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0, 2.0], "auto", vectorized=True, rtol=1e-6)
    np.testing.assert_allclose(result.y[:, -1], np.exp(-1.0) * np.array([1.0, 2.0]), rtol=1e-4)


def test_raising_callback_raises():
    @numba.njit
    def falls_over(t, y):
        if t > 0.5:
            raise ValueError("beyond the model")
        return -y

    with pytest.raises(ValueError, match="beyond the model"):
        fi.solve_ivp(falls_over, (0.0, 1.0), [1.0, 2.0], "auto")


def test_pole_fails_where_it_is():
    @numba.njit
    def explodes(t, y):
        return y**2

    result = fi.solve_ivp(explodes, (0.0, 2.0), [1.0], "auto", rtol=1e-6, atol=1e-9)
    assert result.status == -1
    assert result.t[-1] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("rtol", [1e-5, 1e-8])
@pytest.mark.parametrize("name", ["VDPOL", "OREGO", "ROBER"])
def test_references_of_the_collection(name, rtol, data_folder):
    """Published end values, by a factor of the tolerance that the conditioning of these problems allows."""
    file = data_folder / "ode" / "reference.json"
    if not file.is_file():
        pytest.skip("needs the reference values")
    entry = json.loads(file.read_text())[name]
    function = {"VDPOL": scaled_van_der_pol, "OREGO": oregonator, "ROBER": rober}[name]
    result = fi.solve_ivp(function, tuple(entry["tspan"]), entry["y0"], "auto", rtol=rtol, atol=1e-8 * rtol)
    assert result.success
    exact = np.array(entry["yref"])
    assert np.all(np.abs(result.y[:, -1] - exact) <= 100.0 * rtol * np.abs(exact))


def test_hardened_default_leaves_its_method_where_the_problem_is_stiff():
    with fsci.policy(mode="hardened"), fsci.trace() as log:
        result = fi.solve_ivp(rober, (0.0, 1e5), [1.0, 0.0, 0.0], rtol=1e-6, atol=1e-10)
    exact = si.solve_ivp(rober, (0.0, 1e5), [1.0, 0.0, 0.0], "Radau", rtol=1e-10, atol=1e-14).y[:, -1]
    assert result.success
    assert result.t.size < 2000  # RK45 makes millions
    np.testing.assert_allclose(result.y[:, -1], exact, rtol=1e-4)
    assert "implicit" in log[-1].attempts[-1].byproducts["repair"]


def test_hardened_default_is_rk45_where_the_problem_is_not_stiff():
    strict = fi.solve_ivp(lorenz, (0.0, 3.0), [1.0, 1.0, 1.0], rtol=1e-8, atol=1e-8)
    with fsci.policy(mode="hardened"), fsci.trace() as log:
        hardened = fi.solve_ivp(lorenz, (0.0, 3.0), [1.0, 1.0, 1.0], rtol=1e-8, atol=1e-8)
    assert np.array_equal(hardened.t, strict.t)
    assert np.array_equal(hardened.y, strict.y)
    assert hardened.nfev == strict.nfev
    assert "repair" not in log[-1].attempts[-1].byproducts
