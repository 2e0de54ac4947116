"""Trusses: several unknowns to a node, found by their translations, and aggregated node by node."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp

import fsci
from fsci.kernels.sparse.multigrid import build
from fsci.kernels.sparse.node_blocks import unknowns_of

pytestmark = pytest.mark.slow

FORCED = {"overrides": {"sparse_linear_system": "multigrid_refined"}}


def truss(*shape, held=1e-9):
    """Bars of stiffness one between neighbours on a grid, along the edges and both diagonals; one side is held."""
    d, places = len(shape), np.indices(shape).reshape(len(shape), -1).T
    number = {tuple(p): k for k, p in enumerate(places)}
    rows, columns, values = [], [], []
    for step in product((-1, 0, 1), repeat=d):
        if not any(step):
            continue
        unit = np.array(step) / np.linalg.norm(step)
        block = np.outer(unit, unit)
        for p in places:
            one, other = number[tuple(p)], number.get(tuple(p + step))
            if other is None:
                continue
            for i, j in product(range(d), repeat=2):
                rows += [d * one + i] * 2
                columns += [d * one + j, d * other + j]
                values += [block[i, j], -block[i, j]]
    n = d * len(places)
    a = sp.coo_array((values, (rows, columns)), shape=(n, n)).tocsc()
    wall = np.repeat(places[:, 0] == 0, d)
    a = a + sp.diags_array(np.where(wall, 10.0, held))
    a = a.tocsc()
    a.sum_duplicates()
    return sp.csc_array((a + a.T) / 2)


def arrays(a):
    return a.indptr, a.indices, a.data


def test_unknowns_are_found_by_translations():
    assert unknowns_of(*arrays(truss(12, 12, held=0.0))) == 2
    assert unknowns_of(*arrays(truss(6, 6, 6, held=0.0))) == 3
    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(12, 12))
    mesh = sp.csc_array(sp.kron(line, sp.eye_array(12)) + sp.kron(sp.eye_array(12), line))
    assert unknowns_of(*arrays(mesh)) == 1
    assert unknowns_of(*arrays(sp.csc_array(truss(12, 12) - 0.1 * sp.eye_array(288)))) == 1
    assert unknowns_of(*arrays(sp.csc_array(sp.eye_array(12)))) == 1


@pytest.mark.parametrize("shape", [(30, 30), (9, 9, 9)])
def test_levels_hold_whole_nodes(shape):
    a, d = truss(*shape), len(shape)
    cycle = build(*arrays(a), a.diagonal(), d)
    assert all(size % d == 0 for size in cycle.sizes)
    assert cycle.complexity < 2.0
    # Symmetric and definite, as conjugate gradients need it.
    z, w = np.empty(a.shape[0]), np.empty(a.shape[0])
    rng = np.random.default_rng(0)
    for _ in range(3):
        r, s = rng.standard_normal((2, a.shape[0]))
        assert cycle(r, z) > 0.0
        cycle(s, w)
        assert abs(s @ z - r @ w) <= 1e-4 * np.linalg.norm(s) * np.linalg.norm(z)


@pytest.mark.parametrize("shape", [(40, 30), (9, 8, 10)])
@pytest.mark.parametrize("columns", [0, 2])
def test_the_answer_is_that_of_factors(shape, columns):
    a = truss(*shape)
    b = np.random.default_rng(1).standard_normal((a.shape[0], columns) if columns else a.shape[0])
    with fsci.policy(**FORCED):
        diagnosis = fsci.explain(fsci.sparse.linalg.spsolve, a, b)
    assert diagnosis.route == "multigrid_refined"
    assert diagnosis.certificate.backward_error <= 1e-15
    expected = np.linalg.solve(a.toarray(), b)
    np.testing.assert_allclose(diagnosis.value, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("held", [1e-9, 1e-3])
def test_the_bound_holds_where_the_right_side_is_the_worst(aligned, held):
    a = truss(14, 14, held=held)
    values, vectors = np.linalg.eigh(a.toarray())
    truth = vectors[:, 0] if aligned else np.random.default_rng(2).standard_normal(a.shape[0])
    b = values[0] * truth if aligned else a @ truth
    with fsci.policy(mode="hardened", **FORCED):
        diagnosis = fsci.explain(fsci.sparse.linalg.spsolve, a, b)
    exact = np.linalg.solve(a.toarray().astype(np.longdouble).astype(float), b)
    for _ in range(3):  # refined, the residual in extended precision
        residual = b - a.toarray().astype(np.longdouble) @ exact.astype(np.longdouble)
        exact = exact + np.linalg.solve(a.toarray(), residual.astype(float))
    for attempt, certificate in zip(diagnosis.attempts, diagnosis.certificates, strict=True):
        if attempt.value is not None:
            error = np.abs(np.ravel(attempt.value) - exact).max() / np.abs(exact).max()
            assert error <= certificate.forward_error + 1e-15
    assert diagnosis.certificate.verdict == "certified"


@pytest.mark.parametrize(("method", "kernel"), [("cg", "cg_multigrid"), ("minres", "krylov_multigrid")])
def test_iterations_take_few_steps(method, kernel):
    a = sp.csr_array(truss(40, 40))
    b = np.random.default_rng(3).standard_normal(a.shape[0])
    with fsci.policy(overrides={"iterative_solve": kernel}):
        diagnosis = fsci.explain(getattr(fsci.sparse.linalg, method), a, b, rtol=1e-8, M="auto")
    attempt = diagnosis.attempts[0]
    assert (attempt.kernel, attempt.status) == (kernel, "ok")
    assert attempt.byproducts["iterations"] <= 60
    if method == "cg":
        assert np.linalg.norm(b - a @ attempt.value) <= 1e-8 * np.linalg.norm(b)
