"""Jacobians and Newton matrices of the implicit loops, against SciPy's and against dense algebra."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate._ivp.common import num_jac

from fsci.kernels.integrate.callbacks import rhs_of
from fsci.kernels.integrate.given_jacobian import jacobian_callback
from fsci.kernels.integrate.jacobian import DIFFERENCES, FOUND, INCOMPLETE, NONFINITE, centred, differences, jacobian_at
from fsci.kernels.integrate.newton import dominant, factor, multiply, shifted, solve
from fsci.kernels.integrate.sparsity import banded, dense, found, structure_of, structure_seen

pytestmark = pytest.mark.slow

EPS = 2.0**-52


@numba.njit
def reaction(t, y):
    fast, slow = 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    return np.array([-0.04 * y[0] + slow + t, 0.04 * y[0] - slow - fast, fast])


@numba.njit
def chain(t, y):
    d = -2.0 * y - y**3
    d[1:] += y[:-1]
    d[:-1] += y[1:] ** 2
    return d


def vectorized(function):
    return lambda t, y: np.stack([function(t, column) for column in y.T], axis=1)


@pytest.mark.parametrize(
    "y", [[1.0, 0.0, 0.0], [0.5, 1e-5, 0.5], [2e-8, 8e-14, 1.0], [0.0, 0.0, 0.0], [-1.0, 2.0, 1e-300]]
)
def test_differences_are_scipys_and_so_are_their_increments(y):
    y, threshold = np.array(y), np.full(3, 1e-10)
    callback = rhs_of(reaction, 3, ())
    f = reaction(0.5, y)
    ours, scipys, factors, theirs = np.empty((3, 3)), None, np.full(3, EPS**0.5), None
    for _ in range(6):  # the increments adapt from one to the next
        pattern, h = dense(3), np.empty(3)
        status = differences(
            callback.function, callback.parameters, 0.5, y, f, threshold, factors, ours, -1, 0, pattern.arrays, h
        )
        scipys, theirs = num_jac(vectorized(reaction), 0.5, y, f, threshold, theirs)
        assert status == 0
        assert np.array_equal(ours.T, scipys)
        assert np.array_equal(factors, theirs)


@pytest.mark.parametrize("shuffled", [False, True])
def test_banded_differences_are_the_dense_ones(shuffled, rng):
    n = 30
    order = rng.permutation(n) if shuffled else np.arange(n)
    back = np.argsort(order)

    @numba.njit
    def mixed(t, y):
        return chain(t, y[order])[back]

    callback = rhs_of(mixed, n, ())
    y, threshold = rng.standard_normal(n), np.full(n, 1e-8)
    f = mixed(0.0, y)
    pattern = found(callback.function, callback.parameters, 0.0, y)
    assert pattern is not None
    assert (pattern.lower, pattern.upper) == (1, 1)
    assert pattern.arrays[2].size - 1 == 3  # groups
    results = []
    for layout in (pattern, dense(n)):
        stored, factors, h = np.zeros((n, layout.rows)), np.full(n, EPS**0.5), np.empty(n)
        status = differences(
            callback.function, callback.parameters, 0.0, y, f, threshold, factors, stored, layout.lower, layout.upper,
            layout.arrays, h,
        )  # fmt: skip
        assert status == 0
        matrix = layout.matrix(stored)
        results.append((matrix.toarray() if sp.issparse(matrix) else matrix, factors))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])


def test_central_differences_are_closer(rng):
    n = 12
    callback = rhs_of(chain, n, ())
    y, threshold = 1.0 + rng.random(n), np.full(n, 1e-8)
    exact = np.diag(-2.0 - 3.0 * y**2) + np.diag(np.ones(n - 1), -1) + np.diag(2.0 * y[1:], 1)
    stored, factors, h = np.zeros((n, n)), np.full(n, EPS**0.5), np.empty(n)
    arguments = callback.function, callback.parameters, 0.0, y
    differences(*arguments, chain(0.0, y), threshold, factors, stored, -1, 0, dense(n).arrays, h)
    one_sided = np.abs(stored.T - exact).max()
    assert centred(*arguments, h, stored, -1, 0, dense(n).arrays) == 0
    assert np.abs(stored.T - exact).max() < 0.05 * one_sided


@numba.njit
def coupled(t, y):
    """Tridiagonal but for one entry, which is there from t = 1."""
    d = -2.0 * y
    d[1:] += y[:-1]
    if t >= 1.0:
        d[3] += 1e-2 * y[40]
    return d


@pytest.mark.parametrize("t", [0.0, 1.0])
def test_one_entry_outside_the_structure_is_noticed(t):
    n = 50
    callback = rhs_of(coupled, n, ())
    y = np.linspace(0.5, 2.0, n)
    pattern = found(callback.function, callback.parameters, 0.0, y)
    status = jacobian_at(
        callback.function, callback.function, callback.parameters, t, y, coupled(t, y), np.full(n, 1e-9),
        np.full(n, EPS**0.5), np.zeros((n, pattern.rows)), FOUND, pattern.lower, pattern.upper, pattern.arrays, False,
    )  # fmt: skip
    assert status == (INCOMPLETE if t >= 1.0 else 0)


def test_nonfinite_jacobian_is_said():
    @numba.njit
    def breaks(t, y):
        return np.array([np.sqrt(1.0 - y[0]), y[0]])

    callback = rhs_of(breaks, 2, ())
    y = np.array([1.0, 1.0])
    status = jacobian_at(
        callback.function, callback.function, callback.parameters, 0.0, y, np.array([0.0, 1.0]), np.full(2, 1e-6),
        np.full(2, EPS**0.5), np.zeros((2, 2)), DIFFERENCES, -1, 0, dense(2).arrays, False,
    )  # fmt: skip
    assert status == NONFINITE


def test_structure_of_compiled_and_interpreted_agree(rng):
    n = 60
    callback = rhs_of(chain, n, ())
    y = np.zeros(n)
    compiled = structure_of(callback.function, callback.parameters, 0.0, y).toarray()
    assert np.array_equal(compiled, structure_seen(chain.py_func, 0.0, y).toarray())
    assert np.array_equal(compiled, np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1))


def test_full_jacobian_has_no_structure():
    @numba.njit
    def full(t, y):
        return y * np.sum(y)

    callback = rhs_of(full, 40, ())
    assert structure_of(callback.function, callback.parameters, 0.0, np.ones(40)) is None
    assert structure_seen(full.py_func, 0.0, np.ones(40)) is None
    assert banded(sp.csc_array(np.ones((40, 40)))) is None


@given(n=st.integers(1, 12), seed=st.integers(0, 10**6), imaginary=st.booleans())
def test_small_newton_matrices(n, seed, imaginary):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, n))
    alpha = 1.5 + (0.7j if imaginary else 0.0)
    kind = complex if imaginary else float
    lu, pivots = np.empty((n, n), kind), np.empty(n, np.int32)
    shifted(dense(n).stored(matrix), alpha, -0.3, lu, -1, 0)
    wanted = alpha * np.eye(n) - 0.3 * matrix
    np.testing.assert_allclose(lu.T, wanted, rtol=1e-15)
    if np.linalg.cond(wanted) > 1e8:
        return
    x = rng.standard_normal(n).astype(kind)
    b = wanted @ x
    assert factor(lu, pivots, -1, 0) == 0
    solve(lu, pivots, b, -1, 0, dense(n).arrays[0])
    np.testing.assert_allclose(b, x, atol=1e-6 * np.abs(x).max())


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("n", [39, 41, 90])
def test_larger_newton_matrices_dense_and_banded(n, kind, rng):
    i = np.arange(n)
    structure = sp.coo_array(
        (rng.standard_normal(3 * n), (np.tile(i, 3), np.concatenate([i, (i + 7) % n, (i - 7) % n]))), shape=(n, n)
    ).tocsc()
    alpha = kind(3.0) if kind is float else 3.0 + 1.0j
    x = rng.standard_normal(n).astype(kind)
    wanted = alpha * np.eye(n) - 0.5 * structure.toarray()
    pattern = banded(structure)
    assert pattern is not None
    assert pattern.lower + pattern.upper < 12
    for layout in (pattern, dense(n)):
        stored = layout.stored(structure)
        kept = layout.matrix(stored)
        assert np.array_equal(kept.toarray() if sp.issparse(kept) else kept, structure.toarray())
        lu, pivots, b = np.empty((n, layout.rows), kind), np.empty(n, np.int32), wanted @ x
        shifted(stored, alpha, -0.5, lu, layout.lower, layout.upper)
        assert factor(lu, pivots, layout.lower, layout.upper) == 0
        solve(lu, pivots, b, layout.lower, layout.upper, layout.arrays[0])
        np.testing.assert_allclose(b, x, atol=1e-9)
        image = np.empty(n)
        multiply(stored, x.real.copy(), image, layout.lower, layout.upper, layout.arrays)
        np.testing.assert_allclose(image, structure @ x.real, atol=1e-12)


def test_singular_newton_matrix_is_said():
    lu, pivots = np.zeros((3, 3)), np.empty(3, np.int32)
    assert factor(lu, pivots, -1, 0) == 1


@pytest.mark.parametrize("pair", [False, True])
def test_spectral_radius(pair, rng):
    block = np.array([[0.0, 90.0], [-90.0, 0.0]]) if pair else np.diag([-90.0, 30.0])
    basis = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    matrix = (
        basis @ np.block([[block, np.zeros((2, 4))], [np.zeros((4, 2)), np.diag([1.0, -20.0, 3.0, 0.5])]]) @ basis.T
    )
    mode = np.ones(6) / np.sqrt(6.0)
    rate = 0.0
    for _ in range(12):
        rate = dominant(dense(6).stored(matrix), mode, rate, -1, 0, dense(6).arrays)
    assert rate == pytest.approx(90.0, rel=1e-6)


def test_jacobian_callbacks():
    def written(t, y, k):
        return [[-k, t], [y[0], y[1]]]

    def other(t, y):
        return np.ones((3, 3))

    y = np.array([2.0, 3.0])
    callback = jacobian_callback(written, 2, (5.0,), 1.0, y)
    assert callback.reason == ""
    assert jacobian_callback(numba.njit(written), 2, (5.0,), 1.0, y).reason == ""
    assert jacobian_callback(other, 2, (), 1.0, y).reason != ""
    assert jacobian_callback(lambda t, y: open, 2, (), 1.0, y).reason != ""
    assert jacobian_callback(written, 2, ("a",), 1.0, y).reason != ""
