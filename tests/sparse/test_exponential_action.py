"""`expm_multiply`: SciPy's shapes and values, and bounds that hold against exponentials in many digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci

action = fsci.sparse.linalg.expm_multiply


def sparse(n, seed=0, kind=float, size=1.0):
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, n), density=min(1.0, 4 / n), rng=rng) * size
    if kind is complex:
        a = a + 1j * sp.random_array((n, n), density=min(1.0, 4 / n), rng=rng) * size
    return sp.csr_array(a)


def exact(a, b, t=1.0):
    with mpmath.workdps(60):
        power = mpmath.expm(mpmath.matrix((a.toarray()).tolist()) * mpmath.mpf(float(t)), method="taylor")
        b = b.reshape(b.shape[0], -1)
        found = power * mpmath.matrix(b.tolist())
        return np.array([[complex(found[i, j]) for j in range(b.shape[1])] for i in range(b.shape[0])])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dia", "bsr"])
@pytest.mark.parametrize("shape", [(30,), (30, 1), (30, 11)])
def test_shapes_and_dtypes_are_scipys(dtype, form, shape):
    rng = np.random.default_rng(0)
    a = sparse(30, kind=complex if dtype.startswith("c") else float).astype(dtype).asformat(form)
    b = rng.standard_normal(shape).astype(dtype)
    tolerance = 1e-5 if dtype in ("float32", "complex64") else 1e-12
    for options in ({}, {"start": 0, "stop": 1.5, "num": 4}, {"start": 0.2, "stop": 1, "num": 3, "endpoint": False}):
        mine, theirs = action(a, b, **options), sl.expm_multiply(a, b, **options)
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("left", ["float64", "complex128"])
@pytest.mark.parametrize("right", ["float64", "complex128", "int64", "float32"])
def test_mixed_dtypes(left, right):
    a, b = sparse(12).astype(left), np.arange(12).astype(right)
    mine, theirs = action(a, b), sl.expm_multiply(a, b)
    assert mine.dtype == theirs.dtype
    np.testing.assert_allclose(mine, theirs, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(0, 1000), st.floats(0.01, 20.0), st.booleans(), st.booleans())
def test_no_bound_is_wrong(n, seed, size, several, negative):
    a = sparse(n, seed, size=-size if negative else size)
    b = np.random.default_rng(seed).standard_normal((n, 2) if several else n)
    x, certificate = fsci.certify(action)(a, b)
    true = exact(a, b).real
    error = np.abs(x.reshape(n, -1) - true).sum(axis=1).max()
    whole = np.abs(true).sum(axis=1).max()
    if np.isfinite(certificate.forward_error):
        assert error <= certificate.forward_error * whole + 1e-300


def test_rounding_in_a_large_shift_is_in_the_bound():
    rng = np.random.default_rng(0)
    for seed in range(5):
        a = sp.csr_array(sparse(6, seed, size=1e-9) + 700.0 / 3.0 * sp.eye_array(6))
        b = rng.standard_normal(6)
        x, certificate = fsci.certify(action)(a, b)
        true = exact(a, b).real.ravel()
        assert np.abs(x - true).max() <= certificate.forward_error * np.abs(true).max()


def test_bounds_at_many_times_hold():
    a, b = sparse(6, 3, size=2.0), np.ones(6)
    x, certificate = fsci.certify(action)(a, b, start=0.5, stop=3.0, num=6)
    for t, row in zip(np.linspace(0.5, 3.0, 6), x, strict=True):
        true = exact(a, b, t).real.ravel()
        assert np.abs(row - true).max() <= certificate.forward_error * np.abs(true).max()


def test_a_laplacian_is_certified_over_long_times():
    line = sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(200, 200)).tocsr()
    (_, certificate) = fsci.certify(action)(100.0 * line, np.ones(200))
    assert certificate.verdict == "certified"
    assert certificate.rigor == "rigorous"


def test_growth_that_is_not_bounded_is_not_certified():
    a = sp.csr_array(np.diag(np.full(19, 400.0), 1))
    _, certificate = fsci.certify(action)(a, np.r_[np.zeros(19), 1.0])
    assert certificate.verdict == "uncertified"


def test_backwards_and_late_starts_are_scaled_for_their_own_length():
    # SciPy chooses degree and stages for the length of the sequence, whatever its start is.
    a, b = sparse(5, 1, size=1.0), np.ones(5)
    late = action(a, b, start=12.0, stop=12.5, num=2)
    np.testing.assert_allclose(late[0], exact(a, b, 12.0).real.ravel(), rtol=1e-11)
    back = action(a, b, start=0.0, stop=-1.0, num=3)
    np.testing.assert_allclose(back[-1], exact(a, b, -1.0).real.ravel(), rtol=1e-11, atol=1e-12)


def test_zero_and_identity():
    np.testing.assert_array_equal(action(sp.csr_array((4, 4)), np.arange(4.0)), np.arange(4.0))
    np.testing.assert_allclose(action(sp.eye_array(3, format="csr"), np.ones(3)), np.full(3, np.e), rtol=1e-15)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SciPy answers, and its sums tell
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_so(bad):
    b = np.ones(9)
    b[2] = bad
    assert not np.isfinite(action(sparse(9), b)).all()


@pytest.mark.parametrize(
    ("a", "b"), [(sparse(4)[:3], np.ones(4)), (sparse(4), np.ones(3)), (sparse(4), np.ones((4, 1, 1)))]
)
def test_the_same_shapes_are_refused(a, b):
    with pytest.raises(ValueError, match=r".") as theirs:
        sl.expm_multiply(a, b)
    with pytest.raises(ValueError, match=r".") as mine:
        action(a, b)
    assert str(mine.value) == str(theirs.value)


def test_malformed_matrices_are_named():
    a = sparse(9)
    a.indices[1] = -5
    with pytest.raises(ValueError, match=r"indices\[1\] = -5"):
        action(a, np.ones(9))


def test_operands_are_left_alone():
    a, b = sparse(9), np.ones((9, 2))
    kept = b.copy()
    for _ in range(2):
        action(a, b)
    np.testing.assert_array_equal(b, kept)


@pytest.mark.parametrize("exponent", [-300, -250, -200, -170, -160, -150, 150, 160, 200, 300])
@pytest.mark.parametrize("kind", [float, complex])
def test_sizes_whose_squares_overflow_or_vanish(exponent, kind):
    a = sp.csr_array(np.array([[1.0, 0.5, 0.0], [0.0, 0.2, -0.3], [0.1, 0.0, -1.0]]).astype(kind))
    b = np.ldexp(1.0, round(exponent * 3.3219)) * np.ones(3)
    diagnosis = fsci.explain(action, a, b)
    truth = exact(a, b)[:, 0]
    error = np.abs(diagnosis.value - truth).max() / np.abs(truth).max()
    assert error < 1e-14
    assert error <= diagnosis.certificate.forward_error
