"""Careless arguments: what SciPy answers, refuses or casts, fsci does alike."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import fsci

ours = fsci.sparse.linalg
N = 8


def matrix(form="csc", dtype=float):
    rng = np.random.default_rng(1)
    dense = rng.standard_normal((N, N)) * (rng.random((N, N)) < 0.4) + N * np.eye(N)
    dtype = np.dtype(dtype)
    found = getattr(sp, f"{form}_array")(dense.astype(dtype.newbyteorder("=")))
    found.data = found.data.astype(dtype)
    return found


def outcome(call):
    try:
        found = call()
    except (TypeError, ValueError, IndexError, RuntimeError, OverflowError, NameError) as error:
        return type(error), str(error)
    return type(found), found.dtype, found.shape


RIGHT = {
    "list": [1.0] * N,
    "long double": np.ones(N, np.longdouble),
    "single": np.ones(N, np.float32),
    "double": np.ones(N),
    "complex": np.ones(N, complex),
    "integers": np.ones(N, int),
    "matrix": np.asmatrix(np.ones((N, 1))),
    "masked": np.ma.masked_array(np.ones(N), mask=[True] + [False] * (N - 1)),
    "short": np.ones(N - 1),
    "big-endian": np.ones(N).astype(">f8"),
}


@pytest.mark.parametrize("b", RIGHT)
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "c16", "i8"])
@pytest.mark.parametrize("trans", ["N", "T", "H", "X"])
def test_factorized_takes_what_scipys_takes(b, dtype, trans):
    mine, theirs = (f(matrix(dtype=dtype)) for f in (ours.factorized, sl.factorized))
    assert outcome(lambda: mine(RIGHT[b], trans)) == outcome(lambda: theirs(RIGHT[b], trans))


def test_factors_outlive_a_change_of_the_matrix():
    # With a pivot bought by growth each solve is refined by the matrix.
    for a in (matrix(), sp.csc_array(np.array([[1e-20, 1.0], [1.0, 1.0]])), sp.csc_array(np.tril(matrix().toarray()))):
        b = np.arange(1.0, a.shape[0] + 1)
        truth, solve = np.linalg.solve(a.toarray(), b), ours.factorized(a)
        a.data[:] = 7.0
        np.testing.assert_allclose(solve(b), truth, rtol=1e-12)


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_inverses_have_scipys_index_dtype(form):
    with pytest.warns(sp.SparseEfficiencyWarning) if form == "csr" else pytest.MonkeyPatch.context():
        theirs = sl.inv(matrix(form))
    mine = ours.inv(matrix(form))
    assert mine.indices.dtype == theirs.indices.dtype
    assert mine.indptr.dtype == theirs.indptr.dtype


@pytest.mark.parametrize("b", ["long double", "double", "list", "matrix"])
@pytest.mark.parametrize("dtype", ["i8", "f8", "?"])
def test_spsolve_refuses_what_scipy_refuses(b, dtype):
    a = matrix(dtype=dtype) + sp.eye_array(N, dtype=dtype).tocsc()
    assert outcome(lambda: ours.spsolve(a, RIGHT[b])) == outcome(lambda: sl.spsolve(a, RIGHT[b]))


def test_spsolve_of_one_row_without_a_second_axis():
    a = sp.csr_array(np.ones(N))
    assert outcome(lambda: ours.spsolve(a, np.ones(N))) == outcome(lambda: sl.spsolve(a, np.ones(N)))


@pytest.mark.parametrize("name", ["cg", "bicgstab", "gmres"])
@pytest.mark.parametrize(
    "options", [{"maxiter": 2.5}, {"maxiter": "x"}, {"maxiter": -1}, {"rtol": "x"}, {"rtol": None}, {"atol": None}]
)
def test_iterations_refuse_what_scipy_refuses(name, options):
    def call(module):
        x, info = getattr(module, name)(matrix("csr"), np.ones(N), **options)
        return np.r_[x, info]

    mine, theirs = outcome(lambda: call(ours)), outcome(lambda: call(sl))
    assert mine == theirs


def test_iterations_with_a_tolerance_that_is_no_number():
    with np.errstate(all="ignore"):
        x, info = ours.cg(matrix("csr"), np.ones(N), atol=np.nan)
        theirs = sl.cg(matrix("csr"), np.ones(N), atol=np.nan)
    assert info == theirs[1]
    np.testing.assert_array_equal(np.isnan(x), np.isnan(theirs[0]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_expm_multiply_passes_over_no_infinities(value):
    for a, b in (
        (sp.csr_array(np.array([[1.0, value], [0.0, 1.0]])), np.ones(2)),
        (sp.csr_array(np.eye(2)), np.array([1, value])),
    ):
        with np.errstate(all="ignore"):
            assert outcome(lambda a=a, b=b: ours.expm_multiply(a, b)) == outcome(
                lambda a=a, b=b: sl.expm_multiply(a, b)
            )
            if np.isfinite(a.data).all():
                assert not np.isfinite(ours.expm_multiply(a, b)).all()


@pytest.mark.parametrize("name", ["cg", "bicgstab", "gmres", "minres"])
def test_what_is_not_finite_has_not_converged(name):
    a = matrix("csr")
    a = (a + a.T).tocsr()
    a.data[a.indptr[3]] = np.inf
    with np.errstate(all="ignore"):
        x, info = getattr(ours, name)(a, np.ones(N))
        theirs = getattr(sl, name)(a, np.ones(N))
    assert not np.isfinite(x).all()
    assert info == theirs[1] != 0


@pytest.mark.parametrize("choice", [0, 1, False, True, np.False_, np.True_, "u", "vh"])
def test_svds_gives_the_vectors_that_scipy_gives(choice):
    a = sp.csr_array(np.diag(np.arange(1.0, 21.0)))
    mine, theirs = (m.svds(a, 3, return_singular_vectors=choice) for m in (ours, sl))
    assert type(mine) is type(theirs)
    if isinstance(theirs, tuple):
        assert [np.shape(v) for v in mine] == [np.shape(v) for v in theirs]
