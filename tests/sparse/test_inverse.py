"""`inv`, `splu`, `spilu`: SciPy's containers and objects, refusals that name a size, and bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
from fsci.sparse.linalg import inverse

inv, splu, spilu = fsci.sparse.linalg.inv, fsci.sparse.linalg.splu, fsci.sparse.linalg.spilu


def sparse(n, seed=0, dtype="float64", shift=3.0):
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, n), density=min(1.0, 3 / n), rng=rng) + shift * sp.eye_array(n)
    return sp.csc_array((a * (1 + 1j) if np.dtype(dtype).kind == "c" else a).astype(dtype))


def exact_inverse(a):
    """Rational arithmetic: no rounding at all."""
    entries = [[fmpq(*float(x).as_integer_ratio()) for x in row] for row in a.toarray()]
    found = fmpq_mat(entries).inv()
    n = a.shape[0]
    return np.array([[float(found[i, j].p) / float(found[i, j].q) for j in range(n)] for i in range(n)])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("container", [sp.csc_array, sp.csr_array, sp.csc_matrix, sp.csr_matrix])
@pytest.mark.parametrize("n", [2, 40, 150])
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_the_inverse_is_scipys(dtype, container, n):
    a = container(sparse(n, dtype=dtype))
    mine, theirs = inv(a), sl.inv(a)
    assert type(mine) is type(theirs)
    assert mine.dtype == theirs.dtype
    tolerance = 1e-4 if dtype in ("float32", "complex64") else 1e-12
    np.testing.assert_allclose(mine.toarray(), theirs.toarray(), atol=tolerance)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(0, 1000), st.floats(0.01, 3.0))
def test_the_bound_holds(n, seed, shift):
    a = sparse(n, seed, shift=shift)
    x, certificate = fsci.certify(inv)(a)
    if np.isfinite(certificate.forward_error):
        true = exact_inverse(a)
        error = np.abs(x.toarray() - true).sum(axis=1).max()
        assert error <= certificate.forward_error * np.abs(true).sum(axis=1).max() * (1 + 1e-12)


def test_a_diagonal_inverse_stays_sparse():
    a = sp.csc_array(sp.diags_array(np.arange(1.0, 2001.0)))
    found = inv(a)
    assert found.nnz == 2000
    np.testing.assert_allclose(found.diagonal(), 1.0 / np.arange(1.0, 2001.0), rtol=1e-15)


def test_an_inverse_that_cannot_fit_is_refused(monkeypatch):
    monkeypatch.setattr(inverse, "available_bytes", lambda: 1e9)
    a = sp.csc_array(sp.diags_array([np.full(99_999, 1.0), np.full(100_000, 4.0)], offsets=[1, 0]))
    with pytest.raises(MemoryError, match=r"1\.2e"):
        inv(a)


def test_singular_matrices_are_scipys():
    a = sp.csc_array(np.diag([1.0, 0.0, 2.0]))
    for function in (sl.inv, inv):
        with pytest.raises(RuntimeError, match="exactly singular"):
            function(a)


def test_what_is_not_sparse_is_refused():
    with pytest.raises(TypeError, match="sparse"):
        inv(np.eye(3))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("permc_spec", [None, "NATURAL", "MMD_AT_PLUS_A"])
def test_the_factors_are_superlus(dtype, permc_spec):
    a = sparse(60, dtype=dtype)
    mine, theirs = splu(a, permc_spec=permc_spec), sl.splu(a, permc_spec=permc_spec)
    assert type(mine) is type(theirs)
    np.testing.assert_array_equal(mine.perm_c, theirs.perm_c)
    assert (mine.L != theirs.L).nnz == 0
    (factors, certificate) = fsci.certify(splu)(a, permc_spec=permc_spec)
    assert certificate.backward_error < 1e-5
    assert certificate.condition <= 1.01 * np.linalg.cond(a.toarray(), 1)
    b = np.ones(60, dtype)
    x = np.linalg.solve(a.toarray().astype(complex), b.astype(complex))
    error = np.abs(factors.solve(b) - x).sum() / np.abs(x).sum()
    assert error <= certificate.forward_error


def test_incomplete_factors_are_told():
    a = sparse(200, 1)
    _, complete = fsci.certify(splu)(a)
    _, dropped = fsci.certify(spilu)(a, drop_tol=0.2, fill_factor=1.0)
    assert complete.verdict == "certified"
    assert dropped.verdict == "uncertified"
    assert dropped.backward_error > 1e-6


def test_exactly_singular_factors_are_scipys():
    a = sp.csc_array(np.diag([1.0, 0.0, 2.0]))
    for listening in (False, True):
        with pytest.raises(RuntimeError, match="singular"):
            fsci.certify(splu)(a) if listening else splu(a)
