"""Orderings are permutations, counts are exact, separators separate, supernodes hold the factor."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.calibrate_direct import grid, network
from fsci.kernels.sparse.dissection import dissected
from fsci.kernels.sparse.low_degree import eliminate_low_degrees
from fsci.kernels.sparse.multifrontal import cholesky, graph_of, lu, minimum_degree, ordering_of, supernodal
from fsci.kernels.sparse.separators import separate


def random_graph(n: int, per_row: float, seed: int) -> sp.csc_array:
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, n), density=min(1.0, per_row / n), rng=rng)
    return sp.csc_array(a + a.T + n * sp.eye_array(n))


def graph(a: sp.csc_array, kind: type = np.int32) -> tuple[np.ndarray, np.ndarray]:
    return graph_of(a.shape[0], a.indptr.astype(kind), a.indices.astype(kind))


def eliminated(a: sp.csc_array, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Column counts and tree by elimination on a dense pattern."""
    n = a.shape[0]
    pattern = a.toarray()[np.ix_(order, order)] != 0
    counts, parent = np.empty(n, int), np.empty(n, int)
    for k in range(n):
        below = np.flatnonzero(pattern[k + 1 :, k]) + k + 1
        counts[k] = below.size + 1
        parent[k] = below[0] if below.size else -1
        pattern[np.ix_(below, below)] = True
    return counts, parent


@given(st.integers(1, 60), st.floats(0.0, 6.0), st.integers(0, 1000), st.sampled_from([np.int32, np.int64]))
def test_minimum_degree_is_a_permutation_with_exact_counts(n, per_row, seed, kind):
    a = random_graph(n, per_row, seed)
    ordering = minimum_degree(*graph(a, kind))
    assert sorted(ordering.order.tolist()) == list(range(n))
    counts, parent = eliminated(a, ordering.order)
    np.testing.assert_array_equal(ordering.counts, counts)
    np.testing.assert_array_equal(ordering.parent, parent)
    assert ordering.entries == counts.sum()
    assert ordering.flops == (counts.astype(float) ** 2).sum()


def test_dense_rows_are_set_aside():
    plane = grid(50, 50)
    n = plane.shape[0] + 1
    dense = np.ones((1, n - 1))
    a = sp.csc_array(sp.block_array([[plane, dense.T], [dense, np.full((1, 1), 2.0 * n)]]))
    ordering = minimum_degree(*graph(a))
    assert ordering.order[-1] == n - 1
    # Without it the ordering is one of the plane.
    assert ordering.entries <= 1.3 * (minimum_degree(*graph(plane)).entries + n)


def test_a_star_does_not_fill():
    n = 3000
    a = sp.lil_array(sp.eye_array(n) * 2.0 * n)
    a[0, :] = 1.0
    a[:, 0] = 1.0
    assert minimum_degree(*graph(sp.csc_array(a))).entries == 2 * n - 1


@given(st.integers(3, 80), st.integers(0, 1000), st.sampled_from([0.0, 0.5, 1.0]))
def test_graphs_of_width_two_are_eliminated_by_low_degrees(n, seed, share):
    rng = np.random.default_rng(seed)
    edges = [(0, 1)]
    for i in range(2, n):
        # Onto an edge, which makes a triangle, or onto an end of it.
        u, v = edges[rng.integers(len(edges))]
        edges += [(i, u), (i, v)] if rng.random() < share else [(i, u)]
    place = rng.permutation(n)
    rows, columns = place[np.array(edges).T]
    a = sp.csc_array((np.ones(len(edges)), (rows, columns)), shape=(n, n))
    starts, lists = graph(sp.csc_array(a + a.T + sp.eye_array(n)))
    order, costs = np.empty(n, np.int32), np.empty(2)
    assert eliminate_low_degrees(n, starts, lists.copy(), np.empty(n, np.int32), order, costs) == n
    counts, _ = eliminated(sp.csc_array(a + a.T), order)
    assert counts.max() <= 3
    # Trees, and trees of triangles, do not fill.
    assert share == 0.5 or counts.sum() == n + len(edges)
    assert costs.tolist() == [counts.sum(), (counts**2).sum()]


@pytest.mark.parametrize("a", [grid(40, 40), grid(12, 12, 12), network(1500)], ids=["plane", "cube", "network"])
def test_separators_separate(a):
    starts, lists = graph(a, np.int64)
    n = a.shape[0]
    where = np.empty(n, np.int64)
    size = separate(n, starts, lists, where)
    assert size == np.count_nonzero(where == 2)
    coordinates = sp.coo_array(a)
    row, column = coordinates.coords
    assert not np.any((where[row] == 0) & (where[column] == 1))
    assert max(np.count_nonzero(where == 0), np.count_nonzero(where == 1)) <= 0.65 * n
    # A cube is cut by less than two of its planes.
    assert size <= 2 * n ** (2 / 3)


@pytest.mark.parametrize("leaf", [20, 200, 5000])
def test_dissection_is_a_permutation_and_saves_flops_in_three_dimensions(leaf):
    a = grid(18, 18, 18)
    starts, lists = graph(a)
    order = dissected(starts, lists, leaf)
    assert sorted(order.tolist()) == list(range(a.shape[0]))
    ordering = ordering_of("dissection", starts, lists, order)
    first = minimum_degree(starts, lists)
    assert ordering.flops <= (0.85 if leaf == 200 else 1.3) * first.flops


def test_dissection_of_pieces_that_do_not_hang_together():
    a = sp.csc_array(sp.block_diag([grid(30, 30), grid(4, 4), sp.eye_array(700), grid(35, 35)]))
    order = dissected(*graph(a), 100)
    assert sorted(order.tolist()) == list(range(a.shape[0]))


@given(st.integers(1, 90), st.floats(0.0, 5.0), st.integers(0, 1000), st.booleans(), st.booleans())
def test_factors_solve(n, per_row, seed, complex_, adjoint):
    rng = np.random.default_rng(seed)
    a = random_graph(n, per_row, seed)
    if complex_:
        skew = sp.random_array((n, n), density=min(1.0, per_row / n), rng=rng)
        a = sp.csc_array(a + 1j * (skew - skew.T))
    starts, lists = graph(a)
    s = supernodal(starts, lists, minimum_degree(starts, lists))
    x = rng.standard_normal((n, 10)).astype(a.dtype)
    for by_rows in (False, True):
        m = sp.csr_array(a) if by_rows else a
        general = m.copy()
        general.data = general.data * (1.0 + 0.1 * rng.standard_normal(m.nnz))
        for matrix, factor in ((m, cholesky), (general, lu)):
            arrays = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data
            factors = factor(s, *arrays, by_rows)
            assert factors is not None
            b = (matrix.conj().T if adjoint else matrix) @ x
            np.testing.assert_allclose(factors.solve(b, adjoint), x, rtol=0, atol=1e-10)
            np.testing.assert_allclose(factors.solve(b[:, 0], adjoint), x[:, 0], rtol=0, atol=1e-10)


def test_large_fronts():
    rng = np.random.default_rng(5)
    dense = rng.standard_normal((300, 300))
    for matrix, factor in ((dense @ dense.T + np.eye(300), cholesky), (dense, lu)):
        a = sp.csc_array(matrix)
        starts, lists = graph(a)
        s = supernodal(starts, lists, minimum_degree(starts, lists))
        factors = factor(s, a.indptr, a.indices, a.data, False)
        b = rng.standard_normal(300)
        residual = b - matrix @ factors.solve(b)
        assert np.abs(residual).max() <= 1e-9 * np.abs(factors.solve(b)).max()


def test_cholesky_says_what_is_not_definite():
    a = grid(20, 20) - sp.eye_array(400) * 3.0
    a = sp.csc_array(a)
    starts, lists = graph(a)
    s = supernodal(starts, lists, minimum_degree(starts, lists))
    assert cholesky(s, a.indptr, a.indices, a.data, False) is None


def test_lu_counts_the_pivots_that_it_replaced():
    a = sp.csc_array(np.kron(np.eye(50), np.array([[0.0, 1.0], [1.0, 0.0]])) + np.diag(np.full(100, 1e-300)))
    starts, lists = graph(a)
    s = supernodal(starts, lists, minimum_degree(starts, lists))
    factors = lu(s, a.indptr, a.indices, a.data, False)
    # Pairs are one supernode each, in which rows may change places.
    assert factors.replaced == 0
    singular = sp.csc_array(np.kron(np.eye(50), np.ones((2, 2))))
    starts, lists = graph(singular)
    s = supernodal(starts, lists, minimum_degree(starts, lists))
    assert lu(s, singular.indptr, singular.indices, singular.data, False).replaced == 50
