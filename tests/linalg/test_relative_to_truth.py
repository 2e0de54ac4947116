"""A bound is relative to the true answer, not to the computed one: seen where the bound is near one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg

import fsci
from fsci.core.types import relative_to_truth
from fsci.selector import truth


def test_of_a_number_and_of_many():
    assert relative_to_truth(0.0) == 0.0
    assert relative_to_truth(0.5) >= 1.0
    assert relative_to_truth(0.5) == pytest.approx(1.0, rel=1e-14)
    assert relative_to_truth(1.0) == relative_to_truth(math.nan) == relative_to_truth(math.inf) == math.inf
    many = np.array([[0.0, 0.25, 0.9], [1.0, np.inf, np.nan]])
    found = relative_to_truth(many)
    np.testing.assert_allclose(found, [[0.0, 1 / 3, 9.0], [np.inf, np.inf, np.inf]], rtol=1e-14)
    assert relative_to_truth(np.empty((0, 3))).shape == (0, 3)


def _toeplitz(rng: np.random.Generator, n: int):
    n = int(rng.integers(8, 20))
    c = np.exp(-((np.arange(n) / rng.uniform(3.0, 6.0)) ** 2))
    return fsci.linalg.solve_toeplitz, (c,), scipy.linalg.toeplitz(c)


def _general(rng: np.random.Generator, n: int):
    u, v = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    a = ((u * np.logspace(0, -rng.uniform(4, 7), n)) @ v).astype(np.float32)
    return fsci.linalg.solve, (a,), a


def _factored(rng: np.random.Generator, n: int):
    _, _, a = _general(rng, n)
    return fsci.linalg.lu_solve, (fsci.linalg.lu_factor(a),), a


def _tall(rng: np.random.Generator, n: int):
    u, v = np.linalg.qr(rng.standard_normal((2 * n, n)))[0], np.linalg.qr(rng.standard_normal((n, n)))[0]
    a = ((u * np.logspace(0, -rng.uniform(3, 6), n)) @ v).astype(np.float32)
    return (lambda *given: fsci.linalg.lstsq(*given)[0]), (a,), a


@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")
@pytest.mark.parametrize("family", [_toeplitz, _general, _factored, _tall])
def test_bounds_near_one_hold(family):
    """At conditions where few digits are left, against solutions known exactly."""
    wide = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(6, 16))
        solve, operands, a = family(rng, n)
        b = rng.standard_normal(a.shape[0]).astype(a.dtype)
        log: list[fsci.Diagnosis]
        with fsci.trace() as log:
            x = solve(*operands, b)
        (found,) = [d.certificate for d in log if d.function.split(".")[-1] != "lu_factor"]
        bound = float(found.forward_error)
        if isinstance(operands[0], tuple) and family is _factored:
            # The system is the one that the factors stand for.
            lu, pivots = (np.asarray(part) for part in operands[0])
            lower = np.tril(lu.astype(np.float64), -1) + np.eye(n)
            matrix = lower @ np.triu(lu.astype(np.float64))
            for i in range(n - 1, -1, -1):
                matrix[[i, pivots[i]]] = matrix[[pivots[i], i]]
            a = matrix
        exact = truth.solution if a.shape[0] == a.shape[1] else truth.least_squares
        known = exact(a.astype(np.float64), b.astype(np.float64))
        if known is None:
            continue
        error = truth.relative_error(x, known)
        assert error <= bound * (1 + 1e-6) + 1e-9, (seed, error, bound)
        wide += 0.02 < bound < math.inf
    assert wide >= 3, "no bound came near one: the test shows nothing"


def test_root_near_zero():
    for root in (1e-3, -3e-12, 2.0**-40):
        found, certificate = fsci.certify(fsci.optimize.brentq)(lambda x, r=root: x - r, -1.0, 0.7)
        assert abs(found - root) / abs(root) <= certificate.forward_error
