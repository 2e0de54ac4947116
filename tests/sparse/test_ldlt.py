"""LDL^T of symmetric indefinite matrices: exact answers and inertia, delayed pivots, singular ones, honest bounds."""

import warnings
from itertools import pairwise

import flint
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given
from hypothesis import strategies as st

import fsci
from benchmarks.calibrate_direct import grid
from fsci.core import registry
from fsci.core.types import Problem
from fsci.kernels.sparse import multifrontal
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.front_pivots import SHARE
from fsci.kernels.sparse.ldlt import IndefiniteFactors, ldlt
from fsci.kernels.sparse.multifrontal import graph_of, minimum_degree, supernodal
from fsci.sparse.linalg.factorizations import factorized
from fsci.sparse.linalg.systems import spsolve

KERNEL = {"sparse_linear_system": "ldlt_multifrontal"}


def factored(a: sp.csc_array | sp.csr_array, hermitian: bool = False) -> IndefiniteFactors:
    m = one_matrix(a)
    starts, lists = graph_of(m.n, m.indptr, m.indices)
    return ldlt(supernodal(starts, lists, minimum_degree(starts, lists)), m, hermitian)


def integers(rng: np.random.Generator, n: int, density: float, diagonal: float) -> np.ndarray:
    a = np.where(rng.random((n, n)) < density, rng.integers(-3, 4, (n, n)), 0)
    a = np.tril(a, -1)
    return a + a.T + np.diag(np.where(rng.random(n) < diagonal, rng.integers(-3, 4, n), 0))


def exact_inertia(a: np.ndarray) -> tuple[int, int]:
    """Positive and negative eigenvalues, by Descartes' rule: the roots of the characteristic polynomial are real."""

    def changes(coefficients: list[int]) -> int:
        signs = [c > 0 for c in coefficients if c != 0]
        return sum(x != y for x, y in pairwise(signs))

    found = [int(c) for c in flint.fmpz_mat([[int(v) for v in row] for row in a]).charpoly().coeffs()]
    return changes(found), changes([-c if i % 2 else c for i, c in enumerate(found)])


def exact_solution(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    rows, sides = [[int(v) for v in row] for row in a], [[int(v)] for v in b]
    x = flint.fmpq_mat(flint.fmpz_mat(rows)).solve(flint.fmpq_mat(flint.fmpz_mat(sides)))
    return np.array([int(v.p) / int(v.q) for v in x.entries()])


def backward(a: sp.csc_array, x: np.ndarray, b: np.ndarray) -> float:
    size = float(abs(a).sum(axis=1).max()) * np.abs(x).max() + np.abs(b).max()
    return float(np.abs(a @ x - b).max() / size)


def kkt(rng: np.random.Generator, n: int, m: int, per_row: float = 2.0) -> sp.csc_array:
    root = sp.random_array((n, n), density=per_row / n, rng=rng)
    b = sp.random_array((m, n), density=3.0 / n, rng=rng) + sp.eye_array(m, n)
    return sp.csc_array(sp.block_array([[root @ root.T + sp.eye_array(n), b.T], [b, None]]))


@given(st.integers(1, 32), st.integers(0, 10_000), st.sampled_from([0.05, 0.15, 0.5]), st.sampled_from([0.0, 0.3, 1.0]))
def test_integers_against_exact_arithmetic(n, seed, density, diagonal):
    rng = np.random.default_rng(seed)
    dense = integers(rng, n, density, diagonal)
    a = sp.csc_array(dense.astype(float))
    factors = factored(a)
    positive, negative = exact_inertia(dense)
    if positive + negative < n:
        assert factors.missing + factors.small > 0
        return
    assert factors.missing == 0
    assert factors.negative == negative
    b = rng.integers(-5, 6, n)
    truth = exact_solution(dense, b)
    x = factors.solve(b.astype(float))
    assert backward(a, x, b) <= 1e-13
    condition = np.linalg.cond(dense)
    assert np.abs(x - truth).max() <= 1e-13 * condition * max(np.abs(truth).max(), 1e-300)


@given(st.integers(1, 40), st.integers(0, 10_000), st.booleans(), st.sampled_from(["csc", "csr"]))
def test_complex_matrices_their_adjoints_and_several_sides(n, seed, hermitian, format_):
    rng = np.random.default_rng(seed)
    z = sp.random_array((n, n), density=min(1.0, 3.0 / n), rng=rng) * (1.0 + 0.0j)
    z = sp.csc_array(z)
    z.data = rng.standard_normal(z.nnz) + 1j * rng.standard_normal(z.nnz)
    other = z.conj().T if hermitian else z.T
    # A permuted antidiagonal keeps it regular and leaves the diagonal empty.
    order = rng.permutation(n)
    pairs = sp.csc_array((np.full(n, 9.0), (order, order[::-1])), shape=(n, n))
    a = sp.csc_array(z + other + pairs).asformat(format_)
    factors = factored(a, hermitian)
    assert factors.missing == 0
    if hermitian:
        assert factors.negative == (np.linalg.eigvalsh(a.toarray()) < 0).sum()
    b = rng.standard_normal((n, 3)) + 1j * rng.standard_normal((n, 3))
    for adjoint, m in ((False, a), (True, a.conj().T)):
        x = factors.solve(b, adjoint)
        assert np.abs(m @ x - b).max() <= 1e-10 * (np.abs(x).max() * 20 + 1)
        np.testing.assert_array_equal(factors.solve(b[:, 1], adjoint), x[:, 1])


def test_complex_sides_of_a_real_matrix(rng):
    a = kkt(rng, 40, 15)
    b = rng.standard_normal(55) + 1j * rng.standard_normal(55)
    assert backward(a, factored(a).solve(b), b) <= 1e-13


@pytest.mark.parametrize("n", [2, 3, 40, 41])
def test_permuted_antidiagonals_are_all_pairs(n, rng):
    half = rng.integers(1, 9, n)
    dense = np.fliplr(np.diag(half + half[::-1])).astype(float)
    order = rng.permutation(n)
    a = sp.csc_array(dense[order][:, order])
    factors = factored(a)
    assert (factors.pairs, factors.negative) == (n // 2, n // 2)
    b = rng.integers(-9, 9, n).astype(float)
    np.testing.assert_allclose(a @ factors.solve(b), b, atol=1e-13)


def test_one_by_one_and_empty_rows():
    assert factored(sp.csc_array([[-4.0]])).solve(np.array([2.0])) == -0.5
    nothing = factored(sp.csc_array((3, 3)))
    assert (nothing.missing, nothing.zeros) == (3, True)
    partly = factored(sp.csc_array(np.diag([1.0, 0.0, -2.0, 0.0])))
    assert (partly.missing, partly.zeros, partly.negative) == (2, True, 1)


def test_what_is_not_finite_is_not_called_singular():
    a = sp.csc_array(np.array([[1.0, np.nan], [np.nan, 1.0]]))
    factors = factored(a)
    assert factors.missing > 0
    assert not factors.zeros


def test_tiny_diagonals_do_not_grow(rng):
    # Without pivoting D would hold 1e18, and nothing would be left of the matrix.
    a = sp.csc_array(sp.diags_array([np.full(399, 1.0), np.full(400, 1e-18), np.full(399, 1.0)], offsets=[-1, 0, 1]))
    factors = factored(a)
    assert factors.pairs > 0
    assert factors.growth <= 4.0
    b = rng.standard_normal(400)
    assert backward(a, factors.solve(b), b) <= 1e-15


def test_multipliers_are_bounded(rng):
    a = kkt(rng, 200, 80)
    factors = factored(a)
    assert factors.waiting.sum() > 0  # some pivots were handed to a parent
    for low, high, values, names in factors.parts:
        for s in range(low, high):
            e, k = int(factors.taken[s]), int(factors.taken[s] + factors.waiting[s])
            m = k + int(factors.s.pointers[s + 1] - factors.s.pointers[s])
            block = values[factors.places[0][s] :][: e * m].reshape(e, m).T
            orders = names[factors.places[1][s] + k :][:e]
            lower = np.tril(block, -1)
            lower[np.flatnonzero(orders == 2) + 1, np.flatnonzero(orders == 2)] = 0.0
            assert np.abs(lower).max(initial=0.0) <= 1.0 / SHARE * (1.0 + 1e-12)


def test_badly_scaled_systems(rng):
    a = kkt(rng, 300, 100)
    scale = sp.diags_array(2.0 ** rng.integers(-27, 28, 400))  # exactly, so that it stays symmetric
    scaled = sp.csc_array(scale @ a @ scale)
    b = scaled @ rng.standard_normal(400)
    factors = factored(scaled)
    assert (np.log2(factors.scale) % 1 == 0).all()
    assert factors.negative == factored(a).negative == 100
    with fsci.policy(overrides=KERNEL), fsci.trace() as log:
        spsolve(scaled, b)
    assert log[-1].attempt.kernel == "ldlt_multifrontal"
    assert log[-1].certificate.detail["componentwise"] <= 1e-14


def test_two_threads_find_the_same_factors(rng, monkeypatch):
    for a in (kkt(rng, 300, 120, 1.0), sp.csc_array(grid(30, 30) - 1.3 * sp.eye_array(900))):
        alone = factored(a)
        with monkeypatch.context() as m:
            m.setattr(multifrontal, "WORTH_THREADS", 0.0)
            m.setattr(multifrontal, "thread_count", lambda: 2)
            parts = factored(a)
        assert len(parts.parts) == 3
        assert (parts.negative, parts.pairs) == (alone.negative, alone.pairs)
        b = rng.standard_normal(a.shape[0])
        np.testing.assert_array_equal(parts.solve(b), alone.solve(b))


def test_inertia_of_shifted_laplacians():
    line = 4.0 * np.sin(np.arange(1, 26) * np.pi / 52) ** 2
    w = (line[:, None] + line).ravel()
    for shift in (0.3, 2.1, 4.05, 7.7):
        a = sp.csc_array(grid(25, 25) - shift * sp.eye_array(625))
        assert factored(a).negative == (w < shift).sum()


@pytest.mark.parametrize("permuted", [False, True])
def test_saddle_points_of_two_thousand_rows(permuted, rng):
    a = kkt(rng, 1400, 600)
    if permuted:
        order = rng.permutation(2000)
        a = sp.csc_array(a[order][:, order])
    x = rng.standard_normal(2000)
    b = a @ x
    with fsci.policy(overrides=KERNEL), fsci.trace() as log:
        found = spsolve(a, b)
    assert log[-1].attempt.kernel == "ldlt_multifrontal"
    assert backward(a, found, b) <= 1e-15
    certificate = log[-1].certificate
    assert certificate.verdict == "certified"
    assert np.abs(found - x).max() <= certificate.forward_error * np.abs(x).max()
    factors = log[-1].attempt.byproducts["factors"]
    assert factors.negative == 600  # as many as constraints


def test_the_portfolio_takes_it_for_saddle_points(rng):
    a = kkt(rng, 3000, 1200, 1.0)
    b = rng.standard_normal(4200)
    problem = Problem("sparse_linear_system", (a, b), {}, "host", b.dtype, None, 4200)
    evidence, kernels = registry.probe(problem), registry.kernels("sparse_linear_system", "host")
    mine = kernels["ldlt_multifrontal"]
    assert mine.applies(problem, evidence) is None
    assert mine.work(problem, evidence) < kernels["superlu"].work(problem, evidence)
    solve = factorized(a)
    for _ in range(2):
        assert backward(a, solve(b), b) <= 1e-14
        b = rng.standard_normal(4200)


def test_it_is_refused_where_it_does_not_fit():
    kernel = registry.kernels("sparse_linear_system", "host")["ldlt_multifrontal"]
    definite, lopsided = grid(9, 9), sp.csc_array(grid(9, 9) + sp.diags_array([np.ones(80)], offsets=[1]))
    for a, reason in ((definite, "definite"), (lopsided, "symmetric"), (sp.csc_array(sp.eye_array(9)), "triangle")):
        b = np.ones(a.shape[0])
        problem = Problem("sparse_linear_system", (a, b), {}, "host", b.dtype, None, a.shape[0])
        assert reason in str(kernel.applies(problem, registry.probe(problem)))


def hard(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Symmetric integer matrices, from well conditioned to nearly and exactly singular."""
    n = 24
    low = np.tril(rng.integers(-2, 3, (n, n)) * (rng.random((n, n)) < 0.3), -1) + np.eye(n, dtype=int)
    signs = np.where(np.arange(n) % 3, 1, -1)
    graded = signs * 10 ** rng.integers(0, 9, n)
    constraints = rng.integers(-3, 4, (8, 16)) * (rng.random((8, 16)) < 0.4) + np.eye(8, 16, dtype=int) * 5
    near = constraints * 10**5
    near[1] = near[0] + constraints[1]
    zero = np.zeros((8, 8), int)
    top = np.diag(10 ** rng.integers(0, 5, 16))
    twice = low @ (signs[:, None] * low.T)
    twice[3], twice[:, 3] = twice[2], twice[:, 2]
    twice[3, 3] = twice[2, 3] = twice[3, 2] = twice[2, 2]
    return {
        "well": low @ (signs[:, None] * low.T),
        "graded": low @ (graded[:, None] * low.T),
        "saddle": np.block([[top, constraints.T], [constraints, zero]]),
        "near": np.block([[top, near.T], [near, zero]]),
        "twins": twice,
        "cycle": np.roll(np.eye(n, dtype=int), 1, axis=1) + np.roll(np.eye(n, dtype=int), -1, axis=1) + np.eye(n),
    }


def test_bounds_hold_along_the_smallest_singular_vectors(rng):
    examined = 0
    for name, dense in hard(rng).items():
        a = sp.csc_array(dense.astype(float))
        n = dense.shape[0]
        singular = flint.fmpz_mat([[int(v) for v in row] for row in dense]).rank() < n
        u, _, v = np.linalg.svd(dense.astype(float))
        for side in (rng.standard_normal(n), u[:, -1], u[:, 0], dense @ v[0], dense @ v[-1]):
            b = np.rint(side / np.abs(side).max() * 2**40)
            with fsci.policy(overrides=KERNEL), fsci.trace() as log, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                x = spsolve(a, b)
            certificate = log[-1].certificate
            if singular:
                assert certificate.verdict != "certified", name
                continue
            truth = exact_solution(dense, b)
            examined += certificate.verdict == "certified"
            assert np.abs(x - truth).max() <= certificate.forward_error * np.abs(truth).max(), (name, certificate)
    assert examined >= 10


def test_bounds_hold_where_the_terms_of_an_estimate_cancel():
    # Nearly a permutation: the norm of its weighted inverse is that of one row, whose two terms are of opposite sign.
    upper = {(0, 10): 3, (1, 3): -1, (1, 9): -3, (2, 3): 1, (2, 4): 3, (2, 7): -3, (3, 5): 2, (3, 9): -3, (3, 10): -2}
    upper |= {(4, 6): -3, (5, 8): -1}
    dense = np.zeros((11, 11), int)
    for (i, j), v in upper.items():
        dense[i, j] = dense[j, i] = v
    b = np.array([3.0, -3, 4, 0, 2, -2, 0, -5, -4, -5, 5])
    with fsci.policy(overrides=KERNEL), fsci.trace() as log:
        x = spsolve(sp.csc_array(dense.astype(float)), b)
    truth = exact_solution(dense, b)
    assert np.abs(x - truth).max() <= log[-1].certificate.forward_error * np.abs(truth).max()


@pytest.mark.parametrize("name", ["dwt_209", "bcspwr04", "bcspwr07", "bcspwr08", "bcspwr10"])
def test_singular_ones_of_the_collection(name, data_folder):
    a = sp.csc_array(scipy.io.mmread(data_folder / "matrices" / f"{name}.mtx.gz")).astype(float)
    factors = factored(a)
    # A zero pivot, or one that is what rounding made of it.
    assert factors.missing + factors.small > 0
    assert factors.zeros
    b = np.random.default_rng(0).standard_normal(a.shape[0])
    with fsci.policy(overrides=KERNEL), fsci.trace() as log, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        x = spsolve(a, b)
    assert log[-1].attempts[0].kernel == "ldlt_multifrontal"
    assert log[-1].attempts[0].status == ("singular" if factors.missing else "stalled")
    assert log[-1].certificate.verdict != "certified"
    if factors.missing:
        assert np.isnan(x).all()
        assert [w.category for w in said] == [sl.MatrixRankWarning]


def test_whether_scipy_gives_nan_is_for_superlu_to_say(data_folder):
    a = sp.csc_array(scipy.io.mmread(data_folder / "matrices" / "dwt_209.mtx.gz")).astype(float)
    b = np.random.default_rng(0).standard_normal(a.shape[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.isfinite(sl.spsolve(a, b)).all()
        with fsci.trace() as log:
            looked_on = np.isfinite(spsolve(a, b)).all()
        assert np.isfinite(spsolve(a, b)).all() == looked_on == theirs
    assert log[-1].certificate.verdict != "certified"


@pytest.mark.parametrize("name", ["jagmesh7", "tumorAntiAngiogenesis_2", "reorientation_1", "hangGlider_2", "pushpull"])
def test_regular_ones_of_the_collection(name, data_folder):
    a = sp.csc_array(scipy.io.mmread(data_folder / "matrices" / f"{name}.mtx.gz")).astype(float)
    b = a @ np.ones(a.shape[0])
    with fsci.policy(overrides=KERNEL), fsci.trace() as log:
        x = spsolve(a, b)
    assert log[-1].attempt.kernel == "ldlt_multifrontal"
    assert backward(a, x, b) <= 4.0 * 2.0**-53 * a.shape[0] ** 0.5
