"""`lobpcg`: multigrid where the choice is open, and bounds by the squares of residuals that hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
from fsci.kernels.sparse.counting import counter_for, least_eigenvalue, pencil_counter
from fsci.kernels.sparse.ritz_bounds import enclosed, sharpened
from tests.sparse.test_eigen import exact, grid, random_symmetric
from tests.sparse.test_eigen_pencils import hermitian, mass

lobpcg = fsci.sparse.linalg.lobpcg


def block(n, k=4, seed=0):
    return np.random.default_rng(seed).standard_normal((n, k))


def test_hardened_mode_finds_the_lowest_values_of_a_mesh():
    # 20 iterations without a preconditioner leave errors of the size of the values.
    a = grid(40)
    with fsci.policy(mode="hardened"):
        (w, v), certificate = fsci.certify(lobpcg)(a, block(1600), largest=False)
    assert certificate.algorithm == "lobpcg_multigrid"
    assert certificate.verdict == "certified"
    true = exact(40)[:4]
    assert np.abs(np.sort(w) - true).max() <= certificate.forward_error * true.max()
    np.testing.assert_allclose(v.T @ v, np.eye(4), atol=1e-8)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_several_unknowns_to_a_node():
    a = sp.csr_array(sp.kron(grid(20), np.array([[2.0, 1.0], [1.0, 3.0]])))
    true = np.linalg.eigvalsh(a.toarray())[:3]
    with fsci.policy(mode="hardened"):
        (w, _), certificate = fsci.certify(lobpcg)(a, block(800, 3), largest=False, maxiter=100)
    if certificate.verdict == "certified":
        assert np.abs(np.sort(w) - true).max() <= certificate.forward_error * true.max() + 1e-13


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", [{"largest": True}, {"largest": False, "M": sp.eye_array(100).tocsr()}])
def test_what_the_caller_decided_stays(options):
    with fsci.policy(mode="hardened"), fsci.trace() as log:
        w, _ = lobpcg(grid(10), block(100), tol=1e-9, maxiter=300, **options)
    assert log[-1].attempt.kernel == "lobpcg"
    true = exact(10)[-4:] if options["largest"] else exact(10)[:4]
    np.testing.assert_allclose(np.sort(w), true, rtol=1e-10)


def test_strict_mode_iterates_as_scipy_does():
    a, x = grid(15), block(225)
    theirs = sl.lobpcg(a, x.copy(), largest=False, tol=1e-6, maxiter=100, retResidualNormsHistory=True)
    mine = lobpcg(a, x, largest=False, tol=1e-6, maxiter=100, retResidualNormsHistory=True)
    np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-9)
    assert abs(len(mine[2]) - len(theirs[2])) <= 2


def test_a_complex_block_is_certified():
    a = hermitian(grid(10))
    x = block(100) + 1j * block(100, seed=1)
    (w, _), certificate = fsci.certify(lobpcg)(a, x, tol=1e-8, maxiter=300)
    true = np.linalg.eigvalsh(a.toarray())[-4:]
    assert certificate.verdict == "certified"
    assert np.abs(np.sort(w) - true).max() <= certificate.forward_error * true.max() + 1e-14


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 500),
    st.floats(-9, -1),
    st.floats(-12, -2),
    st.sampled_from(["plain", "complex", "multiple", "pencil"]),
    st.sampled_from(["SA", "LA"]),
)
def test_squares_of_residuals_bound_the_errors(seed, off, shift, kind, which):
    rng, n, k = np.random.default_rng(seed), 20, 3
    a, m, least = random_symmetric(n, seed), None, 1.0
    if kind == "complex":
        a = hermitian(a, seed)
    if kind == "multiple":
        a = sp.csr_array(sp.block_diag([a[:10, :10], a[:10, :10]]))
    whole, root = a.toarray(), np.eye(n)
    if kind == "pencil":
        m = mass(n)
        least = least_eigenvalue(m)
        root = np.linalg.inv(np.linalg.cholesky(m.toarray()))
    every, vectors = np.linalg.eigh(root @ whole @ root.T)
    wanted = every[:k] if which == "SA" else every[-k:]
    y = (vectors[:, :k] if which == "SA" else vectors[:, -k:]) + 10.0**off * rng.standard_normal((n, k))
    y, _ = np.linalg.qr(y)
    w, turn = np.linalg.eigh(y.conj().T @ (root @ whole @ root.T) @ y)
    # Neither the values nor the vectors need be those of Rayleigh and Ritz.
    w = w + 10.0**shift * rng.standard_normal(k)
    v = root.T @ (y @ turn + 10.0**shift * rng.standard_normal((n, k)))
    found = enclosed(a, w, v, m, least)
    counter = counter_for(a) if m is None else pencil_counter(a, m, least)
    size = np.abs(every).max()
    for target in (1e-1, 1e-4, 1e-8):
        bound = sharpened(counter, found, w, which, target * size)
        assert np.abs(np.sort(w) - wanted).max() <= bound + 1e-13 * size
