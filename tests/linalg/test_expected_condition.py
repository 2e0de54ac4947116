"""The condition that sampled blocks let one expect: a guide to the first route, judged against the known one."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fsci
from fsci.kernels.expected_condition import expected_rcond

pytestmark = pytest.mark.slow

N = 3200


def haar(rng: np.random.Generator, n: int = N) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


@pytest.fixture(scope="module")
def factors() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return haar(rng), haar(rng)


@pytest.mark.slow
@pytest.mark.parametrize(("decades", "hopeless"), [(2, False), (5, False), (12, True), (15, True)])
def test_geometric_spectra_are_told_apart(factors, decades, hopeless):
    """Where single precision is hopeless and where it is not; it is no estimate of the condition itself."""
    u, v = factors
    expected = expected_rcond((u * np.logspace(0, -decades, N)) @ v)
    assert expected is not None
    assert (expected < 2.0**-24 * math.sqrt(N)) == hopeless


@pytest.mark.slow
def test_benign_matrices_do_not_look_ill_conditioned(factors):
    u, _ = factors
    rng = np.random.default_rng(1)
    low_rank = u[:, :50] @ u[:, :50].T * 1e3
    for a in (
        rng.standard_normal((N, N)),
        rng.uniform(size=(N, N)),
        (u * np.logspace(0, -3, N)) @ u.T,
        low_rank + np.eye(N),
    ):
        expected = expected_rcond(a)
        assert expected is not None
        assert expected > 1e-5


def test_blocks_too_small_to_tell_say_nothing():
    assert expected_rcond(np.eye(1000)) is None


@pytest.mark.slow
def test_singular_blocks_say_ill_conditioned_or_nothing():
    rng = np.random.default_rng(2)
    zero = np.zeros((N, N))
    assert expected_rcond(zero) is None
    saddle = rng.standard_normal((N, N))
    saddle[N // 4 :, N // 4 :] = 0.0
    assert expected_rcond(saddle) in (None, pytest.approx(0.0, abs=1e-12))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")
def test_the_cheap_route_is_not_tried_where_it_would_fail(factors):
    u, v = factors
    a = (u * np.logspace(0, -12, N)) @ v
    found = fsci.explain(fsci.linalg.solve, a, np.ones(N))
    assert "expected" in dict(found.decisions[0].refusals)["lu_float32"]
    assert [attempt.kernel for attempt in found.attempts] == ["lu"]
