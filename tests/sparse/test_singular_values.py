"""`svds`, `eigs`, `lobpcg`: SciPy's answers, and certificates that say what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci

svds, eigs, lobpcg = fsci.sparse.linalg.svds, fsci.sparse.linalg.eigs, fsci.sparse.linalg.lobpcg


def sparse(shape, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    a = sp.random_array(shape, density=0.15, rng=rng, data_sampler=rng.standard_normal)
    return sp.csr_array((a * (1 + 1j) if np.dtype(dtype).kind == "c" else a).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(40, 25), (25, 40)])
@pytest.mark.parametrize("which", ["LM", "SM"])
@pytest.mark.parametrize("vectors", [True, False, "u", "vh"])
def test_svds_is_scipys(dtype, shape, which, vectors):
    a = sparse(shape, dtype=dtype)
    options = {"k": 4, "which": which, "return_singular_vectors": vectors}
    mine, theirs = svds(a, **options), sl.svds(a, rng=np.random.default_rng(0), **options)
    rtol = 2e-3 if dtype in ("float32", "complex64") else 1e-8
    if vectors is False:
        np.testing.assert_allclose(mine, theirs, rtol=rtol)
        return
    for x, y in zip(mine, theirs, strict=True):
        assert (x is None) == (y is None)
        assert x is None or (x.shape == y.shape and x.dtype == y.dtype)
    np.testing.assert_allclose(mine[1], theirs[1], rtol=rtol)


@pytest.mark.parametrize("kernel", ["dense", "gram_lanczos", "scipy"])
@pytest.mark.parametrize("shape", [(60, 45), (45, 60), (50, 50)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_every_route_certifies_what_it_found(kernel, shape, dtype):
    a = sparse(shape, 2, dtype)
    true = np.linalg.svd(a.toarray(), compute_uv=False)[:5][::-1]
    with fsci.policy(overrides={"sparse_svd": kernel}):
        (_, s, _), certificate = fsci.certify(svds)(a, 5)
    assert certificate.verdict == "certified"
    assert np.abs(s - true).max() <= certificate.forward_error * true.max() + 1e-14 * true.max()


def test_small_values_keep_their_digits():
    # The Gram matrix has condition 1e20: half of the digits of its small eigenvalues are gone.
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.standard_normal((30, 30)))
    true = np.logspace(0, -10, 30)
    a = sp.csr_array((q * true) @ np.linalg.qr(rng.standard_normal((30, 30)))[0])
    (_, s, _), certificate = fsci.certify(svds)(a, 3, which="SM")
    assert np.abs(s - true[::-1][:3]).max() < 1e-14
    if certificate.verdict == "certified":
        assert np.abs(s - true[::-1][:3]).max() <= certificate.forward_error * s.max()


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 40), st.integers(5, 40), st.integers(0, 1000), st.sampled_from(["LM", "SM"]), st.booleans())
def test_no_certificate_is_wrong(m, n, seed, which, turned):
    a = sparse((m, n), seed, "complex128" if turned else "float64")
    if turned:
        a.data *= np.exp(2j * np.pi * np.random.default_rng(seed).random(a.nnz))
    k = min(3, min(m, n) - 1)
    true = np.linalg.svd(a.toarray(), compute_uv=False)
    wanted = np.sort(true[:k] if which == "LM" else true[-k:])
    (_, s, _), certificate = fsci.certify(svds)(a, k, which=which)
    if certificate.verdict == "certified":
        assert np.abs(np.sort(s) - wanted).max() <= certificate.forward_error * wanted.max() + 1e-14 * true[0]


@pytest.mark.parametrize("vectors", [True, False, "u", "vh"])
def test_one_side_alone_is_certified_by_both(vectors):
    with fsci.policy(overrides={"sparse_svd": "scipy"}):
        _, certificate = fsci.certify(svds)(sparse((40, 25)), 3, return_singular_vectors=vectors)
    assert certificate.verdict == "certified"


def test_a_multiple_singular_value_is_not_missed_silently():
    block = sparse((20, 15), 4)
    a = sp.block_diag([block, block], format="csr")
    start = np.r_[np.ones(15), np.zeros(15)]
    true = np.repeat(np.linalg.svd(block.toarray(), compute_uv=False), 2)[:4][::-1]
    with fsci.policy(overrides={"sparse_svd": "gram_lanczos"}):
        (_, s, _), certificate = fsci.certify(svds)(a, 4, v0=start)
    assert certificate.verdict == "uncertified" or np.abs(s - true).max() <= certificate.forward_error * s.max()


@pytest.mark.parametrize(
    "options", [{"k": 0}, {"k": 99}, {"which": "LA"}, {"solver": "none"}, {"v0": np.ones(3)}, {"ncv": 1}, {"tol": -1}]
)
def test_the_same_arguments_are_refused(options):
    with pytest.raises((ValueError, TypeError)) as theirs:
        sl.svds(sparse((20, 15)), **options)
    with pytest.raises(type(theirs.value)) as mine:
        svds(sparse((20, 15)), **options)
    assert str(mine.value)[:30] == str(theirs.value)[:30]


def test_other_solvers_are_scipys():
    a = sparse((40, 30))
    for solver in ("propack", "lobpcg"):
        s = svds(a, 2, solver=solver, return_singular_vectors=False, rng=0, maxiter=500)
        assert s[-1] == pytest.approx(np.linalg.norm(a.toarray(), 2), rel=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("options", [{}, {"which": "LR"}, {"sigma": 0.4}, {"return_eigenvectors": False}])
def test_eigs_is_scipys(dtype, options):
    a = sp.csr_array((sparse((50, 50), dtype=dtype) + sp.diags_array(np.linspace(0, 9, 50))).astype(dtype))
    options = {"k": 3, "v0": np.ones(50, dtype), **options}
    mine, theirs = eigs(a, **options), sl.eigs(a, **options)
    if options.get("return_eigenvectors") is False:
        mine, theirs = (mine,), (theirs,)
    rtol = 1e-3 if dtype in ("float32", "complex64") else 1e-9
    np.testing.assert_allclose(mine[0], theirs[0], rtol=rtol)
    assert mine[0].dtype == theirs[0].dtype


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 50), st.integers(0, 1000), st.sampled_from(["LM", "LR", "SR"]))
def test_eigenvalues_are_certified_only_if_they_are_the_wanted_ones(n, seed, which):
    a = sparse((n, n), seed) + sp.diags_array(np.linspace(0.0, 2.0, n))
    try:
        (w, _), certificate = fsci.certify(eigs)(sp.csr_array(a), 3, which=which, v0=np.ones(n))
    except sl.ArpackError:
        return
    if certificate.verdict == "certified":
        every = np.linalg.eigvals(a.toarray())
        key = {"LM": np.abs, "LR": np.real, "SR": lambda x: -x.real}[which]
        wanted = every[np.argsort(-key(every), kind="stable")][:3]
        error = np.abs(np.sort(key(w)) - np.sort(key(wanted))).max()
        assert error <= certificate.forward_error * np.abs(w).max() + 1e-12 * np.abs(every).max()


def test_a_defective_eigenvalue_is_not_certified():
    a = sp.csr_array(np.diag(np.ones(39), 1) + 2.0 * np.eye(40))
    try:
        _, certificate = fsci.certify(eigs)(a, 3, v0=np.random.default_rng(0).standard_normal(40))
    except sl.ArpackError:
        return
    assert certificate.verdict == "uncertified"


def test_starts_of_the_wrong_length_are_refused():
    with pytest.raises(ValueError, match="v0 has shape"):
        eigs(sparse((20, 20)), 3, v0=np.ones(3))


def test_lobpcg_is_scipys_and_leaves_its_block_alone():
    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(80, 80)).tocsr()
    x = np.random.default_rng(0).standard_normal((80, 3))
    kept = x.copy()
    theirs = sl.lobpcg(line, x.copy(), largest=True, tol=1e-7, maxiter=200)
    (w, v), certificate = fsci.certify(lobpcg)(line, x, largest=True, tol=1e-7, maxiter=200)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_allclose(w, theirs[0], rtol=1e-9)
    assert v.shape == theirs[1].shape
    true = 4.0 * np.sin(np.arange(80, 77, -1) * np.pi / 162) ** 2
    if np.isfinite(certificate.forward_error):
        assert np.abs(np.sort(w) - np.sort(true)).max() <= certificate.forward_error * true.max()
