"""`norm`, `onenormest`: SciPy's values and types, where SciPy overflows too."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci

norm, onenormest = fsci.sparse.linalg.norm, fsci.sparse.linalg.onenormest


def sparse(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    a = sp.random_array(shape, density=0.2, rng=rng, data_sampler=rng.standard_normal)
    if np.dtype(dtype).kind == "c":
        a = a * (1 - 2j)
    return sp.csr_array(a.astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
@pytest.mark.parametrize("order", [None, "fro", 1, -1, np.inf, -np.inf, 2])
def test_matrix_norms(dtype, form, order):
    a = sparse((30, 17), dtype).asformat(form)
    mine, theirs = norm(a, order), sl.norm(a, order)
    assert np.asarray(mine).dtype == np.asarray(theirs).dtype
    assert mine == pytest.approx(theirs, rel=1e-5 if dtype in ("float32", "complex64") else 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("order", [None, 1, 2, np.inf, 0, 3])
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_vector_norms(dtype, axis, order, form):
    a = sparse((30, 17), dtype).asformat(form)
    mine, theirs = norm(a, order, axis), sl.norm(a, order, axis)
    assert mine.dtype == theirs.dtype
    np.testing.assert_allclose(mine, theirs, rtol=1e-5 if dtype in ("float32", "complex64") else 1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1000), st.sampled_from([None, 1, np.inf]))
def test_certificates_hold(m, n, seed, order):
    a = sparse((m, n), seed=seed)
    value, certificate = fsci.certify(norm)(a, order)
    moduli = [[abs(x) for x in row] for row in a.toarray().tolist()]
    if order is None:
        true = math.sqrt(math.fsum(x * x for row in moduli for x in row))
    else:
        true = max(math.fsum(x) for x in (moduli if order == np.inf else zip(*moduli, strict=True)))
    if np.isfinite(certificate.forward_error):
        assert abs(value - true) <= (certificate.forward_error + 2.0**-52) * true


def test_squares_that_overflow_or_vanish():
    a = sparse((5, 5))
    true = norm(a)
    for scale in (1e200, 1e-200):
        assert norm(a * scale) == pytest.approx(true * scale, rel=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_single_precision_is_summed_in_double(dtype, scale):
    a = sparse((40, 50), dtype) * np.float32(scale)
    true = math.sqrt(math.fsum(abs(complex(x)) ** 2 for x in a.data.tolist()))
    assert norm(a).dtype == np.float32
    assert abs(float(norm(a)) - true) <= 2.0**-23 * true


def test_sums_of_squares_in_several_calls(monkeypatch):
    from fsci.kernels.sparse.host import abs_sums

    numbers = np.random.default_rng(0).standard_normal(100)
    true = pytest.approx(math.fsum(x * x for x in numbers.tolist()), rel=1e-14)
    assert abs_sums.sum_of_squares(numbers) == true
    monkeypatch.setattr(abs_sums, "_ONE_CORE", 0)
    assert abs_sums.sum_of_squares(numbers) == true
    monkeypatch.setattr(abs_sums, "_AT_ONCE", 7)
    assert abs_sums.sum_of_squares(numbers) == true


def test_stored_duplicates_count_once():
    a = sp.csr_array((np.array([3.0, -3.0, 4.0]), np.array([0, 0, 1]), np.array([0, 3])), shape=(1, 2))
    assert norm(a.copy(), 1) == sl.norm(a.copy(), 1) == 4.0
    assert norm(a.copy()) == 4.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("order", [None, 1, np.inf])
def test_what_is_not_finite(bad, order):
    a = sparse((6, 6))
    a.data[2] = bad
    np.testing.assert_equal(float(norm(a, order)), float(sl.norm(a, order)))


@pytest.mark.parametrize(
    ("args", "error"), [(("bad",), ValueError), ((-2,), NotImplementedError), ((1, 5), ValueError)]
)
def test_the_same_orders_are_refused(args, error):
    with pytest.raises(error) as theirs:
        sl.norm(sparse((4, 4)), *args)
    with pytest.raises(error) as mine:
        norm(sparse((4, 4)), *args)
    assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize("order", [1, np.inf])
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_malformed_matrices_are_named(order, form):
    a = sparse((6, 6)).asformat(form)
    a.has_canonical_format = True
    a.indptr[-1] = 10_000
    with pytest.raises(ValueError, match="malformed"):
        norm(a, order)
    with pytest.raises(ValueError, match="malformed"):
        norm(a)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_1_norm_is_no_estimate(dtype):
    a = sparse((40, 40), dtype)
    est, v, w = onenormest(a, compute_v=True, compute_w=True)
    assert est == pytest.approx(float(np.abs(a.toarray()).sum(axis=0).max()), rel=1e-6)
    np.testing.assert_allclose(a @ v, w, rtol=1e-6)
    assert np.abs(w).sum() == pytest.approx(est * np.abs(v).sum(), rel=1e-6)
    assert onenormest(a) == est


def test_operators_are_estimated_by_scipy():
    a = sparse((40, 40))
    assert onenormest(sl.aslinearoperator(a)) <= onenormest(a) * (1 + 1e-12)
