"""Extra-precise refinement reaches working precision, with a bound that is hardly larger than the error."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg as sl

pytest.importorskip("flint")

from tests.linalg.test_certificates import certified, randsvd, true_error


@pytest.mark.parametrize("cond", [1e2, 1e8, 1e13])
@pytest.mark.parametrize("complex_", [False, True])
def test_full_accuracy_and_a_tight_bound(rng, cond, complex_):
    a = randsvd(rng, 20, cond, complex_)
    b = rng.standard_normal(20).astype(a.dtype)
    attempt, certificate = certified("lu_extra_precise", a, b, "full")
    error = true_error(a, b, attempt.value)
    assert certificate.verdict == "certified"
    assert error <= certificate.forward_error <= 10 * error


def test_hilbert_11_to_14_digits(rng):
    a, b = sl.hilbert(11), rng.standard_normal(11)
    attempt, certificate = certified("lu_extra_precise", a, b, "full")
    assert certificate.verdict == "certified"
    assert true_error(a, b, attempt.value) < 1e-14


def test_badly_scaled_is_certified(rng):
    a = rng.standard_normal((15, 15)) * 10.0 ** rng.uniform(-100, 100, 15)[:, None]
    _, certificate = certified("lu_equilibrated", a, a @ np.ones(15), "full")
    assert certificate.verdict == "certified"
