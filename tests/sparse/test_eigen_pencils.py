"""`eigsh` of complex Hermitian matrices and of pencils (A, M): SciPy's answers, and bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
from fsci.kernels.sparse import ritz_bounds
from fsci.kernels.sparse.counting import counter_for, least_eigenvalue, pencil_counter
from fsci.kernels.sparse.selection import chosen
from tests.sparse.test_eigen import grid, random_symmetric

eigsh = fsci.sparse.linalg.eigsh
HERMITIAN = ["dense", "lanczos", "shift_invert", "arpack"]
PENCIL = ["dense", "inner_lanczos", "arpack"]


def hermitian(a, seed=0, dtype=complex):
    """The moduli of `a`, with phases."""
    up = sp.triu(a, 1).astype(dtype).tocsr()
    up.data *= np.exp(2j * np.pi * np.random.default_rng(seed).random(up.nnz)).astype(dtype)
    return sp.csr_array(up + up.conj().T + sp.diags_array(a.diagonal()).astype(dtype))


def mass(n):
    return sp.csr_array(sp.diags_array([1.0, 4.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)) / 6.0)


def exact(a, m=None):
    """All eigenvalues in 300 bits, ascending."""
    flint = pytest.importorskip("flint")
    before, flint.ctx.prec = flint.ctx.prec, 300
    try:
        if m is None:
            rows = [[flint.acb(float(x.real), float(x.imag)) for x in row] for row in a.toarray().astype(complex)]
            whole = flint.acb_mat(rows)
        else:
            whole = flint.acb_mat(flint.arb_mat(m.toarray().tolist()).solve(flint.arb_mat(a.toarray().tolist())))
        return np.sort([float(x.real.mid()) for x in whole.eig(algorithm="approx", tol=1e-60)])
    finally:
        flint.ctx.prec = before


def within(w, certificate, true):
    """Whether `w` are the wanted values `true` to what the certificate says."""
    error = np.abs(np.sort(w) - np.sort(true)).max()
    return error <= certificate.forward_error * np.abs(true).max()


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("options", [{"which": "LM"}, {"which": "SA"}, {"which": "SM"}, {"sigma": 0.3}])
@pytest.mark.parametrize("vectors", [True, False])
def test_hermitian_values_come_best_first_and_alone_best_last(dtype, options, vectors):
    rng = np.random.default_rng(1)
    g = rng.standard_normal((60, 60)) + 1j * rng.standard_normal((60, 60))
    a = sp.csr_array((g + g.conj().T).astype(dtype))
    rtol = 1e-9 if dtype == "complex128" else 1e-3
    theirs = sl.eigsh(a, 5, v0=np.ones(60, dtype), return_eigenvectors=False, **options)
    mine = eigsh(a, 5, return_eigenvectors=vectors, **options)
    values = mine[0] if vectors else mine
    assert values.dtype == theirs.dtype
    # With vectors SciPy gives them as its Schur form has them, which hangs on the start.
    np.testing.assert_allclose(values[::-1] if vectors else values, theirs, rtol=rtol, atol=rtol)
    if vectors:
        assert mine[1].dtype == dtype
        np.testing.assert_allclose(a @ mine[1], mine[1] * values, atol=100 * rtol)


@pytest.mark.parametrize("kernel", HERMITIAN)
@pytest.mark.parametrize(
    "options", [{"which": "SA"}, {"which": "LA"}, {"which": "LM"}, {"which": "SM"}, {"sigma": 1.3}]
)
def test_every_route_certifies_hermitian_values(kernel, options):
    a = hermitian(grid(18))
    every = np.linalg.eigvalsh(a.toarray())
    true = every[chosen(every, 4, options.get("which", "LM"), options.get("sigma"))]
    with fsci.policy(overrides={"sparse_symmetric_eigen": kernel}):
        (w, v), certificate = fsci.certify(eigsh)(a, 4, **options)
    assert certificate.verdict == "certified"
    assert certificate.forward_error < 1e-7
    assert np.abs(np.sort(w) - np.sort(true)).max() <= certificate.forward_error * np.abs(true).max() + 1e-14
    np.testing.assert_allclose(v.conj().T @ v, np.eye(4), atol=1e-10)


def test_a_missed_copy_of_a_hermitian_matrix_is_told():
    block = hermitian(grid(8))
    a = sp.csr_array(sp.block_diag([block, block]))
    w, v = np.linalg.eigh(block.toarray())
    v = np.vstack([v[:, :3], np.zeros((64, 3))])
    found = ritz_bounds.enclosed(a, w[:3], v)
    said, bound, _ = ritz_bounds.completeness(counter_for(a), w[:3], "SA", None, found.bound, 1e-8)
    assert said.startswith("incomplete")
    assert bound == np.inf


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.floats(-4, 4))
def test_the_count_of_hermitian_matrices_is_proved(seed, shift):
    a = hermitian(random_symmetric(25, seed), seed)
    w = exact(a)
    found = counter_for(a).below(shift)
    if found is not None:
        count, slack = found
        assert (w < shift - slack).sum() <= count <= (w < shift + slack).sum()


def test_what_is_complex_and_symmetric_is_not_certified():
    a = sp.csr_array(grid(5) * (1 + 1j))
    _, certificate = fsci.certify(eigsh)(a, 2, v0=np.ones(25, complex))
    assert certificate.verdict == "uncertified"


@pytest.mark.filterwarnings("ignore")
def test_ends_of_both_sides_of_complex_matrices_are_refused_as_scipy_does():
    with pytest.raises(ValueError, match="which='BE'"):
        eigsh(hermitian(grid(5)), 2, which="BE")


@pytest.mark.parametrize("kernel", PENCIL)
@pytest.mark.parametrize(
    "options", [{"which": "SA"}, {"which": "LA"}, {"which": "LM"}, {"which": "SM"}, {"sigma": 0.0}, {"sigma": 1.3}]
)
def test_every_route_certifies_pencils(kernel, options):
    # The elements of a square membrane: pairs of equal eigenvalues, one of which is cut through.
    a, line = grid(15), mass(15)
    m = sp.csr_array(sp.kron(line, line))
    every = exact_membrane(15)
    true = every[chosen(every, 5, options.get("which", "LM"), options.get("sigma"))]
    with fsci.policy(overrides={"sparse_pencil_eigen": kernel}):
        (w, v), certificate = fsci.certify(eigsh)(a, 5, M=m, **options)
    assert certificate.verdict == "certified"
    assert certificate.forward_error < 1e-7
    assert np.abs(np.sort(w) - np.sort(true)).max() <= certificate.forward_error * np.abs(true).max() + 1e-13
    np.testing.assert_allclose(v.T @ (m @ v), np.eye(5), atol=1e-10)


def exact_membrane(n):
    angle = np.arange(1, n + 1) * np.pi / (n + 1)
    stiff, heavy = 2.0 - 2.0 * np.cos(angle), (4.0 + 2.0 * np.cos(angle)) / 6.0
    return np.sort((np.add.outer(stiff, stiff) / np.multiply.outer(heavy, heavy)).ravel())


@pytest.mark.parametrize("which", ["LM", "SM", "LA", "SA", "BE"])
@pytest.mark.parametrize("sigma", [None, 0.3])
@pytest.mark.parametrize("vectors", [True, False])
def test_the_order_of_pencils_is_scipys(which, sigma, vectors):
    rng = np.random.default_rng(1)
    g = rng.standard_normal((60, 60))
    a, m = sp.csr_array(g + g.T), mass(60)
    options = {"k": 5, "M": m, "which": which, "sigma": sigma, "return_eigenvectors": vectors}
    theirs, mine = sl.eigsh(a, maxiter=10_000, v0=rng.standard_normal(60), **options), eigsh(a, **options)
    if vectors:
        np.testing.assert_allclose(np.abs((mine[1] * (m @ theirs[1])).sum(axis=0)), 1.0, atol=1e-8)
        theirs, mine = theirs[0], mine[0]
    np.testing.assert_allclose(mine, theirs, atol=1e-9)


def _matrix(kind, n, rng):
    a = random_symmetric(n, int(rng.integers(1000)))
    if kind == "clustered":
        return sp.csr_array(sp.diags_array(1.0 + 1e-13 * rng.standard_normal(n)) + 1e-14 * a)
    if kind == "graded":
        scale = sp.diags_array(10.0 ** -rng.uniform(0, 8, n))
        a = scale @ (a + 2.0 * sp.eye_array(n)) @ scale
        return sp.csr_array((a + a.T) / 2.0)
    if kind == "multiple":
        half = a[: n // 2, : n // 2]
        return sp.csr_array(sp.block_diag([half, half]))
    return a


def _metric(kind, n, rng):
    if kind == "diagonal":
        return sp.csr_array(sp.diags_array(10.0 ** rng.uniform(-5, 5, n)))
    if kind == "graded":
        scale = sp.diags_array(10.0 ** rng.uniform(-4, 4, n))
        return sp.csr_array(scale @ mass(n) @ scale)
    if kind == "nearly indefinite":
        c = rng.uniform(0.5, 0.5 + 10.0 ** -rng.uniform(3, 14))
        return sp.csr_array(sp.diags_array([c, 1.0, c], offsets=[-1, 0, 1], shape=(n, n)))
    return mass(n)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from(["random", "clustered", "graded", "multiple"]),
    st.sampled_from(["complex", "mass", "diagonal", "graded", "nearly indefinite"]),
    st.sampled_from(["LM", "SM", "SA", "LA"]),
    st.booleans(),
)
def test_no_certificate_is_wrong(seed, kind, metric, which, shifted):
    rng = np.random.default_rng(seed)
    n = 20
    a = _matrix(kind, n, rng)
    m = None if metric == "complex" else _metric(metric, n, rng)
    a = hermitian(a, seed) if m is None else a
    every, sigma = exact(a, m), None
    if shifted and which != "SM":
        near = every[rng.integers(n)]
        sigma = float(near + rng.choice([1e-15, 1e-9, 0.1]) * rng.standard_normal() * abs(near))
    kernel, kind = ("lanczos", "sparse_symmetric_eigen") if m is None else ("arpack", "sparse_pencil_eigen")
    with fsci.policy(overrides={kind: kernel if rng.random() < 0.5 else "dense"}):
        try:
            (w, _), certificate = fsci.certify(eigsh)(a, 4, M=m, which=which, sigma=sigma)
        except (sl.ArpackError, RuntimeError):
            return
    if np.isfinite(certificate.forward_error) and not (every == sigma).any():
        assert within(w, certificate, every[chosen(every, 4, which, sigma)])


def test_the_least_eigenvalue_is_bounded_from_below():
    line = mass(30)
    true = float(np.linalg.eigvalsh(line.toarray()).min())
    assert 0.25 * true <= least_eigenvalue(line) <= true
    assert least_eigenvalue(sp.csr_array(line - 0.34 * sp.eye_array(30))) == 0.0


def test_an_indefinite_metric_is_never_certified():
    m = sp.csr_array(sp.diags_array([0.8, 1.0, 0.8], offsets=[-1, 0, 1], shape=(25, 25)))
    try:
        _, certificate = fsci.certify(eigsh)(grid(5), 3, M=m)
    except (sl.ArpackError, RuntimeError):
        return
    assert certificate.verdict == "uncertified"


def test_a_missed_copy_of_a_pencil_is_told():
    block, metric = grid(6), mass(36)
    w, v = np.linalg.eigh(block.toarray())
    chol = np.linalg.cholesky(metric.toarray())
    w, y = np.linalg.eigh(np.linalg.solve(chol, np.linalg.solve(chol, block.toarray()).T))
    v = np.vstack([np.linalg.solve(chol.T, y[:, :3]), np.zeros((36, 3))])
    a, m = (sp.csr_array(sp.block_diag([x, x])) for x in (block, metric))
    least = least_eigenvalue(m)
    found = ritz_bounds.enclosed(a, w[:3], v, m, least)
    assert found.bound < 1e-10
    said, bound, _ = ritz_bounds.completeness(pencil_counter(a, m, least), w[:3], "SA", None, found.bound, 1e-8)
    assert said.startswith("incomplete")
    assert bound == np.inf


def test_an_eigenvalue_on_the_shift_is_not_vouched_for():
    a = sp.csr_array(sp.diags_array(np.arange(1.0, 31.0)))
    _, certificate = fsci.certify(eigsh)(a, 2, sigma=5.0 + 1e-15, which="LA")
    assert certificate.verdict == "uncertified"


def test_modes_and_other_metrics_are_scipys():
    a, m = grid(6), mass(36)
    start = np.random.default_rng(0).standard_normal(36)
    theirs = sl.eigsh(a, 3, M=m, sigma=1.0, mode="cayley", v0=start)[0]
    np.testing.assert_allclose(eigsh(a, 3, M=m, sigma=1.0, mode="cayley", v0=start)[0], theirs, atol=1e-10)
    theirs = sl.eigsh(a, 3, M=m.toarray(), v0=start)[0]
    np.testing.assert_allclose(eigsh(a, 3, M=m.toarray(), v0=start)[0], theirs, atol=1e-10)
    with pytest.raises(ValueError, match="wrong M dimensions"):
        eigsh(a, 3, M=mass(35))


@pytest.mark.parametrize("kernel", ["dense", "arpack"])
def test_a_tie_between_both_signs_is_not_vouched_for(kernel):
    # The path has its eigenvalues in pairs of both signs: which of the last pair is wanted, nothing says.
    path = sp.csr_array(sp.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(40, 40)))
    with fsci.policy(overrides={"sparse_symmetric_eigen": kernel}):
        _, odd = fsci.certify(eigsh)(path, 3, which="LM")
        (w, _), even = fsci.certify(eigsh)(path, 4, which="LM")
    assert odd.verdict == "uncertified"
    assert even.verdict == "certified"
    np.testing.assert_allclose(np.abs(w), 2.0 * np.cos(np.pi * np.array([1, 2, 2, 1]) / 41), atol=1e-12)


def test_a_cut_through_equal_values_next_to_a_shift_is_certified():
    every = exact_grid(12)
    (w, _), certificate = fsci.certify(eigsh)(grid(12), 5, sigma=0.0)
    assert every[5] - every[4] < 1e-12
    assert certificate.verdict == "certified"
    assert certificate.detail["completeness"].startswith("complete up to")
    assert within(w, certificate, every[:5])


def exact_grid(n):
    line = 4.0 * np.sin(np.arange(1, n + 1) * np.pi / (2 * (n + 1))) ** 2
    return np.sort(np.add.outer(line, line).ravel())


@pytest.mark.parametrize("kind", ["complex", "pencil"])
def test_the_bounds_on_vectors_hold(kind):
    a = sp.csr_array(grid(6) + sp.diags_array(np.linspace(0.0, 0.7, 36)))
    m = mass(36) if kind == "pencil" else None
    a = hermitian(a) if m is None else a
    metric = np.eye(36) if m is None else m.toarray()
    root = np.linalg.inv(np.linalg.cholesky(metric))
    _, true = np.linalg.eigh(root @ a.toarray() @ root.T)
    with fsci.policy(accuracy=1e-3):  # so that the count looks far behind the last one
        (_, v), certificate = fsci.certify(eigsh)(a, 4, M=m, which="SA", tol=1e-6)
    bounds = certificate.detail["vector_bounds"]
    assert (bounds < 1e-3).all()
    x = np.linalg.cholesky(metric).T @ v
    for i in range(4):
        off = x[:, i] - true[:, i] * (true[:, i].conj() @ x[:, i])
        assert np.linalg.norm(off) <= bounds[i] + 1e-13
