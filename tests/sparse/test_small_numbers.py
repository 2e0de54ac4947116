"""Systems near the end of the range of numbers: bounds that hold, and bounds while digits are left."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest
import scipy.sparse as sp

import fsci

N = 20


def exact(a, b):
    def fraction(v):
        return flint.fmpq(*float(v).as_integer_ratio())

    matrix = flint.fmpq_mat(N, N, [fraction(v) for v in a.toarray().ravel()])
    found = matrix.solve(flint.fmpq_mat(N, 1, [fraction(v) for v in b]))
    return [Fraction(int(v.p), int(v.q)) for v in found.entries()]


@pytest.mark.filterwarnings("ignore::fsci.sparse.linalg.errors.UncertifiedWarning")
@pytest.mark.parametrize("of_a", [-1000, -500, 0])
@pytest.mark.parametrize("of_b", [-1065, -1050, -1040, -1020, -1000, -950])
@pytest.mark.parametrize("accuracy", ["standard", "full"])
def test_right_hand_sides_of_small_numbers(of_a, of_b, accuracy):
    rng = np.random.default_rng(of_b % 97)
    dense = rng.standard_normal((N, N)) * (rng.random((N, N)) < 0.3) + 4.0 * np.eye(N)
    a, b = sp.csc_array(np.ldexp(dense, of_a)), np.ldexp(dense @ rng.standard_normal(N), of_b)
    with np.errstate(all="ignore"), fsci.policy(accuracy=accuracy):
        diagnosis = fsci.explain(fsci.sparse.linalg.spsolve, a, b)
    truth = exact(a, b)
    largest = max(abs(t) for t in truth)
    error = (
        max(abs(Fraction(float(mine)) - t) for mine, t in zip(diagnosis.attempt.value, truth, strict=True)) / largest
    )
    bound = diagnosis.certificate.forward_error
    assert float(error) <= bound
    # Digits are left, and vouched for, as long as the solution, and the least right-hand side, keep theirs.
    if of_b >= -1000 and of_b - of_a >= -950:
        assert diagnosis.certificate.verdict == "certified"
        assert bound < 1e-14
