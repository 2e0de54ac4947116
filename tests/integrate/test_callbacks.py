"""Callbacks as compiled loops take them: an array that only leaves is not allocated, and nothing else changes."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci.integrate as fi
from fsci.kernels.integrate.callbacks import RAISED, WRONG_LENGTH, rhs_of
from fsci.kernels.integrate.returned_buffers import buffer_form
from fsci.kernels.integrate.returned_tuples import tuple_form

pytestmark = pytest.mark.slow

LENGTH = 2


@numba.njit
def fill(t, y, out):
    out[0], out[1] = y[1], -y[0]


def displayed(t, y):
    return np.array([y[1], -y[0]])


def typed(t, y):
    slopes = np.asarray((y[1], -1), dtype=np.float64)
    return slopes


def by_place(t, y):
    return np.array([y[1], -y[0]], float)


def listed(t, y):
    return [y[1], 1]


def branches(t, y):
    if t > 0.5:
        return np.array([y[1], -y[0]])
    return np.array([1, 0])


def strange(t, y, rate=2.0):
    return np.array([y[1], -rate * y[0], y[0]])


TUPLES = [displayed, typed, by_place, listed, branches]


def emptied(t, y):
    out = np.empty(2)
    fill(t, y, out)
    return out


def zeroed(t, y):
    out = np.zeros((LENGTH,), dtype=float)
    if t > 0.5:
        out[0] = y[1]
        return out
    out[1] = -y[0]
    return out


def alike(t, y):
    out = np.zeros_like(y)
    for i in range(y.size):
        out[i] += y[1 - i]
    return out


def sized(t, y):
    n = len(y)
    out = np.empty(n, np.float64)
    for i in range(n):
        out[i] = i - y[i]
    return out


BUFFERS = [emptied, zeroed, alike, sized]


def changed_after(t, y):
    out = np.array([y[1], -y[0]])
    out[0] += 1.0
    return out


def summed(t, y):
    slopes = [y[1], -y[0]]
    return np.array([slopes[0], len(slopes)])


def anew(t, y):
    for i in range(3):
        out = np.empty(2)
        out[:] = i * y
    return out


def whole_numbers(t, y):
    out = np.zeros_like(np.array([1, 2]))
    out[0] = y[0] * 1.75  # cut to a whole number
    return out


def of_either(t, y):
    out = np.zeros(2)
    if t > 0.5:
        out = np.ones(2)
    return out


def is_vector(t, y):
    return -y


OTHERS = [changed_after, anew, of_either, is_vector, whole_numbers]
POINTS = [(0.25, np.array([1.5, -2.5])), (0.75, np.array([0.1, 3.0])), (1.0, np.array([-0.7, np.inf]))]


@pytest.mark.parametrize("function", [*TUPLES, *BUFFERS, *OTHERS, summed], ids=lambda f: f.__name__)
@pytest.mark.parametrize("options", [{}, {"error_model": "numpy"}], ids=str)
def test_values_are_those_of_the_function(function, options):
    compiled = numba.njit(**options)(function)
    callback = rhs_of(compiled, 2, ())
    assert not callback.reason
    for t, y in POINTS:
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(callback.at(t, y), np.asarray(function(t, y), dtype=float))


@pytest.mark.parametrize("function", TUPLES, ids=lambda f: f.__name__)
def test_arrays_that_only_leave_are_tuples(function):
    given = tuple_form(numba.njit(function))
    assert given is not None
    assert isinstance(given(*POINTS[0]), tuple)


@pytest.mark.parametrize("function", BUFFERS, ids=lambda f: f.__name__)
def test_an_array_of_its_own_is_the_one_given(function):
    given, out = buffer_form(numba.njit(function), 2), np.full(2, 7.0)
    assert given is not None
    t, y = POINTS[0]
    assert given(t, y, out) is out
    np.testing.assert_array_equal(out, function(t, y))


@pytest.mark.parametrize("function", [f for f in OTHERS if f is not whole_numbers], ids=lambda f: f.__name__)
def test_what_else_is_done_with_an_array_keeps_it(function):
    assert tuple_form(numba.njit(function)) is None
    assert buffer_form(numba.njit(function), 2) is None


def test_options_that_change_the_meaning_keep_the_function():
    class Other(numba.core.compiler.Compiler):
        pass

    assert tuple_form(numba.njit(pipeline_class=Other)(displayed)) is None
    assert buffer_form(numba.njit(parallel=True)(emptied), 2) is None


def test_a_wrong_number_is_told():
    three = numba.njit(strange)
    callback = rhs_of(three, 2, ())
    assert callback.function.ctypes is not None
    assert callback.at(*POINTS[0]) is None
    other = rhs_of(numba.njit(zeroed), 3, ())
    assert other.at(0.0, np.ones(3)) is None
    assert {RAISED, WRONG_LENGTH} == {1, 2}
    for function, start in ((three, [1.0, 2.0]), (numba.njit(zeroed), [1.0, 2.0, 3.0])):
        with pytest.raises(ValueError, match="broadcast") as theirs:
            si.solve_ivp(function, (0, 1), start)
        with pytest.raises(ValueError, match="broadcast") as ours:
            fi.solve_ivp(function, (0, 1), start)
        assert str(ours.value) == str(theirs.value)


def test_extra_arguments_and_defaults():
    @numba.njit
    def forced(t, y, rate, shift):
        out = np.zeros(2)
        out[0], out[1] = y[1] + shift[1], -rate * y[0]
        return out

    args = (2.0, np.array([0.5, 0.25]))
    ours, theirs = (f.solve_ivp(forced, (0, 3), [1.0, 0.0], args=args) for f in (fi, si))
    assert ours.nfev == theirs.nfev
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-8, atol=1e-8)

    @numba.njit
    def given(t, y, rate=0.5):
        return np.array([-rate * y[0], 1.0])

    ours, theirs = (f.solve_ivp(given, (0, 3), [1.0, 0.0]) for f in (fi, si))
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-8, atol=1e-8)
