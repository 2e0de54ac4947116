"""Iterations on matrices that they are not for: singular ones, unsymmetric for cg, indefinite preconditioners."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import fsci
from fsci.selector.balls import by_balls

ours = fsci.sparse.linalg
pytest.importorskip("flint")

METHODS = ("cg", "minres", "gmres", "bicgstab")
OTHERS = ("bicg", "cgs", "lgmres", "gcrotmk", "qmr", "tfqmr")


def explained(method, a, b, **options):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return fsci.explain(getattr(ours, method), a, b, **options)
        except ValueError as error:  # as SciPy's, where MINRES sees that a matrix or a preconditioner does not fit
            assert "symmetric" in str(error) or "indefinite" in str(error), error
            return None


def graph(n, rng):
    """Laplacian of a connected graph: integers, rows that sum to zero, and so exactly singular."""
    path = np.abs(np.diag(np.ones(n - 1), 1))
    edges = np.triu(rng.random((n, n)) < 0.15, 1) + path > 0
    weights = np.triu(edges * rng.integers(1, 9, (n, n)), 1).astype(float)
    weights += weights.T
    return np.diag(weights.sum(axis=1)) - weights


def singular(rng):
    """Exactly singular matrices, symmetric and not, with right-hand sides that have solutions: integers all."""
    for n in (7, 24):
        a = graph(n, rng)
        yield a, a @ rng.integers(-3, 4, n)
        g = rng.integers(-2, 3, (n, n - 2)).astype(float)
        yield g @ g.T, g @ (g.T @ rng.integers(-2, 3, n))
        skewed = a + np.triu(np.ones((n, n)), 1) - np.tril(np.ones((n, n)), -1)
        skewed[-1] = skewed[0]
        yield skewed, skewed @ rng.integers(-3, 4, n)
        deficient = np.diag(np.arange(n).astype(float))
        yield deficient, np.arange(n) * 2.0


@pytest.mark.parametrize("mode", ["strict", "hardened"])
@pytest.mark.parametrize("method", METHODS)
def test_a_consistent_singular_system_is_never_certified(method, mode):
    rng = np.random.default_rng(8)
    for a, b in singular(rng):
        for choice in (None, "auto"):
            with fsci.policy(mode=mode):
                diagnosis = explained(method, sp.csr_array(a), b, rtol=1e-12, M=choice)
            if diagnosis is None:
                continue
            for attempt, certificate in zip(diagnosis.attempts, diagnosis.certificates, strict=True):
                assert certificate.verdict != "certified", attempt.kernel
                assert certificate.forward_error == np.inf, (attempt.kernel, certificate)


@pytest.mark.parametrize("method", OTHERS)
def test_nor_by_scipys_iterations(method):
    rng = np.random.default_rng(9)
    for a, b in singular(rng):
        diagnosis = explained(method, sp.csr_array(a), b, rtol=1e-12)
        if diagnosis is not None:
            assert diagnosis.certificate.verdict != "certified"
            assert diagnosis.certificate.forward_error == np.inf


def misfits(rng):
    """Regular matrices that conjugate gradients or MINRES are not for."""
    n = 25
    line = np.diag(2.0 * np.ones(n)) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1)
    yield "skewed", line + 0.9 * (np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1))
    yield "one-sided", np.eye(n) - 2.0 * np.diag(np.ones(n - 1), -1)
    yield "indefinite", line - 0.7 * np.eye(n)
    yield "negative", -line
    yield "random", rng.standard_normal((n, n))
    swapped = line[rng.permutation(n)]
    yield "permuted", swapped
    yield "nearly singular", line - np.linalg.eigvalsh(line)[0] * (1 - 1e-12) * np.eye(n)
    q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    yield "ill-conditioned", (q * np.geomspace(1, 1e-11, n)) @ np.linalg.qr(rng.standard_normal((n, n)))[0]
    yield "dominant, unsymmetric", 4.0 * np.eye(n) + np.triu(rng.uniform(-0.1, 0.1, (n, n)), 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", [*METHODS, *OTHERS])
def test_bounds_hold_of_what_a_method_is_not_for(method, dtype):
    rng = np.random.default_rng(10)
    finite = 0
    for label, dense in misfits(rng):
        dense = dense.astype(dtype)
        left, values, right = np.linalg.svd(dense.astype(float))
        for b in (rng.standard_normal(len(dense)), left[:, -1], left[:, 0], dense @ right[-1] / values[-1]):
            b = b.astype(dtype)
            found = by_balls(dense, b[:, None])
            assert found is not None
            exact = found[0][:, 0]
            for options in ({}, {"M": "auto"}) if method in METHODS else ({},):
                diagnosis = explained(method, sp.csr_array(dense), b, rtol=1e-10, maxiter=60, **options)
                if diagnosis is None:
                    continue
                for attempt, certificate in zip(diagnosis.attempts, diagnosis.certificates, strict=True):
                    if attempt.value is None:
                        continue
                    error = np.abs(attempt.value - exact).max() / np.abs(exact).max()
                    assert not error > certificate.forward_error, f"{attempt.kernel} on {label}: {certificate}"
                    finite += certificate.forward_error < 1.0
    # MINRES in single precision is SciPy's, without a certificate.
    assert finite > 0 or (method, dtype) == ("minres", "float32")


@pytest.mark.parametrize("method", ["cg", "minres", "gmres", "bicgstab"])
def test_a_preconditioner_of_the_callers_that_is_indefinite_certifies_nothing_wrong(method):
    rng = np.random.default_rng(11)
    n = 25
    line = 2.5 * np.eye(n) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1)
    b = rng.standard_normal(n)
    exact = by_balls(line, b[:, None])[0][:, 0]
    for m in (np.diag(rng.choice([-1.0, 1.0], n)), -np.eye(n), np.zeros((n, n)), rng.standard_normal((n, n))):
        diagnosis = explained(method, sp.csr_array(line), b, rtol=1e-10, maxiter=40, M=sp.csr_array(m))
        if diagnosis is None:
            continue
        x = np.asarray(diagnosis.value[0])
        error = np.abs(x - exact).max() / np.abs(exact).max()
        if diagnosis.certificate is not None:
            assert not error > diagnosis.certificate.forward_error
            assert diagnosis.certificate.verdict != "certified" or error < 1e-6


def test_a_diagonal_of_entries_that_cancel_proves_nothing():
    # [[9, 12], [15, 20]] is singular; stored as 2^56 + 9 - 2^56, which is 16 in doubles, its diagonal dominates.
    large = 2.0**56
    data = np.array([large, 9.0, -large, 12.0, 15.0, 20.0])
    a = sp.csr_array((data, np.array([0, 0, 0, 1, 0, 1]), np.array([0, 4, 6])), shape=(2, 2))
    for method in METHODS:
        diagnosis = explained(method, a, np.array([12.0, 20.0]), x0=np.array([0.0, 1.0]), rtol=1e-10)
        assert diagnosis is not None
        assert diagnosis.certificate.forward_error == np.inf
