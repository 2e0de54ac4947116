"""Sparse triangular systems: SciPy's answers, by substitution, with proofs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fsci
from fsci.kernels.sparse.host import substitution

ours = fsci.sparse.linalg.spsolve_triangular


def triangle(rng, n, form, lower, dtype="float64", density=0.3):
    full = sp.random_array((n, n), density=density, rng=rng)
    strict = sp.tril(full, -1) if lower else sp.triu(full, 1)
    a = (strict + sp.diags_array(rng.uniform(1, 2, n) * rng.choice([-1, 1], n))).astype(dtype)
    return (a * (1 - 0.3j)).asformat(form) if np.dtype(dtype).kind == "c" else a.asformat(form)


@settings(max_examples=80, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    n=st.integers(1, 25),
    form=st.sampled_from(["csr", "csc"]),
    lower=st.booleans(),
    unit=st.booleans(),
    dtypes=st.sampled_from(["ff", "dd", "DD", "fd", "dD", "Dd", "di"]),
    columns=st.sampled_from([None, 1, 3]),
    duplicates=st.booleans(),
    wide=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_equals_scipys(n, form, lower, unit, dtypes, columns, duplicates, wide, seed):
    rng = np.random.default_rng(seed)
    a = triangle(rng, n, form, lower, dtypes[0])
    if duplicates:  # unsorted, each entry in two halves
        coo = a.tocoo()
        order = rng.permutation(2 * coo.nnz)
        twice = [np.concatenate([v, v])[order] for v in (coo.data / 2, coo.row, coo.col)]
        major, minor = (twice[1], twice[2]) if form == "csr" else (twice[2], twice[1])
        place = np.argsort(major, kind="stable")
        a.data, a.indices = twice[0][place].astype(a.dtype), minor[place].astype(np.int32)
        a.indptr = np.concatenate([[0], np.cumsum(np.bincount(major, minlength=n))]).astype(np.int32)
        a.has_canonical_format = False
    if wide:
        a.indices, a.indptr = a.indices.astype(np.int64), a.indptr.astype(np.int64)
    b = (10 * rng.standard_normal(n if columns is None else (n, columns))).astype(dtypes[1])
    kept = a.copy(), b.copy()
    theirs, mine = sl.spsolve_triangular(a.copy(), b, lower, unit_diagonal=unit), ours(a, b, lower, unit_diagonal=unit)
    assert mine.dtype == theirs.dtype
    assert mine.shape == theirs.shape
    # SciPy scales by the diagonal in the precision of A, whatever that of b is.
    tolerance = 1e-3 if "f" in dtypes else 1e-9
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * max(np.abs(theirs).max(), 1e-30))
    np.testing.assert_array_equal(a.toarray(), kept[0].toarray())
    np.testing.assert_array_equal(b, kept[1])


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_a_zero_pivot_is_an_error_as_scipys(form):
    a = sp.csr_array(np.array([[1.0, 0, 0], [2, 0, 0], [3, 4, 5]])).asformat(form)
    with pytest.raises(np.linalg.LinAlgError) as theirs:
        sl.spsolve_triangular(a, np.ones(3))
    with pytest.raises(np.linalg.LinAlgError) as mine:
        ours(a, np.ones(3))
    assert str(mine.value) == str(theirs.value)
    np.testing.assert_allclose(ours(a, np.ones(3), unit_diagonal=True), [1, -1, 2])


def test_what_substitution_does_not_take_is_scipys():
    rng = np.random.default_rng(0)
    a = triangle(rng, 8, "csr", True)
    b = rng.standard_normal(8)
    with fsci.trace() as log:
        for matrix in ((10 * a).astype(np.int64), a + sp.eye_array(8, k=3)):
            kept = matrix.copy()
            np.testing.assert_array_equal(ours(matrix, b), sl.spsolve_triangular(kept, b))
            assert log[-1].handover or log[-1].route.endswith("superlu")
        with pytest.warns(sp.SparseEfficiencyWarning, match="Converting to CSC"):
            ours(a.tocoo(), b)
    for args in ((a[:5], b), (a, b[:5]), (a, np.ones((8, 2, 2)))):
        with pytest.raises(ValueError, match=r".") as mine:
            ours(*args)
        with pytest.raises(ValueError, match=r".") as theirs:
            sl.spsolve_triangular(*args)
        assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("change", [("indices", 5, 99), ("indices", 0, -1), ("indptr", 3, 10**6)])
def test_malformed_is_refused_and_the_entry_named(form, change):
    a = triangle(np.random.default_rng(0), 20, form, True)
    name, at, value = change
    getattr(a, name)[at] = value
    with pytest.raises(ValueError, match=rf"{name}\[{at}\] = {value}"):
        ours(a, np.ones(20))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
def test_threads_and_neighbours_give_the_same_bits(count, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    for form, lower in (("csr", True), ("csc", True), ("csr", False), ("csc", False)):
        a, b = triangle(rng, 50, form, lower, dtype), rng.standard_normal((50, 7)).astype(dtype)
        alone = ours(a, b, lower)
        monkeypatch.setattr(substitution, "_THREADS", lambda dtype, work, count=count: count)
        np.testing.assert_array_equal(ours(a, b, lower), alone)
        for k in range(7):
            np.testing.assert_array_equal(ours(a, b[:, k], lower), alone[:, k])
        monkeypatch.undo()


@pytest.mark.parametrize("columns", [2, 4, 9])
def test_many_right_hand_sides_meet_the_same_errors(columns):
    b = np.ones((3, columns))
    for form in ("csr", "csc"):
        singular = sp.csr_array(np.array([[1.0, 0, 0], [2, 0, 0], [3, 4, 5]])).asformat(form)
        with pytest.raises(np.linalg.LinAlgError, match="zero entry on diagonal"):
            ours(singular, b)
        both = sp.csr_array(np.array([[2.0, 0, 1], [2, 4, 0], [3, 4, 5]])).asformat(form)
        np.testing.assert_array_equal(ours(both, b), sl.spsolve_triangular(both.copy(), b))


def exact_solution(a, b, lower):
    n = len(b)
    x = [Fraction(0)] * n
    for i in range(n) if lower else reversed(range(n)):
        total = Fraction(float(b[i]))
        for j in range(n):
            if j != i and a[i, j]:
                total -= Fraction(float(a[i, j])) * x[j]
        x[i] = total / Fraction(float(a[i, i]))
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lower", [True, False])
def test_bounds_hold_against_rational_arithmetic(dtype, lower):
    certified = 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        a = triangle(rng, 24, "csc" if seed % 2 else "csr", lower, dtype, density=0.6)
        if seed % 3 == 0:  # growth: an ill-conditioned triangle
            a = (a - sp.diags_array(a.diagonal() * 0.9)).asformat(a.format).astype(dtype)
        b = rng.standard_normal(24).astype(dtype)
        diagnosis = fsci.explain(ours, a, b, lower)
        x, certificate = diagnosis.attempt.value.ravel(), diagnosis.certificate
        truth = exact_solution(a.toarray(), b, lower)
        largest = max(abs(t) for t in truth)
        error = max(abs(Fraction(float(mine)) - t) for mine, t in zip(x, truth, strict=True)) / largest
        assert float(error) <= certificate.forward_error
        certified += certificate.verdict == "certified"
        assert certificate.backward_error <= 64 * np.finfo(dtype).eps
    assert certified > 0


def test_overflow_is_not_certified():
    n = 60
    a = sp.csr_array(sp.eye_array(n) * 1e-300 + sp.eye_array(n, k=-1) * 1e300)
    with np.errstate(all="ignore"):
        diagnosis = fsci.explain(ours, a, np.ones(n))
    assert diagnosis.certificate.forward_error == np.inf
    assert diagnosis.certificate.verdict == "uncertified"


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("of_a", [-1030, 0, 980])
@pytest.mark.parametrize("of_b", [-1060, -1000, 0])
def test_bounds_hold_where_numbers_vanish(lower, of_a, of_b):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        a = triangle(rng, 12, "csr", lower, density=0.6)
        a.data = np.ldexp(a.data, of_a)
        b = np.ldexp(rng.standard_normal(12), of_b)
        with np.errstate(all="ignore"):
            diagnosis = fsci.explain(ours, a, b, lower)
        x, certificate = diagnosis.attempt.value.ravel(), diagnosis.certificate
        truth = exact_solution(a.toarray(), b, lower)
        largest = max(abs(t) for t in truth)
        if np.isfinite(x).all():
            error = max(abs(Fraction(float(mine)) - t) for mine, t in zip(x, truth, strict=True)) / largest
            assert float(error) <= certificate.forward_error
        else:
            assert certificate.verdict == "uncertified"


def test_nothing_is_proved_of_what_is_no_triangle():
    n = 30
    a = sp.csr_array(sp.eye_array(n) - 2.0 * sp.eye_array(n, k=-1) + sp.coo_array(([1e-9], ([0], [n - 1])), (n, n)))
    diagnosis = fsci.explain(ours, a, np.ones(n))
    truth = np.linalg.solve(a.toarray(), np.ones(n))
    assert np.abs(diagnosis.attempt.value.ravel() - truth).max() > 0.1 * np.abs(truth).max()
    assert diagnosis.certificate.forward_error == np.inf


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_a_pivot_of_entries_that_cancel_is_not_trusted(form):
    n, large = 6, 2.0**56
    strict = sp.coo_array(-np.eye(n, k=-1))
    rows = np.concatenate([np.repeat(np.arange(n), 3), strict.coords[0]])
    columns = np.concatenate([np.repeat(np.arange(n), 3), strict.coords[1]])
    values = np.concatenate([np.tile([large, 9.0, -large], n), strict.data])
    major, minor = (rows, columns) if form == "csr" else (columns, rows)
    order = np.argsort(major, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(major, minlength=n))])
    container = sp.csr_array if form == "csr" else sp.csc_array
    a = container((values[order], minor[order], indptr), shape=(n, n))
    exact = np.linalg.solve(9.0 * np.eye(n) - np.eye(n, k=-1), np.ones(n))
    diagnosis = fsci.explain(ours, a, np.ones(n))
    error = np.abs(diagnosis.attempt.value.ravel() - exact).max() / np.abs(exact).max()
    assert error <= diagnosis.certificate.forward_error
