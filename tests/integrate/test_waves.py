"""Waves of any frequency over a finite range: Levin's collocation, and certificates that follow no turn of the wave."""

import math
import warnings

import mpmath
import numpy as np
import pytest
import scipy.integrate as si
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
from fsci import integrate as fi
from fsci.kernels.integrate.waves import by_collocation, by_moments, chebyshev, legendre


def exponential(a, b, rate, omega, weight):
    """The integral of exp(rate x) cos(omega x), or sin, in 40 digits."""
    with mpmath.workdps(40):
        z = mpmath.mpc(rate, omega)
        value = (mpmath.exp(z * b) - mpmath.exp(z * a)) / z
        return float(value.real if weight == "cos" else value.imag)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.floats(-2.0, 2.0), st.floats(0.01, 3.0), st.floats(-3.0, 3.0), st.floats(-1.0, 7.0),
    st.sampled_from(["cos", "sin"]), st.sampled_from([-1.0, 1.0]),
)  # fmt: skip
def test_certificates_of_waves_hold(a, width, rate, logarithm, weight, sign):
    omega = sign * 10.0**logarithm
    exact = exponential(a, a + width, rate, omega, weight)
    for mode in ("strict", "hardened"):
        with fsci.policy(mode=mode), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value, certificate = fsci.certify(fi.quad)(
                lambda x: math.exp(rate * x), a, a + width, weight=weight, wvar=omega
            )
        if math.isfinite(certificate.forward_error):
            # The exact end a + width is rounded.
            room = 4e-16 * (abs(omega * (a + width)) + 4.0) * math.exp(6.0) * 10.0 / max(abs(omega), 1.0)
            assert abs(value[0] - exact) <= certificate.forward_error * abs(exact) + room


@pytest.mark.parametrize("omega", [3.0, 100.0, 1e4, 3e4])
@pytest.mark.parametrize("weight", ["cos", "sin"])
def test_high_frequencies_are_certified(omega, weight):
    with fsci.policy(mode="hardened"):
        value, certificate = fsci.certify(fi.quad)(math.exp, 0.0, 2.0, weight=weight, wvar=omega)
    exact = exponential(0.0, 2.0, 1.0, omega, weight)
    assert certificate.verdict == "certified"
    assert abs(value[0] - exact) <= certificate.forward_error * abs(exact)


@pytest.mark.parametrize("omega", [1e4, 3e4])
def test_where_an_absolute_tolerance_hides_it_collocation_has_the_digits(omega):
    """QUADPACK's default tolerance is absolute, and the integral of a fast wave is small."""

    def f(x):
        return 1.0 / (1.0 + 100.0 * x * x)

    with mpmath.workdps(25):
        # By parts, four times: the ends are all that a fast wave leaves.
        derivatives = [mpmath.diff(lambda x: 1 / (1 + 100 * x * x), 1, k) for k in range(6)]
        s, c, w = mpmath.sin(omega), mpmath.cos(omega), mpmath.mpf(omega)
        series = (
            derivatives[0] * s / w + derivatives[1] * c / w**2 - derivatives[2] * s / w**3 - derivatives[3] * c / w**4
        )
        exact = float(2 * series)
    theirs = si.quad(f, -1.0, 1.0, weight="cos", wvar=omega)[0]
    value, certificate = fsci.certify(fi.quad)(f, -1.0, 1.0, weight="cos", wvar=omega)
    assert value[0] == theirs
    assert abs(value[0] - exact) <= certificate.forward_error * abs(exact)
    with fsci.policy(mode="hardened", accuracy=1e-5):
        diagnosis = fsci.explain(fi.quad, f, -1.0, 1.0, weight="cos", wvar=omega)
    assert diagnosis.certificate.verdict == "certified"
    assert diagnosis.value[0] == pytest.approx(exact, rel=1e-6)
    assert diagnosis.value[1] >= 0.0


def test_both_methods_agree_on_what_polynomials_fit():
    def f(x):
        return np.exp(x) / (1.0 + x * x)

    centre, half = 1.25, 0.75
    for omega in (0.5, -3.0, 30.0, 1e4):
        moments, rounding = by_moments(f(centre + half * legendre(32)[0]), centre, half, omega)
        collocated = by_collocation(f(centre + half * chebyshev(33)[0]), centre, half, omega)
        assert abs(moments - collocated) <= 2.0 * rounding + 1e-15


@pytest.mark.parametrize("width", [1e-2, 1e-4, 1e-6])
def test_a_peak_under_a_wave_is_right_or_uncertified(width):
    seen = []

    def f(x):
        z = (x - 0.6180339) / width
        if abs(z) < 3.0:
            seen.append(x)
        return 1.0 + math.exp(-z * z / 2)

    omega = 200.0
    peak = width * math.sqrt(2 * math.pi) * math.exp(-((omega * width) ** 2) / 2) * math.cos(omega * 0.6180339)
    exact = math.sin(omega) / omega + peak
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for mode in ("strict", "hardened"):
            with fsci.policy(mode=mode):
                value, certificate = fsci.certify(fi.quad)(f, 0.0, 1.0, weight="cos", wvar=omega)
            if seen and certificate.verdict == "certified":
                assert abs(value[0] - exact) <= certificate.forward_error * abs(exact)


def test_what_no_polynomial_fits_goes_to_the_panels_or_is_uncertified():
    with warnings.catch_warnings(), fsci.policy(mode="hardened"):
        warnings.simplefilter("ignore")
        for omega in (3.0, 1e6):
            for f in (lambda x: math.sqrt(abs(x - 0.3)), lambda x: x**-0.5 if x > 0.0 else 0.0, lambda x: math.nan):
                diagnosis = fsci.explain(fi.quad, f, 0.0, 1.0, weight="sin", wvar=omega)
                assert diagnosis.certificate.verdict in ("certified", "uncertified")
                if omega > 1e5:
                    assert diagnosis.certificate.verdict == "uncertified"
