"""Iterative solvers: SciPy's iterations, a chosen preconditioner, and bounds that hold."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import fsci
from fsci.kernels.sparse import multigrid, split
from fsci.kernels.sparse.enclosure import enclose
from fsci.kernels.sparse.operator import RowsOperator

ours = fsci.sparse.linalg
METHODS = ("cg", "bicgstab", "gmres", "minres")


def laplacian(n, shift=0.0):
    line, eye = sp.diags_array([-1.0, 2.0 + shift / 2, -1.0], offsets=[-1, 0, 1], shape=(n, n)), sp.eye_array(n)
    return sp.csr_array(sp.kron(line, eye) + sp.kron(eye, line))


def problem(method, dtype, n=9, seed=0):
    rng = np.random.default_rng(seed)
    a = laplacian(n)
    if np.dtype(dtype).kind == "c":
        upper = sp.diags_array([0.2j], offsets=[1], shape=a.shape)
        a = a + upper + upper.conj().T
    if method in ("bicgstab", "gmres"):
        a = a + sp.diags_array([0.5], offsets=[2], shape=a.shape)
    b = rng.standard_normal(n * n) + (1j * rng.standard_normal(n * n) if np.dtype(dtype).kind == "c" else 0)
    return sp.csr_array(a.astype(dtype)), b.astype(dtype)


@pytest.fixture(params=[1, 2], ids=["alone", "threads"])
def threads(request, monkeypatch):
    for name in ("__call__", "pieces"):
        monkeypatch.setattr(split.Threads, name, lambda self, dtype, work: request.param)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "options",
    [{}, {"maxiter": 3}, {"x0": 1}, {"x0": "Mb"}, {"rtol": 1e-3}, {"rtol": 0.5}],
    ids=["default", "few", "guess", "Mb", "loose", "looser"],
)
def test_the_iteration_is_scipys(method, dtype, options, threads):
    if method == "minres" and np.dtype(dtype).kind == "c":
        pytest.skip("SciPy's MINRES is for real matrices")
    a, b = problem(method, dtype)
    if options.get("x0") == 1:
        options = {"x0": np.linspace(0, 1, b.size).astype(dtype)}
    theirs, mine = getattr(sl, method)(a, b, **options), getattr(ours, method)(a, b, **options)
    assert mine[1] == theirs[1]
    assert mine[0].dtype == theirs[0].dtype
    # Rounding alone tells the two apart: the steps are the same.
    tolerance = 2e-3 if dtype in ("float32", "complex64") else 1e-6
    np.testing.assert_allclose(mine[0], theirs[0], rtol=0, atol=tolerance * np.abs(theirs[0]).max())


@pytest.mark.parametrize("method", METHODS)
def test_the_same_arguments_are_refused(method):
    a, b = problem(method, "float64")
    f, g = getattr(ours, method), getattr(sl, method)
    cases = [
        ((a[:5], b), {}),
        ((a, b[:5]), {}),
        ((a, b), {"x0": np.ones(3)}),
        *([((a, b), {"atol": -1.0}), ((a, b), {"atol": "legacy"})] if method != "minres" else []),
    ]
    for args, options in cases:
        with pytest.raises(ValueError, match=r".") as mine:
            f(*args, **options)
        with pytest.raises(ValueError, match=r".") as theirs:
            g(*args, **options)
        assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize("method", METHODS)
def test_other_operands_are_scipys(method):
    a, b = problem(method, "float64")
    expected = getattr(sl, method)(a, b)
    calls = [
        (a.toarray(), b, {}),
        (sl.aslinearoperator(a), b, {}),
        (a.astype(np.longdouble), b, {}) if method != "minres" else (a.toarray(), b, {}),
        (a.tocoo(), b[:, None], {}),
        (a.todok(), b.tolist(), {}),
        (sp.csc_matrix(a), b, {}),
        (a, b, {"M": sp.eye_array(b.size)}),
    ]
    for matrix, rhs, options in calls:
        x, info = getattr(ours, method)(matrix, rhs, **options)
        assert info == expected[1]
        np.testing.assert_allclose(x, expected[0], rtol=0, atol=1e-6 * np.abs(expected[0]).max())


@pytest.mark.parametrize("method", METHODS)
def test_zero_right_hand_side_and_int64_indices(method):
    a, b = problem(method, "float64")
    wide = a.copy()
    wide.indptr, wide.indices = wide.indptr.astype(np.int64), wide.indices.astype(np.int64)
    np.testing.assert_array_equal(getattr(ours, method)(wide, b)[0], getattr(ours, method)(a, b)[0])
    for x0 in (None, np.ones_like(b)):
        theirs, mine = getattr(sl, method)(a, 0 * b, x0=x0), getattr(ours, method)(a, 0 * b, x0=x0)
        assert mine[1] == theirs[1]
        np.testing.assert_allclose(mine[0], theirs[0], atol=1e-12)


def _iterates(solve, a, b, options):
    seen = []
    solve(a, b, callback=lambda x: seen.append(x.copy()), **options)
    return seen


def test_callbacks_see_scipys_iterates():
    a, b = problem("cg", "float64")
    for options in ({}, {"M": sp.diags_array(1 / a.diagonal())}):
        mine, theirs = _iterates(ours.cg, a, b, options), _iterates(sl.cg, a, b, options)
        assert len(mine) == len(theirs)
        np.testing.assert_allclose(mine, theirs, atol=1e-10)
    norms = []
    ours.gmres(a, b, callback=norms.append, callback_type="pr_norm")
    assert len(norms) > 5


def test_bicgstab_breaks_down_as_scipys_does():
    a, b = sp.csr_array(np.array([[0.0, 1.0], [-1.0, 0.0]])), np.array([1.0, 0.0])
    assert ours.bicgstab(a, b)[1] == sl.bicgstab(a, b)[1] < 0


def test_indefinite_matrices_go_on_as_scipys_do():
    a = sp.diags_array(np.array([1.0, -2.0, 3.0, -4.0])).tocsr()
    b = np.ones(4)
    for method in ("cg", "minres", "gmres"):
        theirs, mine = getattr(sl, method)(a, b), getattr(ours, method)(a, b)
        assert mine[1] == theirs[1]
        np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-8)


@pytest.mark.parametrize("name", ["bicg", "cgs", "gcrotmk", "lgmres", "qmr", "tfqmr"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_scipys_code_over_our_products(name, dtype):
    a, b = problem("gmres", dtype)
    theirs, mine = getattr(sl, name)(a, b), getattr(ours, name)(a.tocsc(), b)
    assert mine[1] == theirs[1]
    np.testing.assert_allclose(mine[0], theirs[0], atol=1e-5 * np.abs(theirs[0]).max())
    a = a + sp.eye_array(b.size)  # an H-matrix: then a residual bounds the error
    with fsci.trace() as log:
        getattr(ours, name)(a, b, rtol=1e-12)
        getattr(ours, name)(a, b if name == "tfqmr" else b.tolist(), rtol=1e-12)
    assert log[-1].route == log[0].route == "scipy_loop"
    exact = np.linalg.solve(a.toarray(), b)
    error = np.abs(log[0].attempt.value - exact).max() / np.abs(exact).max()
    assert error <= log[0].certificate.forward_error + 1e-14
    assert log[0].certificate.verdict == "certified"


@pytest.mark.parametrize("name", ["lsqr", "lsmr"])
@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
def test_least_squares_over_our_products(name, shape):
    rng = np.random.default_rng(2)
    a, b = sp.random_array(shape, density=0.3, rng=rng, format="csr"), rng.standard_normal(shape[0])
    theirs, mine = getattr(sl, name)(a, b), getattr(ours, name)(a, b)
    assert len(mine) == len(theirs)
    np.testing.assert_allclose(mine[0], theirs[0], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_the_operator_multiplies_as_the_matrix_does(dtype):
    rng = np.random.default_rng(1)
    a = sp.random_array((30, 20), density=0.2, rng=rng, format="csr").astype(dtype)
    a = a * (1 + 1j) if np.dtype(dtype).kind == "c" else a
    operator = RowsOperator(a.astype(dtype))
    dense = a.toarray()
    for x in (rng.standard_normal(20), rng.standard_normal(20) * 1j, np.arange(20), rng.standard_normal((20, 3))):
        np.testing.assert_allclose(operator @ x, dense @ x, rtol=1e-5, atol=1e-5)
    for y in (rng.standard_normal(30), rng.standard_normal(30) * 1j, rng.standard_normal((30, 3))):
        np.testing.assert_allclose(operator.H @ y, dense.conj().T @ y, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 11, 60])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_chosen_preconditioner_meets_the_tolerance(n, dtype, threads):
    rng = np.random.default_rng(n)
    a = laplacian(n).astype(dtype)
    b = rng.standard_normal(n * n).astype(dtype)
    rtol = 1e-4 if dtype == "float32" else 1e-10
    for kernel in ("cg", "cg_diagonal", "cg_multigrid"):
        with fsci.policy(overrides={"iterative_solve": kernel}):
            diagnosis = fsci.explain(ours.cg, a, b, rtol=rtol, M="auto")
        x, info = diagnosis.attempt.value, diagnosis.attempt.byproducts["info"]
        assert diagnosis.attempts[0].kernel == kernel
        assert info == 0
        assert np.linalg.norm(b - a @ x) <= 2 * rtol * np.linalg.norm(b)


def test_multigrid_needs_few_iterations_on_any_mesh_and_scaling():
    rng = np.random.default_rng(3)
    for a in (laplacian(40), laplacian(80), laplacian(120)):
        b = rng.standard_normal(a.shape[0])
        with fsci.policy(overrides={"iterative_solve": "cg_multigrid"}):
            diagnosis = fsci.explain(ours.cg, a, b, rtol=1e-8, M="auto")
        assert diagnosis.route == "cg_multigrid"
        assert diagnosis.attempt.byproducts["iterations"] < 25
        assert diagnosis.attempt.byproducts["operator_complexity"] < 2.0


def test_multigrid_meets_a_tolerance_near_the_last_digits_in_truth():
    a = laplacian(60)
    b = np.random.default_rng(0).standard_normal(3600)
    for rtol in (1e-12, 1e-14):
        with fsci.policy(overrides={"iterative_solve": "cg_multigrid"}):
            x, info = ours.cg(a, b, rtol=rtol, M="auto")
        assert info == 0
        assert np.linalg.norm(b - a @ x) <= 1.01 * rtol * np.linalg.norm(b)


def test_the_cycle_is_symmetric_and_definite():
    rng = np.random.default_rng(0)
    a = laplacian(20)
    cycle = multigrid.build(a.indptr, a.indices, a.data, a.diagonal())
    n = a.shape[0]
    dense = np.empty((n, n))
    for j in range(n):
        cycle(np.eye(n)[j], dense[:, j])
    np.testing.assert_allclose(dense, dense.T, atol=1e-5 * np.abs(dense).max())
    assert np.linalg.eigvalsh(dense + dense.T).min() > 0
    x = rng.standard_normal(n)
    z = np.empty(n)
    assert cycle(x, z) == pytest.approx(float(x @ z))


def test_multigrid_hands_on_what_it_cannot_do():
    # No row has a strong neighbour: aggregation shrinks nothing.
    a = (sp.diags_array(np.linspace(1, 2, 300)) + 1e-4 * laplacian(300)[:300, :300]).tocsr()
    b = np.ones(300)
    with fsci.policy(overrides={"iterative_solve": "cg_multigrid"}):
        diagnosis = fsci.explain(ours.cg, a, b, rtol=1e-10, M="auto")
    assert diagnosis.attempts[0].status == "stalled"
    assert diagnosis.attempt.status == "ok"
    np.testing.assert_allclose(a @ diagnosis.attempt.value, b, atol=1e-8)


def test_an_indefinite_matrix_is_no_error_with_a_choice():
    rng = np.random.default_rng(0)
    a = laplacian(15, shift=-0.5)
    x, info = ours.cg(a, rng.standard_normal(225), M="auto", maxiter=50)
    assert x.shape == (225,)
    assert info == 0 or info == 50


def test_hardened_mode_chooses_and_strict_does_not():
    a = laplacian(70)
    b = np.random.default_rng(0).standard_normal(a.shape[0])
    with fsci.trace() as log:
        ours.cg(a, b)
        with fsci.policy(mode="hardened"):
            ours.cg(a, b)
    assert log[0].attempt.kernel == "cg"
    assert {name for name, _ in log[0].decisions[0].refusals} >= {"cg_diagonal", "cg_multigrid"}
    assert {c.kernel.name for c in log[1].decisions[0].ranking} >= {"cg", "cg_diagonal", "cg_multigrid"}


def dominant(rng, n, dtype):
    a = sp.random_array((n, n), density=0.1, rng=rng).astype(dtype)
    if np.dtype(dtype).kind == "c":
        a = a * (1 + 0.5j)
    sums = np.abs(a).sum(axis=1)
    return sp.csr_array((a + sp.diags_array(1.05 * sums + 0.1)).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("rtol", [1e-2, 1e-6, 1e-14])
def test_bounds_hold(dtype, rtol):
    proved = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        symmetric = seed % 2 == 0 and np.dtype(dtype).kind != "c"
        a = laplacian(8).astype(dtype) if symmetric else dominant(rng, 40, dtype)
        truth = rng.standard_normal(a.shape[0])
        if seed % 3 == 0:
            _, vectors = np.linalg.eigh(a.toarray() if symmetric else (a @ a.conj().T).toarray())
            truth = vectors[:, 0].real * 1e3 + truth
        b = (a @ truth).astype(dtype)
        exact = np.linalg.solve(
            a.toarray().astype(np.result_type(dtype, float)), b.astype(np.result_type(dtype, float))
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            diagnosis = fsci.explain(ours.cg if symmetric else ours.gmres, a, b, rtol=rtol, maxiter=30)
        x, certificate = diagnosis.attempt.value, diagnosis.certificate
        error = np.abs(x - exact).max() / np.abs(exact).max()
        # `exact` itself has rounding errors of a condition of at most some hundreds.
        assert error <= certificate.forward_error + 1e-13
        proved += certificate.forward_error < 1.0
        assert certificate.rigor == ("rigorous" if certificate.forward_error < np.inf else "estimated")
    assert proved >= 6


def test_what_is_no_h_matrix_has_no_bound():
    rng = np.random.default_rng(0)
    g = rng.standard_normal((30, 30))
    a = sp.csr_array(g @ g.T + np.eye(30))
    b = rng.standard_normal(30)
    certificate = fsci.explain(ours.cg, a, b, rtol=1e-12).certificate
    assert certificate.forward_error == np.inf
    assert certificate.verdict == "uncertified"
    assert certificate.backward_error < 1e-10


@pytest.mark.parametrize("n", [5, 30])
@pytest.mark.parametrize("shift", [0.0, 1e-15, 1e-10, 1e-6])
def test_a_nearly_singular_mesh_is_not_certified(n, shift):
    a = laplacian(n)
    a = sp.csr_array(a - sp.diags_array(a.sum(axis=1)) + shift * sp.eye_array(n * n))  # no boundary: constants are lost
    b = a @ np.random.default_rng(0).standard_normal(n * n)
    certificate = fsci.explain(ours.cg, a, b, rtol=1e-10, M="auto", maxiter=500).certificate
    assert certificate.verdict == "uncertified"
    assert certificate.condition >= 8 / shift * (1 - 1e-6) if shift > 1e-12 else certificate.condition == np.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_proved_of_what_is_not_finite(bad):
    a, b = laplacian(4), np.ones(16)
    for x in (np.full(16, bad), np.where(np.arange(16) == 3, bad, 1.0)):
        found = enclose(a, x, b, symmetric=True)
        assert found.error == np.inf
    spoiled = a.copy()
    spoiled.data[7] = bad
    assert enclose(spoiled, np.ones(16), b, symmetric=True).error == np.inf


@pytest.mark.parametrize("method", [*METHODS, "lgmres", "lsqr"])
def test_malformed_is_refused_and_the_entry_named(method):
    a, b = problem("gmres", "float64")
    for form, change, named in (
        ("csr", lambda m: m.indices.__setitem__(5, 10**6), r"indices\[5\] = 1000000"),
        ("csc", lambda m: m.indices.__setitem__(5, -3), r"indices\[5\] = -3"),
        ("csr", lambda m: m.indptr.__setitem__(4, 10**6), r"indptr\[4\] = 1000000"),
        ("csr", lambda m: m.indptr.__setitem__(4, m.indptr[3] - 1), r"indptr\[4\] = "),
        ("coo", lambda m: m.col.__setitem__(2, 81), r"col\[2\] = 81"),
    ):
        m = a.asformat(form).copy()
        change(m)
        with pytest.raises(ValueError, match=named):
            getattr(ours, method)(m, b)
