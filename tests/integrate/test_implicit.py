"""Radau and BDF: SciPy's steps and counts, whatever the Jacobian comes from, and its refusals."""

from __future__ import annotations

import warnings

import numba
import numpy as np
import pytest
import scipy.integrate as si
import scipy.sparse as sp

import fsci
import fsci.integrate as fi

pytestmark = pytest.mark.slow

METHODS = ("Radau", "BDF")


@numba.njit
def rober(t, y):
    fast, slow = 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    return np.array([-0.04 * y[0] + slow, 0.04 * y[0] - slow - fast, fast])


@numba.njit
def rober_jacobian(t, y):
    return np.array(
        [[-0.04, 1e4 * y[2], 1e4 * y[1]], [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]], [0.0, 6e7 * y[1], 0.0]]
    )


@numba.njit
def hires(t, y):
    d = np.empty(8)
    d[0] = -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007
    d[1] = 1.71 * y[0] - 8.75 * y[1]
    d[2] = -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4]
    d[3] = 8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3]
    d[4] = -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6]
    d[5] = -280 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6]
    d[6] = 280 * y[5] * y[7] - 1.81 * y[6]
    d[7] = -d[6]
    return d


@numba.njit
def van_der_pol(t, y, mu):
    return np.array([y[1], mu * (1.0 - y[0] ** 2) * y[1] - y[0]])


@numba.njit
def relaxing(t, y):
    return -np.arange(1.0, y.size + 1.0) * (y - np.cos(t))


@numba.njit
def diffusion(t, y):
    """Both species of a Brusselator in one vector, one after the other: the band shows after reordering only."""
    m = y.size // 2
    d, c = np.empty_like(y), 0.02 * (m + 1) ** 2
    for i in range(m):
        u, v = y[i], y[m + i]
        left_u, left_v = (y[i - 1], y[m + i - 1]) if i > 0 else (1.0, 3.0)
        right_u, right_v = (y[i + 1], y[m + i + 1]) if i < m - 1 else (1.0, 3.0)
        d[i] = 1.0 + u * u * v - 4.0 * u + c * (left_u - 2.0 * u + right_u)
        d[m + i] = 3.0 * u - u * u * v + c * (left_v - 2.0 * v + right_v)
    return d


def start_of(n):
    x = np.arange(1, n // 2 + 1) / (n // 2 + 1)
    return np.concatenate([1.0 + np.sin(2.0 * np.pi * x), np.full(n // 2, 3.0)])


HIRES_0 = [1.0, 0, 0, 0, 0, 0, 0, 0.0057]
PROBLEMS = {
    "hires": (hires, (0.0, 321.8122), HIRES_0, None, 1e-5),
    "hires, tightly": (hires, (0.0, 321.8122), HIRES_0, None, 1e-8),
    "rober": (rober, (0.0, 1e6), [1.0, 0.0, 0.0], None, 1e-6),
    "van der pol": (van_der_pol, (0.0, 3.0), [2.0, 0.0], (5.0,), 1e-6),
    "backward": (van_der_pol, (1.0, 0.0), [2.0, 0.0], (3.0,), 1e-6),
    "relaxing": (relaxing, (0.0, 4.0), [0.0] * 12, None, 1e-6),
}


def both(function, span, y0, method, **options):
    return (
        fi.solve_ivp(function, span, y0, method, **options),
        si.solve_ivp(function, span, y0, method, **options),
    )


def assert_same(ours, scipys, rtol, sharp=1e-6):
    assert (ours.status, ours.message, ours.success) == (scipys.status, scipys.message, scipys.success)
    assert (ours.nfev, ours.njev, ours.nlu) == (scipys.nfev, scipys.njev, scipys.nlu)
    assert ours.t.shape == scipys.t.shape
    assert ours.y.shape == scipys.y.shape
    # Steps follow from norms of small differences, so that roundings are magnified; an ulp in `atol` does as much.
    np.testing.assert_allclose(ours.t, scipys.t, rtol=sharp)
    size = np.abs(scipys.y).max(axis=1)
    assert np.all(np.abs(ours.y[:, -1] - scipys.y[:, -1]) <= rtol * size)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_steps_and_counts_are_scipys(name, method):
    function, span, y0, args, rtol = PROBLEMS[name]
    ours, scipys = both(function, span, y0, method, args=args, rtol=rtol, atol=1e-4 * rtol)
    assert_same(ours, scipys, rtol, sharp=1e-3)
    assert ours.njev > 0
    assert ours.nlu > 0


@pytest.mark.parametrize("method", METHODS)
def test_compiled_loop_answers(method):
    with fsci.trace() as log:
        fi.solve_ivp(hires, (0.0, 10.0), HIRES_0, method)
    assert log[-1].route == method.lower()
    facts = log[-1].attempts[-1].facts
    assert facts["steps"].value > 0
    assert facts["factorizations"].value > 0
    assert facts["failed_newton"].value >= 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("options", [{"max_step": 0.05}, {"first_step": 1e-3}, {"atol": np.full(8, 1e-7)}])
def test_options_of_the_step(options, method):
    ours, scipys = both(hires, (0.0, 5.0), HIRES_0, method, **{"rtol": 1e-4, "atol": 1e-8, **options})
    assert_same(ours, scipys, 1e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("span", [(0.0, 5.0), (5.0, 0.0)])
def test_times_asked_for(span, method):
    times = np.linspace(*span, 17)
    ours, scipys = both(van_der_pol, span, [2.0, 0.0], method, t_eval=times, args=(2.0,), rtol=1e-6, atol=1e-8)
    assert_same(ours, scipys, 1e-6)
    assert np.array_equal(ours.t, times)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("asked", [None, np.linspace(0.0, 20.0, 9)])
def test_events_and_dense_output(method, asked):
    def crosses(t, y, mu):
        return y[0] - 0.5

    options = {"events": crosses, "dense_output": True, "t_eval": asked, "args": (2.0,), "rtol": 1e-6, "atol": 1e-8}
    ours, scipys = both(van_der_pol, (0.0, 20.0), [2.0, 0.0], method, **options)
    assert_same(ours, scipys, 1e-6)
    assert len(ours.t_events[0]) == len(scipys.t_events[0]) > 2
    np.testing.assert_allclose(ours.t_events[0], scipys.t_events[0], rtol=1e-7)
    points = np.linspace(0.0, 20.0, 301)
    np.testing.assert_allclose(ours.sol(points), scipys.sol(points), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_given_jacobian(method):
    def written(t, y):
        return rober_jacobian.py_func(t, y).tolist()

    for jac in (rober_jacobian, rober_jacobian.py_func, written):
        ours, scipys = both(rober, (0.0, 1e5), [1.0, 0.0, 0.0], method, jac=jac, rtol=1e-6, atol=1e-9)
        assert_same(ours, scipys, 1e-6, sharp=1e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", [np.asarray, sp.csc_array, sp.csr_matrix])
def test_constant_jacobian(method, form):
    matrix = form(np.diag(-np.arange(1.0, 61.0)))
    ours, scipys = both(relaxing, (0.0, 2.0), np.zeros(60), method, jac=matrix, rtol=1e-6, atol=1e-9)
    assert_same(ours, scipys, 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_structure_is_found_and_changes_nothing(method):
    y0 = start_of(120)
    ours, scipys = both(diffusion, (0.0, 2.0), y0, method, rtol=1e-5, atol=1e-8)
    assert_same(ours, scipys, 1e-5)
    with fsci.trace() as log:
        fi.solve_ivp(diffusion, (0.0, 2.0), y0, method, rtol=1e-5, atol=1e-8)
        facts = log[-1].attempts[-1].facts
    assert facts["bandwidth"].value <= 9


@pytest.mark.parametrize("method", METHODS)
def test_structure_is_found_for_dense_output(method):
    y0 = start_of(600)
    ours = fi.solve_ivp(diffusion, (0.0, 1.0), y0, method, dense_output=True, rtol=1e-5, atol=1e-8)
    plain = fi.solve_ivp(diffusion, (0.0, 1.0), y0, method, rtol=1e-5, atol=1e-8)
    assert ours.t.shape == plain.t.shape
    assert (ours.nfev, ours.njev) == (plain.nfev, plain.njev)
    np.testing.assert_allclose(ours.sol(plain.t), plain.y, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_given_sparsity(method):
    m = 60
    block = sp.diags([1.0, 1.0, 1.0], [-1, 0, 1], shape=(m, m))
    sparsity = sp.block_array([[block, sp.eye(m)], [sp.eye(m), block]])
    ours, scipys = both(diffusion, (0.0, 2.0), start_of(2 * m), method, jac_sparsity=sparsity, rtol=1e-5, atol=1e-8)
    assert_same(ours, scipys, 1e-5)


@numba.njit
def network(t, y):
    """A ring whose every third unknown is also driven from far away: sparse, but of no narrow band."""
    n = y.size
    d = np.empty_like(y)
    for i in range(n):
        d[i] = 400.0 * (y[i - 1] - 2.0 * y[i] + y[(i + 1) % n]) - y[i] ** 2
        if i % 3 == 0:
            d[i] += 300.0 * (y[(7 * i * i + 11 * i + 3) % n] - y[i]) * np.exp(-t)
    return d


def line(t, y):
    """The same on a line, for the interpreter."""
    padded = np.concatenate([[0.0], y, [0.0]])
    return (y.size + 1.0) ** 2 * (padded[:-2] - 2.0 * y + padded[2:]) + y * (1.0 - y) * np.exp(-t)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("events", [None, lambda t, y: y[0] - 0.2])
def test_wide_band_is_factored_as_a_sparse_matrix(method, given, events):
    n = 400
    y0 = np.sin(np.pi * np.arange(1, n + 1) / n) ** 2
    i = np.arange(n)
    far = i[::3]
    rows, columns = np.concatenate([i, i, i, far]), np.concatenate([i, i - 1, i + 1, 7 * far**2 + 11 * far + 3]) % n
    sparsity = sp.coo_array((np.ones(rows.size), (rows, columns)), shape=(n, n)).tocsc()
    options = {"rtol": 1e-4, "atol": 1e-7, "events": events}
    with fsci.trace() as log:
        ours = fi.solve_ivp(network, (0.0, 0.2), y0, method, jac_sparsity=sparsity if given else None, **options)
    scipys = si.solve_ivp(network, (0.0, 0.2), y0, method, jac_sparsity=sparsity, **options)
    assert log[-1].route == f"structured_{method.lower()}"
    assert_same(ours, scipys, 1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_interpreted_callback_with_structure(method):
    y0 = np.sin(np.pi * np.arange(1, 151) / 151.0)
    with fsci.trace() as log:
        ours = fi.solve_ivp(line, (0.0, 0.1), y0, method, rtol=1e-5, atol=1e-8)
    scipys = si.solve_ivp(line, (0.0, 0.1), y0, method, rtol=1e-5, atol=1e-8)
    assert log[-1].route == f"structured_{method.lower()}"
    assert_same(ours, scipys, 1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_interpreted_structure_that_does_not_last_is_given_up(method):
    y0 = np.linspace(1.0, 2.0, 104)
    ours = fi.solve_ivp(waking.py_func, (0.0, 3.0), y0, method, rtol=1e-6, atol=1e-9)
    scipys = si.solve_ivp(waking.py_func, (0.0, 3.0), y0, method, rtol=1e-6, atol=1e-9)
    assert ours.success
    np.testing.assert_allclose(ours.y[:, -1], scipys.y[:, -1], rtol=1e-4, atol=1e-7)


@numba.njit
def waking(t, y):
    """Tridiagonal until t = 0.5, where the last unknown begins to drive all the others."""
    d = -50.0 * y
    d[1:] += 20.0 * y[:-1]
    d[:-1] += 20.0 * y[1:]
    if t > 0.5:
        d += 5.0 * y[-1]
        d[0] += 1.0
    return d


@pytest.mark.parametrize("method", METHODS)
def test_structure_that_does_not_last_is_given_up(method):
    y0 = np.linspace(1.0, 2.0, 64)
    with fsci.trace() as log:
        ours = fi.solve_ivp(waking, (0.0, 3.0), y0, method, rtol=1e-6, atol=1e-9)
        facts = log[-1].attempts[-1].facts
    scipys = si.solve_ivp(waking, (0.0, 3.0), y0, method, rtol=1e-10, atol=1e-13)
    assert facts["bandwidth"].value == 64
    assert ours.success
    np.testing.assert_allclose(ours.y[:, -1], scipys.y[:, -1], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_dense_jacobian_of_lapack_size(method):
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((70, 70)) - 20.0 * np.eye(70)

    @numba.njit
    def mixed(t, y):
        d = np.empty_like(y)
        for i in range(y.size):
            total = np.sin(t)
            for j in range(y.size):
                total += matrix[i, j] * y[j]
            d[i] = total
        return d

    ours, scipys = both(mixed, (0.0, 2.0), np.ones(70), method, rtol=1e-5, atol=1e-8)
    assert_same(ours, scipys, 1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("events", [None, lambda t, y: y[0] - 0.5])
def test_plain_callback_is_taken_over(method, events, monkeypatch):
    from fsci.kernels.integrate import tiering

    monkeypatch.setattr(tiering, "_FIRST_LOOK", 0.0)
    monkeypatch.setattr(tiering, "_MARGIN", 0.0)
    plain = hires.py_func
    with fsci.trace() as log:
        ours = fi.solve_ivp(plain, (0.0, 321.8122), HIRES_0, method, events=events, rtol=1e-6, atol=1e-9)
        facts = log[-1].attempts[-1].facts
    scipys = si.solve_ivp(plain, (0.0, 321.8122), HIRES_0, method, events=events, rtol=1e-6, atol=1e-9)
    assert "steps" in facts
    assert_same(ours, scipys, 1e-6, sharp=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_raising_callback_raises(method):
    @numba.njit
    def falls_over(t, y):
        if t > 0.5:
            raise ValueError("beyond the model")
        return -y

    with pytest.raises(ValueError, match="beyond the model"):
        fi.solve_ivp(falls_over, (0.0, 1.0), [1.0, 2.0], method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nonfinite_derivatives_end_as_scipys(method, value):
    @numba.njit
    def breaks(t, y):
        return -y if t < 0.5 else np.full(2, value)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = []
        for solve in (fi.solve_ivp, si.solve_ivp):
            try:
                r = solve(breaks, (0.0, 1.0), [1.0, 2.0], method)
                results.append((r.status, r.message.partition(" The steps")[0]))
            except ValueError as error:
                results.append(("raised", str(error)))
    assert results[0] == results[1]


@pytest.mark.parametrize("method", METHODS)
def test_stiff_failure_of_scipy_is_scipys(method):
    """A pole: both stop at the same time with the same words."""

    @numba.njit
    def explodes(t, y):
        return y**2

    ours, scipys = both(explodes, (0.0, 2.0), [1.0], method, rtol=1e-6, atol=1e-9)
    assert ours.status == scipys.status == -1
    assert ours.message == scipys.message
    np.testing.assert_allclose(ours.t[-1], scipys.t[-1], rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_jacobian_of_wrong_shape_is_refused_in_scipys_words(method):
    @numba.njit
    def wrong(t, y):
        return np.zeros((2, 3))

    for jac in (wrong, np.zeros((2, 2))):
        with pytest.raises(ValueError, match="`jac` is expected to have shape"):
            fi.solve_ivp(rober, (0.0, 1.0), [1.0, 0.0, 0.0], method, jac=jac)
