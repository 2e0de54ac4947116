"""Multigrid to the last digits, as a route of `spsolve`: what it serves, what it hands on, what it certifies."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import fsci
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.host import multigrid_refined

FORCED = {"overrides": {"sparse_linear_system": "multigrid_refined"}}


def mesh(*shape, weights=None):
    """The Laplacian of a box of points with zero values around it."""
    total = None
    for k, n in enumerate(shape):
        weight = 1.0 if weights is None else weights[k]
        line = weight * sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
        total = line if total is None else sp.kron(total, sp.eye_array(n)) + sp.kron(sp.eye_array(total.shape[0]), line)
    return sp.csc_array(total)


def solved(a, b, **policy):
    with fsci.policy(**FORCED, **policy):
        return fsci.explain(fsci.sparse.linalg.spsolve, a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 40), (12, 12, 12), (25, 90)])
@pytest.mark.parametrize("columns", [0, 3])
def test_the_answer_is_that_of_a_stable_method(shape, dtype, columns):
    a = mesh(*shape).astype(dtype)
    rng = np.random.default_rng(0)
    b = rng.standard_normal((a.shape[0], columns) if columns else a.shape[0]).astype(dtype)
    diagnosis = solved(a, b)
    assert diagnosis.route == "multigrid_refined"
    with fsci.policy(overrides={"sparse_linear_system": "cholesky_multifrontal"}):
        other = fsci.sparse.linalg.spsolve(a, b)
    x = diagnosis.value
    assert x.dtype == other.dtype
    assert x.shape == other.shape
    np.testing.assert_allclose(x, other, rtol=0, atol=1e-12 * np.abs(other).max() if dtype == "float64" else 1e-4)
    assert diagnosis.certificate.backward_error <= 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("aligned", [False, True])
def test_the_bound_holds_where_the_right_side_is_the_worst(aligned):
    a = mesh(35, 35)
    n = a.shape[0]
    line = np.sin(np.pi * np.arange(1, 36) / 36)
    truth = np.kron(line, line) if aligned else np.random.default_rng(1).standard_normal(n)
    b = a @ truth
    exact = np.linalg.solve(a.toarray().astype(np.longdouble).astype(float), b)
    diagnosis = solved(a, b, mode="hardened")
    assert diagnosis.certificate.verdict == "certified"
    assert diagnosis.route == "multigrid_refined"
    error = np.abs(diagnosis.value - exact).max() / np.abs(exact).max()
    # The dense answer is off by some units itself.
    assert error <= diagnosis.certificate.forward_error + 1e-13


def test_what_aggregation_does_not_suit_goes_on_to_factors():
    # Strong in one direction alone, by six orders: the coarse levels see nothing of the other.
    a = mesh(60, 60, weights=(1.0, 1e-6))
    diagnosis = solved(a, np.ones(3600))
    assert diagnosis.attempts[0].kernel == "multigrid_refined"
    if diagnosis.attempts[0].status != "ok":
        assert len(diagnosis.attempts) == 2
    assert diagnosis.certificate.backward_error < 1e-14


def test_it_refuses_with_a_reason():
    rng = np.random.default_rng(0)
    a = mesh(30, 30)
    cases = {
        "not diagonally dominant": a - 1.0 * sp.eye_array(900),
        "constant vector": abs(a),
        "not symmetric": a + sp.diags_array([0.1], offsets=[1], shape=a.shape),
        "real matrices": a.astype(complex),
    }
    for reason, matrix in cases.items():
        diagnosis = solved(sp.csc_array(matrix), rng.standard_normal(900).astype(matrix.dtype))
        refusals = dict(diagnosis.decisions[0].refusals)
        assert reason in refusals["multigrid_refined"], reason


def test_a_nearly_singular_mesh_is_never_silently_wrong():
    a = mesh(30, 30)
    a = sp.csc_array(a - sp.diags_array(a.sum(axis=1)) + 1e-13 * sp.eye_array(900))
    b = np.random.default_rng(0).standard_normal(900)
    diagnosis = solved(a, b)
    assert diagnosis.certificate.verdict == "uncertified"
    assert diagnosis.certificate.forward_error > 1e-6


def test_a_bound_that_is_asked_for_counts_its_solves():
    a = mesh(40, 40)
    problem = Problem("sparse_linear_system", (a, np.ones(1600)), {}, "host", a.dtype, None, 1600)
    alone = multigrid_refined.work(problem, Evidence())
    with fsci.policy(mode="hardened"):
        assert multigrid_refined.work(problem, Evidence()) > 20.0 * alone
