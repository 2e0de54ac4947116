"""Factors are those of the matrix: columns whose pivots stand where they are, and fronts of every size."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from fsci.kernels.sparse.left_looking import factor_columns, row_scales
from fsci.kernels.sparse.multifrontal import cholesky, graph_of, lu, minimum_degree, supernodal
from fsci.kernels.sparse.up_looking import REFUSED, factor_in_place

SHARE = 1e-3


def columns_by(factor, a, order, guess):
    """Status, and the factors as dense matrices in the order of the places."""
    n = a.shape[0]
    kind = a.indices.dtype
    bounds = () if factor is factor_in_place else (np.array([0, n], kind),)
    scales = row_scales(n, a.indptr, a.indices, a.data)
    pivot_rows, places = np.empty(n, kind), np.empty(n, kind)
    lptr, uptr, pivots = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64), np.empty(n, a.dtype)
    status, li, lx, ui, ux = factor(
        n, a.indptr, a.indices, a.data, order, order, *bounds, scales, SHARE, guess, 10**6,
        pivot_rows, places, lptr, uptr, pivots,
    )  # fmt: skip
    if status < 0:
        return status, None, None, None
    lower, upper = np.eye(n, dtype=a.dtype), np.diag(pivots)
    for k in range(n):
        lower[places[li[lptr[k] : lptr[k + 1]]], k] = lx[lptr[k] : lptr[k + 1]]
        upper[ui[uptr[k] : uptr[k + 1]], k] = ux[uptr[k] : uptr[k + 1]]
    return status, lower, upper, (a.toarray() * scales[:, None])[np.ix_(pivot_rows, order)]


def eliminated_in_place(b):
    """L, or None where a pivot is zero, by elimination of a dense matrix."""
    b = b.copy()
    n = b.shape[0]
    lower = np.eye(n, dtype=b.dtype)
    for k in range(n):
        if b[k, k] == 0:
            return None
        lower[k + 1 :, k] = b[k + 1 :, k] / b[k, k]
        b[k + 1 :] -= np.outer(lower[k + 1 :, k], b[k])
        b[k + 1 :, k] = 0
    return lower


@given(st.integers(1, 40), st.floats(0.0, 4.0), st.integers(0, 10**6), st.integers(-5, 1), st.booleans())
def test_columns_without_a_search(n, per_row, seed, smallest, complex_):
    rng = np.random.default_rng(seed)
    guess = int(rng.integers(1, 200))
    a = sp.random_array((n, n), density=min(1.0, per_row / n), rng=rng, data_sampler=rng.standard_normal)
    a = a + sp.diags_array(rng.choice([-1.0, 1.0], n) * 10.0 ** rng.integers(smallest, 2, n))
    if complex_:
        a = a * np.exp(1j * rng.standard_normal()) + 1j * sp.random_array(
            (n, n), density=min(1.0, per_row / n), rng=rng
        )
    a = sp.csc_array(a)
    a.sum_duplicates()
    order = rng.permutation(n).astype(a.indices.dtype)
    status, lower, upper, scaled = columns_by(factor_in_place, a, order, guess)
    expected = eliminated_in_place(
        (a.toarray() * row_scales(n, a.indptr, a.indices, a.data)[:, None])[np.ix_(order, order)]
    )
    largest = np.inf if expected is None else np.abs(expected).max()
    if status == REFUSED:
        assert not largest < 0.999 / SHARE
    else:
        assert status == 0
        assert largest < 1.001 / SHARE
        size = (np.abs(lower) @ np.abs(upper)).max()
        assert np.abs(lower @ upper - scaled).max() <= 1e-14 * size
    # Whoever refuses leaves it to the factorization that exchanges rows.
    status, lower, upper, scaled = columns_by(factor_columns, a, order, guess)
    if status >= 0:
        size = (np.abs(lower) @ np.abs(upper)).max()
        assert np.abs(lower @ upper - scaled).max() <= 1e-14 * size


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 33, 64, 65, 127, 255, 256, 257])
@pytest.mark.parametrize("complex_", [False, True])
def test_one_front(n, complex_):
    rng = np.random.default_rng(n)
    dense = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if complex_ else 0.0)
    definite = dense @ dense.conj().T + np.eye(n)
    for matrix, factor in ((dense, lu), (definite, lu), (definite, cholesky)):
        a = sp.csc_array(matrix)
        starts, lists = graph_of(n, a.indptr, a.indices)
        factors = factor(supernodal(starts, lists, minimum_degree(starts, lists)), a.indptr, a.indices, a.data, False)
        b = rng.standard_normal(n).astype(matrix.dtype)
        x = factors.solve(b)
        residual = np.abs(b - matrix @ x).max() / (np.abs(matrix).sum(axis=1).max() * np.abs(x).max())
        assert residual <= 1e-14 * n
        assert factors.replaced == 0


@pytest.mark.parametrize("n", [3, 8, 30])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_front_without_a_pivot(n, column):
    dense = np.random.default_rng(n).standard_normal((n, n))
    dense[:, column] = 0.0
    a = sp.csc_array(np.where(dense == 0.0, 1e-300, dense))
    starts, lists = graph_of(n, a.indptr, a.indices)
    s = supernodal(starts, lists, minimum_degree(starts, lists))
    assert lu(s, a.indptr, a.indices, np.where(a.data == 1e-300, 0.0, a.data), False).replaced >= 1


def test_a_column_that_is_not_positive_is_named():
    for n in (3, 9, 40):
        for bad in range(n):
            matrix = np.eye(n) + 0.01
            matrix[bad, bad] = -1.0
            a = sp.csc_array(matrix)
            starts, lists = graph_of(n, a.indptr, a.indices)
            s = supernodal(starts, lists, minimum_degree(starts, lists))
            assert cholesky(s, a.indptr, a.indices, a.data, False) is None
