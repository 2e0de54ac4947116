"""quad and its iterations: SciPy's values to the bit, its warnings and errors; certificates that hold, peaks found."""

import ctypes
import math
import warnings
from itertools import pairwise

import mpmath
import numba
import numpy as np
import pytest
import scipy.integrate as si
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import LowLevelCallable

import fsci
from benchmarks.workloads_quadrature import INTEGRALS, compiled
from fsci import integrate as fi
from fsci.integrate.errors import UncertifiedIntegrationWarning

pytestmark = pytest.mark.slow

inf = math.inf


def normal(mean, sigma):
    return lambda x: math.exp(-0.5 * ((x - mean) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))


def cdf(z):
    return float(mpmath.ncdf(z))


# (integrand, limits, integral): what QUADPACK gets wrong with an error estimate that says otherwise.
PEAKS = {
    "scipy#11571": (normal(0.64449662, 0.19), -1000.0, 0.5, cdf((0.5 - 0.64449662) / 0.19)),
    "scipy#17443": (normal(116.0, 3.81), 0.0, inf, 1.0),
    "scipy#10305": (lambda x: math.exp(-x * x), -inf, 38.0, math.sqrt(math.pi)),
    "scipy#15990": (normal(0.0, 0.0005), 0.0015, inf, cdf(-3.0)),
    "in the middle": (normal(300.0, 0.19), -1000.0, 1000.0, 1.0),
    "narrow": (normal(0.3, 1e-4), -1.0, 1.0, 1.0),
    "on a slope": (lambda x: x + normal(0.31, 2e-4)(x), 0.0, 1.0, 1.5),
    "three": (INTEGRALS[12].function, 0.0, 1.0, INTEGRALS[12].exact),
}

DIVERGENT = {
    "1/x": (lambda x: 1 / x, 0.0, 1.0),
    "1/x far": (lambda x: 1 / x, 1.0, inf),
    "tan": (math.tan, 0.0, math.pi / 2),
    "1/(x - 1/3)^2": (lambda x: 1 / (x - 1 / 3) ** 2, 0.0, 1.0),
    "constant": (lambda x: 1.0, 0.0, inf),
}


def holds(value, certificate, exact):
    """Whether a certificate that vouches for something is true."""
    room = certificate.forward_error * abs(exact) * (1 + 1e-12) + math.ulp(exact)
    return certificate.verdict != "certified" or abs(value - exact) <= room


@pytest.mark.parametrize("integral", INTEGRALS, ids=lambda i: i.name)
def test_classic_integrals_are_scipys_to_the_bit_and_right_or_uncertified(integral):
    f, a, b = integral.function, integral.a, integral.b
    jitted, low_level = compiled(integral)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = si.quad(f, a, b)
        by_c = si.quad(low_level, a, b)
        for _ in range(2):  # the second call goes through the plan cache
            assert fi.quad(f, a, b) == expected
            assert fi.quad(low_level, a, b) == by_c
            # Machine code and interpreter may differ in the last bit of exp and its like.
            assert fi.quad(jitted, a, b) == by_c
            assert fi.quad(f, b, a) == si.quad(f, b, a)
        value, certificate = fsci.certify(fi.quad)(f, a, b)
    assert value == expected
    assert holds(value[0], certificate, integral.exact)
    assert certificate.rigor == "estimated"
    assert certificate.detail["samples"] > 1000
    with fsci.policy(mode="hardened"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UncertifiedIntegrationWarning)
        diagnosis = fsci.explain(fi.quad, f, a, b)
    assert holds(diagnosis.value[0], diagnosis.certificate, integral.exact)
    assert diagnosis.value[0] == pytest.approx(integral.exact, rel=1e-6)


@pytest.mark.parametrize("index", range(0, 20, 3))
def test_exact_values_of_the_catalogue(index):
    integral = INTEGRALS[index]
    limits = np.linspace(integral.a, integral.b, 41) if integral.b < inf else [0, 0.01, 0.1, 1, 10, 100, inf]
    value = sum(si.quad(integral.function, *pair, epsabs=0, epsrel=1e-13)[0] for pair in pairwise(limits))
    assert value == pytest.approx(integral.exact, rel=1e-9)


@pytest.mark.parametrize("name", PEAKS)
def test_narrow_peaks_are_uncertified_in_strict_mode_and_found_in_hardened(name):
    f, a, b, exact = PEAKS[name]
    value, certificate = fsci.certify(fi.quad)(f, a, b)
    assert value == si.quad(f, a, b)
    assert abs(value[0] - exact) > 1e-4 * exact
    assert certificate.verdict == "uncertified"
    assert certificate.detail["second_rule"] == pytest.approx(exact, rel=1e-8)
    with fsci.policy(mode="hardened"):
        diagnosis = fsci.explain(fi.quad, f, a, b)
    assert diagnosis.certificate.verdict == "certified"
    assert abs(diagnosis.value[0] - exact) <= diagnosis.certificate.forward_error * exact
    assert diagnosis.route.startswith("quadpack > ")


@pytest.mark.parametrize("name", DIVERGENT)
def test_divergent_integrals_are_never_certified(name):
    f, a, b = DIVERGENT[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", si.IntegrationWarning)
        _, certificate = fsci.certify(fi.quad)(f, a, b)
    assert certificate.verdict == "uncertified"
    assert certificate.digits == 0
    with fsci.policy(mode="hardened"), pytest.warns(UncertifiedIntegrationWarning, match="not certified") as caught:
        fi.quad(f, a, b)
    assert caught.pop(UncertifiedIntegrationWarning).message.diagnosis.certificate.verdict == "uncertified"


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-0.99, 0.99),
    st.floats(-3.5, 0.0),
    st.sampled_from(["gauss", "lorentz", "step", "kink"]),
    st.floats(0.0, 1.0),
)
def test_certified_integrals_are_within_their_bound(place, logarithm, shape, floor):
    width = 10.0**logarithm
    f, exact = {
        "gauss": (
            lambda x: floor + math.exp(-(((x - place) / width) ** 2)),
            2 * floor
            + width * math.sqrt(math.pi) / 2 * (math.erf((1 - place) / width) + math.erf((1 + place) / width)),
        ),
        "lorentz": (
            lambda x: floor + width / ((x - place) ** 2 + width**2),
            2 * floor + math.atan((1 - place) / width) + math.atan((1 + place) / width),
        ),
        "step": (lambda x: floor + (1.0 if x > place else 0.0), 2 * floor + 1 - place),
        "kink": (lambda x: floor + abs(x - place), 2 * floor + ((1 - place) ** 2 + (1 + place) ** 2) / 2),
    }[shape]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, certificate = fsci.certify(fi.quad)(f, -1.0, 1.0)
        assert holds(value[0], certificate, exact)
        with fsci.policy(mode="hardened"):
            diagnosis = fsci.explain(fi.quad, f, -1.0, 1.0)
    assert holds(diagnosis.value[0], diagnosis.certificate, exact)


@given(st.floats(-0.95, 3.0), st.floats(0.1, 100.0))
@settings(max_examples=25, deadline=None)
def test_powers_at_an_end(power, length):
    f = lambda x: x**power  # noqa: E731
    exact = length ** (power + 1) / (power + 1)
    with fsci.policy(mode="hardened"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagnosis = fsci.explain(fi.quad, f, 0.0, length)
    assert holds(diagnosis.value[0], diagnosis.certificate, exact)


ENDS = [
    (lambda x: 1 / math.sqrt(1 - x), 0.0, 1.0, 2.0),
    (lambda x: 1 / math.sqrt(1 - x * x), -1.0, 1.0, math.pi),
    (lambda x: math.log(1 - x), 0.0, 1.0, -1.0),
    (lambda x: (3 - x) ** -0.75, 1.0, 3.0, 4 * 2**0.25),
    (lambda x: (x - 2) ** 0.1 * math.exp(2 - x), 2.0, inf, math.gamma(1.1)),
    (lambda x: abs(x + 5) ** -0.3, -6.0, -5.0, 1 / 0.7),
    (math.cos, 1e6, 1e6 + 1e-9, ((1e6 + 1e-9) - 1e6) * math.cos(1e6 + 5e-10)),
]


@pytest.mark.parametrize(("f", "a", "b", "exact"), ENDS)
def test_singular_ends_that_are_not_zero(f, a, b, exact):
    value, certificate = fsci.certify(fi.quad)(f, a, b)
    assert value == si.quad(f, a, b)
    assert holds(value[0], certificate, exact)
    if a != 1e6:  # nine doubles lie between these limits: too few to look at
        assert certificate.detail["second_rule"] == pytest.approx(exact, rel=2e-8)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (-1e308, 1e308), (0, 1e308), (0, 1e-300), (0, 5e-324), (1, 1 + 2**-52), (1.0, 1 + 2**-40), (-1e-320, 1e-310),
        (1e300, inf), (1e99, inf), (-inf, 1e-320), (1e-320, 1.0), (-1e16, 1e16), (-1e-200, 1e-200),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["strict", "hardened"])
def test_extreme_ranges_are_answered_and_never_wrongly_certified(a, b, mode):
    for f, integral in (
        (lambda x: 1.0, b - a),
        (lambda x: x * x if abs(x) < 1e150 else inf, inf if b - a > 1e99 else (b**3 - a**3) / 3),
        (lambda x: math.nan, math.nan),
    ):
        with fsci.policy(mode=mode), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            diagnosis = fsci.explain(fi.quad, f, a, b)
            expected = si.quad(f, a, b)
        if mode == "strict":
            np.testing.assert_equal(diagnosis.value, expected)
        if diagnosis.certificate.verdict == "certified":
            error = abs(diagnosis.value[0] - integral)
            assert error <= diagnosis.certificate.forward_error * abs(integral) + 4e-16 * abs(integral)


@pytest.mark.parametrize("power", [-0.9999, -1.0, -1.0001, -1.5])
def test_powers_that_nearly_or_really_diverge_at_an_end_are_uncertified(power):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for f in (lambda x: (1 - x) ** power if x < 1 else 0.0, lambda x: x**power):
            with fsci.policy(mode="hardened"):
                diagnosis = fsci.explain(fi.quad, f, 0.0, 1.0)
            assert diagnosis.certificate.verdict == "uncertified"
            assert not diagnosis.certificate.forward_error < 1e-3


WEIGHTS = [
    ((0.0, 1.0), {"weight": "cos", "wvar": 30.0}),
    ((0.0, 1.0), {"weight": "sin", "wvar": 2.0}),
    ((0.0, inf), {"weight": "sin", "wvar": 2.0}),
    ((-inf, 1.0), {"weight": "cos", "wvar": 2.0}),
    ((-inf, 1.0), {"weight": "sin", "wvar": 2.0}),
    ((0.0, 1.0), {"weight": "alg", "wvar": (-0.5, 0.5)}),
    ((0.0, 2.0), {"weight": "alg-loga", "wvar": (-0.5, 0.5)}),
    ((0.0, 2.0), {"weight": "alg-logb", "wvar": (0.25, -0.5)}),
    ((0.0, 1.0), {"weight": "alg-log", "wvar": (-0.5, -0.5)}),
    ((-1.0, 2.0), {"weight": "cauchy", "wvar": 0.5}),
    ((0.0, 3.0), {"points": [1.0, 2.0]}),
    ((3.0, 0.0), {"points": [1.0, 2.0]}),
    ((0.0, inf), {}),
    ((-inf, inf), {}),
    ((-inf, 0.5), {}),
]


@pytest.mark.parametrize(("limits", "options"), WEIGHTS)
def test_weights_points_and_ranges_are_scipys(limits, options):
    f = lambda x: math.exp(-abs(x))  # noqa: E731
    jitted = numba.njit(f)
    expected = si.quad(f, *limits, **options)
    mirrored = "weight" in options and limits[0] == -inf  # SciPy takes no C function there
    by_c = si.quad(
        jitted if mirrored else LowLevelCallable(numba.cfunc("float64(float64)")(f).ctypes), *limits, **options
    )
    for _ in range(2):
        assert fi.quad(f, *limits, **options) == expected
        assert fi.quad(jitted, *limits, **options) == pytest.approx(by_c, rel=1e-13)
        full = fi.quad(f, *limits, **options, full_output=1)
        theirs = si.quad(f, *limits, **options, full_output=1)
        assert full[:2] == theirs[:2]
        assert full[2].keys() == theirs[2].keys()
        last = theirs[2].get("last", 0)
        for key in theirs[2]:
            np.testing.assert_array_equal(np.atleast_1d(full[2][key])[:last], np.atleast_1d(theirs[2][key])[:last])


@pytest.mark.parametrize(("limits", "options"), WEIGHTS)
def test_weighted_certificates_hold(limits, options):
    f = lambda x: mpmath.exp(-abs(x))  # noqa: E731
    low, high = limits
    weight, parameter = options.get("weight"), options.get("wvar")
    w = {
        None: lambda x: 1,
        "cos": lambda x: mpmath.cos(parameter * x),
        "sin": lambda x: mpmath.sin(parameter * x),
        "alg": lambda x: (x - low) ** parameter[0] * (high - x) ** parameter[1],
        "alg-loga": lambda x: (x - low) ** parameter[0] * (high - x) ** parameter[1] * mpmath.log(x - low),
        "alg-logb": lambda x: (x - low) ** parameter[0] * (high - x) ** parameter[1] * mpmath.log(high - x),
        "alg-log": lambda x: (
            (x - low) ** parameter[0] * (high - x) ** parameter[1] * mpmath.log(x - low) * mpmath.log(high - x)
        ),
    }.get(weight)
    value, certificate = fsci.certify(fi.quad)(lambda x: math.exp(-abs(x)), *limits, **options)
    with mpmath.workdps(30):
        low, high = mpmath.mpf(low), mpmath.mpf(high)
        if weight == "cauchy":
            pole = mpmath.mpf(parameter)
            g = lambda x: (f(x) - f(pole)) / (x - pole)  # noqa: E731
            exact = mpmath.quad(g, [low, 0, pole, high]) + f(pole) * mpmath.log((high - pole) / (pole - low))
        elif math.isinf(limits[0]) or math.isinf(limits[1]):
            low, high = max(low, -80), min(high, 80)
            exact = mpmath.quad(
                lambda x: f(x) * w(x), [low, *range(-20, 21, 2), high] if low < -20 else [low, *range(1, 41, 2), high]
            )
        else:
            exact = mpmath.quad(lambda x: f(x) * w(x), mpmath.linspace(low, high, 9))
    exact = float(exact)
    assert value[0] == pytest.approx(exact, rel=1e-7)
    assert holds(value[0], certificate, exact)


WAVES = [
    (lambda x: math.exp(-x), 0.0, inf, "sin", 2.0, 0.4),
    (lambda x: math.exp(-x), 0.0, inf, "cos", -2.0, 0.2),
    (lambda x: math.exp(-x), 0.0, inf, "sin", -2.0, -0.4),
    (lambda x: 1 / (1 + x * x), 0.0, inf, "cos", 3.0, math.pi / 2 * math.exp(-3)),
    (lambda x: 1 / math.sqrt(x) if x > 0.0 else 0.0, 0.0, inf, "cos", 1.0, math.sqrt(math.pi / 2)),
    (math.exp, -inf, 0.5, "sin", 2.0, math.exp(0.5) * (math.sin(1.0) - 2 * math.cos(1.0)) / 5),
    (lambda x: math.exp(-x), 0.5, inf, "cos", 2.0, math.exp(-0.5) * (math.cos(1.0) - 2 * math.sin(1.0)) / 5),
    (lambda x: math.exp(-x * x), 0.0, inf, "cos", 0.1, math.sqrt(math.pi) / 2 * math.exp(-0.0025)),
]


@pytest.mark.parametrize(("f", "a", "b", "weight", "frequency", "exact"), WAVES)
def test_waves_over_a_half_line_are_certified(f, a, b, weight, frequency, exact):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, certificate = fsci.certify(fi.quad)(f, a, b, weight=weight, wvar=frequency, limlst=200)
        assert value == si.quad(f, a, b, weight=weight, wvar=frequency, limlst=200)
    assert holds(value[0], certificate, exact)
    assert certificate.detail["second_rule"] == pytest.approx(exact, rel=1e-11)
    with fsci.policy(mode="hardened"):
        diagnosis = fsci.explain(fi.quad, f, a, b, weight=weight, wvar=frequency, limlst=200)
    assert diagnosis.certificate.verdict == "certified"
    assert abs(diagnosis.value[0] - exact) <= diagnosis.certificate.forward_error * abs(exact)


@pytest.mark.parametrize("f", [lambda x: 1.0, lambda x: math.log(2 + x), math.sqrt])
def test_waves_that_do_not_decay_have_no_integral(f):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, certificate = fsci.certify(fi.quad)(f, 0.0, inf, weight="sin", wvar=1.0)
        assert certificate.verdict == "uncertified"
        with fsci.policy(mode="hardened"):
            assert fsci.explain(fi.quad, f, 0.0, inf, weight="sin", wvar=1.0).certificate.verdict == "uncertified"


@pytest.mark.parametrize(
    ("f", "a", "b", "options"),
    [
        (lambda x: 1 / x, 0.0, 1.0, {}),
        (lambda x: math.sin(1 / x) / x, 0.0, 1.0, {}),
        (lambda x: math.sin(1 / x) / x, 1.0, 0.0, {}),
        (math.sin, 0.0, inf, {}),
        (lambda x: abs(x - 0.3), 0.0, 1.0, {"limit": 1}),
        (lambda x: 1 / (1 + x), 0.0, inf, {"weight": "cos", "wvar": 3.0, "limlst": 3, "maxp1": 1}),
        (lambda x: abs(x - 0.3), 0.0, 1.0, {"weight": "cauchy", "wvar": 0.5, "points": [0.2]}),
        (lambda x: math.nan, 0.0, 1.0, {}),
        (lambda x: inf, 0.0, 1.0, {}),
    ],
)
def test_warnings_are_scipys(f, a, b, options):
    def recorded(function, **more):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = function(f, a, b, **options, **more)
        return value, [(w.category, str(w.message), w.filename) for w in caught]

    for _ in range(2):
        ours, theirs = recorded(fi.quad), recorded(si.quad)
        np.testing.assert_equal(ours, theirs)
    ours, theirs = recorded(fi.quad, full_output=1), recorded(si.quad, full_output=1)
    np.testing.assert_equal(ours[0][:2] + ours[0][3:], theirs[0][:2] + theirs[0][3:])


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((math.cos, 0.0, 1.0), {"limit": 0}),
        ((math.cos, 0.0, 1.0), {"epsabs": 0.0, "epsrel": 1e-20}),
        ((math.cos, 0.0, inf), {"points": [1.0]}),
        ((math.cos, 0.0, 1.0), {"weight": "nonsense", "wvar": 1.0}),
        ((math.cos, 0.0, inf), {"weight": "alg", "wvar": (0.0, 0.0)}),
        ((math.cos, -inf, inf), {"weight": "cos", "wvar": 1.0}),
        ((math.cos, 0.0, 1.0), {"weight": "alg", "wvar": (-2.0, 0.0)}),
        ((math.cos, 0.0, 1.0), {"weight": "cauchy", "wvar": 1.0}),
        ((math.cos, 0.0, 1.0), {"points": [0.1] * 3 + [0.2, 0.3], "limit": 2}),
        (("no function", 0.0, 1.0), {}),
        ((lambda x: "no number", 0.0, 1.0), {}),
        ((lambda x: 1j, 0.0, 1.0), {}),
        ((lambda x: 1 / 0, 0.0, 1.0), {}),
    ],
)
def test_errors_are_scipys(args, options):
    with pytest.raises(Exception) as theirs:  # noqa: PT011  (whatever SciPy raises)
        si.quad(*args, **options)
    for _ in range(2):
        with pytest.raises(theirs.type) as ours:
            fi.quad(*args, **options)
        assert str(ours.value) == str(theirs.value)


def test_complex_limits_are_a_type_error():
    for quad in (si.quad, fi.quad, fi.quad):
        with pytest.raises(TypeError, match="'<' not supported"):
            quad(math.cos, 0.0, 1j)


def test_empty_ranges_and_odd_arguments():
    assert fi.quad(math.cos, 1.0, 1.0) == si.quad(math.cos, 1.0, 1.0)
    assert fi.quad(math.cos, inf, inf) == si.quad(math.cos, inf, inf)
    assert fi.quad(lambda x, k: k * x, 0, 1, args=3.0) == si.quad(lambda x, k: k * x, 0, 1, args=3.0)
    assert fi.quad(math.cos, np.float32(0), np.int64(1)) == si.quad(math.cos, np.float32(0), np.int64(1))
    np.testing.assert_equal(fi.quad(math.cos, 0.0, math.nan), si.quad(math.cos, 0.0, math.nan))


def test_callback_errors_and_interrupts_pass_through():
    for error in (KeyError("mine"), KeyboardInterrupt(), StopIteration()):

        def f(x, error=error):
            if x > 0.5:
                raise error
            return x

        for _ in range(2):
            with pytest.raises(type(error)):
                fi.quad(f, 0.0, 1.0)
        with pytest.raises(type(error)):
            fsci.certify(fi.quad)(f, 0.0, 1.0)


def test_a_jitted_function_that_raises_is_heard():
    @numba.njit
    def f(x):
        if x > 0.9:
            raise ValueError("too far")
        return x

    assert fi.quad(f, 0.0, 0.5)[0] == 0.125
    for _ in range(3):
        with pytest.raises(ValueError, match="too far"):
            fi.quad(f, 0.0, 1.0)
        with pytest.raises(ValueError, match="too far"):
            fi.quad(f, 0.0, 1.0, weight="cos", wvar=3.0)
    with pytest.raises(ValueError, match="too far"):
        fsci.certify(fi.quad)(f, 0.0, 1.0)


def test_jitted_functions_run_compiled_with_their_arguments():
    power = numba.njit(lambda x, k, n: k * x**n)
    for args in ((2.0, 3), (2, 3.0), (np.float64(2.0), 3)):
        for _ in range(2):
            assert fi.quad(power, 0.0, 1.0, args=args) == si.quad(power, 0.0, 1.0, args=args)
        assert fsci.explain(fi.quad, power, 0.0, 1.0, args=args).route == "quadpack_compiled"
    assert fsci.explain(fi.quad, power, 0.0, 1.0, args=(np.ones(1)[0], 2**60)).route == "quadpack"
    several = numba.njit(lambda x: (x, x))
    with pytest.raises(TypeError):
        fi.quad(several, 0.0, 1.0)
    spiral = numba.njit(lambda x, k: np.exp(1j * k * x))
    ours, theirs = (m.quad(spiral, 0.0, 1.0, args=(3.0,), complex_func=True) for m in (fi, si))
    assert ours == theirs
    assert fi.quad(numba.cfunc("float64(float64)")(lambda x: x * x), 0.0, 1.0)[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("signature", ["double (double)", "double (double, void *)", "double (int, double *)"])
def test_low_level_callables_are_certified_too(signature):
    args, data = (), None
    if signature == "double (double)":
        code = numba.cfunc("float64(float64)")(lambda x: 3.0 * x * x)
    elif signature == "double (double, void *)":
        code = numba.cfunc("float64(float64, voidptr)")(lambda x, p: numba.carray(p, (1,), np.float64)[0] * x * x)
        held = np.array([3.0])
        data = ctypes.c_void_p(held.ctypes.data)
    else:
        code = numba.cfunc("float64(intc, CPointer(float64))")(lambda n, x: x[1] * x[0] * x[0])
        args = (3.0,)
    function = LowLevelCallable(code.ctypes, user_data=data)
    value, certificate = fsci.certify(fi.quad)(function, 0.0, 2.0, args=args)
    assert value == si.quad(function, 0.0, 2.0, args=args)
    assert certificate.verdict == "certified"
    assert holds(value[0], certificate, 8.0)


def test_complex_integrals():
    f = lambda x: complex(math.cos(x), x)  # noqa: E731
    for limits in ((0.0, 1.0), (1.0, 0.0)):
        assert fi.quad(f, *limits, complex_func=True) == si.quad(f, *limits, complex_func=True)
    ours, theirs = (m.quad(f, 0.0, 1.0, complex_func=True, full_output=1) for m in (fi, si))
    assert ours[:2] == theirs[:2]
    assert ours[2].keys() == theirs[2].keys()
    value, certificate = fsci.certify(fi.quad)(f, 0.0, 1.0, complex_func=True)
    assert certificate.verdict == "certified"
    assert abs(value[0] - complex(math.sin(1), 0.5)) <= certificate.forward_error * abs(value[0])
    # SciPy 1.17 forgets the sign: strict mode keeps its value and does not vouch for it, hardened gives the right one.
    value, certificate = fsci.certify(fi.quad)(f, 1.0, 0.0, complex_func=True)
    assert certificate.verdict == "uncertified"
    with fsci.policy(mode="hardened"):
        assert fi.quad(f, 1.0, 0.0, complex_func=True)[0] == -value[0]


def test_strict_mode_calls_the_function_as_often_as_scipy():
    def counted(quad):
        calls = []
        quad(lambda x: calls.append(x) or x**0.5, 0.0, 1.0)
        return calls

    for _ in range(2):
        assert counted(fi.quad) == counted(si.quad)


def test_hardened_mode_is_silent_where_the_caller_has_what_he_asked_for():
    with fsci.policy(mode="hardened"):
        value = fi.quad(math.sin, -math.pi, math.pi)
    assert abs(value[0]) < 1e-15


def test_full_output_of_an_uncertified_integral_is_quadpacks():
    f, a, b, _ = PEAKS["narrow"]
    with fsci.policy(mode="hardened"), pytest.warns(UncertifiedIntegrationWarning):
        value = fi.quad(f, a, b, full_output=1)
    assert value[0] == si.quad(f, a, b)[0]
    assert value[2]["neval"] > 0


ITERATED = [
    ("dblquad", (lambda y, x: x * y * y, 0.0, 2.0, 0.0, lambda x: x), 6.4 / 3),
    ("dblquad", (lambda y, x: math.exp(-x * x - y * y), -inf, inf, -inf, inf), math.pi),
    ("dblquad", (lambda y, x: 1 / math.sqrt(x * y), 0.0, 1.0, 0.0, 1.0), 4.0),
    ("tplquad", (lambda z, y, x: x * y * z, 0.0, 1.0, 0.0, lambda x: x, 0.0, lambda x, y: x + y), 17 / 144),
]


@pytest.mark.parametrize(("name", "args", "exact"), ITERATED)
def test_iterated_integrals_are_scipys_and_their_certificates_hold(name, args, exact):
    ours, theirs = getattr(fi, name), getattr(si, name)
    expected = theirs(*args)
    for _ in range(2):
        assert ours(*args) == expected
    jitted = numba.njit(args[0])
    assert ours(jitted, *args[1:]) == pytest.approx(theirs(jitted, *args[1:]), rel=1e-12)
    if name == "tplquad":
        return
    value, certificate = fsci.certify(ours)(*args)
    assert value == expected
    assert holds(value[0], certificate, exact)
    with fsci.policy(mode="hardened"):
        diagnosis = fsci.explain(ours, *args)
    assert diagnosis.certificate.verdict == "certified"
    assert abs(diagnosis.value[0] - exact) <= diagnosis.certificate.forward_error * exact


def test_nquad_options_and_output():
    f = lambda x, y, z, k: k * x + y * z  # noqa: E731
    ranges = [lambda y, z, k: (0.0, y), [0.0, 1.0], (1.0, 2.0)]
    opts = [{"epsabs": 1e-10}, lambda z, k: {"points": [0.5, 7.0]}, {}]
    for full in (False, True):
        ours, theirs = (m.nquad(f, ranges, args=(3.0,), opts=opts, full_output=full) for m in (fi, si))
        assert ours == theirs


def test_four_variables_and_more():
    four = (lambda a, b, c, d: a + b * c * d, [[0, 1]] * 4)
    value, certificate = fsci.certify(fi.nquad)(*four, opts={"epsabs": 1e-3})
    assert certificate.verdict == "certified"
    assert abs(value[0] - 0.625) <= certificate.forward_error * 0.625
    # A border that depends on the variables outside, and a kink that Gauss rules do not resolve.
    simplex = [lambda b, c, d: (0.0, b), lambda c, d: (0.0, c), lambda d: (0.0, d), (0.0, 1.0)]
    value, certificate = fsci.certify(fi.nquad)(lambda a, b, c, d: 1.0, simplex, opts={"epsabs": 1e-3})
    assert certificate.verdict == "certified"
    assert value[0] == pytest.approx(1 / 24)
    kink = (lambda a, b, c, d: abs(a - 0.3), [[0, 1]] * 4)
    _, certificate = fsci.certify(fi.nquad)(*kink, opts={"epsabs": 1e-3, "epsrel": 1e-3})
    assert certificate.verdict == "uncertified"


def test_a_corner_that_diverges_is_uncertified():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, certificate = fsci.certify(fi.dblquad)(lambda y, x: 1 / (x + 1e-300) ** 1.5, 0.0, 1.0, 0.0, 1.0)
    assert certificate.verdict == "uncertified"


def test_the_record_shows_the_samples_in_a_line():
    diagnosis = fsci.explain(fi.quad, math.cos, 0.0, 1.0)
    assert "samples" in repr(diagnosis)
    assert len(repr(diagnosis)) < 4000
    assert diagnosis.to_dict()["certificate"]["verdict"] == "certified"
