"""quad_vec and fixed_quad: SciPy's panels and values; certificates that hold, peaks that are found."""

import math
import warnings

import numpy as np
import pytest
import scipy.integrate as si

import fsci
from fsci import integrate as fi
from fsci.integrate.errors import UncertifiedIntegrationWarning

inf = math.inf
K = np.arange(1.0, 9.0)


@pytest.mark.parametrize("options", [{}, {"quadrature": "gk15"}, {"norm": "max"}, {"norm": lambda x: np.abs(x).sum()}])
@pytest.mark.parametrize(
    ("f", "a", "b"),
    [
        (lambda x: np.sin(K * x) / (1 + x), 0.0, 3.0),
        (lambda x: np.sin(K * x) / (1 + x), 3.0, 0.0),
        (lambda x: np.exp(-K * x), 0.0, inf),
        (lambda x: np.exp(K * x), -inf, 0.0),
        (lambda x: np.exp(-K * x * x), -inf, inf),
        (lambda x: np.exp(-K * x * x), inf, -inf),
        (lambda x: np.outer(K, K) * abs(x - 0.3) ** 0.5, 0.0, 1.0),
        (lambda x: 1j * K * x**0.5, 0.0, 1.0),
        (lambda x: x**0.5, 0.0, 1.0),
        (np.float64, 0.0, 1.0),
        (lambda x: complex(x, x * x), 0.0, 1.0),
        (np.array, 0.0, 1.0),
        (lambda x: np.full(30_000, x), 0.0, 1.0),
        (lambda x: K * math.nan, 0.0, 1.0),
        (lambda x: K * 0.0, 0.0, 1.0),
        (lambda x: K, 1.0, 1.0),
    ],
)
def test_panels_and_values_are_scipys(f, a, b, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = si.quad_vec(f, a, b, **options, full_output=True)
        for _ in range(2):
            ours = fi.quad_vec(f, a, b, **options, full_output=True)
    assert np.shape(ours[0]) == np.shape(theirs[0])
    assert np.asarray(ours[0]).dtype == np.asarray(theirs[0]).dtype
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-3, atol=1e-13)
    mine, other = vars(ours[2]), vars(theirs[2])
    assert (mine["neval"], mine["status"], mine["message"]) == (other["neval"], other["status"], other["message"])
    np.testing.assert_array_equal(np.sort(mine["intervals"], axis=0), np.sort(other["intervals"], axis=0))
    assert mine["integrals"].shape == other["integrals"].shape
    assert repr(ours[2]).startswith("_Bunch(")


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((lambda x: K, 0.0, math.nan), {}),
        ((lambda x: K, 0.0, 1.0), {"quadrature": "none such"}),
        ((lambda x: K, 0.0, 1.0), {"norm": "none such"}),
        ((lambda x: K * (1 / 0), 0.0, 1.0), {}),
    ],
)
def test_errors_are_scipys(args, options):
    with pytest.raises(Exception) as theirs:  # noqa: PT011  (whatever SciPy raises)
        si.quad_vec(*args, **options)
    with pytest.raises(theirs.type) as ours:
        fi.quad_vec(*args, **options)
    assert str(ours.value) == str(theirs.value)


def test_arguments_points_limits_and_caches():
    f = lambda x, k, c: np.array([k, c]) * abs(x - 0.3)  # noqa: E731
    for options in (
        {"args": (2.0, 3.0)},
        {"args": (2.0, 3.0), "points": [0.3, 7.0, 0.3]},
        {"args": (2.0, 3.0), "limit": 3},
        {"args": (2.0, 3.0), "cache_size": 0},
        {"args": (2.0, 3.0), "quadrature": "trapezoid", "epsrel": 1e-4},
        {"args": (2.0, 3.0), "workers": 1, "epsabs": 1.0},
    ):
        ours, theirs = (m.quad_vec(f, 0.0, 1.0, **options, full_output=True) for m in (fi, si))
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-14)
        assert ours[2].neval == theirs[2].neval
    g = lambda x: np.exp(-abs(x - 3.0) * K)  # noqa: E731
    for limits in ((0.0, inf), (-inf, 4.0), (-inf, inf)):
        ours, theirs = (m.quad_vec(g, *limits, points=[3.0]) for m in (fi, si))
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-13)


def test_a_peak_between_the_panels():
    f = lambda x: np.array([1.0, 2.0]) * math.exp(-((x - 300.0) ** 2))  # noqa: E731
    exact = math.sqrt(math.pi) * np.array([1.0, 2.0])
    value, certificate = fsci.certify(fi.quad_vec)(f, -1000.0, 1000.0)
    np.testing.assert_array_equal(value[0], si.quad_vec(f, -1000.0, 1000.0)[0])
    assert certificate.verdict == "uncertified"
    with fsci.policy(mode="hardened"):
        diagnosis = fsci.explain(fi.quad_vec, f, -1000.0, 1000.0)
    assert diagnosis.certificate.verdict == "certified"
    assert np.max(np.abs(diagnosis.value[0] - exact)) <= diagnosis.certificate.forward_error * exact.max()


def test_certificates_hold_or_warn():
    f = lambda x: np.sin(K * x)  # noqa: E731
    value, certificate = fsci.certify(fi.quad_vec)(f, 0.0, 3.0)
    exact = (1 - np.cos(3 * K)) / K
    assert certificate.verdict == "certified"
    assert np.max(np.abs(value[0] - exact)) <= certificate.forward_error * exact.max()
    with fsci.policy(mode="hardened"), np.errstate(all="ignore"), pytest.warns(UncertifiedIntegrationWarning):
        fi.quad_vec(lambda x: K / x, 0.0, 1.0)


@pytest.mark.parametrize("n", [1, 5, 20])
def test_fixed_quad_is_scipys(n):
    f = lambda x, k: np.stack([np.cos(k * x), np.exp(x)])  # noqa: E731
    for a, b in ((0.0, 1.0), (2, -1), (np.float64(0.5), 0.5), (np.float32(0.0), 1.0)):
        for _ in range(2):
            ours, theirs = (m.fixed_quad(f, a, b, args=(3.0,), n=n) for m in (fi, si))
            np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-15)
            assert ours[1] is theirs[1] is None
    for bad in ((0.0, inf), (-inf, 1.0)):
        with pytest.raises(ValueError, match="finite limits"):
            fi.fixed_quad(np.cos, *bad)
    value, certificate = fsci.certify(fi.fixed_quad)(np.cos, 0.0, 1.0, n=n)
    true = abs(value[0] - math.sin(1.0))
    assert true <= certificate.forward_error * math.sin(1.0)
    assert certificate.verdict == ("uncertified" if n == 1 else "certified")
    assert fsci.certify(fi.fixed_quad)(lambda x: np.abs(x - 0.3), 0.0, 1.0, n=n)[1].verdict == "uncertified"
