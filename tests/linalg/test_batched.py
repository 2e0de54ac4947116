"""Stacks of systems: SciPy's shapes and errors, a certificate for each slice."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
from fsci.linalg.errors import LinAlgError, LinAlgWarning
from fsci.linalg.systems import solve
from fsci.selector import truth

_scipy_solve = sl.solve


@pytest.mark.parametrize(
    ("shape_a", "shape_b"),
    [
        ((7, 4, 4), (7, 4, 1)),
        ((100, 3, 3), (3,)),
        ((2, 5, 4, 4), (5, 4, 2)),
        ((4, 4), (6, 4, 2)),
        ((1, 4, 4), (9, 4, 1)),
        ((3, 20, 20), (3, 20, 2)),
        ((2, 40, 40), (40, 1)),
    ],
)
@pytest.mark.parametrize("dtype", ["f", "d", "D"])
def test_agrees_with_scipy(shape_a, shape_b, dtype, rng):
    a = (rng.standard_normal(shape_a) + 4 * np.eye(shape_a[-1])).astype(dtype)
    b = rng.standard_normal(shape_b).astype(dtype)
    tolerance = 1e-3 if dtype == "f" else 1e-10
    for _ in range(2):
        x, expected = solve(a, b), _scipy_solve(a, b)
        assert x.shape == expected.shape
        assert x.dtype == expected.dtype
        np.testing.assert_allclose(x, expected, rtol=tolerance, atol=tolerance)


def test_each_slice_has_a_certificate(rng):
    a = rng.standard_normal((101, 4, 4))
    x, certificate = fsci.certify(solve)(a, rng.standard_normal((101, 4, 1)))
    assert np.shape(certificate.forward_error) == np.shape(certificate.verdict) == (101,)
    assert x.shape == (101, 4, 1)


@pytest.mark.parametrize("dtype", ["d", "f", "D", "F"])
@pytest.mark.parametrize(("n", "columns", "count"), [(3, 1, 40), (20, 2, 9), (45, 1, 4), (70, 6, 3)])
def test_every_slice_keeps_its_bound(dtype, n, columns, count, rng):
    """Slices from benign to hopeless, each against its own exact solution."""
    a = rng.standard_normal((count, n, n)).astype(dtype)
    if dtype in "DF":
        a = a + 1j * rng.standard_normal(a.shape).astype(dtype.lower())
    worst = 5 if dtype in "fF" else 13
    for k in range(count):
        a[k] *= np.logspace(0, -worst * k / max(count - 1, 1), n)[rng.permutation(n)].astype(dtype.lower())
        a[k, -1] = a[k, 0] + a[k, -1] * a.dtype.type(10.0 ** (-worst * k / (2 * count)))
    b = rng.standard_normal((count, n, columns)).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)
        x, certificate = fsci.certify(solve)(a, b)
    assert np.shape(certificate.forward_error) == (count,)
    known = 0
    for k in range(count):
        exact = truth.solution(a[k].astype(a.dtype.char.replace("f", "d").replace("F", "D")), b[k])
        if exact is not None:
            known += 1
            assert truth.relative_error(x[k], exact) <= certificate.forward_error[k]
    assert known >= count - 1
    assert float(certificate.forward_error[0]) < (0.5 if dtype in "fF" else 1e-8)


def test_a_singular_slice_raises_and_an_ill_conditioned_one_warns(rng):
    a, b = rng.standard_normal((20, 3, 3)), np.ones((20, 3, 1))
    a[11] = sl.hilbert(3) * 0 + np.diag([1.0, 1e-18, 1.0])
    with pytest.warns(LinAlgWarning, match="ill-conditioned"):
        x = solve(a, b)
    assert x[11, 1, 0] == pytest.approx(1e18)
    np.testing.assert_allclose((a @ x)[12], b[12], atol=1e-9)
    a[3] = 1.0
    with pytest.raises(LinAlgError, match="singular"):
        solve(a, b)


def test_a_slice_with_nan_is_refused(rng):
    a = rng.standard_normal((20, 3, 3))
    a[7, 0, 0] = np.nan
    with pytest.raises(ValueError, match="infs or NaNs"):
        solve(a, np.ones((20, 3, 1)))


def test_hardened_repairs_single_slices(rng):
    a = rng.standard_normal((10, 9, 9)) + 4 * np.eye(9)
    a[4] = sl.hilbert(9)
    b = np.ones((10, 9, 1))
    with fsci.policy(mode="hardened"):
        x = solve(a, b)
        alone = solve(a[4], b[4])
    np.testing.assert_allclose(x[4], alone, rtol=1e-12)
