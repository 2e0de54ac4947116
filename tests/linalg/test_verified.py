"""Verified enclosures: rigorous, tight, and silent where nothing can be proved."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg as sl

pytest.importorskip("flint")

from tests.linalg.test_certificates import certified, randsvd, true_error


@pytest.mark.parametrize("cond", [1e2, 1e10, 1e14])
def test_encloses_up_to_high_condition(rng, cond):
    a, b = randsvd(rng, 20, cond), rng.standard_normal(20)
    attempt, certificate = certified("verified", a, b, "verified")
    assert certificate.rigor == "rigorous"
    assert certificate.verdict == "certified"
    assert true_error(a, b, attempt.value) <= certificate.forward_error


def test_singular_to_working_precision_is_not_certified():
    found = certified("verified", sl.hilbert(18), np.ones(18), "verified")
    assert found is None or found[1].verdict == "uncertified"
