"""No certified answer of an iteration is further off than its bound: every route, right sides of every alignment."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import fsci
from fsci.selector.balls import by_balls

ours = fsci.sparse.linalg
pytest.importorskip("flint")

KERNELS = {
    "cg": ("cg", "cg_diagonal", "cg_multigrid", "krylov_incomplete", "complete_factors"),
    "minres": ("minres", "krylov_diagonal", "krylov_incomplete", "krylov_multigrid", "complete_factors"),
    "gmres": (
        "gmres",
        "krylov_diagonal",
        "krylov_incomplete",
        "krylov_threshold",
        "krylov_multigrid",
        "complete_factors",
    ),
    "bicgstab": ("bicgstab", "krylov_diagonal", "krylov_incomplete", "krylov_multigrid", "complete_factors"),
}
ROUTES = [(method, kernel) for method, kernels in KERNELS.items() for kernel in kernels]


def mesh(n, shift=0.0):
    line, eye = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)), sp.eye_array(n)
    return sp.kron(line, eye) + sp.kron(eye, line) + shift * sp.eye_array(n * n)


def matrices(symmetric, rng):
    """Of every kind that a certificate tells apart; orders up to 49."""
    yield "mesh", mesh(7)
    nearly = mesh(6)
    nearly = nearly - sp.diags_array(nearly.sum(axis=1))
    yield "nearly singular", nearly + 1e-9 * sp.eye_array(36)
    yield "indefinite", mesh(6, shift=-1.3)
    scale = sp.diags_array(np.geomspace(1, 1e5, 36))
    yield "badly scaled", scale @ mesh(6) @ scale
    g = sp.random_array((30, 30), density=0.2, rng=rng)
    yield "definite, no H-matrix", g @ g.T + 0.01 * sp.eye_array(30)
    if not symmetric:
        skewed = mesh(7) + sp.diags_array([0.8, -0.8], offsets=[1, -1], shape=(49, 49))
        yield "convection", skewed
        h = sp.random_array((30, 30), density=0.15, rng=rng)
        yield "random", h + sp.eye_array(30)
        yield "dominant", h + sp.diags_array(1.001 * abs(h).sum(axis=1) + 0.01)
        lower = sp.tril(sp.random_array((30, 30), density=0.3, rng=rng), -1)
        yield "hidden growth", sp.eye_array(30) - 2.0 * lower


def right_sides(a, rng):
    left, values, right = np.linalg.svd(a.toarray())
    yield "random", rng.standard_normal(a.shape[0])
    yield "along the smallest", left[:, -1]
    yield "a solution along the smallest", a @ (right[0] + values[0] / max(values[-1], 1e-300) * right[-1])
    yield "a solution along the largest", a @ right[0]


@pytest.mark.parametrize(("method", "kernel"), ROUTES)
def test_bounds_hold(method, kernel):
    rng = np.random.default_rng(len(kernel))
    reached = finite = 0
    symmetric = method in ("cg", "minres")
    for label, a in matrices(symmetric, rng):
        a = sp.csr_array(a)
        for side, b in right_sides(a, rng):
            found = by_balls(a.toarray(), b[:, None])
            assert found is not None
            exact = found[0][:, 0]
            rtol = 10.0 ** -rng.integers(1, 16)
            with (
                fsci.policy(overrides={"iterative_solve": kernel}),
                warnings.catch_warnings(),
                np.errstate(all="ignore"),
            ):
                warnings.simplefilter("ignore", RuntimeWarning)
                diagnosis = fsci.explain(getattr(ours, method), a, b, rtol=rtol, M="auto", maxiter=60)
            for attempt, certificate in zip(diagnosis.attempts, diagnosis.certificates, strict=True):
                if attempt.value is None:
                    continue
                reached += attempt.kernel == kernel
                error = np.abs(attempt.value - exact).max() / np.abs(exact).max()
                place = f"{attempt.kernel} on {label}, {side}, rtol {rtol}: {certificate}"
                assert error <= certificate.forward_error, place
                finite += certificate.forward_error < 1.0
    assert reached >= 8
    assert finite >= 8


def test_a_small_residual_alone_certifies_nothing():
    # The residual of x is at rounding level, and x has no right digit: b lies along the largest singular vector.
    rng = np.random.default_rng(0)
    q = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    a = sp.csr_array((q * np.geomspace(1, 1e-13, 30)) @ q.T)
    a = sp.csr_array((a + a.T) / 2)
    b = a @ rng.standard_normal(30)
    for method in ("minres", "gmres", "lgmres"):
        certificate = fsci.explain(getattr(ours, method), a, b, rtol=1e-12).certificate
        assert certificate.verdict == "uncertified"
        assert certificate.forward_error == np.inf


def disordered(a, rng):
    """The same matrix with unsorted indices, each entry split in two, and a stored zero in every row."""
    coo = a.tocoo()
    n = a.shape[0]
    order = rng.permutation(2 * coo.nnz + n)
    rows = np.concatenate([coo.row, coo.row, np.arange(n)])[order]
    columns = np.concatenate([coo.col, coo.col, rng.integers(0, n, n)])[order]
    values = np.concatenate([0.25 * coo.data, 0.75 * coo.data, np.zeros(n)])[order]
    by_row = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    return sp.csr_array((values[by_row], columns[by_row], indptr), shape=a.shape)


@pytest.mark.parametrize(("method", "kernel"), ROUTES)
def test_entries_that_are_split_and_out_of_order_are_the_same_matrix(method, kernel):
    rng = np.random.default_rng(4)
    a = sp.csr_array(mesh(12, shift=0.1))
    b = rng.standard_normal(144)
    spoiled = disordered(a, rng)
    kept = spoiled.copy()
    with fsci.policy(overrides={"iterative_solve": kernel}):
        diagnosis = fsci.explain(getattr(ours, method), spoiled, b, rtol=1e-10, M="auto")
    assert diagnosis.attempts[0].kernel == kernel
    np.testing.assert_allclose(a @ diagnosis.attempt.value, b, atol=1e-7)
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(spoiled, name), getattr(kept, name))


@pytest.mark.parametrize("method", KERNELS)
def test_what_has_no_answer_ends_without_an_error(method):
    nan = sp.csr_array(np.array([[np.nan, 1.0], [1.0, 2.0]]))
    lost = [sp.csr_array((3, 3)), sp.csr_array(np.ones((4, 4))), sp.csr_array(np.diag([1.0, 0.0, 2.0])), nan]
    good = [np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1e300, 1e-300]), np.array([[2.0]])]
    for a in (*lost, *map(sp.csr_array, good)):
        n = a.shape[0]
        b = np.arange(1.0, n + 1)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            x, info = getattr(ours, method)(a, b, M="auto", maxiter=20)
            diagnosis = fsci.explain(getattr(ours, method), a, b, M="auto", maxiter=20)
        assert x.shape == (n,)
        residual = np.linalg.norm(b - a @ x)
        if info == 0 and method != "minres":  # which may end with least squares
            assert residual <= 1.1e-5 * np.linalg.norm(b)
        if any(a is one for one in lost):
            assert diagnosis.certificate.verdict != "certified"
