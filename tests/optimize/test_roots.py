"""Scalar roots: SciPy's answers, counts and errors; certificates that no jump or pole can fool."""

import math

import numba
import numpy as np
import pytest
import scipy.optimize as so
from hypothesis import given
from hypothesis import strategies as st

import fsci
from fsci import optimize as fo

METHODS = ["brentq", "brenth", "ridder", "bisect"]

FUNCTIONS = [
    (lambda x: math.cos(x) - x, 0.0, 1.0),
    (lambda x: x**3 - 2, -1.0, 4.0),
    (lambda x: x**3 - 2 * x - 5, 0.0, 4.0),
    (lambda x: math.exp(x) - 1e-8, -50.0, 3.0),
    (lambda x: math.atan(x - 1e6), -10.0, 1e9),
    (lambda x: x, -1.0, 1.0),
    (lambda x: math.copysign(abs(x - 0.3) ** (1 / 3), x - 0.3), 0.0, 1.0),
]


def _same(ours, theirs):
    assert vars(ours).keys() == vars(theirs).keys() or dict(ours) == dict(theirs)
    assert dict(ours) == dict(theirs)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", range(len(FUNCTIONS)))
def test_same_iterates_as_scipy(method, case):
    f, a, b = FUNCTIONS[case]
    _same(getattr(fo, method)(f, a, b, full_output=True)[1], getattr(so, method)(f, a, b, full_output=True)[1])
    _same(fo.root_scalar(f, bracket=[a, b], method=method), so.root_scalar(f, bracket=[a, b], method=method))


@pytest.mark.parametrize("case", range(len(FUNCTIONS)))
def test_compiled_loop_takes_the_same_steps(case):
    f, a, b = FUNCTIONS[case]
    jitted = numba.njit(f)
    diagnosis = fsci.explain(fo.brentq, jitted, a, b)
    assert diagnosis.route == "brentq_compiled"
    # Twice: the second call goes through the plan cache.
    for _ in range(2):
        _same(fo.brentq(jitted, a, b, full_output=True)[1], so.brentq(f, a, b, full_output=True)[1])


def test_jitted_function_that_is_no_scalar_function_is_interpreted():
    jitted = numba.njit(lambda x: (x, x))
    for solver in (fo.brentq, so.brentq):
        with pytest.raises((TypeError, ValueError)):
            solver(jitted, -1, 1)
    with_args = numba.njit(lambda x, c: x - c)
    assert fo.brentq(with_args, -1.0, 1.0, args=(0.25,)) == pytest.approx(0.25)


@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3), st.floats(0.1, 1e3))
def test_linear_functions(root, left, right):
    f = lambda x: x - root  # noqa: E731
    assert fo.brentq(f, root - left, root + right) == so.brentq(f, root - left, root + right)


ERRORS = [
    {"f": lambda x: x + 5, "a": 0, "b": 1},
    {"f": lambda x: math.nan, "a": 0, "b": 1},
    {"f": lambda x: x, "a": -1, "b": 1, "xtol": -1},
    {"f": lambda x: x, "a": -1, "b": 1, "rtol": 1e-20},
    {"f": lambda x: x - 0.3, "a": -1, "b": 1, "maxiter": 2},
    {"f": lambda x: x, "a": -1, "b": 1, "maxiter": 2.5},
    {"f": lambda x: x, "a": -1, "b": 1, "maxiter": -1},
    {"f": lambda x: 1 / 0, "a": -1, "b": 1},
    {"f": "not callable", "a": -1, "b": 1},
    {"f": lambda x: x, "a": 1j, "b": 1},
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_same_errors_as_scipy(method, case):
    try:
        expected = getattr(so, method)(**ERRORS[case])
    except Exception as error:  # noqa: BLE001  (whatever SciPy raises)
        theirs = error
    else:
        assert method == "ridder"  # which needs two iterations only
        assert getattr(fo, method)(**ERRORS[case]) == expected
        return
    for _ in range(2):
        with pytest.raises(type(theirs)) as ours:
            getattr(fo, method)(**ERRORS[case])
        assert str(ours.value) == str(theirs)


def test_callback_errors_pass_through_unchanged():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fo.brentq(f, 0, 1)


def test_number_of_callback_calls_is_scipys_in_strict_mode():
    def counted(solver):
        calls = []
        solver(lambda x: calls.append(x) or x**3 - 2, 0, 2)
        return calls

    assert counted(fo.brentq) == counted(so.brentq)


def test_not_converged_with_full_output_and_no_display():
    ours = fo.brentq(lambda x: x - 0.3, -1, 1, maxiter=2, full_output=True, disp=False)
    theirs = so.brentq(lambda x: x - 0.3, -1, 1, maxiter=2, full_output=True, disp=False)
    assert ours[0] == theirs[0]
    _same(ours[1], theirs[1])


def test_nan_in_root_scalar_is_reported_as_scipy_does():
    f = lambda x: math.nan if x > 0.4 else x - 0.5  # noqa: E731
    ours, theirs = (m.root_scalar(f, bracket=[0, 1], method="brentq") for m in (fo, so))
    assert (ours.flag, ours.root, ours.function_calls) == (theirs.flag, theirs.root, theirs.function_calls)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"x0": 1.0},
        {"x0": 1.0, "x1": 2.0},
        {"x0": 1.0, "fprime": lambda x: 3 * x**2},
        {"bracket": [0, 2], "method": "toms748"},
        {"bracket": [0, 2], "options": {"xtol": 1e-3}},
    ],
)
def test_what_is_handed_over_is_scipys_and_says_so(kwargs):
    f = lambda x: x**3 - 2  # noqa: E731
    diagnosis = fsci.explain(fo.root_scalar, f, **kwargs)
    assert diagnosis.handover
    assert diagnosis.certificate.verdict == "unexamined"
    _same(diagnosis.value, so.root_scalar(f, **kwargs))


@pytest.mark.parametrize(
    ("f", "a", "b"),
    [
        (lambda x: 1 / x, -1.0, 1.1),
        (lambda x: math.copysign(1.0, x - 0.3), -1.0, 1.1),
        (lambda x: -1.0 if x < 0.3 else 1e-9, -1.0, 1.1),
        (math.tan, 1.0, 2.0),
        (lambda x: math.copysign(1.0, x - 0.3) + x, -1.0, 1.1),
        (lambda x: 1 / (x - 1e8 / 3), 1.0, 3e8),
    ],
)
def test_poles_and_jumps_are_never_certified(f, a, b):
    _, certificate = fsci.certify(fo.brentq)(f, a, b)
    assert certificate.verdict == "uncertified"
    assert certificate.digits == 0
    with fsci.policy(mode="hardened"), pytest.raises(fsci.UncertifiedError, match="jumps or has a pole") as caught:
        fo.brentq(f, a, b)
    assert caught.value.diagnosis.certificate.verdict == "uncertified"


@given(
    st.floats(-1e6, 1e6).filter(lambda r: abs(r) > 1e-3),
    st.sampled_from([1, 3]),
    st.floats(1e-3, 1e3),
)
def test_certified_roots_are_within_their_bound(root, power, scale):
    f = lambda x: scale * math.copysign(abs(x - root) ** power, x - root)  # noqa: E731
    x, certificate = fsci.certify(fo.brentq)(f, root - 7.0, root + 11.0, maxiter=1000)
    if certificate.verdict == "certified":
        assert abs(x - root) <= certificate.forward_error * abs(root) * (1 + 1e-12)
    if power == 1:
        assert certificate.verdict == "certified"


def test_hardened_default_may_choose_another_method():
    with fsci.policy(mode="hardened"):
        diagnosis = fsci.explain(fo.root_scalar, lambda x: x**3 - 2, bracket=[0, 2])
    assert diagnosis.certificate.verdict == "certified"
    assert diagnosis.value.root == pytest.approx(2 ** (1 / 3))


@pytest.mark.parametrize("kind", [int, np.float32, np.float64, np.int64])
def test_brackets_of_other_types(kind):
    assert fo.brentq(lambda x: x - 0.25, kind(0), kind(1)) == so.brentq(lambda x: x - 0.25, kind(0), kind(1))
