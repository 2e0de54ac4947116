"""Plain callbacks written down as arithmetic: the same numbers, or not written down."""

from __future__ import annotations

import math
import subprocess
import sys
from math import atan2, sqrt

import numba
import numpy as np
import pytest
import scipy.integrate as si
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci.integrate as fi
from fsci.kernels.integrate import tiering
from fsci.kernels.integrate.callbacks import rhs_of
from fsci.kernels.integrate.traced_callbacks import Symbol, trace

MATRIX, RATE, TABLE, SEEN, COUNT = np.array([[0.0, 1.0], [-2.0, -0.1]]), 3.0, {"a": 1.0}, [], np.zeros(1)


def helper(a, b):
    return a * b + math.sin(a)


def lorenz(t, y, s=10.0, r=28.0, b=8.0 / 3.0):
    return np.array([s * (y[1] - y[0]), y[0] * (r - y[2]) - y[1], y[0] * y[1] - b * y[2]])


def by_matrix(t, y):
    return MATRIX @ y


def vectors(t, y):
    return -RATE * y + np.sin(t) * np.exp(-y) / 2 - y**2


def filled(t, y):
    out = np.zeros(2)
    out[0] = y[1]
    out[1] -= helper(y[0], t) ** 3
    return out


def unpacked(t, y):
    a, b = y
    return a * b, -a / (1 + b**2)


def summed(t, y):
    return [sum(k * y[k] for k in range(len(y))), np.sum(y) - np.dot(y, y)]


def library(t, y):
    return np.tanh(y[0]) + sqrt(t), atan2(y[1], 2.0) + abs(y[0]) ** 1.5 - 2.0 ** y[0] + np.hypot(y[0], y[1])


def differences(t, y):
    return np.concatenate(([y[1] - y[0]], np.diff(y)))


def constant(t, y):
    return np.array([1, 2.5])


WRITTEN = [by_matrix, vectors, filled, unpacked, summed, library, differences, constant]


def branches(t, y):
    return -y if t < 1 else y


def compares(t, y):
    return np.where(y > 0, y, -y)


def looks_up(t, y):
    return -TABLE["a"] * y


def appends(t, y):
    SEEN.append(t)
    return -y


def counts(t, y):
    COUNT[0] += 1.0
    return -y


def random(t, y):
    return np.random.default_rng(0).random(2) * y


def has_state(t, y):
    return -has_state.rate * y


has_state.rate = 1.0


def converts(t, y):
    return [float(y[0]), math.floor(y[1])]


def complex_numbers(t, y):
    return [y[0], 1j]


def too_many(t, y):
    return [y[0], y[1], t]


def of_whole_numbers(t, y):
    out = np.zeros(2, dtype=int)
    out[0] = y[1]
    return out


def inner(t, y):
    return [RATE * v for v in y]


OTHERS = [branches, compares, looks_up, appends, counts, random, has_state, converts, complex_numbers, too_many,
          of_whole_numbers, inner]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(t=st.floats(0.0, 10.0), y=st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=2))
@pytest.mark.parametrize("function", WRITTEN, ids=lambda f: f.__name__)
def test_what_is_written_down_gives_the_same_numbers(function, t, y):
    y = np.array(y)
    callback = rhs_of(function, 2, ())
    assert trace(function, 2, ()).code is callback.function
    np.testing.assert_allclose(callback.at(t, y), np.asarray(function(t, y), dtype=float), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("function", OTHERS, ids=lambda f: f.__name__)
def test_what_cannot_be_written_down_is_not(function):
    assert trace(function, 2, ()) is None


def test_arithmetic_of_symbols_keeps_the_order_and_each_operation_once():
    found = trace(lorenz, 3, (10.0, 28.0, 2))
    names = [line[0] for line in found.lines]
    assert names.count("fmul") == 4
    assert names.count("fsub") == 4
    assert ("number", (2.0).hex()) in found.lines  # a whole number is a constant
    assert trace(lorenz, 3, (10.0, 28.0, 3)) is not found
    assert trace(lorenz, 3, (1.0, 2.0, 2)) is found
    with pytest.raises(TypeError, match="not known"):
        bool(Symbol(None, 0))


def test_arguments_and_captured_values():
    rate, y = np.array([1.0, 2.0]), np.array([0.3, -0.7])

    def scaled(t, y, a, k, v):
        return a * rate * y**k + v

    def holds(*args):
        assert trace(scaled, 2, args) is not None
        np.testing.assert_allclose(rhs_of(scaled, 2, args).at(0.0, y), scaled(0.0, y, *args), rtol=1e-14)

    holds(1.5, 2, np.array([0.5, 1.0]))
    holds(-0.5, 3, np.array([2.0, 1.0]))
    rate = np.array([3.0, -1.0])
    holds(-0.5, 3, np.array([2.0, 1.0]))
    rate[0] = 7.0
    holds(-0.5, 3, np.array([2.0, 1.0]))


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau", "BDF"])
@pytest.mark.parametrize(
    "more", [{}, {"dense_output": True}, {"events": lambda t, y: y[0]}], ids=["plain", "dense", "events"]
)
def test_a_solve_that_is_taken_over(method, more, monkeypatch):
    monkeypatch.setattr(tiering, "price", lambda key: 1e-9)
    options = {"method": method, "max_step": 0.01, "rtol": 1e-8, "atol": 1e-8, **more}
    ours, theirs = (f.solve_ivp(lorenz, (0, 1), [1.0, 1.0, 1.0], **options) for f in (fi, si))
    assert trace(lorenz, 3, ()).code is not None
    assert (ours.status, ours.nfev, ours.njev, ours.nlu) == (theirs.status, theirs.nfev, theirs.njev, theirs.nlu)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-4)


def test_the_same_as_numba_makes_of_it():
    y = np.array([0.3, -0.7, 2.0])
    np.testing.assert_array_equal(rhs_of(lorenz, 3, ()).at(0.0, y), rhs_of(numba.njit(lorenz), 3, ()).at(0.0, y))


def test_tracing_imports_no_numba():
    code = (
        "import sys\nfrom fsci.kernels.integrate.traced_callbacks import trace\n"
        "assert trace(lambda t, y: -y, 2, ()) is not None\nsys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
