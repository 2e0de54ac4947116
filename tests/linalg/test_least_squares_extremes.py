"""Least squares of matrices that are zero, or so small that their reciprocals overflow."""

import numpy as np
import pytest
import scipy.linalg

import fsci


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("subnormals", [0, 1])
@pytest.mark.parametrize("shape", [(3, 2), (2, 2), (1, 1)])
def test_zero_and_subnormal_matrices_get_scipys_answer(shape, subnormals, dtype):
    a = np.full(shape, subnormals * np.finfo(dtype).smallest_subnormal, dtype=dtype)
    b = np.zeros(shape[0], dtype)
    ours, theirs = fsci.linalg.lstsq(a, b), scipy.linalg.lstsq(a, b)
    np.testing.assert_array_equal(ours[0], theirs[0])
    assert ours[2] == theirs[2]
