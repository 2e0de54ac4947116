"""`solve`: SciPy's behaviour in strict mode, checks in hardened mode, bounds that hold."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
from fsci.core import registry
from fsci.core.types import Evidence, Problem
from fsci.linalg.errors import LinAlgError, LinAlgWarning, UncertifiedWarning
from fsci.linalg.systems import solve

flint = pytest.importorskip("flint")
_scipy_solve = sl.solve
FUSED = ("fused_small", "fused_medium", "fused_lapack", "batched_small")


def exact(a, b):
    """Solution to hundreds of digits."""
    flint.ctx.prec = 2000
    matrix = flint.arb_mat([[flint.arb(float(v)) for v in row] for row in a])
    return matrix.solve(flint.arb_mat([[flint.arb(float(v))] for v in b]))


def true_error(x, truth):
    n = len(x)
    largest = max(abs(truth[i, 0]) for i in range(n))
    return float((max(abs(flint.arb(float(x[i])) - truth[i, 0]) for i in range(n)) / largest).mid())


def adversaries(n, rng):
    g = rng.standard_normal((n, n))
    u, _, v = np.linalg.svd(g)
    yield g
    yield g * 10.0 ** rng.uniform(-12, 12, (n, 1))
    yield g * 10.0 ** rng.uniform(-12, 12, (1, n))
    for digits in (6, 12, 15):
        yield u @ np.diag(10.0 ** np.linspace(0, -digits, n)) @ v
    yield sl.hilbert(n)
    yield np.vander(np.linspace(0.1, 1, n))
    yield g * 1e-140
    yield g * 1e140
    yield g * 10.0 ** rng.uniform(-140, 140, (n, n))
    yield np.ones((n, n)) + 1e-9 * g
    yield np.tril(-np.ones((n, n)), -1) + np.eye(n)
    yield np.triu(np.ones((n, n)))


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [2, 7, 16])
def test_fused_bounds_hold(name, dtype, n, rng):
    registry.load("linalg", "host")
    kernel = registry.kernels("linear_system", "host")[name]
    bounded = 0
    for matrix in adversaries(n, rng):
        with np.errstate(all="ignore"):
            a = matrix.astype(dtype)
        if not np.isfinite(a).all():
            continue
        for b in (rng.standard_normal(n), matrix @ np.ones(n), np.eye(n)[0]):
            with np.errstate(all="ignore"):
                b = b.astype(dtype)
            if not np.isfinite(b).all():
                continue
            operands = (a[None], b[None, :, None]) if name == "batched_small" else (a, b)
            problem = Problem("linear_system", operands, {}, "host", a.dtype, None, n)
            attempt = kernel.run(problem, Evidence())
            if attempt.value is None:
                continue
            bound = float(np.max(attempt.byproducts["certified"]["forward_error"]))
            if bound < 0.5:
                bounded += 1
                assert true_error(np.asarray(attempt.value).ravel(), exact(a, b)) <= bound * (1 + 1e-9)
    assert bounded >= 5


@pytest.mark.parametrize("n", [1, 3, 10, 40, 100, 220])
@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("order", ["C", "F", "strided", "readonly"])
def test_agrees_with_scipy(n, dtype, order, rng):
    a = rng.standard_normal((n, n)) + 4 * np.eye(n)
    a = (a + 1j * rng.standard_normal((n, n)) if dtype in "FD" else a).astype(dtype)
    if order == "strided":
        a = np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2]
    a = np.asfortranarray(a) if order == "F" else a
    a.flags.writeable = order != "readonly"
    tolerance = 1e-3 if dtype in "fF" else 1e-10
    for b in (rng.standard_normal(n).astype(dtype), rng.standard_normal((n, 3)).astype(dtype)):
        kept = a.copy(), b.copy()
        for _ in range(2):  # the second call goes through the plan
            x = solve(a, b)
            expected = _scipy_solve(a, b)
            assert x.shape == expected.shape
            assert x.dtype == expected.dtype
            np.testing.assert_allclose(x, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())
        assert np.array_equal(a, kept[0])
        assert np.array_equal(b, kept[1])


@pytest.mark.parametrize(
    ("a", "b", "options"),
    [
        (np.ones((3, 3)), np.ones(3), {}),
        (np.zeros((1, 1)), np.ones(1), {}),
        (np.ones((2, 2)), np.ones(2), {"assume_a": "banded"}),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones(2), {"assume_a": "pos"}),
        (np.diag([1.0, 0.0]), np.ones(2), {}),
        (np.ones((2, 3)), np.ones(2), {}),
        (np.ones((2, 2)), np.ones(3), {}),
        (np.full((2, 2), np.nan), np.ones(2), {}),
        (np.ones((2, 2)), np.array([1.0, np.inf]), {}),
        (np.eye(2) * 1j, np.ones(2), {"transposed": True}),
        (np.eye(2), np.ones(2), {"assume_a": "nonsense"}),
    ],
)
def test_errors_are_scipys(a, b, options):
    with pytest.raises(Exception) as expected:  # noqa: PT011  (whatever SciPy raises)
        _scipy_solve(a, b, **options)
    with pytest.raises(type(expected.value)) as found:
        solve(a, b, **options)
    assert str(found.value) == str(expected.value)


def test_ill_conditioned_warns_as_scipy():
    with pytest.warns(LinAlgWarning, match="ill-conditioned"):
        solve(sl.hilbert(14), np.ones(14))
    with pytest.warns(LinAlgWarning, match=r"rcond = 1e\+17"):  # SciPy's words for a diagonal matrix
        solve(np.diag([1.0, 1e-17]), np.ones(2))


def test_badly_scaled_is_silent_when_hardened(rng):
    a = np.diag(10.0 ** np.linspace(0, -20, 12)) @ (rng.standard_normal((12, 12)) + 4 * np.eye(12))
    with fsci.policy(mode="hardened"), warnings.catch_warnings():
        warnings.simplefilter("error")
        x = solve(a, a @ np.ones(12))
    assert true_error(x, exact(a, a @ np.ones(12))) < 1e-8


def test_hardened_refuses_a_false_claim():
    a = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 7.0, 2.0]])
    with fsci.policy(mode="hardened"), pytest.raises(LinAlgError, match=r"assume_a='sym' is false: a\[2, 1\]"):
        solve(a, np.ones(3), assume_a="sym")
    np.testing.assert_allclose(solve(a, np.ones(3), assume_a="sym"), _scipy_solve(a, np.ones(3), assume_a="sym"))
    certificate = fsci.explain(solve, a, np.ones(3), assume_a="sym").certificate
    assert certificate.worst_verdict == "uncertified"


def test_hardened_singular_carries_the_diagnosis():
    with fsci.policy(mode="hardened"), pytest.raises(fsci.SingularMatrixError) as found:
        solve(np.ones((3, 3)), np.array([1.0, 2.0, 3.0]))
    assert found.value.diagnosis is not None


def test_hilbert_11_is_right_to_14_digits_when_hardened():
    a, b = sl.hilbert(11), np.ones(11)
    with fsci.policy(mode="hardened"), warnings.catch_warnings():
        warnings.simplefilter("error", UncertifiedWarning)
        x = solve(a, b)
    assert true_error(x, exact(a, b)) < 1e-14


@pytest.mark.parametrize(
    "assume_a",
    ["gen", "sym", "pos", "her", "banded", "tridiagonal", "upper triangular", "lower triangular", "diagonal"],
)
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("n", [5, 90])
def test_declared_structures(assume_a, lower, transposed, n, rng):
    g = rng.standard_normal((n, n)) / n
    a = g + g.T + 4 * np.eye(n)
    keep = {
        "tridiagonal": (-1, 1),
        "banded": (-2, 1),
        "upper triangular": (0, n),
        "lower triangular": (-n, 0),
        "diagonal": (0, 0),
    }
    if assume_a in keep:
        a = np.triu(np.tril(a, keep[assume_a][1]), keep[assume_a][0])
    b = rng.standard_normal((n, 2))
    options = {"assume_a": assume_a, "lower": lower, "transposed": transposed}
    np.testing.assert_allclose(solve(a, b, **options), _scipy_solve(a, b, **options), rtol=1e-9, atol=1e-12)


def test_the_climb_is_not_fooled_by_a_right_hand_side_of_ones():
    a = np.triu(np.ones((60, 60)))
    a[30, 30] = 1e-18
    with pytest.warns(LinAlgWarning, match="ill-conditioned"):
        solve(a, np.ones(60))


def test_overwrite_b_receives_the_solution(rng):
    a, b = rng.standard_normal((4, 4)) + 4 * np.eye(4), rng.standard_normal(4)
    expected = _scipy_solve(a, b)
    x = solve(a, b, overwrite_b=True)
    assert np.shares_memory(x, b)
    np.testing.assert_allclose(b, expected, rtol=1e-12)


def test_single_precision_route_falls_back(rng):
    u, _, v = np.linalg.svd(rng.standard_normal((200, 200)))
    a = u @ np.diag(10.0 ** np.linspace(0, -11, 200)) @ v
    b = a @ np.ones(200)
    x = solve(a, b)
    assert np.abs(b - a @ x).max() <= 1e-13 * np.abs(x).max()
