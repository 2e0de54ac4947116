"""What one pass over a matrix says is what its dense form says."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from fsci.kernels.sparse.pattern import scan


@given(st.integers(1, 9), st.integers(0, 10**6), st.sampled_from(["plain", "symmetric", "hermitian"]), st.booleans())
def test_the_scan_is_that_of_the_dense_matrix(n, seed, kind, complex_):
    rng = np.random.default_rng(seed)
    entries = rng.integers(-2, 3, (n, n)) * (rng.random((n, n)) < 0.5)
    dense = entries + 1j * np.roll(entries, 1, 0) * rng.integers(0, 2) if complex_ else entries.astype(float)
    np.fill_diagonal(dense, dense.diagonal() + rng.integers(0, 4, n))
    if kind != "plain":
        dense = dense + (dense.T if kind == "symmetric" else dense.conj().T)
    a = sp.csc_array(dense)
    p = scan(n, a.indptr.astype(np.int32), a.indices.astype(np.int32), a.data)
    row, column = np.nonzero(dense)
    assert not p.malformed
    assert p.finite
    assert (p.lower, p.upper) == (max([0, *(row - column)]), max([0, *(column - row)]))
    assert p.diagonal_full == bool((dense.diagonal() != 0).all())
    assert p.symmetric == bool((dense == dense.T).all())
    assert p.hermitian == bool((dense == dense.conj().T).all())
    assert p.positive_diagonal == bool(((dense.diagonal().real > 0) & (dense.diagonal().imag == 0)).all())
    np.testing.assert_allclose(p.norm1, np.abs(dense).sum(axis=0).max(), rtol=1e-15)
    np.testing.assert_allclose(p.norm_inf, np.abs(dense).sum(axis=1).max(), rtol=1e-15)
    off = (dense != 0) & ~np.eye(n, dtype=bool)
    assert p.pattern_symmetry == ((off & off.T).sum() / off.sum() if off.any() else 1.0)


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e-140, 1.0, 1e140, 1e160, 1e300])
def test_moduli_neither_overflow_nor_vanish(size):
    a = sp.csc_array(np.array([[3.0 + 4.0j, 0.0], [1e-3j, 1.0]]) * size)
    p = scan(2, a.indptr.astype(np.int32), a.indices.astype(np.int32), a.data)
    np.testing.assert_allclose(p.norm_inf, 5.0 * size, rtol=1e-15 if size > 1e-300 else 1e-12)


@pytest.mark.parametrize("bad", [-1, 3])
def test_an_index_outside_is_malformed(bad):
    indices = np.array([0, 1, 2], np.int32)
    indices[1] = bad
    assert scan(3, np.arange(4, dtype=np.int32), indices, np.ones(3)).malformed


def test_pointers_that_go_back_are_malformed():
    assert scan(3, np.array([0, 2, 1, 3], np.int32), np.array([0, 1, 2], np.int32), np.ones(3)).malformed
