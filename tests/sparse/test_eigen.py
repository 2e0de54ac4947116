"""`eigsh`: SciPy's answers and order, nothing missed unsaid, and bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
from fsci.kernels.sparse import ritz_bounds
from fsci.kernels.sparse.counting import counter_for
from fsci.kernels.sparse.inertia import counter_of
from fsci.kernels.sparse.selection import chosen, given_order

eigsh = fsci.sparse.linalg.eigsh


def grid(n, d=2):
    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    total = line
    for _ in range(d - 1):
        total = sp.kron(total, sp.eye_array(n)) + sp.kron(sp.eye_array(total.shape[0]), line)
    return sp.csr_array(total)


def exact(n, d=2):
    """Eigenvalues of `grid`, ascending: 4 sin^2, with cancellation nowhere."""
    line = 4.0 * np.sin(np.arange(1, n + 1) * np.pi / (2 * (n + 1))) ** 2
    total = line
    for _ in range(d - 1):
        total = np.add.outer(total, line).ravel()
    return np.sort(total)


def random_symmetric(n, seed=0):
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, n), density=min(4 / n, 0.5), rng=rng)
    return sp.csr_array(a + a.T)


@pytest.mark.parametrize("which", ["LM", "SM", "LA", "SA", "BE"])
@pytest.mark.parametrize("sigma", [None, 0.3])
@pytest.mark.parametrize("vectors", [True, False])
@pytest.mark.parametrize("k", [5, 6])
def test_the_order_is_scipys(which, sigma, vectors, k):
    rng = np.random.default_rng(1)
    g = rng.standard_normal((60, 60))
    a = sp.csr_array(g + g.T)
    options = {"k": k, "which": which, "sigma": sigma, "return_eigenvectors": vectors}
    theirs, mine = sl.eigsh(a, maxiter=10_000, v0=rng.standard_normal(60), **options), eigsh(a, **options)
    if vectors:
        assert mine[1].shape == theirs[1].shape
        np.testing.assert_allclose(np.abs((mine[1] * theirs[1]).sum(axis=0)), 1.0, atol=1e-8)
        theirs, mine = theirs[0], mine[0]
    np.testing.assert_allclose(mine, theirs, atol=1e-10)


@pytest.mark.parametrize("kernel", ["dense", "lanczos", "shift_invert", "arpack"])
@pytest.mark.parametrize("which", ["SA", "LA", "LM"])
def test_every_route_finds_multiple_eigenvalues_or_says_so(kernel, which):
    n = 20
    true = exact(n)
    wanted = true[:7] if which == "SA" else true[-7:]
    with fsci.policy(overrides={"sparse_symmetric_eigen": kernel}):
        (w, v), certificate = fsci.certify(eigsh)(grid(n), 7, which=which)
    assert certificate.verdict == "certified"
    assert np.abs(w - wanted).max() <= certificate.forward_error * np.abs(wanted).max()
    assert certificate.forward_error < 1e-7
    np.testing.assert_allclose(v.T @ v, np.eye(7), atol=1e-12)


def test_a_missed_copy_is_told():
    # A start without a share in the second copy: no Krylov space ever meets it.
    a = sp.block_diag([grid(12), grid(12)], format="csr")
    start = np.r_[np.random.default_rng(0).standard_normal(144), np.zeros(144)]
    w, v = np.linalg.eigh(grid(12).toarray())
    w, v = w[:3], np.vstack([v[:, :3], np.zeros((144, 3))])
    found = ritz_bounds.enclosed(a, w, v)
    said, bound, _ = ritz_bounds.completeness(counter_for(a), w, "SA", None, found.bound, 1e-8)
    assert said.startswith("incomplete")
    assert bound == np.inf
    with fsci.policy(overrides={"sparse_symmetric_eigen": "lanczos"}):
        (w, _), certificate = fsci.certify(eigsh)(a, 3, which="SA", v0=start)
    true = np.repeat(exact(12), 2)[:3]
    assert certificate.verdict == "uncertified" or np.abs(w - true).max() <= certificate.forward_error * w.max()


def test_hardened_mode_finds_what_was_missed():
    a = sp.block_diag([grid(9), grid(9)], format="csr")
    start = np.r_[np.random.default_rng(0).standard_normal(81), np.zeros(81)]
    with fsci.policy(mode="hardened"):
        w, _ = eigsh(a, 4, which="SA", v0=start)
    np.testing.assert_allclose(w, np.repeat(exact(9), 2)[:4], atol=1e-12)


def test_a_cut_through_a_multiple_eigenvalue_is_certified_to_what_it_says():
    (w, _), certificate = fsci.certify(eigsh)(grid(15), 2, which="SA")
    assert certificate.verdict == "certified"
    assert np.abs(w - exact(15)[:2]).max() <= certificate.forward_error * w.max()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32 - 1), st.floats(-4, 4))
def test_the_count_is_proved(n, seed, shift):
    a = random_symmetric(n, seed % 1000)
    w = np.linalg.eigvalsh(a.toarray())
    found = counter_of(a).below(shift)
    if found is not None:
        count, slack = found
        rounding = 1e-13 * (1 + np.abs(w).max())
        assert (w < shift - slack - rounding).sum() <= count <= (w < shift + slack + rounding).sum()


@settings(max_examples=25, deadline=None)
@given(st.integers(6, 60), st.integers(0, 1000), st.sampled_from(["LM", "SA", "LA", "BE", "SM"]), st.booleans())
def test_no_certificate_is_wrong(n, seed, which, single):
    a = random_symmetric(n, seed).astype(np.float32 if single else np.float64)
    k = min(4, n - 2)
    true = np.linalg.eigvalsh(a.toarray().astype(float))
    wanted = true[chosen(true, k, which, None)]
    (w, _), certificate = fsci.certify(eigsh)(a, k, which=which)
    if certificate.verdict == "certified":
        error = np.abs(w.astype(float) - wanted).max()
        assert error <= certificate.forward_error * np.abs(wanted).max() + 1e-14 * np.abs(true).max()


def test_the_bounds_on_vectors_hold():
    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(40, 40)).tocsr()
    (_, v), certificate = fsci.certify(eigsh)(line, 4, which="SA")
    j = np.arange(1, 41)
    for i in range(4):
        true = np.sin(j * (i + 1) * np.pi / 41) * np.sqrt(2 / 41)
        off = v[:, i] - true * (v[:, i] @ true)
        assert np.linalg.norm(off) <= certificate.detail["vector_bounds"][i] + 1e-15
        # Behind the last one the count has looked no farther than the accuracy asks for.
        assert certificate.detail["vector_bounds"][i] < (1e-8 if i < 3 else 1e-3)


def test_what_is_not_symmetric_is_not_certified():
    a = sp.csr_array(np.triu(np.arange(1.0, 50.0).reshape(7, 7)))
    _, certificate = fsci.certify(eigsh)(a, 2)
    assert certificate.verdict == "uncertified"
    assert certificate.forward_error == np.inf


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((0,), {}),
        ((300,), {}),
        ((3,), {"which": "XX"}),
        ((3,), {"ncv": 2}),
        ((3,), {"Minv": np.eye(3)}),
        ((3,), {"mode": "nonsense", "sigma": 1.0}),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_the_same_arguments_are_refused(args, options):
    a = grid(10)
    with pytest.raises((ValueError, TypeError)) as theirs:
        sl.eigsh(a, *args, **options)
    with pytest.raises(type(theirs.value)) as mine:
        eigsh(a, *args, **options)
    assert str(mine.value) == str(theirs.value)


def test_a_start_of_the_wrong_length_is_refused():
    # SciPy 1.17 reads beyond its end.
    with pytest.raises(ValueError, match="v0 has shape"):
        eigsh(grid(10), 3, v0=np.ones(3))


def test_a_limit_on_the_iterations_is_kept():
    with pytest.raises(sl.ArpackNoConvergence) as caught:
        eigsh(grid(40), 6, which="SA", maxiter=2, ncv=10)
    assert caught.value.eigenvalues.size < 6


def test_generalized_problems_and_operators_are_scipys():
    a, m = grid(6), sp.diags_array(np.linspace(1, 2, 36)).tocsc()
    # One start for both: ARPACK may miss a copy of a multiple eigenvalue, and which one hangs on it.
    start = np.random.default_rng(0).standard_normal(36)
    np.testing.assert_allclose(eigsh(a, 3, M=m, v0=start)[0], sl.eigsh(a, 3, M=m, v0=start)[0], atol=1e-10)
    operator = sl.aslinearoperator(a)
    np.testing.assert_allclose(eigsh(operator, 3, v0=start)[0], sl.eigsh(a, 3, v0=start)[0], atol=1e-10)


def test_malformed_matrices_are_named():
    a = grid(5)
    a.indices[3] = 99
    with pytest.raises(ValueError, match=r"indices\[3\] = 99"):
        eigsh(a, 2)


@pytest.mark.parametrize("which", ["LM", "SM", "LA", "SA", "BE"])
def test_selection_and_order_agree(which):
    w = np.array([-3.0, -1.0, 0.5, 2.0, 4.0])
    found = w[chosen(w, 3, which, None)]
    assert set(found[given_order(found, which, None, False)]) == set(found)


def test_the_operand_is_left_alone():
    a = grid(8)
    kept = a.copy()
    a.data.flags.writeable = False
    eigsh(a, 3, which="SA")
    assert (a != kept).nnz == 0
