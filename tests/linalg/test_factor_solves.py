"""Solves and condition estimates with factors: the same answers as LAPACK's slower drivers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import fsci
from fsci.kernels.cholesky_solve import cholesky_solver
from fsci.kernels.condition import rcond_estimate
from fsci.kernels.general import factored_lu


def _definite(n: int, dtype: str, rng: np.random.Generator) -> np.ndarray:
    g = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if dtype in "FD" else 0.0)
    return (g @ g.conj().T + n * np.eye(n)).astype(dtype)


@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("shape", [(7,), (7, 1), (7, 3)])
def test_cholesky_solves(dtype: str, lower: bool, order: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(7)
    a = _definite(7, dtype, rng)
    b = rng.standard_normal(shape).astype(dtype)
    half = np.array(scipy.linalg.cholesky(a, lower=lower), order=order)  # type: ignore[call-overload]
    kept = b.copy()
    x = cholesky_solver(half, lower)(b)
    y = fsci.linalg.cho_solve((half, lower), b)
    np.testing.assert_array_equal(b, kept)
    assert x.shape == y.shape == shape
    assert x.dtype == y.dtype == dtype
    bound = 100 * np.finfo(dtype).eps * np.linalg.cond(a) * np.abs(x).max()
    truth = np.linalg.solve(a.astype(complex), b.astype(complex))
    assert np.abs(x - truth).max() <= bound
    assert np.abs(y - truth).max() <= bound


def test_cholesky_solve_reads_one_triangle() -> None:
    rng = np.random.default_rng(8)
    a = _definite(9, "d", rng)
    b = rng.standard_normal(9)
    for lower in (True, False):
        c, _ = scipy.linalg.cho_factor(a, lower=lower)
        other = np.triu(np.ones((9, 9)), 1) if lower else np.tril(np.ones((9, 9)), -1)
        spoiled = c + 1e3 * other
        np.testing.assert_allclose(cholesky_solver(spoiled, lower)(b), np.linalg.solve(a, b), rtol=1e-12)
        np.testing.assert_allclose(fsci.linalg.cho_solve((spoiled, lower), b), np.linalg.solve(a, b), rtol=1e-12)


@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize("order", "CF")
def test_condition_of_large_factors(dtype: str, order: str) -> None:
    rng = np.random.default_rng(9)
    n = 530  # beyond LAPACK's own estimator
    a = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if dtype in "FD" else 0.0)
    a[:, 5] *= 1e-3
    a = np.array(a, dtype=dtype, order=order)  # type: ignore[call-overload]
    found = factored_lu(a, False)
    assert found is not None
    wide = a.astype(complex)
    truth = 1.0 / (np.abs(wide).sum(0).max() * np.abs(np.linalg.inv(wide)).sum(0).max())
    assert 0.9 * truth <= found.rcond <= 3.0 * truth  # from above: the norm of the inverse is estimated from below


@pytest.mark.parametrize("answer", [1.0, np.inf, np.nan, 0.0])
def test_where_a_warning_may_hang_on_it_the_estimate_is_lapacks(answer: float) -> None:
    def solve(rhs: np.ndarray, adjoint: bool = False) -> np.ndarray:
        return 1e14 * answer * rhs

    assert rcond_estimate(solve, 600, 1.0, 2.0**-52, lambda: 0.125) == 0.125
    assert rcond_estimate(lambda rhs, adjoint=False: 2.0 * rhs, 600, 1.0, 2.0**-52, lambda: 0.125) == 0.5
