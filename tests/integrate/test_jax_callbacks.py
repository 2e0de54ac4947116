"""Callbacks of JAX: SciPy's steps by compiled loops, and Jacobians by differentiation where SciPy counts none."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate.jax_callbacks import JaxRhs, jax_rhs, lowered, lowered_jacobian, traceable

pytestmark = pytest.mark.slow

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def lorenz(t, y):
    return jnp.stack([10.0 * (y[1] - y[0]), y[0] * (28.0 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]])


def rober(t, y):
    fast, slow = 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    return jnp.array([-0.04 * y[0] + slow, 0.04 * y[0] - slow - fast, fast])


def moves(t, y):
    around = jnp.roll(y, 1) - 2.0 * y + jnp.roll(y, -1)
    shifted = jnp.zeros_like(y).at[1:].set(around[:-1]).at[0].add(y[2] / jnp.linalg.norm(y))
    return shifted + y[::-1] ** 3 + jnp.where(y > 0.0, jnp.exp(y), jnp.sin(t + y)) + jnp.concatenate([y[1:], y[:1]])


def products(t, y):
    matrix = jnp.arange(9.0).reshape(3, 3)
    pair = jnp.stack([y, t * y])
    return matrix @ y + jnp.einsum("ij,kj->ik", pair, pair)[0, 1] * jnp.tanh(y) + jnp.cumsum(y)[::-1] / (1.0 + y**2)


def loops(t, y):
    turned = jax.lax.fori_loop(0, 3, lambda i, c: 0.5 * c + y * (i + 1.0), y)
    return jax.lax.cond(y[0] > 0.5, lambda v: -v, lambda v: v**2, turned) + jnp.max(y) - jax.nn.relu(y) + jnp.prod(y)


def special(t, y):
    return jax.nn.sigmoid(y) + jnp.log1p(y**2) + jnp.arctan2(y, 1.0 + t) + jnp.abs(y) ** 1.5 + jnp.clip(y, -0.4, 0.4)


def halving(t, y):
    return jax.lax.while_loop(lambda c: jnp.sum(jnp.abs(c)) > 0.1, lambda c: 0.5 * c, y)


def forced(t, y, rate, weights, k):
    return -rate * y + weights * jnp.cos(k * t)


CASES = [lorenz, rober, moves, products, loops, special, halving]


def called(function, t, y, args=()):
    """What compiled loops get."""
    from fsci.kernels.integrate.callbacks import rhs_of

    return rhs_of(function, y.size, args).at(t, y)


@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_lowered_gives_what_jax_gives(function):
    assert traceable(function)
    assert traceable(jax.jit(function))
    rng = np.random.default_rng(5)
    exact = jax.jacfwd(function, argnums=1)
    for _ in range(5):
        t, y = rng.uniform(), rng.standard_normal(3)
        np.testing.assert_allclose(called(function, t, y), function(t, y), rtol=1e-13, atol=1e-13)
        jacobian = lowered_jacobian(function, 3, ())
        found = _by_pointer(jacobian, t, y) if function is halving else jacobian(t, y)
        np.testing.assert_allclose(found, exact(t, y), rtol=1e-12, atol=1e-12 * np.abs(exact(t, y)).max())


def _by_pointer(native, t, y):
    import ctypes

    out = np.empty((y.size, y.size))
    pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in (y, out)]
    assert native.function(t, *pointers) == 0
    return out


def test_not_traceable():
    assert not traceable(np.sin)
    assert not traceable(lambda t, y: -y)
    assert not traceable(3)
    assert traceable(lambda t, y: jnp.sin(y))
    assert isinstance(lowered(lambda t, y: jnp.sin(y) if y[0] > 0 else y, 1, ()), str)


def test_other_shapes_and_complex_numbers_are_left_to_scipy():
    assert "shape" in lowered(lambda t, y: jnp.sin(y)[:, None], 2, ())
    assert "complex" in lowered(lambda t, y: jnp.sin(y) * 1j, 2, ())
    assert not isinstance(lowered(lambda t, y: -jnp.sin(y[0]), 1, ()), str)


def test_nan_and_signs_of_maxima_are_kept():
    def clipped(t, y):
        return jnp.maximum(y, 0.0) + jnp.minimum(1.0, y)

    y = np.array([np.nan, -1.0, 2.0, np.inf])
    np.testing.assert_array_equal(called(clipped, 0.0, y), clipped(0.0, y))


def test_arguments():
    weights = np.array([1.0, 2.0])
    for k in (2, 3):
        for rate in (0.5, 1.5):
            args = (rate, weights, k)
            y = np.array([0.3, -0.2])
            np.testing.assert_allclose(called(forced, 0.7, y, args), forced(0.7, y, *args), rtol=1e-14)
            ours = fi.solve_ivp(jax.jit(forced), (0.0, 3.0), y, "Rodas5P", args=args, rtol=1e-8, atol=1e-10)
            theirs = si.solve_ivp(forced, (0.0, 3.0), y, "DOP853", args=args, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], rtol=1e-6, atol=1e-8)


def compiled(function, y, args=()):
    """The callback as the second long solve has it."""
    assert not isinstance(lowered(function, y.size, args), str)
    return jax_rhs(function)


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau", "BDF"])
@pytest.mark.parametrize("jitted", [False, True])
def test_steps_are_scipys(method, jitted):
    function, start = (jax.jit(lorenz) if jitted else lorenz), np.ones(3)
    assert isinstance(compiled(function, start), JaxRhs)
    options = {"rtol": 1e-6, "atol": 1e-8}
    with fsci.trace() as log:
        ours = fi.solve_ivp(function, (0.0, 1.0), start, method, **options)
    theirs = si.solve_ivp(jax.jit(lorenz), (0.0, 1.0), start, method, **options)
    assert log[-1].route == method.lower()
    assert (ours.nfev, ours.njev, ours.nlu) == (theirs.nfev, theirs.njev, theirs.nlu)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-4, atol=1e-6)


def test_events_and_dense_output():
    def crosses(t, y):
        return y[0] - 5.0

    compiled(lorenz, np.ones(3))
    options = {"rtol": 1e-7, "atol": 1e-9, "events": crosses, "dense_output": True}
    ours = fi.solve_ivp(lorenz, (0.0, 2.0), np.ones(3), "DOP853", **options)
    theirs = si.solve_ivp(jax.jit(lorenz), (0.0, 2.0), np.ones(3), "DOP853", **options)
    np.testing.assert_allclose(ours.t_events[0], theirs.t_events[0], rtol=1e-6)
    np.testing.assert_allclose(ours.sol(1.3), theirs.sol(1.3), rtol=1e-5)


def differentiated(function, method, **options):
    """The solve, and how often the derivative was asked for."""
    from fsci.kernels.integrate import implicit

    seen = []
    given = implicit.given

    def watched(callback, problem, t, y):
        found = given(callback, problem, t, y)
        seen.append(found.how)
        return found

    with pytest.MonkeyPatch.context() as patch:
        for module in ("implicit", "auto", "rodas"):
            patch.setattr(f"fsci.kernels.integrate.{module}.given", watched)
        result = fi.solve_ivp(function, (0.0, 1e5), [1.0, 0.0, 0.0], method, rtol=1e-6, atol=1e-10, **options)
    return result, implicit.GIVEN in seen


def test_who_differentiates():
    """SciPy's methods in strict mode count differences; all else takes the exact derivative."""
    exact = np.array([1.786592114209946e-02, 7.274753468436319e-08, 9.821340061103664e-01])
    compiled(rober, np.ones(3))
    for method, own in (("Radau", False), ("BDF", False), ("auto", True), ("Rodas5P", True)):
        result, by_jax = differentiated(rober, method)
        assert by_jax == own, method
        np.testing.assert_allclose(result.y[:, -1], exact, rtol=1e-3)
        with fsci.policy(mode="hardened"):
            result, by_jax = differentiated(rober, method)
        assert by_jax, method
        np.testing.assert_allclose(result.y[:, -1], exact, rtol=1e-3)


def test_a_loop_of_unknown_length_is_called_as_xla_compiled_it():
    def spun(t, y):
        return -jax.lax.while_loop(lambda c: jnp.sum(c**2) > 1e-2, lambda c: 0.5 * c, y)

    compiled(spun, np.ones(2))
    with fsci.trace() as log:
        ours = fi.solve_ivp(spun, (0.0, 2.0), [1.0, 0.5], "DOP853", rtol=1e-6)
    theirs = si.solve_ivp(jax.jit(spun), (0.0, 2.0), [1.0, 0.5], "DOP853", rtol=1e-6)
    assert log[-1].route == "dop853"
    assert ours.nfev == theirs.nfev
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-6)


def test_single_precision_is_the_users_choice():
    with jax.enable_x64(False):

        def decay(t, y):
            return -0.1 * jnp.sin(y) * 3.0

        y = np.array([0.7, -0.3])
        assert np.asarray(decay(0.0, y)).dtype == np.float32
        found = called(decay, 0.0, y)
        np.testing.assert_allclose(found, decay(0.0, y), rtol=3e-7)
        assert np.array_equal(found, found.astype(np.float32))
    again = called(decay, 0.0, y)
    assert not np.array_equal(again, again.astype(np.float32))


def test_long_solve_of_a_plain_function_is_compiled_on_the_way():
    def turning(t, y):
        return jnp.stack([y[1], -y[0]])

    result = fi.solve_ivp(turning, (0.0, 2000.0), [1.0, 0.0], rtol=1e-6, atol=1e-8)
    assert jax_rhs(turning) is not None
    assert result.success
    assert result.t.size > 5000


def test_captured_values_are_read_again():
    scale = [1.0]

    def scaled(t, y):
        return -scale[0] * jnp.sin(y)

    y = np.array([0.5])
    for value in (1.0, 2.0):
        scale = [value]
        np.testing.assert_allclose(called(scaled, 0.0, y), -value * np.sin(y), rtol=1e-14)


def test_errors_are_those_of_the_callback():
    def wrong(t, y):
        return jnp.concatenate([y, y])

    with pytest.raises(ValueError, match="broadcast"):
        fi.solve_ivp(jax.jit(wrong), (0.0, 1.0), [1.0, 2.0])


def test_without_jax_nothing_of_it_is_imported():
    text = (
        "import sys, fsci.integrate as fi\n"
        "fi.solve_ivp(lambda t, y: -y, (0, 1), [1.0])\n"
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=120)


@pytest.mark.skipif(sys.platform == "win32", reason="needs an alarm")
def test_interrupt_while_xla_is_called():
    def slow(t, y):
        return -jax.lax.while_loop(lambda c: jnp.sum(c**2) > 1e-2, lambda c: 0.999 * c, y)

    compiled(slow, np.ones(2))

    left = []

    def ring(*_):
        if not left:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    # Again and again: one that comes while JAX compiles may be lost in there.
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.25)
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012  (the alarm must stop before this is left)
            try:
                fi.solve_ivp(slow, (0.0, 30.0), [1.0, 0.5], "RK45", max_step=1e-3)
            finally:
                left.append(True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
