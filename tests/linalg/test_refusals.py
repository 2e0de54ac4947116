"""Malformed input: the same exception, in the same words, as SciPy's; and nothing of the operands is changed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.linalg as sl

import fsci

SQUARE = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 2.0]])
B = np.array([1.0, 2.0, 3.0])
NAN = SQUARE * np.array([1.0, np.nan, 1.0])
INF = SQUARE * np.array([1.0, np.inf, 1.0])
SINGULAR = np.ones((3, 3))
LU, CHO = sl.lu_factor(SQUARE), sl.cho_factor(SQUARE)
BAND = np.array([[0.0, 1.0, 1.0], [4.0, 4.0, 4.0], [1.0, 1.0, 0.0]])

# Function -> calls: positional and keyword arguments.
CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "solve": [
        ((SQUARE[:2], B), {}),
        ((SQUARE, B[:2]), {}),
        ((NAN, B), {}),
        ((SQUARE, B * np.nan), {}),
        ((SINGULAR, B), {}),
        ((SQUARE, B), {"assume_a": "nonsense"}),
        ((SQUARE * 1j, B), {"transposed": True}),
        ((5.0, B), {}),
        ((SQUARE, np.ones((2, 2, 3, 1))), {"assume_a": "pos", "lower": True}),
        ((np.ones((2, 3, 3)), np.ones((3, 3, 1))), {}),
        ((-SQUARE, B), {"assume_a": "pos"}),
        ((SQUARE.astype(str), B), {}),
        ((np.ma.masked_array(SQUARE, SQUARE < 1), B), {}),
    ],
    "inv": [((SQUARE[:2],), {}), ((NAN,), {}), ((SINGULAR * 0,), {}), ((B,), {}), ((SQUARE,), {"assume_a": "no"})],
    "det": [((SQUARE[:2],), {}), ((NAN,), {}), ((B,), {}), ((SQUARE.astype(object),), {}), ((np.float64(3),), {})],
    "lstsq": [
        ((SQUARE, B[:2]), {}),
        ((NAN, B), {}),
        ((SQUARE, B), {"lapack_driver": "gexyz"}),
        ((B, B), {}),
    ],
    "pinv": [((NAN,), {}), ((B,), {}), ((SQUARE,), {"atol": -1.0}), ((SQUARE,), {"rtol": -1.0})],
    "solve_triangular": [
        ((SQUARE[:2], B), {}),
        ((SQUARE, B[:2]), {}),
        ((NAN, B), {}),
        ((np.triu(SQUARE) - np.diag([4.0, 0, 0]), B), {}),
        ((SQUARE, B), {"trans": "X"}),
    ],
    "solve_banded": [(((1, 1), BAND[:2], B), {}), (((1, 1), BAND, B[:2]), {}), (((1, 1), BAND * np.nan, B), {})],
    "solveh_banded": [
        ((BAND[:2], B[:2]), {}),
        ((-BAND[:2], B), {}),
        ((BAND[:2] * np.nan, B), {}),
    ],
    "solve_toeplitz": [((B, B[:2]), {}), ((B * np.nan, B), {}), ((np.zeros(3), B), {}), (((B, B[:2]), B), {})],
    "lu_factor": [((NAN,), {}), ((B,), {}), ((SINGULAR * 0,), {}), ((SQUARE.astype(str),), {})],
    "lu_solve": [((LU, B[:2]), {}), ((LU, B * np.nan), {}), ((LU, B), {"trans": 7})],
    "cho_factor": [((SQUARE[:2],), {}), ((NAN,), {}), ((-SQUARE,), {}), ((B,), {})],
    "cho_solve": [((CHO, B[:2]), {}), ((CHO, B * np.inf), {}), (((SQUARE[:2], True), B), {})],
    "cholesky": [((SQUARE[:2],), {}), ((NAN,), {}), ((-SQUARE,), {}), ((B,), {}), ((SQUARE * 0,), {"lower": True})],
    "qr": [((NAN,), {}), ((B,), {}), ((SQUARE,), {"mode": "nonsense"})],
    "eigh": [
        ((SQUARE[:2],), {}),
        ((NAN,), {}),
        ((B,), {}),
        ((SQUARE,), {"driver": "nonsense"}),
        ((SQUARE,), {"subset_by_index": [2, 1]}),
        ((SQUARE,), {"subset_by_index": [0, 7]}),
        ((SQUARE,), {"subset_by_value": [2.0, 1.0]}),
        ((SQUARE, -SQUARE), {}),
        ((SQUARE, SQUARE[:2]), {}),
        ((SQUARE,), {"type": 9}),
    ],
    "eigvalsh": [((SQUARE[:2],), {}), ((INF,), {}), ((SQUARE,), {"driver": 3})],
    "eig": [((SQUARE[:2],), {}), ((NAN,), {}), ((B,), {}), ((SQUARE, SQUARE[:2]), {})],
    "eigvals": [((SQUARE[:2],), {}), ((INF,), {}), ((SQUARE, NAN), {})],
    "svd": [((NAN,), {}), ((B,), {}), ((SQUARE,), {"lapack_driver": "gexyz"}), ((SQUARE,), {"lapack_driver": 3})],
    "svdvals": [((NAN,), {}), ((B,), {}), (([["a"]],), {})],
    "expm": [((SQUARE[:2],), {}), ((B,), {}), ((SQUARE.astype(str),), {})],
}


def outcome(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """Type and words of the exception, or the answer's shape, dtype and finiteness."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = function(*args, **options)
        except Exception as error:  # noqa: BLE001 (whatever SciPy raises is the reference)
            return type(error), str(error)
    parts = value if isinstance(value, tuple) else (value,)
    seen = tuple((np.shape(p), np.asarray(p).dtype, bool(np.isfinite(np.asarray(p, complex)).all())) for p in parts)
    return type(value), seen, sorted({w.category.__name__ for w in caught})


@pytest.mark.parametrize("name", sorted(fsci.linalg.__fsci_own__))
def test_every_function_refuses_as_scipy_does(name):
    calls = CALLS[name]
    for args, options in calls:
        before = [np.array(a, copy=True) for a in args if isinstance(a, np.ndarray)]
        ours = outcome(getattr(fsci.linalg, name), args, options)
        assert ours == outcome(getattr(sl, name), args, options), (args, options)
        for was, now in zip(before, (a for a in args if isinstance(a, np.ndarray)), strict=True):
            np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("name", sorted(fsci.linalg.__fsci_own__))
def test_refused_input_is_refused_in_hardened_mode_too(name):
    for args, options in CALLS[name]:
        expected = outcome(getattr(sl, name), args, options)
        if isinstance(expected[0], type) and issubclass(expected[0], Exception):
            with fsci.policy(mode="hardened"):
                found = outcome(getattr(fsci.linalg, name), args, options)
            assert isinstance(found[0], type)
            assert issubclass(found[0], expected[0]), (args, options, found)
