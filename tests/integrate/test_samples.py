"""Sums of samples: SciPy's to rounding for every axis, layout and kernel; bounds that hold against exact arithmetic."""

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import scipy.integrate as si
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fsci
from fsci import integrate as fi

RULES = ("trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson")
SHAPES = ((2,), (3,), (4,), (9,), (10,), (2000,), (2001,), (50_001,), (5, 11), (11, 6), (3, 12, 4), (2, 3, 700))
KERNELS = ("sampled_numpy", "sampled_compiled", "sampled_compensated", "sampled_scipy")


def _spacings(rng, shape, axis):
    yield {}
    yield {"dx": 0.25}
    yield {"x": np.cumsum(rng.random(shape[axis]) + 0.1)}
    yield {"x": np.cumsum(rng.random(shape) + 0.1, axis=axis)}


def _same(ours, theirs, rtol=1e-12):
    assert type(ours) is type(theirs)
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * float(np.max(np.abs(theirs), initial=0.0)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_every_axis_and_spacing(rule, shape):
    rng = np.random.default_rng(len(shape))
    y = rng.random(shape)
    ours, theirs = getattr(fi, rule), getattr(si, rule)
    for axis in range(-len(shape), len(shape)):
        for spacing in _spacings(rng, shape, axis):
            expected = theirs(y, axis=axis, **spacing)
            for _ in range(2):  # the second call goes through the plan cache
                _same(ours(y, axis=axis, **spacing), expected)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("rule", RULES)
def test_every_kernel(rule, kernel):
    rng = np.random.default_rng(5)
    reached = False
    for shape in ((9,), (10,), (4, 13), (3, 8, 5)):
        y = rng.standard_normal(shape)
        for spacing in _spacings(rng, shape, -1):
            with fsci.policy(mode="hardened", overrides={"sampled_integral": kernel}):
                diagnosis = fsci.explain(getattr(fi, rule), y, **spacing)
            if diagnosis.attempts[0].kernel == kernel:
                reached = True
                attempt = diagnosis.attempts[0].value
                _same(attempt, getattr(si, rule)(y, **spacing), 1e-11)
    assert reached is not (kernel == "sampled_compensated" and rule.startswith("cumulative"))


def test_running_sums_add_in_scipys_order():
    y = np.random.default_rng(1).standard_normal(30_000)
    for n in (10, 30_000):
        np.testing.assert_array_equal(fi.cumulative_trapezoid(y[:n]), si.cumulative_trapezoid(y[:n]))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda y: np.repeat(y, 2, axis=-1)[..., ::2],
        lambda y: y[..., ::-1],
        lambda y: y.astype(">f8"),
        lambda y: y.astype(np.float32),
        lambda y: y + 1j * y[..., ::-1],
        lambda y: (100 * y).astype(np.int64),
        lambda y: y.tolist(),
        lambda y: tuple(map(tuple, y.tolist())),
        lambda y: y[:, :0],
        lambda y: y[:, :1],
        lambda y: y[:0],
        lambda y: np.where(y > 1.5, np.nan, y),
        lambda y: np.where(y > 1.5, np.inf, y),
        lambda y: y * 7e307,
    ],
)
def test_layouts_dtypes_and_degenerate_samples(rule, change):
    y = change(np.random.default_rng(2).standard_normal((6, 9)))
    ours, theirs = getattr(fi, rule), getattr(si, rule)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for axis in (-1, 0):
            try:
                expected = theirs(y, axis=axis)
            except (ValueError, IndexError) as error:
                with pytest.raises(type(error)) as caught:
                    ours(y, axis=axis)
                assert str(caught.value) == str(error)
                continue
            for _ in range(2):
                found = ours(y, axis=axis)
                assert np.asarray(found).dtype == np.asarray(expected).dtype
                rtol = 1e-5 if np.asarray(expected).dtype == np.float32 else 1e-12
                np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


class Subclass(np.ndarray):
    """A subclass that SciPy keeps, or drops."""


@pytest.mark.parametrize(
    ("rule", "args", "kwargs"),
    [
        ("trapezoid", ([1.0, 2.0, 3.0],), {"x": [1.0, 2.0]}),
        ("trapezoid", (np.ones((3, 4)),), {"x": np.ones((2, 2))}),
        ("trapezoid", (np.ones((3, 4)),), {"dx": np.array([[0.5], [1.0], [2.0]])}),
        ("trapezoid", (np.ones(4),), {"axis": 1}),
        ("trapezoid", (np.ones((3, 4)),), {"x": np.arange(12.0).reshape(3, 4), "axis": np.int64(0)}),
        ("trapezoid", (np.ones(4).view(Subclass),), {}),
        ("trapezoid", (np.ma.masked_greater(np.arange(5.0), 3.0),), {}),
        ("simpson", (np.ones(5),), {"x": np.ones(5)}),
        ("simpson", (np.arange(6.0),), {"x": np.array([0.0, 0.0, 1.0, 2.0, 2.0, 2.0])}),
        ("simpson", (np.ones(5),), {"x": np.ones(4)}),
        ("simpson", (np.ones(4),), {"dx": 0.0}),
        ("cumulative_trapezoid", (np.ones(4),), {"initial": 1.0}),
        ("cumulative_trapezoid", (np.arange(4.0),), {"initial": 0}),
        ("cumulative_trapezoid", (np.ones((3, 4)),), {"initial": 0.0, "axis": 0}),
        ("cumulative_trapezoid", (np.ones(4),), {"x": np.ones(3)}),
        ("cumulative_trapezoid", (np.ones((2, 0)),), {}),
        ("cumulative_simpson", (np.arange(6.0),), {"initial": 2.0}),
        ("cumulative_simpson", (np.ones((3, 5)),), {"initial": np.ones((3, 1))}),
        ("cumulative_simpson", (np.arange(6.0),), {"x": np.array([0.0, 1.0, 1.0, 2.0, 3.0, 4.0])}),
        ("cumulative_simpson", (np.arange(6.0),), {"x": np.arange(6.0)[::-1]}),
        ("cumulative_simpson", (np.ones((3, 5)),), {"dx": np.array([[1.0], [2.0], [3.0]])}),
        ("cumulative_simpson", (np.arange(2.0),), {"initial": 1.0}),
        ("romb", (np.arange(9.0),), {"dx": 0.5}),
        ("romb", (np.arange(10.0),), {}),
        ("romb", (np.arange(18.0).reshape(2, 9),), {}),
        ("romb", (np.arange(9.0),), {"show": True}),
        ("romb", (np.arange(2.0),), {}),
        ("romb", (np.arange(1.0),), {}),
    ],
)
def test_other_arguments_are_scipys(rule, args, kwargs, capsys):
    ours, theirs = getattr(fi, rule), getattr(si, rule)
    with np.errstate(all="ignore"):
        try:
            expected = theirs(*args, **kwargs)
        except (ValueError, IndexError, TypeError) as error:
            for _ in range(2):
                with pytest.raises(type(error)) as caught:
                    ours(*args, **kwargs)
                assert str(caught.value) == str(error)
            return
        printed = capsys.readouterr().out
        for _ in range(2):
            found = ours(*args, **kwargs)
            assert type(found) is type(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-14)
        assert capsys.readouterr().out == 2 * printed


def test_operands_are_left_alone():
    y, x = np.arange(10.0), np.arange(10.0)
    for rule in RULES:
        getattr(fi, rule)(y, x=x)
        getattr(fi, rule)(y.reshape(2, 5), x=x[:5])
    np.testing.assert_array_equal(y, np.arange(10.0))
    np.testing.assert_array_equal(x, np.arange(10.0))


def exact_sum(rule, y, x):
    """The rule in rational arithmetic."""
    y, x = [Fraction(v) for v in y.tolist()], [Fraction(v) for v in x.tolist()]
    h = [b - a for a, b in itertools.pairwise(x)]
    if rule == "trapezoid":
        return sum(w * (a + b) / 2 for w, (a, b) in zip(h, itertools.pairwise(y), strict=True))
    n, total = len(y), Fraction(0)
    last = n if n % 2 else n - 1
    for i in range(0, last - 2, 2):
        p, q = h[i], h[i + 1]
        total += (p + q) / 6 * ((2 - q / p) * y[i] + (p + q) ** 2 / (p * q) * y[i + 1] + (2 - p / q) * y[i + 2])
    if last < n:
        p, q = h[-2], h[-1]
        total += (2 * q * q + 3 * p * q) / (6 * (p + q)) * y[-1] + (q * q + 3 * p * q) / (6 * p) * y[-2]
        total -= q**3 / (6 * p * (p + q)) * y[-3]
    return total


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(np.float64, st.integers(3, 40), elements=st.floats(-1e6, 1e6)),
    st.sampled_from(["trapezoid", "simpson"]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_bounds_hold_against_rational_arithmetic(y, rule, even, seed):
    x = np.arange(y.size) * 0.5 if even else np.cumsum(10.0 ** np.random.default_rng(seed).uniform(-3, 3, y.size))
    given = {"dx": 0.5} if even else {"x": x}
    exact = exact_sum(rule, y, x)
    for kernel in KERNELS:
        for mode in ("strict", "hardened"):
            with fsci.policy(mode=mode, overrides={"sampled_integral": kernel}):
                value, certificate = fsci.certify(getattr(fi, rule))(y, **given)
            error = abs(Fraction(float(value)) - exact)
            assert error <= Fraction(certificate.detail["rounding_bound"])
            if certificate.verdict == "certified":
                assert error <= Fraction(certificate.forward_error) * abs(exact)


def test_sums_that_cancel_are_repaired_where_accuracy_is_asked_for():
    rng = np.random.default_rng(3)
    y = np.concatenate(([0.0], rng.standard_normal(4001) * 1e6, [0.0]))
    y = np.concatenate((y, -y, [1e-6] * 9))
    value, certificate = fsci.certify(fi.trapezoid)(y)
    assert certificate.condition > 1e8
    with fsci.policy(mode="hardened"):
        diagnosis = fsci.explain(fi.trapezoid, y)
    exact = exact_sum("trapezoid", y, np.arange(float(y.size)))
    assert "sampled_compensated" in diagnosis.route
    assert abs(Fraction(float(diagnosis.value)) - exact) <= abs(Fraction(float(value)) - exact)
    assert certificate.verdict == "uncertified"
    assert diagnosis.certificate.verdict == "certified"
    assert abs(Fraction(float(diagnosis.value)) - exact) <= Fraction(diagnosis.certificate.forward_error) * abs(exact)


def test_certificates_of_rows_and_of_what_lies_between_the_samples():
    x = np.linspace(0.0, 1.0, 65)
    y = np.stack([np.exp(x), np.sin(7 * x), np.zeros(65)])
    value, certificate = fsci.certify(fi.trapezoid)(y, x)
    assert certificate.verdict.tolist() == ["certified", "certified", "uncertified"]
    assert certificate.rigor == "rigorous"
    truth = np.array([math.e - 1, (1 - math.cos(7)) / 7, 0.0])
    estimate = certificate.detail["truncation_estimate"]
    assert np.all(np.abs(value - truth) <= 1.05 * estimate + 1e-15)
    assert np.all(estimate <= 10 * np.abs(value - truth) + 1e-15)
    _, certificate = fsci.certify(fi.simpson)(y, x)
    assert certificate.rigor == "estimated"
    running, certificate = fsci.certify(fi.cumulative_simpson)(y, x=x)
    assert running.shape == (3, 64)
    assert certificate.forward_error.shape == (3,)
    assert fsci.certify(fi.romb)(y[0], dx=1 / 64)[1].verdict == "certified"


def test_what_is_handed_over_says_so():
    assert fsci.explain(fi.trapezoid, [1, 2, 3]).handover
    assert not fsci.explain(fi.trapezoid, [1.0, 2.0, 3.0]).handover
