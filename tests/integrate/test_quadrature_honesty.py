"""Certificates of integrals whose integrands set traps: right or uncertified, whatever the trap."""

import math
import warnings

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
from fsci import integrate as fi
from fsci.kernels.integrate.double_exponential import transformed
from fsci.kernels.integrate.examined import examined
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.samples_of import sampled
from tests.integrate.adversarial_integrals import FAMILIES, Trap, traps

pytestmark = pytest.mark.slow

inf = math.inf
PLAIN = {"args": (), "part": "", "weight": None, "wvar": None}


def certified(trap: Trap, mode: str):
    options = {"complex_func": True} if isinstance(trap.exact, complex) else {}
    with warnings.catch_warnings(), fsci.policy(mode=mode):
        warnings.simplefilter("ignore")
        return fsci.certify(fi.quad)(trap.function, trap.a, trap.b, **options)


def holds(trap: Trap, value, certificate) -> bool:
    """Whether the certificate vouches for nothing, or for what is so; or whether no evaluation met the trap."""
    if trap.seen is not None and not trap.seen:
        return True
    # The exact integral is itself rounded, and so are the arguments of the integrand: a few units in the last place.
    error, room = abs(value[0] - trap.exact), 4e-15 * abs(trap.exact) + 1e-322
    within = error <= certificate.forward_error * abs(trap.exact) + room
    return certificate.worst_verdict != "certified" or within


@pytest.mark.parametrize("mode", ["strict", "hardened"])
@pytest.mark.parametrize("family", FAMILIES)
def test_traps_are_right_or_uncertified(family, mode):
    count = 1 if family == "zero_at_the_nodes" else 4
    for trap in traps(family, count, 7):
        value, certificate = certified(trap, mode)
        assert holds(trap, value, certificate), f"{trap.note}: {value[0]} for {trap.exact}, {certificate}"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.sampled_from(["like_peaks", "unlike_peaks", "boxes", "far_bumps", "kinks", "power_inside", "peak_at_an_end"]),
    st.integers(0, 2**32 - 1),
)
def test_any_trap_is_right_or_uncertified(family, seed):
    trap = traps(family, 1, seed)[0]
    value, certificate = certified(trap, "hardened")
    assert holds(trap, value, certificate), f"{trap.note}: {value[0]} for {trap.exact}, {certificate}"


def test_one_of_many_narrow_peaks_says_that_there_may_be_more():
    """Peaks of a width of 1e-6: a few are met, most are not."""
    places = np.random.default_rng(1).uniform(0.0, 1.0, 60)

    def f(x):
        return 1.0 + float(np.sum(np.exp(-(((x - places) / 1e-6) ** 2))))

    for mode in ("strict", "hardened"):
        with fsci.policy(mode=mode), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, certificate = fsci.certify(fi.quad)(f, 0.0, 1.0)
        assert certificate.verdict == "uncertified"
        assert certificate.detail["may_hide"] > 1e-5


def test_a_jump_that_is_seen_leaves_room_for_another():
    value, certificate = fsci.certify(fi.quad)(lambda x: 1.0 if x > 0.3 else 0.0, 0.0, 1.0)
    assert certificate.verdict == "uncertified"
    assert 1e-5 < certificate.forward_error < 1e-2  # the jump's height times the widest gap
    assert abs(value[0] - 0.7) <= certificate.forward_error * 0.7
    with fsci.policy(accuracy=0.01):
        assert fsci.certify(fi.quad)(lambda x: 1.0 if x > 0.3 else 0.0, 0.0, 1.0)[1].verdict == "certified"


ORDINARY = {
    "two bumps on the line": (lambda x: math.exp(-((x - 3) ** 2)) + math.exp(-((x + 2) ** 2)), -inf, inf),
    "damped": (lambda x: math.exp(-x) * math.cos(10 * x), 0.0, inf),
    "bump far out": (lambda x: math.exp(-(((x - 100.0) / 4.0) ** 2)), 0.0, inf),
    "waves": (lambda x: 1 + math.cos(1000 * x), 0.0, 1.0),
    "chirp": (lambda x: 1 + math.sin(1000 * x * x), 0.0, 1.0),
    "cusp": (lambda x: math.sqrt(abs(x - 0.3)), 0.0, 1.0),
    "lorentz": (lambda x: 1 / (x * x + 1e-8), -1.0, 1.0),
    "polynomial": (lambda x: x**5, -1.0, 2.0),
    "three narrow": (
        lambda x: sum(math.exp(-(((x - c) / 2e-4) ** 2)) for c in (0.11, 0.5, 0.83)), 0.0, 1.0
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_what_samples_can_resolve_is_still_certified(name):
    f, a, b = ORDINARY[name]
    with fsci.policy(mode="hardened"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fsci.certify(fi.quad)(f, a, b)[1].verdict == "certified"


def test_samples_are_the_same_twice_and_regular_nowhere():
    def f(x):
        return math.sin(x)

    one, two = (sampled(transformed(Integrand(f, 0.0, 1.0, PLAIN))) for _ in range(2))
    np.testing.assert_array_equal(one.t, two.t)
    assert np.ptp(np.diff(one.t)) > 0.5 * np.median(np.diff(one.t))


def test_jitted_integrands_are_looked_at_more_closely_and_alike():
    def f(x, k):
        return math.exp(-k * x) + 1e-3 * math.exp(-(((x - 0.7) / 1e-5) ** 2))

    jitted = numba.njit(f)
    plain, compiled = (Integrand(g, 0.0, 1.0, {**PLAIN, "args": (2.0,)}) for g in (f, jitted))
    assert compiled.compiled
    assert not plain.compiled
    x = np.linspace(0.0, 1.0, 50).reshape(5, 10)
    np.testing.assert_allclose(compiled.values(x), plain.values(x), rtol=1e-15)
    assert sampled(transformed(compiled)).t.size > 3 * sampled(transformed(plain)).t.size
    value, certificate = fsci.certify(fi.quad)(jitted, 0.0, 1.0, args=(2.0,))
    exact = (1 - math.exp(-2.0)) / 2 + 1e-8 * math.sqrt(math.pi)
    assert certificate.verdict == "uncertified" or abs(value[0] - exact) <= certificate.forward_error * exact


def test_a_jitted_integrand_that_raises_at_a_sample_only():
    @numba.njit
    def f(x):
        if 0.49999 < x < 0.50001 and x != 0.5:
            raise ValueError("here")
        return x

    value, certificate = fsci.certify(fi.quad)(f, 0.0, 1.0)
    assert certificate.verdict == "uncertified" or abs(value[0] - 0.5) <= certificate.forward_error * 0.5


@pytest.mark.parametrize("seed", range(6))
def test_peaks_of_two_variables_are_right_or_uncertified(seed):
    rng = np.random.default_rng(seed)
    width, places = float(10.0 ** rng.uniform(-3, -0.5)), rng.uniform(0.1, 0.9, (int(rng.integers(1, 5)), 2))
    floor = float(rng.choice([0.0, 1.0]))

    def f(y, x):
        return floor + sum(math.exp(-(((x - p) / width) ** 2) - ((y - q) / width) ** 2) for p, q in places.tolist())

    def one(c):
        return math.sqrt(math.pi) / 2 * width * (math.erf((1 - c) / width) + math.erf(c / width))

    exact = floor + sum(one(p) * one(q) for p, q in places.tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, certificate = fsci.certify(fi.dblquad)(f, 0.0, 1.0, 0.0, 1.0, epsabs=1e-6, epsrel=1e-6)
    assert certificate.verdict != "certified" or abs(value[0] - exact) <= certificate.forward_error * exact


def test_indicators_of_two_variables_are_uncertified():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for f in (lambda y, x: float(x + y < 0.7), lambda y, x: float(x * x + y * y < 1.0)):
            options = {"epsabs": 1e-3, "epsrel": 1e-3}
            assert fsci.certify(fi.dblquad)(f, 0.0, 1.0, 0.0, 1.0, **options)[1].verdict == "uncertified"


@pytest.mark.parametrize("seed", range(8))
def test_vectors_with_a_trap_in_one_component_are_right_or_uncertified(seed):
    rng = np.random.default_rng(seed)
    width, places, which = float(10.0 ** rng.uniform(-7, -2)), rng.uniform(0.0, 1.0, 4), int(rng.integers(5))
    seen = []

    def f(x):
        values = np.cos(np.arange(5.0) * x)
        distance = np.abs(x - places).min()
        values[which] += math.exp(-((distance / width) ** 2))
        if distance < 2 * width:
            seen.append(x)
        return values

    exact = np.array([1.0, *(math.sin(k) / k for k in range(1, 5))])
    exact[which] += 4 * width * math.sqrt(math.pi)  # none is near an end or another
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, certificate = fsci.certify(fi.quad_vec)(f, 0.0, 1.0)
    if seen:
        room = certificate.forward_error * exact.max()
        assert certificate.verdict != "certified" or np.abs(value[0] - exact).max() <= room


def test_a_fixed_rule_that_steps_over_a_peak_is_uncertified():
    def f(x):
        return 1.0 + np.exp(-(((x - 0.3141) / 1e-3) ** 2))

    for n in (5, 20, 41):
        assert fsci.certify(fi.fixed_quad)(f, 0.0, 1.0, n=n)[1].verdict == "uncertified"
    assert fsci.certify(fi.fixed_quad)(np.exp, 0.0, 1.0, n=12)[1].verdict == "certified"


def test_more_samples_are_taken_where_that_resolves_what_was_seen():
    calls = []

    def f(x):
        calls.append(x)
        return sum(math.exp(-(((x - c) / 3e-5) ** 2)) for c in (0.2, 0.37))

    change = transformed(Integrand(f, 0.0, 1.0, PLAIN))
    samples = sampled(change)
    before = len(calls)
    found = examined(change, samples, 1e-10)
    assert found.samples.t.size > samples.t.size or found.hidden.bound > 1e-9
    assert len(calls) < 8 * before
