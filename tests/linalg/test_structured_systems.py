"""Triangular and banded systems of medium order that nobody declared."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import fsci
from fsci.kernels.corners import looks_structured
from fsci.kernels.linalg.host.fused_structured import bandwidths

SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "upper": np.triu,
    "lower": np.tril,
    "unit corner": lambda a: np.triu(a) + np.eye(a.shape[0])[:, :1] * (np.arange(a.shape[0]) == 1),
    "diagonal": lambda a: np.diag(np.diag(a)),
    "tridiagonal": lambda a: np.triu(np.tril(a, 1), -1),
    "band": lambda a: np.triu(np.tril(a, 9), -4),
    "wide band": lambda a: np.triu(np.tril(a, 40), -40),
    "bidiagonal": lambda a: np.triu(np.tril(a, 0), -1),
    "blocks": lambda a: np.kron(np.eye(2), np.ones((a.shape[0] // 2,) * 2)) * a,
    "Hessenberg": lambda a: np.triu(a, -1),
}


def _operand(shape: str, n: int, dtype: str, order: str, rng: np.random.Generator) -> np.ndarray:
    a = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if dtype in "FD" else 0.0)
    return np.array(SHAPES[shape](a + n * np.eye(n)), dtype=dtype, order=order)  # type: ignore[call-overload]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize("order", "CF")
def test_answers_are_scipys(shape: str, dtype: str, order: str) -> None:
    rng = np.random.default_rng(3)
    for n in (70, 230):
        a = _operand(shape, n, dtype, order, rng)
        kept = a.copy()
        for sides in ((n,), (n, 1), (n, 3)):
            b = rng.standard_normal(sides).astype(dtype)
            reference = scipy.linalg.solve(a.astype(complex), b.astype(complex))
            bound = 50 * np.sqrt(n) * np.finfo(dtype).eps * np.abs(reference).max()
            for _ in range(2):  # the second call meets the plan of the first
                x = fsci.linalg.solve(a, b)
                assert x.dtype == dtype
                assert x.shape == sides
                assert np.abs(x - reference).max() <= bound
        np.testing.assert_array_equal(a, kept)


@pytest.mark.parametrize("shape", ["upper", "lower", "diagonal", "tridiagonal", "band"])
@pytest.mark.parametrize("n", [80, 300])
def test_singular_and_ill_conditioned_as_scipy_says(shape: str, n: int) -> None:
    rng = np.random.default_rng(5)
    b = rng.standard_normal(n)
    fsci.linalg.solve(_operand(shape, n, "d", "C", rng), b)  # a benign one, so that there is a plan
    singular = _operand(shape, n, "d", "C", rng)
    singular[:, n // 2] = 0.0
    with pytest.raises(scipy.linalg.LinAlgError, match="singular"):
        fsci.linalg.solve(singular, b)
    poor = _operand(shape, n, "d", "C", rng)
    poor[:, n // 2] *= 1e-17
    with pytest.warns(scipy.linalg.LinAlgWarning):
        scipy.linalg.solve(poor, b)
    with pytest.warns(scipy.linalg.LinAlgWarning, match="ill-conditioned"):
        fsci.linalg.solve(poor, b)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    rng = np.random.default_rng(6)
    for shape in ("upper", "tridiagonal"):
        good = _operand(shape, 90, "d", "C", rng)
        b = rng.standard_normal(90)
        fsci.linalg.solve(good, b)
        bad = good.copy()
        bad[7, 8] = value
        with pytest.raises(ValueError, match="infs or NaNs"):
            fsci.linalg.solve(bad, b)
        b[3] = value
        with pytest.raises(ValueError, match="infs or NaNs"):
            fsci.linalg.solve(good, b)


@settings(max_examples=60, deadline=None)
@given(st.integers(9, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**31), st.floats(0.0, 0.9))
def test_bandwidths(n: int, below: int, above: int, seed: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    a = np.triu(np.tril(rng.standard_normal((n, n)), above), -below) * (rng.random((n, n)) >= holes)
    rows, columns = np.nonzero(a)
    expected = int(max((rows - columns).max(initial=0), 0)), int(max((columns - rows).max(initial=0), 0))
    found = bandwidths(a)
    if min(expected) > 0 and 4 * sum(expected) > n:
        assert found == (-1, -1)
    else:
        assert found == expected


def test_the_look_is_for_half_empty_rows() -> None:
    rng = np.random.default_rng(7)
    full = rng.standard_normal((80, 80))
    assert not looks_structured(full)
    one_zero = full.copy()
    one_zero[0, -1] = one_zero[-1, 0] = 0.0
    assert not looks_structured(one_zero)
    for shape in SHAPES:
        assert looks_structured(_operand(shape, 200, "d", "C", rng)), shape


def test_a_trace_has_the_certificate_of_the_structured_kernel() -> None:
    rng = np.random.default_rng(8)
    a, b = _operand("upper", 100, "d", "C", rng), rng.standard_normal(100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = fsci.linalg.solve(a, b)
        y, certificate = fsci.certify(fsci.linalg.solve)(a, b)
    assert certificate.verdict == "certified"
    assert np.abs(x - y).max() <= 1e-13 * np.abs(x).max()
