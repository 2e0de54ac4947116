"""`solve_ivp_ensemble`: every member as if alone, whatever the others do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from fsci.core.progress import progress_bar
from fsci.integrate.errors import UncertifiedIntegrationWarning
from fsci.kernels.integrate.pairs import PAIRS

from benchmarks.ivp_problems import PROBLEMS  # isort: skip

pytestmark = pytest.mark.slow

METHODS = ("RK23", "RK45", "DOP853")
LORENZ = PROBLEMS["Lorenz"]


@numba.njit
def decay(t, y, rate):
    return -rate * y


@numba.njit
def swings(t, y, omega, shift):
    return y[1], -(omega**2) * y[0] + shift[0] * np.cos(shift[1] * t)


def starts(members, seed=0):
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (members, 3)) + np.array([1.0, 1.0, 20.0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("members", [1, 7, 8, 9, 61])
def test_every_member_has_the_steps_it_has_alone(method, members):
    y0 = starts(members)
    sigma = np.linspace(8.0, 12.0, members)
    found = fi.solve_ivp_ensemble(
        LORENZ.into, (0.0, 2.0), y0, (sigma, 28, 8.0 / 3.0), method=method, rtol=1e-6, atol=1e-9
    )
    assert found.y.shape == (members, 3)
    assert np.all(found.success)
    for i in range(0, members, 5):
        alone = si.solve_ivp(LORENZ.fun, (0.0, 2.0), y0[i], method, args=(sigma[i], 28.0, 8 / 3), rtol=1e-6, atol=1e-9)
        assert (found.nfev[i], found.steps[i]) == (alone.nfev, alone.t.size - 1)
        np.testing.assert_allclose(found.y[i], alone.y[:, -1], rtol=1e-9)
    np.testing.assert_array_equal(found.t, 2.0)


@pytest.mark.parametrize("method", ["Tsit5", "Vern7"])
def test_pairs_that_scipy_does_not_have(method):
    omega, y0, times = np.linspace(0.5, 5.0, 11), np.tile([1.0, 0.0], (11, 1)), np.linspace(3.0, 0.0, 7)
    found = fi.solve_ivp_ensemble(
        swings, (3.0, 0.0), y0, (omega, np.zeros((11, 2))), method=method, rtol=1e-6, atol=1e-9, t_eval=times
    )
    for i in range(0, 11, 3):
        alone = si.solve_ivp(
            swings, (3.0, 0.0), y0[i], PAIRS[method].solver, args=(omega[i], np.zeros(2)), rtol=1e-6, atol=1e-9,
            t_eval=times,
        )  # fmt: skip
        assert found.nfev[i] == alone.nfev
        np.testing.assert_allclose(found.y[i], alone.y, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("span", [(0.0, 6.0), (6.0, 0.0)])
@pytest.mark.parametrize("ends", [True, False])
def test_times_asked_for(method, span, ends):
    times = np.linspace(*span, 31) if ends else np.linspace(*span, 31)[3:-3:2]
    members = 11
    rng = np.random.default_rng(1)
    omega, shift, y0 = (
        rng.uniform(0.5, 2.0, members),
        rng.uniform(0.1, 2.0, (members, 2)),
        rng.normal(size=(members, 2)),
    )
    found = fi.solve_ivp_ensemble(swings, span, y0, (omega, shift), method=method, rtol=1e-5, t_eval=times)
    assert found.y.shape == (members, 2, times.size)
    for i in range(members):
        alone = si.solve_ivp(swings, span, y0[i], method, args=(omega[i], shift[i]), rtol=1e-5, t_eval=times)
        np.testing.assert_allclose(found.y[i], alone.y, rtol=1e-9, atol=1e-11)
        assert found.nfev[i] == alone.nfev


def array(t, y, k):
    return np.array([y[1], -k * y[0]])


def pair(t, y, k):
    return y[1], -k * y[0]


def row(t, y, k):
    return [y[1], -k * y[0]]


def into(t, y, dydt, k):
    dydt[0], dydt[1] = y[1], -k * y[0]


def product(t, y, k):
    return np.dot(np.array([[0.0, 1.0], [-1.0, 0.0]]), y) * np.array([1.0, k])


@numba.njit("float64[::1](float64, float64[::1], float64)")
def declared(t, y, k):
    return np.array([y[1], -k * y[0]])


@pytest.mark.parametrize("fun", [array, pair, row, into, product, declared, numba.njit(pair), numba.njit(into)])
def test_every_form_of_callback(fun):
    k = np.linspace(1.0, 4.0, 10)
    y0 = np.tile([0.0, 1.0], (10, 1))
    found = fi.solve_ivp_ensemble(fun, (0.0, 2.0), y0, (k,), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.y[:, 0], np.sin(np.sqrt(k) * 2.0) / np.sqrt(k), rtol=1e-8, atol=1e-9)


def test_one_equation_and_integers():
    found = fi.solve_ivp_ensemble(
        lambda t, y, p: y[0] / (t + 1.0) ** p, (0, 1), [[1], [2], [3]], (np.array([1, 1, 1]),)
    )
    np.testing.assert_allclose(found.y[:, 0], [2.0, 4.0, 6.0], rtol=1e-3)


def test_tolerances_of_each_member_and_component():
    y0 = np.ones((9, 2))
    atol = np.full((9, 2), 1e-3)
    atol[4] = 1e-12
    found = fi.solve_ivp_ensemble(decay, (0.0, 5.0), y0, (2.0,), rtol=1e-12, atol=atol)
    assert np.all(found.steps[4] > 4 * np.delete(found.steps, 4))
    same = fi.solve_ivp_ensemble(decay, (0.0, 5.0), y0[:1], (2.0,), rtol=1e-12, atol=np.array([1e-12, 1e-12]))
    assert same.steps[0] == found.steps[4]


@numba.njit
def troubled(t, y, kind):
    if kind == 1 and t > 0.5:
        raise ValueError("beyond 0.5")
    if kind == 2:
        return np.array([y[0] ** 2, 0.0])  # reaches infinity at t = 1
    if kind == 3 and t > 0.25:
        return np.array([np.nan, 0.0])
    return np.array([-y[0], 1.0])


def test_a_member_that_fails_spoils_no_other():
    members = 40
    kind = np.zeros(members, np.int64)
    kind[[3, 20, 39]], kind[[4, 21]], kind[[0, 25]] = 1, 2, 3
    y0 = np.tile([1.0, 0.0], (members, 1))
    y0[7, 0] = np.nan
    y0[8, 1] = np.inf
    found = fi.solve_ivp_ensemble(troubled, (0.0, 2.0), y0, (kind,), rtol=1e-8, atol=1e-10)
    good = kind == 0
    good[[7, 8]] = False
    np.testing.assert_array_equal(found.success, good)
    np.testing.assert_array_equal(found.status[kind == 1], -3)
    np.testing.assert_array_equal(found.status[(kind == 2) | (kind == 3)], -1)
    np.testing.assert_array_equal(found.status[[7, 8]], -4)
    np.testing.assert_allclose(found.y[good], [[np.exp(-2.0), 2.0]] * good.sum(), rtol=1e-6)
    assert np.all((found.t[kind == 1] < 0.5) & (found.t[kind == 1] > 0.2))
    np.testing.assert_allclose(found.t[kind == 2], 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.t[kind == 3], 0.25, rtol=1e-6)
    assert "raised" in found.message(3)
    assert "7 failed" not in repr(found)
    assert f"{members - good.sum()} failed" in repr(found)


def test_what_a_failed_member_reached_is_there():
    times = np.linspace(0.0, 2.0, 21)
    y0 = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = fi.solve_ivp_ensemble(troubled, (0.0, 2.0), y0, (np.array([0, 2]),), t_eval=times, rtol=1e-8)
    assert np.all(np.isfinite(found.y[0]))
    np.testing.assert_array_equal(np.isnan(found.y[1, 0]), times > found.t[1])
    np.testing.assert_allclose(found.y[1, 0, :10], 1.0 / (1.0 - times[:10]), rtol=1e-5)


def test_tries_are_bounded_when_wanted():
    found = fi.solve_ivp_ensemble(decay, (0.0, 1.0), np.ones((20, 1)), (np.geomspace(1.0, 1e6, 20),), max_steps=200)
    assert set(found.status) == {0, -2}
    assert np.all(found.steps + found.rejected <= 200)
    assert found.status[0] == 0
    assert found.status[-1] == -2


def test_first_and_longest_step():
    found = fi.solve_ivp_ensemble(decay, (0.0, 1.0), np.ones((3, 1)), (1.0,), first_step=1e-3, max_step=0.01)
    alone = si.solve_ivp(decay, (0.0, 1.0), [1.0], args=(1.0,), first_step=1e-3, max_step=0.01)
    assert found.nfev[0] == alone.nfev
    assert found.steps[0] == alone.t.size - 1


def test_no_members_and_no_interval():
    assert fi.solve_ivp_ensemble(decay, (0.0, 1.0), np.ones((0, 2)), (1.0,)).y.shape == (0, 2)
    found = fi.solve_ivp_ensemble(decay, (1.0, 1.0), np.ones((2, 2)), (1.0,))
    assert np.all(found.success)
    np.testing.assert_array_equal(found.y, 1.0)


def test_operands_stay_as_they_are():
    y0, rate = np.ones((5, 2)), np.arange(1.0, 6.0)
    y0.flags.writeable = rate.flags.writeable = False
    fortran = np.asfortranarray(y0)
    one = fi.solve_ivp_ensemble(decay, (0.0, 1.0), y0, (rate,))
    two = fi.solve_ivp_ensemble(decay, (0.0, 1.0), fortran, (rate,))
    np.testing.assert_array_equal(one.y, two.y)
    np.testing.assert_array_equal(y0, 1.0)


class Callable:
    def __call__(self, t, y):
        return y


@pytest.mark.parametrize(
    ("fun", "error", "words"),
    [
        (lambda t, y: y.no_such_thing, TypeError, "does not compile"),
        (lambda t: t, TypeError, "takes 1 arguments"),
        (Callable(), TypeError, "no function that Numba can compile"),
        (lambda t, y: np.array([1.0, 2.0, 3.0]), ValueError, "another number of derivatives"),
        (lambda t, y: (1.0, 2.0, 3.0), ValueError, "another number of derivatives"),
    ],
)
def test_callbacks_that_are_refused(fun, error, words):
    with pytest.raises(error, match=words):
        fi.solve_ivp_ensemble(fun, (0.0, 1.0), np.ones((3, 2)))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rtol": -1.0}, ValueError, "rtol"),
        ({"rtol": np.nan}, ValueError, "rtol"),
        ({"atol": -1.0}, ValueError, "atol"),
        ({"atol": np.ones(5)}, ValueError, "atol"),
        ({"max_step": 0.0}, ValueError, "max_step"),
        ({"max_steps": 0}, ValueError, "max_steps"),
        ({"first_step": 2.0}, ValueError, "first_step"),
        ({"t_eval": [0.0, 2.0]}, ValueError, "t_span"),
        ({"t_eval": [0.5, 0.25]}, ValueError, "sorted"),
        ({"method": "Radau"}, ValueError, "method"),
        ({"args": 1.0}, TypeError, "args"),
        ({"args": (np.ones(4),)}, TypeError, "for each member"),
        ({"args": ("text",)}, TypeError, "neither real numbers"),
    ],
)
def test_options_that_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        fi.solve_ivp_ensemble(decay, (0.0, 1.0), np.ones((3, 2)), **{"args": (1.0,), **options})


@pytest.mark.parametrize("y0", [np.ones(3), np.ones((2, 3), complex), np.ones((3, 0))])
def test_states_that_are_refused(y0):
    with pytest.raises(ValueError, match="y0"):
        fi.solve_ivp_ensemble(decay, (0.0, 1.0), y0, (1.0,))


def test_progress_is_shown_when_asked_for(capsys):
    fi.solve_ivp_ensemble(LORENZ.into, (0.0, 5.0), starts(200), LORENZ.args, rtol=1e-8, progress=True)
    assert "solve_ivp_ensemble" in capsys.readouterr().err
    fi.solve_ivp_ensemble(LORENZ.into, (0.0, 5.0), starts(20), LORENZ.args)
    assert capsys.readouterr().err == ""


def test_progress_without_rich(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with progress_bar("long run", 4, True) as show:
        show(1)
        show(4)
    assert capsys.readouterr().err.endswith("long run: 4 of 4 (100%)\n")


def test_an_interrupt_ends_it():
    code = (
        "import signal, numpy as np, fsci.integrate as fi\n"
        # A job in the background inherits that it is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def slow(t, y, dydt):\n    dydt[0] = -1e9 * y[0]\n"
        "fi.solve_ivp_ensemble(slow, (0, 1e-6), np.ones((9, 1)))\n"
        "print('ready', flush=True)\n"
        "fi.solve_ivp_ensemble(slow, (0.0, 1e6), np.ones((64, 1)))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    killer = threading.Timer(60.0, child.kill)
    killer.start()
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        begun = time.perf_counter()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate()
    finally:
        killer.cancel()
    assert time.perf_counter() - begun < 20.0  # a second, and what a busy machine makes of it
    assert "KeyboardInterrupt" in errors


def test_names_beside_scipys():
    assert "solve_ivp_ensemble" in dir(fi)
    assert "solve_ivp_ensemble" not in fi.__all__
    assert not hasattr(si, "solve_ivp_ensemble")
    assert fi.solve_ivp_ensemble is fi.solve_ivp_ensemble
    with pytest.raises(AttributeError, match="no attribute 'solve_ivp_ensembles'"):
        _ = fi.solve_ivp_ensembles


@pytest.mark.jax
class TestJax:
    """JAX arrays: the same steps, where they live."""

    @pytest.fixture(autouse=True)
    def wide(self):
        self.jax = pytest.importorskip("jax")
        with self.jax.enable_x64(True):
            yield

    def right(self, t, y, omega):
        return self.jax.numpy.stack([y[1], -(omega**2) * y[0]])

    def test_steps_are_those_of_the_host(self):
        jnp = self.jax.numpy
        omega, y0 = np.linspace(0.5, 3.0, 6), np.random.default_rng(0).normal(size=(6, 2))
        times = np.linspace(0.0, 4.0, 9)

        def host(t, y, dydt, omega):
            dydt[0], dydt[1] = y[1], -(omega**2) * y[0]

        for t_eval in (None, times):
            ours = fi.solve_ivp_ensemble(host, (0.0, 4.0), y0, (omega,), rtol=1e-7, t_eval=t_eval)
            theirs = fi.solve_ivp_ensemble(self.right, (0.0, 4.0), jnp.asarray(y0), (omega,), rtol=1e-7, t_eval=t_eval)
            assert isinstance(theirs.y, self.jax.Array)
            np.testing.assert_allclose(theirs.y, ours.y, rtol=1e-9, atol=1e-11)
            np.testing.assert_array_equal(theirs.nfev, ours.nfev)
            np.testing.assert_array_equal(theirs.status, 0)

    def test_under_jit_and_vmap(self):
        jnp = self.jax.numpy
        y0 = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 2)))

        def ends(y):
            return fi.solve_ivp_ensemble(self.right, (0.0, 1.0), y, (2.0,), rtol=1e-6).y

        plain = np.stack([np.asarray(ends(y)) for y in y0])
        np.testing.assert_allclose(self.jax.jit(self.jax.vmap(ends))(y0), plain, rtol=1e-10)

    def test_one_that_fails_and_single_precision(self):
        jnp = self.jax.numpy

        def blows(t, y):
            return y**2

        y0 = jnp.asarray(np.array([[0.1], [1.0], [np.nan]], np.float32))
        found = fi.solve_ivp_ensemble(blows, (0.0, 2.0), y0, rtol=1e-4, atol=1e-6)
        assert found.y.dtype == np.float32
        np.testing.assert_array_equal(found.status, [0, -1, -4])
        np.testing.assert_allclose(found.y[0], 0.1 / 0.8, rtol=1e-3)

    def test_refusals(self):
        jnp = self.jax.numpy
        with pytest.raises(ValueError, match="RK45"):
            fi.solve_ivp_ensemble(self.right, (0.0, 1.0), jnp.ones((2, 2)), (1.0,), method="DOP853")
        with pytest.raises(ValueError, match="derivatives of shape"):
            fi.solve_ivp_ensemble(lambda t, y: y[:1], (0.0, 1.0), jnp.ones((2, 2)))


class TestCertificates:
    """The global error of every member: what is said of it holds, and failures are named."""

    def test_digits_of_each_member_hold(self):
        omega, y0 = np.linspace(0.5, 30.0, 12), np.tile([1.0, 0.0], (12, 1))
        for rtol in (1e-4, 1e-8):
            found, certificate = fsci.certify(fi.solve_ivp_ensemble)(
                swings, (0.0, 3.0), y0, (omega, np.zeros((12, 2))), rtol=rtol, atol=rtol * 1e-2
            )
            exact = np.stack([np.cos(3.0 * omega), -omega * np.sin(3.0 * omega)], axis=1)
            error = np.abs(found.y - exact)
            assert np.all(error <= 10.0 * certificate.detail["global_error"])
            assert certificate.verdict.shape == (12,)
            assert certificate.worst_verdict == (
                "certified" if np.all(certificate.forward_error < 1.0) else "uncertified"
            )
            sizes = np.abs(exact).max(axis=1)
            assert np.all(
                (error.max(axis=1) <= certificate.forward_error * sizes) | (certificate.verdict != "certified")
            )

    def test_times_asked_for_are_judged_all(self):
        times = np.linspace(0.0, 3.0, 7)
        rate = np.array([1.0, 5.0, 0.1])
        found, certificate = fsci.certify(fi.solve_ivp_ensemble)(
            decay, (0.0, 3.0), np.ones((3, 1)), (rate,), rtol=1e-7, atol=1e-12, t_eval=times
        )
        error = np.abs(found.y[:, 0] - np.exp(-rate[:, None] * times)).max(axis=1)
        assert certificate.worst_verdict == "certified"
        assert np.all(error <= certificate.forward_error)

    def test_chaos_and_failures_are_uncertified_and_the_rest_is_not(self):
        _, certificate = fsci.certify(fi.solve_ivp_ensemble)(
            LORENZ.into, (0.0, 60.0), starts(5), LORENZ.args, rtol=1e-6, atol=1e-9
        )
        assert np.all(certificate.verdict == "uncertified")
        kind = np.array([0, 1, 2, 0])
        _, certificate = fsci.certify(fi.solve_ivp_ensemble)(
            troubled, (0.0, 2.0), np.tile([1.0, 0.0], (4, 1)), (kind,), rtol=1e-8, atol=1e-10
        )
        np.testing.assert_array_equal(certificate.verdict == "certified", kind == 0)
        assert certificate.worst_verdict == "uncertified"
        assert certificate.detail["failed"] == 2

    def test_it_is_traced_explained_and_written_down(self):
        args = (decay, (0.0, 1.0), np.ones((4, 2)), (1.0,))
        diagnosis = fsci.explain(fi.solve_ivp_ensemble, *args)
        assert diagnosis.route == "explicit_lanes"
        assert isinstance(diagnosis.value, fi.EnsembleResult)
        with fsci.policy(record_all=True):
            before = len(fsci.ledger())
            fi.solve_ivp_ensemble(*args)
            assert len(fsci.ledger()) > before
        with fsci.policy(mode="hardened"):
            fi.solve_ivp_ensemble(*args)
            with pytest.warns(UncertifiedIntegrationWarning, match="5 members are not certified"):
                fi.solve_ivp_ensemble(LORENZ.into, (0.0, 60.0), starts(5), LORENZ.args)

    def test_strict_mode_calls_no_more_than_it_must(self):
        found = fi.solve_ivp_ensemble(decay, (0.0, 1.0), np.ones((4, 2)), (1.0,))
        alone = si.solve_ivp(decay, (0.0, 1.0), np.ones(2), args=(1.0,))
        assert np.all(found.nfev == alone.nfev)

    @pytest.mark.jax
    def test_jax_arrays_are_certified_too(self):
        jax = pytest.importorskip("jax")
        with jax.enable_x64(True):
            y0 = jax.numpy.ones((3, 1))
            found, certificate = fsci.certify(fi.solve_ivp_ensemble)(
                lambda t, y, k: -k * y, (0.0, 1.0), y0, (np.array([1.0, 2.0, 3.0]),), rtol=1e-6
            )
            assert certificate.worst_verdict == "certified"
            error = np.abs(np.asarray(found.y)[:, 0] - np.exp([-1.0, -2.0, -3.0]))
            assert np.all(error <= certificate.forward_error)


def test_callbacks_that_return_arrays_run_without_allocating():
    """One that returns an array of its own is compiled as one that writes in place: both give the same."""

    def display(t, y, k):
        return np.array([y[1], -k * y[0]])

    def filled(t, y, k):
        d = np.empty(2)
        d[0] = y[1]
        d[1] = -k * y[0]
        return d

    k, y0 = np.linspace(1.0, 4.0, 9), np.tile([0.0, 1.0], (9, 1))
    ours = [fi.solve_ivp_ensemble(f, (0.0, 2.0), y0, (k,), rtol=1e-8).y for f in (into, display, filled)]
    np.testing.assert_allclose(ours[1], ours[0], rtol=1e-13)
    np.testing.assert_allclose(ours[2], ours[0], rtol=1e-13)


def test_no_members_with_arguments_of_their_own():
    assert fi.solve_ivp_ensemble(decay, (0.0, 1.0), np.ones((0, 2)), (np.ones(0),)).y.shape == (0, 2)
