"""`spsolve` and `factorized`: SciPy's answers, warnings and errors; and inputs of every make."""

import gc
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components, structural_rank

import fsci
from benchmarks.calibrate_direct import grid, network
from fsci.core.errors import SingularMatrixError
from fsci.core.frames import FRAME
from fsci.kernels.sparse import factored
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.direct_columns import alike, backward_error
from fsci.kernels.sparse.factored import EXACTLY_SINGULAR
from fsci.kernels.sparse.host import small_direct, superlu
from fsci.kernels.sparse.matching import matched
from fsci.kernels.sparse.transversal import components, transversal
from fsci.sparse.linalg.factorizations import factorized
from fsci.sparse.linalg.systems import _plan_key, spsolve


@given(
    st.integers(1, 40),
    st.integers(0, 10_000),
    st.sampled_from(["csc", "csr", "coo", "lil", "dia"]),
    st.sampled_from(["float64", "float32", "complex128", "complex64", "int64"]),
    st.sampled_from([np.int32, np.int64]),
    st.booleans(),
)
def test_any_container_gives_scipys_answer(n, seed, format_, dtype, index, messy):
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, n), density=min(1.0, 3.0 / n), rng=rng).toarray() * 8
    a = np.round(a + np.diag(np.full(n, 40.0))).astype(dtype)
    matrix = sp.coo_array(a).asformat(format_)
    if format_ in ("csc", "csr"):
        if messy:  # unsorted, with duplicates and explicit zeros
            c = sp.coo_array(a)
            row, column = (np.concatenate([i, i, [0]]) for i in c.coords)
            half = c.data // 2 if dtype == "int64" else c.data / 2
            data = np.concatenate([c.data - half, half, np.zeros(1, a.dtype)])
            order = rng.permutation(data.size)
            major, minor = (column, row) if format_ == "csc" else (row, column)
            order = order[np.argsort(major[order], kind="stable")]
            indptr = np.searchsorted(major[order], np.arange(n + 1))
            made = sp.csc_array if format_ == "csc" else sp.csr_array
            matrix = made((data[order], minor[order], indptr), shape=(n, n))
        matrix.indptr, matrix.indices = matrix.indptr.astype(index), matrix.indices.astype(index)
    b = rng.standard_normal(n).astype("float64" if dtype == "int64" else dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SparseEfficiencyWarning)
        theirs = sl.spsolve(matrix.copy(), b)
        for _ in range(2):  # the second call goes through the plan cache
            ours = spsolve(matrix, b)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    tolerance = 1e-4 if theirs.dtype.char in "fF" else 1e-12
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(np.abs(theirs).max(), 1e-300))


@pytest.mark.parametrize("columns", [(60,), (60, 1), (60, 2), (60, 9)])
@pytest.mark.parametrize("make", [sp.csc_array, sp.csr_matrix])
def test_shapes_of_right_hand_sides(make, columns, rng):
    a = make(network(60))
    b = rng.standard_normal(columns)
    ours, theirs = spsolve(a, b), sl.spsolve(a, b)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("make", [sp.csc_array, sp.csr_array, sp.csc_matrix])
def test_sparse_right_hand_sides(make, rng):
    a = make(network(60))
    b = sp.csc_array(sp.random_array((60, 70), density=0.05, rng=rng))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ours, theirs = spsolve(a, b), sl.spsolve(a, b)
    assert [str(w.message) for w in said] in ([], 2 * ["splu converted its input to CSC format"])
    assert type(ours) is type(theirs)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), atol=1e-10)
    one = sp.csc_array(b[:, [3]])
    np.testing.assert_allclose(spsolve(a, one), sl.spsolve(a, one), atol=1e-10)


@pytest.mark.parametrize(
    "a",
    [
        np.diag([1.0, 0.0, 2.0]),
        np.ones((4, 4)),
        np.array([[0.0, 1.0], [0.0, 1.0]]),
        np.kron(np.eye(200), np.ones((2, 2))),
    ],
    ids=["zero", "ones", "column", "blocks"],
)
def test_exactly_singular(a):
    matrix, b = sp.csc_array(a), np.arange(1.0, a.shape[0] + 1)
    with pytest.warns(sl.MatrixRankWarning, match="exactly singular"):
        x = spsolve(matrix, b)
    assert np.isnan(x).all()
    with fsci.policy(mode="hardened"), pytest.raises(SingularMatrixError) as caught:
        spsolve(matrix, b)
    attempt = caught.value.diagnosis.attempt
    assert attempt.facts["rcond"].value == 0.0
    assert np.abs(a @ attempt.byproducts["null_vector"]).max() <= 1e-7 * np.abs(a).sum(axis=1).max()
    with pytest.raises(RuntimeError, match="singular"):
        factorized(matrix)


def test_singular_matrices_are_factored_once(monkeypatch):
    a, b = sp.csc_array(np.kron(np.eye(200), np.ones((2, 2)))), np.ones(400)
    with pytest.warns(sl.MatrixRankWarning):
        spsolve(a, b)
    calls = []
    monkeypatch.setattr(small_direct, "superlu_answer", lambda *args: calls.append(1) or superlu.superlu_answer(*args))
    monkeypatch.setattr(superlu, "superlu_solver", None)
    monkeypatch.setattr(small_direct, "superlu_solver", None)
    with pytest.warns(sl.MatrixRankWarning, match="exactly singular") as caught:
        x = spsolve(a, b)
    assert np.isnan(x).all()
    assert len(calls) == 1
    assert caught[0].filename == __file__


def test_factors_are_released_at_once():
    a = network(300)
    triangle = sp.csc_array(sp.tril(a))

    def solve():
        superlu.superlu_solver(a, {"ColPerm": "COLAMD"})(np.ones(300))
        spsolve(triangle, np.ones(300))

    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)  # what only a collection frees is kept, and can be looked at
    try:
        solve()
        gc.collect()
        held = [x for cycle in gc.garbage for x in gc.get_referents(cycle)]
        assert not [x for x in held if type(x).__name__ == "SuperLU" or (isinstance(x, np.ndarray) and x.size >= 300)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_line_without_entries_is_scipys_singular_too(explicit, transposed, rng):
    for n in (3, 40, 300):
        a = sp.random_array((n, n), density=min(1.0, 4.0 / n), rng=rng) + sp.csc_array(np.eye(n)[rng.permutation(n)])
        a = sp.coo_array(a)
        a.data[a.coords[0] == n // 2] = 0.0
        a = sp.csc_array(a.T if transposed else a)
        if not explicit:
            a.eliminate_zeros()
        b = rng.standard_normal(n)
        for solver in (sl.spsolve, spsolve, spsolve):  # the first call plans
            with pytest.warns(sl.MatrixRankWarning, match="exactly singular"):
                assert np.isnan(solver(a, b)).all()


def test_not_finite_is_scipys():
    a = sp.csc_array(network(50))
    a.data[7] = np.nan
    b = np.ones(50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(spsolve(a, b)).any() == np.isnan(sl.spsolve(a, b)).any()
    b[3] = np.inf
    good = sp.csc_array(network(50))
    assert not np.isfinite(spsolve(good, b)).all()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (sp.csc_array(np.ones((3, 2))), np.ones(3)),
        (sp.csc_array(np.eye(3)), np.ones(4)),
        (sp.csc_array(np.eye(3)), np.ones((4, 2))),
        (sp.csc_array(np.eye(3)), sp.csc_array(np.ones((4, 2)))),
    ],
)
def test_shapes_are_refused_in_scipys_words(a, b):
    with pytest.raises(ValueError) as theirs:  # noqa: PT011
        sl.spsolve(a, b)
    with pytest.raises(ValueError) as ours:  # noqa: PT011
        spsolve(a, b)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("place", ["indices", "indptr"])
def test_malformed_index_arrays_are_named(place):
    a = sp.csc_array(network(500))
    a.has_canonical_format = True
    if place == "indices":
        a.indices[20] = 500
    else:
        a.indptr[3] = a.indptr[4] + 1
    with pytest.raises(ValueError, match=place):
        spsolve(a, np.ones(500))


def test_the_plan_serves_small_systems_and_declines_what_it_cannot(rng):
    a, b = network(300), rng.standard_normal(300)
    spsolve(a, b)
    (plan,) = FRAME.get().plans.values()
    np.testing.assert_allclose(plan(a, b), sl.spsolve(a, b), atol=1e-10)
    assert plan(sp.csc_array((300, 300)), b) is EXACTLY_SINGULAR
    assert plan(a, np.full(300, np.nan)) is None
    order = rng.permutation(300)
    np.testing.assert_allclose(plan(sp.csc_array(a[order]), b), sl.spsolve(sp.csc_array(a[order]), b), atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
@pytest.mark.parametrize("make", [sp.csc_array, sp.csr_array])
def test_the_plan_takes_pivots_in_pairs_where_the_diagonal_cancels(dtype, make, rng, monkeypatch):
    mesh = make((grid(31, 30) != 0).astype(dtype))  # entries as large as the diagonal, and nonsingular
    n = mesh.shape[0]
    b = rng.standard_normal(n).astype(dtype)
    theirs = sl.spsolve(mesh, b)
    monkeypatch.setattr(small_direct, "superlu_answer", None)
    found = small_direct.fast(mesh, b)
    assert found.dtype == dtype
    room = np.finfo(dtype).eps * n
    assert np.abs(mesh @ found - b).max() <= room * (5.0 * np.abs(found).max() + np.abs(b).max())
    np.testing.assert_allclose(found, theirs, rtol=0, atol=100 * room * np.abs(theirs).max())


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_what_is_not_finite_has_no_backward_error(dtype):
    one = one_matrix(sp.csc_array(network(20).astype(dtype)))
    b = np.ones(20, dtype)
    for place in (0, 19):
        for value in (np.nan, np.inf):
            x = np.ones(20, dtype)
            x[place] = value
            assert backward_error(*one[1:4], x, b, 0.0) == np.inf
    large = one_matrix(sp.csc_array(np.array([[1e200, 1e200], [0.0, 1e200]], dtype)))
    x = np.array([1e150, -1e150], dtype)
    assert backward_error(*large[1:4], x, np.ones(2, dtype), 0.0) == np.inf


def test_columns_that_are_the_same_are_seen_before_they_are_factored():
    mesh = (grid(31, 30) != 0).astype(float)
    one, twins = one_matrix(sp.csc_array(mesh)), one_matrix(sp.csc_array(sp.kron(mesh, np.ones((2, 2)))))
    assert not alike(*one[:4])
    line = sp.diags_array(np.ones((7, 500)), offsets=range(-3, 4), shape=(500, 500))
    assert not alike(*one_matrix(sp.csc_array(line))[:4])
    assert alike(*twins[:4])


def test_operands_are_not_changed(rng):
    a, b = grid(70, 70), rng.standard_normal(4900)
    data, indices, given = a.data.copy(), a.indices.copy(), b.copy()
    a.data.flags.writeable = False
    spsolve(a, b)
    factorized(a)(b)
    np.testing.assert_array_equal(a.data, data)
    np.testing.assert_array_equal(a.indices, indices)
    np.testing.assert_array_equal(b, given)


def test_routes():
    def route(a):
        b = a @ np.ones(a.shape[0])
        diagnosis = fsci.explain(spsolve, a, b)
        assert diagnosis.route in repr(diagnosis)
        assert diagnosis.to_dict()["evidence"]
        np.testing.assert_allclose(diagnosis.value, 1.0, atol=1e-8)
        return diagnosis.route

    n = 200
    a = grid(n, n)
    assert route(a) == "cholesky_multifrontal"
    shifted = sp.csc_array(a - 0.5 * sp.eye_array(n * n))
    assert route(shifted).startswith(("cholesky_multifrontal > ldlt_multi", "cholesky_multifrontal > lu_multi"))
    wind = sp.csc_array(a + sp.kron(sp.eye_array(n), sp.diags_array([np.ones(n - 1)], offsets=[1])))
    assert route(wind) == "lu_multifrontal"
    triangle = sp.csc_array(sp.tril(grid(260, 260)))
    order, other = (np.random.default_rng(seed).permutation(260 * 260) for seed in (0, 1))
    assert route(triangle) == route(sp.csr_array(triangle.T)) == "hidden_triangle"
    assert route(sp.csc_array(sp.csc_array(triangle[order])[:, other])) == "hidden_triangle"
    assert route(sp.csc_array(sp.diags_array(np.arange(1.0, 160_000.0)))) == "hidden_triangle"


def plant(n, seed=0):
    """A system without a useful diagonal: a network whose rows are shuffled, with unequal sizes."""
    rng = np.random.default_rng(seed)
    a = network(n)[rng.permutation(n)]
    return sp.csc_array(
        sp.diags_array(10.0 ** rng.uniform(-4, 4, n)) @ a @ sp.diags_array(10.0 ** rng.uniform(-4, 4, n))
    )


def blocks(rng, sizes):
    """Dense blocks on the diagonal, entries above them, and all of it shuffled."""
    n = sum(sizes)
    a = np.triu(np.where(rng.random((n, n)) < 0.1, rng.standard_normal((n, n)), 0.0))
    start = 0
    for size in sizes:
        a[start : start + size, start : start + size] = rng.standard_normal((size, size))
        start += size
    return sp.csc_array(a[rng.permutation(n)][:, rng.permutation(n)])


@pytest.mark.parametrize("make", [sp.csc_array, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.float32])
@pytest.mark.parametrize("name", ["lu_left_looking", "lu_multifrontal_matched"])
def test_matched_routes_serve_both_sides(make, dtype, name, rng):
    a = make(plant(600).astype(dtype) * (1 + 0.5j if dtype == np.complex128 else 1))
    x = rng.standard_normal(600).astype(dtype)
    with fsci.policy(overrides={"sparse_linear_system": name}), fsci.trace() as log:
        b = a @ x
        found = spsolve(a, b)
        assert name in log[-1].route
        certificate = log[-1].certificate
        solve = log[-1].attempt.byproducts["solve"]
    assert np.abs(found - x).max() <= certificate.forward_error * np.abs(x).max()
    u = np.finfo(dtype).eps
    scale = abs(a.T) @ np.abs(np.asarray(solve(x.astype(np.result_type(dtype, float)), adjoint=True))) + np.abs(x)
    residual = a.conj().T.astype(np.result_type(dtype, float)) @ solve(x, adjoint=True) - x
    # Pivots may be a thousandth of their column: what refinement makes good.
    assert np.abs(residual).max() <= 1e6 * u * scale.max()
    y = solve(np.stack([b, 2 * b, -b], axis=1))[:, 1]
    assert np.abs(a @ y - 2 * b).max() <= 1e6 * u * (abs(a) @ np.abs(y) + np.abs(b)).max()


@pytest.mark.parametrize("make", [sp.csc_array, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.float32])
@pytest.mark.parametrize("widths", [(1, 1), (3, 1), (2, 6)])
def test_narrow_bands_serve_both_sides(make, dtype, widths, rng):
    n, (low, up) = 300, widths
    lines = {
        k: rng.standard_normal(n - abs(k)) * (1 + 0.5j if dtype == np.complex128 else 1) for k in range(-low, up + 1)
    }
    a = make(sp.diags_array(list(lines.values()), offsets=list(lines)).astype(dtype))
    b = rng.standard_normal(n).astype(dtype)
    u = np.finfo(dtype).eps
    for overrides, name in (({"sparse_linear_system": "banded_lu"}, "banded_lu"), ({}, "small_direct")):
        with fsci.policy(overrides=overrides), fsci.trace() as log:
            x = spsolve(a, b)
        assert log[-1].route == name
        assert np.abs(a @ x - b).max() <= 1e2 * u * (abs(a) @ np.abs(x) + np.abs(b)).max()
    with fsci.policy(overrides={"sparse_linear_system": "banded_lu"}), fsci.trace() as log:
        spsolve(a, b)
    solve = log[-1].attempt.byproducts["solve"]
    y = solve(b, adjoint=True)
    assert np.abs(a.conj().T @ y - b).max() <= 1e2 * u * (abs(a.T) @ np.abs(y) + np.abs(b)).max()


@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), min_size=2, max_size=30))
def test_hidden_blocks_are_solved_one_by_one(seed, sizes):
    rng = np.random.default_rng(seed)
    a = blocks(rng, sizes)
    n = a.shape[0]
    x = rng.standard_normal(n)
    b = a @ x
    found = spsolve(a, b)
    norm = np.abs(a.toarray()).sum(axis=1).max()
    assert np.abs(a @ found - b).max() <= 1e-13 * n * (norm * np.abs(found).max() + np.abs(b).max())


@given(st.integers(0, 10_000), st.integers(1, 25), st.floats(0.05, 0.5))
def test_matching_and_components_of_any_pattern(seed, n, density):
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, n), density=density, rng=rng, format="csc")
    a.sum_duplicates()
    one = one_matrix(a)
    row_of, block = np.empty(n, np.int32), np.empty(n, np.int32)
    left, right = np.empty(n), np.empty(n)
    rank = structural_rank(a)
    large = np.abs(a.toarray()).max(axis=0, initial=0.0)
    for share in (0.0, 0.5):
        kept = sp.csc_array(np.where(a.toarray() >= share * large, a.toarray(), 0.0))
        assert transversal(n, *one[1:4], np.ones(n), share, row_of) == (rank, structural_rank(kept))
        matching = row_of[row_of >= 0]
        assert np.unique(matching).size == matching.size == rank
        assert (a.toarray()[matching, np.flatnonzero(row_of >= 0)] > 0.0).all()
    block[:] = 0
    assert (matched(n, *one[1:4], block, block, row_of, left, right) == n) == (rank == n)
    if rank < n:
        return
    assert sorted(row_of) == list(range(n))
    dense = a.toarray()
    scaled = np.abs(left[:, None] * dense * right)
    assert scaled.max() <= 1 + 1e-9
    np.testing.assert_allclose(scaled[row_of, np.arange(n)], 1.0, rtol=1e-9)
    count = components(n, one.indptr, one.indices, row_of, block)
    theirs = connected_components(sp.csr_array(dense[row_of] != 0), connection="strong")[0]
    assert count == theirs
    i, j = np.nonzero(dense[row_of])
    assert (block[i] <= block[j]).all()


def test_a_factorization_too_large_is_refused_by_its_size(monkeypatch):
    monkeypatch.setattr(factored, "available_bytes", lambda: 1e3)
    monkeypatch.setattr(factored, "SURELY_FITS", 1e3)
    for user in ("superlu", "banded_lu"):
        monkeypatch.setattr(f"fsci.kernels.sparse.host.{user}.available_bytes", lambda: 1e3)
        monkeypatch.setattr(f"fsci.kernels.sparse.host.{user}.SURELY_FITS", 1e3)
    a = sp.csc_array(grid(200, 200) - 0.5 * sp.eye_array(200 * 200))
    with pytest.raises(MemoryError, match=r"take .* bytes"):
        spsolve(a, np.ones(200 * 200))


def test_factorized_serves_vectors_blocks_and_transposes(rng):
    wind = sp.kron(sp.eye_array(50), sp.diags_array([np.ones(49)], offsets=[1]))
    a = sp.csc_array(grid(50, 50) + wind)
    solve = factorized(a)
    x = rng.standard_normal((2500, 13))
    np.testing.assert_allclose(solve(a @ x), x, atol=1e-9)
    np.testing.assert_allclose(solve(a @ x[:, 0]), x[:, 0], atol=1e-9)
    np.testing.assert_allclose(solve(a.T @ x, "T"), x, atol=1e-9)
    assert solve((a @ x[:, 0]).astype(np.float32)).dtype == np.float64
    with pytest.raises(TypeError):
        solve(x[:, 0] + 1j)
    with pytest.raises(ValueError, match="incompatible size"):
        solve(np.ones(3))
    complex_solve = factorized(sp.csc_array(a * (1 + 1j)))
    z = x + 1j * x[::-1]
    np.testing.assert_allclose(complex_solve((a * (1 + 1j)).T @ z, "T"), z, atol=1e-9)
    np.testing.assert_allclose(complex_solve((a * (1 + 1j)).conj().T @ z, "H"), z, atol=1e-9)


@pytest.mark.parametrize("make", [sp.csc_array, sp.csr_array])
def test_factorized_refines_where_pivots_were_bought_with_growth(make, rng):
    # Diagonal entries of a millionth: a factorization that prefers them loses what refinement brings back.
    n = 400
    chain = sp.diags_array([np.full(n, 2e-3), np.ones(n - 1), np.ones(n - 1)], offsets=[0, 1, -1])
    a = make(chain + sp.random_array((n, n), density=0.004, rng=rng))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SparseEfficiencyWarning)
        solve = factorized(a)
    norm = max(abs(a).sum(axis=axis).max() for axis in (0, 1))
    for b in (rng.standard_normal(n), rng.standard_normal((n, 3))):
        for trans, matrix in (("N", a), ("T", a.T)):
            x = solve(b, trans)
            assert np.abs(matrix @ x - b).max() <= 1e-13 * (norm * np.abs(x).max() + np.abs(b).max())


def test_factorized_warns_as_scipy_does():
    with pytest.warns(sp.SparseEfficiencyWarning, match="splu converted its input to CSC format"):
        factorized(sp.csr_array(network(30)))


def test_the_smallest_systems_are_factored_by_superlu_at_once_unless_somebody_looks_on():
    small, large = network(30), grid(30, 30)
    b = np.ones(30)
    x = factorized(small)(b)
    assert type(factorized(small).__self__).__name__ == "SuperLU"
    assert not hasattr(factorized(large), "__self__")
    with fsci.trace() as log:
        looked_on = factorized(small)(b)
    assert np.isfinite(log[-1].certificate.forward_error)
    np.testing.assert_allclose(looked_on, x, rtol=1e-10)
    with fsci.policy(mode="hardened"):
        assert not hasattr(factorized(small), "__self__")


def test_an_unpickled_matrix_takes_the_plan_of_any_other():
    a = grid(20, 20)
    b = a @ np.ones(400)
    again = pickle.loads(pickle.dumps(a))
    assert again.dtype is not b.dtype
    key = _plan_key(a, b, None)
    assert key is not None
    assert _plan_key(again, b, None) == key
    other = sp.csc_array((a.data.astype(">f8"), a.indices, a.indptr), shape=a.shape)
    np.testing.assert_allclose(fsci.sparse.linalg.spsolve(other, b.astype(">f8")), 1.0, rtol=0, atol=1e-10)
