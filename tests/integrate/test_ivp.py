"""`solve_ivp`: SciPy's steps, counts, results and refusals, with the loop compiled."""

from __future__ import annotations

import signal
import subprocess
import sys
import warnings

import numba
import numpy as np
import pytest
import scipy.integrate as si
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import LowLevelCallable

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate import tiering

METHODS = ("RK23", "RK45", "DOP853")


@numba.njit
def lotka(t, y):
    return np.array([1.5 * y[0] - y[0] * y[1], y[0] * y[1] - 3.0 * y[1]])


@numba.njit
def decay(t, y, rate):
    return -rate * y


@numba.njit
def oscillator(t, y, omega, shift):
    return [y[1], -(omega**2) * y[0] + shift[0] + shift[1]]


def falls(t, y):
    return y[0] - 1.0


def turns(t, y):
    return y[1] - 1.5


turns.direction = -1
turns.terminal = 3


def passes(t, y, *args):
    return y[0] - 0.25


passes.terminal = True

PROBLEMS = {
    "lotka": (lotka, (0.0, 9.0), [2.0, 0.7], None),
    "backward": (lotka, (5.0, 0.0), [1.0, 1.5], None),
    "decay": (decay, (0.0, 4.0), [1.0, 2.0, 0.0], (0.7,)),
    "integer": (decay, (0, 3), [1, 5], (2,)),
    "oscillator": (oscillator, (1.0, 8.0), [1.0, 0.0], (2.0, np.array([0.5, 0.25]))),
    "nine": (decay, (0.0, 1.0), np.linspace(1, 2, 9), (3.0,)),
    "one": (decay, (0.0, 1.0), [3.0], (3.0,)),
}
OPTIONS = {
    "default": {},
    "tight": {"rtol": 1e-9, "atol": 1e-11},
    "vector": {"rtol": 1e-6, "atol": "vector"},
    "max_step": {"max_step": 0.05},
    "first_step": {"first_step": 0.01, "rtol": 1e-6},
    "dense": {"dense_output": True, "rtol": 1e-5},
}


def same(ours, theirs):
    """Equal counts; times and states to what the rounding of a small error estimate makes of the step sizes."""
    assert list(ours) == list(theirs)
    for name in ("status", "message", "success", "nfev", "njev", "nlu"):
        assert getattr(ours, name) == getattr(theirs, name), name
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-4, atol=1e-4)
    assert np.asarray(ours.y).shape == np.asarray(theirs.y).shape
    assert (ours.t_events is None) == (theirs.t_events is None)
    for mine, other in zip(ours.t_events or [], theirs.t_events or [], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-7)
    for mine, other in zip(ours.y_events or [], theirs.y_events or [], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-9)
    assert (ours.sol is None) == (theirs.sol is None)
    if theirs.sol is not None:
        times = np.linspace(theirs.sol.t_min, theirs.sol.t_max, 37)
        np.testing.assert_allclose(ours.sol(times), theirs.sol(times), rtol=1e-7, atol=1e-9)
        assert len(ours.sol.interpolants) == len(theirs.sol.interpolants)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("option", OPTIONS)
def test_steps_and_counts_are_scipys(method, problem, option):
    fun, span, y0, args = PROBLEMS[problem]
    options = dict(OPTIONS[option])
    if "atol" in options and options["atol"] == "vector":
        options["atol"] = np.linspace(1e-6, 1e-4, len(y0))
    ours, theirs = (f.solve_ivp(fun, span, y0, method, args=args, **options) for f in (fi, si))
    same(ours, theirs)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_times_asked_for(method, dense, backward):
    span = (0.0, 6.0) if not backward else (6.0, 0.0)
    times = np.concatenate([[span[0]], np.linspace(*span, 41)[1:-1], [span[1]]])
    for t_eval in (times, times[1:2], list(times[5:9]), np.array([0, 1, 2, 5])[:: -1 if backward else 1]):
        options = {"rtol": 1e-6, "t_eval": t_eval, "dense_output": dense}
        same(fi.solve_ivp(lotka, span, [2, 1], method, **options), si.solve_ivp(lotka, span, [2, 1], method, **options))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "events",
    [falls, turns, [falls, turns], [passes, falls], lambda t, y: 1.0],
    ids=["falls", "turns", "two", "ends", "never"],
)
@pytest.mark.parametrize(
    "more", [{}, {"dense_output": True}, {"t_eval": np.linspace(0, 9, 19)}], ids=["", "dense", "t"]
)
def test_events_are_scipys(method, events, more):
    options = {"rtol": 1e-6, "events": events, **more}
    same(fi.solve_ivp(lotka, (0, 9), [2, 1], method, **options), si.solve_ivp(lotka, (0, 9), [2, 1], method, **options))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32), n=st.integers(1, 20), rtol=st.sampled_from([1e-3, 1e-6, 1e-10]),
    method=st.sampled_from(METHODS), length=st.floats(1e-3, 30.0),
)  # fmt: skip
def test_linear_systems(seed, n, rtol, method, length):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, n))
    matrix = (matrix - matrix.T).ravel()
    options = {"rtol": rtol, "atol": rtol, "args": (matrix,), "method": method}
    y0 = rng.standard_normal(n)
    same(fi.solve_ivp(rotation, (0, length), y0, **options), si.solve_ivp(rotation, (0, length), y0, **options))


@numba.njit
def rotation(t, y, matrix):
    out = np.zeros(y.size)
    for i in range(y.size):
        for j in range(y.size):
            out[i] += matrix[i * y.size + j] * y[j]
    return out


def test_a_callback_may_write_its_derivatives():
    @numba.njit
    def in_place(t, y, dydt, rate):
        dydt[0] = -rate * y[0]
        dydt[1] = y[0]

    @numba.njit
    def returned(t, y, rate):
        return np.array([-rate * y[0], y[0]])

    same(fi.solve_ivp(in_place, (0, 2), [1, 0], args=(3.0,)), si.solve_ivp(returned, (0, 2), [1, 0], args=(3.0,)))


_POINTER = numba.types.CPointer(numba.float64)


@numba.cfunc(numba.void(numba.float64, _POINTER, _POINTER, _POINTER))
def c_decay(t, y_, out_, p_):
    y, out, p = numba.carray(y_, (2,)), numba.carray(out_, (2,)), numba.carray(p_, (1,))
    out[0], out[1] = -p[0] * y[0], -p[0] * y[1]


@numba.cfunc(numba.int32(numba.float64, _POINTER, _POINTER))
def c_bounded(t, y_, out_):
    y, out = numba.carray(y_, (1,)), numba.carray(out_, (1,))
    out[0] = -y[0]
    return numba.int32(t > 2.0)


@pytest.mark.parametrize("more", [{}, {"dense_output": True}, {"t_eval": [0.5, 1.0]}], ids=["", "dense", "t"])
@pytest.mark.parametrize("method", [*METHODS, "Radau", "LSODA"])
def test_c_functions(method, more):
    theirs = si.solve_ivp(decay, (0, 2), [1, 2], method, args=(3.0,), **more)
    for fun in (c_decay, LowLevelCallable(c_decay.ctypes)):
        same(fi.solve_ivp(fun, (0, 2), [1, 2], method, args=(3.0,), **more), theirs)


def test_a_c_function_that_gives_a_status():
    assert fi.solve_ivp(c_bounded, (0, 1.5), [1.0]).success
    with pytest.raises(RuntimeError, match="status 1 at t="):
        fi.solve_ivp(c_bounded, (0, 3), [1.0])
    with pytest.raises(TypeError, match=r"double \*p"):
        fi.solve_ivp(c_bounded, (0, 1), [1.0], args=(1.0,))


def refused(call):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            return call(), [str(w.message) for w in seen]
        except (TypeError, ValueError) as error:
            return type(error), str(error)


@numba.njit
def two(t, y):
    return np.array([y[0], y[0]])


@pytest.mark.parametrize("fun", [decay.py_func, decay], ids=["plain", "jitted"])
@pytest.mark.parametrize(
    ("y0", "options"),
    [
        ([1.0], {"rtol": -1e-3}),
        ([1.0], {"rtol": 1e-20}),
        ([1.0], {"atol": -1.0}),
        ([1.0], {"atol": [1.0, 1.0]}),
        ([1.0], {"max_step": -1.0}),
        ([1.0], {"first_step": 0.0}),
        ([1.0], {"first_step": 100.0}),
        ([1.0], {"t_eval": [0.0, 9.0]}),
        ([1.0], {"t_eval": [1.0, 0.5]}),
        ([1.0], {"t_eval": [[1.0]]}),
        ([1.0], {"t_eval": []}),
        ([1.0], {"method": "Euler"}),
        ([1.0], {"args": 3.0}),
        ([1.0], {"lband": 1}),
        ([np.nan], {}),
        ([[1.0]], {}),
        (["a"], {}),
        ([], {}),
        ([1.0 + 0j], {}),
        ([1.0], {"vectorized": True}),
    ],
    ids=str,
)
def test_refusals_are_scipys(fun, y0, options):
    options = {"args": (0.5,), **options}
    ours = refused(lambda: fi.solve_ivp(fun, (0, 4), y0, **options))
    theirs = refused(lambda: si.solve_ivp(fun, (0, 4), y0, **options))
    if isinstance(theirs[0], type):
        assert ours == theirs
    else:
        assert ours[1] == theirs[1]
        np.testing.assert_allclose(np.asarray(ours[0].y), np.asarray(theirs[0].y), rtol=1e-9)


def test_an_empty_span():
    for span in ((1.0, 1.0), (0.0, np.inf), (np.nan, 1.0)):
        if np.isfinite(span).all():
            same(fi.solve_ivp(lotka, span, [1, 2]), si.solve_ivp(lotka, span, [1, 2]))


def test_a_callback_that_raises():
    @numba.njit
    def breaks(t, y):
        if t > 1.0:
            raise ValueError("beyond the table")
        return -y

    for more in ({}, {"events": falls}, {"dense_output": True}):
        with pytest.raises(ValueError, match="beyond the table"):
            fi.solve_ivp(breaks, (0, 5), [1.0], **more)


def test_a_wrong_number_of_derivatives():
    ours, theirs = (refused(lambda f=f: f.solve_ivp(two, (0, 1), [1.0, 2.0, 3.0])) for f in (fi, si))
    assert ours == theirs
    assert theirs[0] is ValueError


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_a_number_from_the_callback(method, value):
    @numba.njit
    def spoils(t, y):
        return -y if t == 0.0 else np.full(1, value)

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = (f.solve_ivp(spoils, (0, 2), [1.0], method) for f in (fi, si))
    assert ours.status == theirs.status == -1
    assert ours.message.startswith(theirs.message)
    assert ours.nfev == theirs.nfev
    with pytest.raises(fsci.UncertifiedError, match="failed at t="), fsci.policy(mode="hardened"):
        fi.solve_ivp(spoils, (0, 2), [1.0], method)


@pytest.mark.parametrize("method", METHODS)
def test_not_a_number_at_the_beginning_ends(method):
    @numba.njit
    def nothing(t, y):
        return np.full(1, np.nan)

    ours = fi.solve_ivp(nothing, (0, 2), [1.0], method)  # SciPy's own loop does not end
    assert ours.status == -1
    assert ours.message.startswith(si.RK45.TOO_SMALL_STEP)
    np.testing.assert_array_equal(ours.t, [0.0])


def test_a_failure_of_a_stiff_problem_says_so():
    @numba.njit
    def explodes(t, y):
        return np.array([-2000.0 * (y[0] - np.cos(t)) + (1e300 * y[0] if t > 3.0 else 0.0)])

    ours = fi.solve_ivp(explodes, (0, 4), [1.0])
    assert ours.status == -1
    assert ours.message.startswith(si.RK45.TOO_SMALL_STEP)
    assert "stiff" in ours.message
    assert "stiff" in fi.solve_ivp(explodes, (0, 4), [1.0], dense_output=True).message


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
@pytest.mark.parametrize("more", [{}, {"events": lambda t, y, *args: 1.0}], ids=["plain", "events"])
def test_an_interrupt_stops_a_compiled_loop(more):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    fi.solve_ivp(decay, (0, 1), [1.0], args=(1.0,))
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            fi.solve_ivp(oscillator, (0, 1e12), [1.0, 0.0], args=(2.0, np.zeros(2)), rtol=1e-10, t_eval=[1e12], **more)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Plain Python callbacks, compiled on the way.


def plain_lotka(t, y, a=1.5):
    return [a * y[0] - y[0] * y[1], y[0] * y[1] - 3.0 * y[1]]


@pytest.fixture
def eager(monkeypatch):
    """Compiling seems to cost nothing: every solve of some length is taken over."""
    monkeypatch.setattr(tiering, "price", lambda key: 1e-9)


LONG = {"t_span": (0, 60), "y0": [2.0, 0.7], "rtol": 1e-6, "max_step": 0.2}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "more", [{}, {"dense_output": True}, {"events": falls}, {"t_eval": [1, 50]}], ids=["", "dense", "events", "t"]
)
def test_a_long_solve_is_taken_over(eager, method, more):
    def fun(t, y):
        return np.array([1.5 * y[0] - y[0] * y[1], y[0] * y[1] - 3.0 * y[1]])

    with fsci.trace() as log:
        ours = fi.solve_ivp(fun, method=method, **LONG, **more)
    same(ours, si.solve_ivp(fun, method=method, **LONG, **more))
    assert log[-1].route == "stepped"
    assert log[-1].attempts[-1].facts["steps"].value > 0
    same(fi.solve_ivp(fun, method=method, **LONG, **more), ours)


def test_what_is_captured_is_compiled_for_its_value(eager):
    rate = 1.0

    def fun(t, y):
        return [-rate * y[0]]

    for value in (1.0, 2.0, 0.1):
        rate = value
        ours, theirs = (f.solve_ivp(fun, (0, 40), [1.0], max_step=0.1) for f in (fi, si))
        same(ours, theirs)


def test_arguments_reach_what_was_compiled(eager):
    for a in (1.5, 1.2, 2):
        ours, theirs = (f.solve_ivp(plain_lotka, args=(a,), **LONG) for f in (fi, si))
        same(ours, theirs)


@pytest.mark.parametrize("events", [None, falls], ids=["plain", "events"])
def test_what_must_stay_interpreted(eager, events):
    calls = []
    table = {"rate": 1.0}

    def counts(t, y):
        calls.append(t)
        return [-0.1 * y[0]]

    def looks_up(t, y):
        return [-table["rate"] * y[0]]

    def prints(t, y):
        if t > 1e9:
            print(t)
        return [-0.1 * y[0]]

    class Model:
        def __call__(self, t, y):
            return [-0.1 * y[0]]

    options = {"t_span": (0, 40), "y0": [3.0], "max_step": 0.1, "events": events}
    for fun in (counts, looks_up, prints, Model(), Model().__call__):
        with fsci.trace() as log:
            ours = fi.solve_ivp(fun, **options)
        assert log[-1].attempts[-1].facts["interpreted"].value
        same(ours, si.solve_ivp(fun, **options))
    before = len(calls)
    assert fi.solve_ivp(counts, **options).nfev == len(calls) - before


def test_a_compiled_callback_that_means_something_else_is_not_taken(eager):
    def fun(t, y):
        return [-0.1 * y[0] * (1.0 if type(y) is np.ndarray and hasattr(y, "tobytes") else 2.0), len(str(y))]

    options = {"t_span": (0, 2), "y0": [3.0, 0.0], "max_step": 0.02}
    with fsci.trace() as log:
        fi.solve_ivp(fun, **options)
    assert "interpreted" in log[-1].attempts[-1].facts


def test_code_that_breaks_the_compiler_stays_interpreted(eager):
    def fun(t, y):
        slopes = [0, 0]
        if y[0] > 1e-3:
            slopes = [-0.1 * y[0], 0.0]
        return slopes

    options = {"t_span": (0, 60), "y0": [3.0, 0.0], "max_step": 0.1}
    with fsci.trace() as log:
        ours = fi.solve_ivp(fun, **options)
    assert "interpreted" in log[-1].attempts[-1].facts
    same(ours, si.solve_ivp(fun, **options))


def test_an_error_after_the_take_over_is_the_callbacks_own(eager):
    def fun(t, y):
        if t > 30.0:
            raise ZeroDivisionError("far out")
        return [-0.1 * y[0]]

    for more in ({}, {"events": falls}):
        with pytest.raises(ZeroDivisionError, match="far out"):
            fi.solve_ivp(fun, (0, 40), [3.0], max_step=0.1, **more)


def test_events_that_change_what_the_callback_reads_are_seen(eager):
    rate = 0.1

    def fun(t, y):
        return [-rate * y[0]]

    def speeds_up(t, y):
        nonlocal rate
        if t > 20.0:
            rate = 1.0
        return 1.0

    ours = fi.solve_ivp(fun, (0, 40), [3.0], max_step=0.1, events=speeds_up)
    rate = 0.1
    same(ours, si.solve_ivp(fun, (0, 40), [3.0], max_step=0.1, events=speeds_up))


def test_a_short_solve_of_a_plain_callback_imports_no_numba():
    code = (
        "import sys\nfrom fsci.integrate import solve_ivp\n"
        "solve_ivp(lambda t, y: -y, (0, 1), [1.0])\nsys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
