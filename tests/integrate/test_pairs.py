"""Explicit pairs that SciPy does not have: order conditions, and steps like those of SciPy's driver on the class."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import numba
import numpy as np
import pytest
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate.pairs import OWN, PAIRS
from fsci.kernels.integrate.tableaus import tableau

# What roundings of the published coefficients leave, and of Verner's large weights inside a step.
ROUNDING, INSIDE = 2e-14, 2e-12
DENSE_ORDER = {"Tsit5": 4, "Vern7": 6}


@cache
def trees(nodes):
    """Rooted trees as tuples of subtrees."""

    def forests(left: int, most: int) -> Iterator[tuple]:
        if left == 0:
            yield ()
        for first in range(min(left, most), 0, -1):
            for tree in trees(first):
                for rest in forests(left - first, first):
                    yield (tree, *rest)

    return sorted({tuple(sorted(forest)) for forest in forests(nodes - 1, nodes - 1)})


def density(tree):
    def size(t):
        return 1 + sum(map(size, t))

    return size(tree) * np.prod([density(t) for t in tree], dtype=object)


def sums(tree, stages):
    found = np.full(len(stages), Fraction(1), dtype=object)
    for part in tree:
        found = found * (stages @ sums(part, stages))
    return found


@cache
def exact(name):
    """Stages, weights, error weights and dense output as the compiled loop has them, in fractions."""
    pair = tableau(name)
    count = pair.starts.size - 1
    stages = np.full((count, count), Fraction(0), dtype=object)
    for s in range(count):
        for m in range(pair.starts[s], pair.starts[s + 1]):
            stages[s, pair.sources[m]] = Fraction(pair.coefficients[m])
    fractions = np.vectorize(Fraction, otypes=[object])
    errors = np.append(fractions(pair.errors[0]), [Fraction(0)] * (count - pair.errors.shape[1]))
    return stages, stages[pair.stages], errors, fractions(pair.dense), fractions(pair.nodes)


def residual(name, order, theta=None, embedded=False):
    stages, weights, errors, dense, _ = exact(name)
    if embedded:
        weights = weights - errors
    if theta is not None:
        weights = dense @ [theta**k for k in range(1, dense.shape[1] + 1)]
    size = 1 if theta is None else theta**order
    found = [(weights @ sums(t, stages)[: len(weights)]) - size / Fraction(int(density(t))) for t in trees(order)]
    return max(abs(float(f)) for f in found)


@pytest.mark.parametrize("name", OWN)
def test_order_conditions(name):
    solver = OWN[name]
    assert [len(trees(n)) for n in range(1, 8)] == [1, 1, 2, 4, 9, 20, 48]
    for order in range(1, solver.order + 1):
        assert residual(name, order) < ROUNDING
        if order <= solver.error_estimator_order:
            assert residual(name, order, embedded=True) < ROUNDING
    assert residual(name, solver.error_estimator_order + 1, embedded=True) > 1e-4  # else it would estimate nothing
    assert residual(name, solver.order + 1) > 1e-6


@pytest.mark.parametrize("name", OWN)
def test_order_conditions_of_the_dense_output(name):
    for order in range(1, DENSE_ORDER[name] + 1):
        for theta in (Fraction(1, 4), Fraction(5, 8), Fraction(1)):
            assert residual(name, order, theta) < INSIDE


@pytest.mark.parametrize("name", OWN)
def test_nodes_are_row_sums(name):
    stages, _, _, _, nodes = exact(name)
    assert max(abs(float(n)) for n in stages.sum(axis=1) - nodes) < ROUNDING


@pytest.mark.parametrize("name", PAIRS)
def test_border_lies_within_the_region_of_stability(name):
    """On the negative real axis, and not far inside it."""
    solver = PAIRS[name].solver
    a, b, stages = solver.A, solver.B, solver.n_stages
    square = np.zeros((stages, stages))
    square[:, : a.shape[1]] = a[:stages, :stages]

    def growth(z):
        return abs(1.0 + z * b @ np.linalg.solve(np.eye(stages) - z * square, np.ones(stages)))

    assert growth(-PAIRS[name].border) < 1.0
    assert growth(-1.1 * PAIRS[name].border) > 1.0


@numba.njit
def driven(t, y):
    return np.array([y[1] * np.cos(t), -y[0] + 0.3 * np.sin(2.0 * t) * y[1]])


@pytest.fixture(scope="module")
def solution():
    return si.solve_ivp(driven, (0.0, 5.0), [1.0, 0.5], "DOP853", rtol=1e-13, atol=1e-13, dense_output=True).sol


@pytest.mark.parametrize("name", OWN)
def test_compiled_loop_makes_the_steps_of_the_class(name):
    options = {"rtol": 1e-8, "atol": 1e-9}
    with fsci.trace() as log:
        ours = fi.solve_ivp(driven, (0.0, 5.0), [1.0, 0.5], name, **options)
    theirs = si.solve_ivp(driven, (0.0, 5.0), [1.0, 0.5], OWN[name], **options)
    plain = fi.solve_ivp(driven.py_func, (0.0, 5.0), [1.0, 0.5], name, **options)
    assert log[-1].route == name.lower()
    assert ours.nfev == theirs.nfev == plain.nfev
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-5)  # the estimate of a small step is rounding
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(plain.t, theirs.t)


@pytest.mark.parametrize("name", OWN)
def test_order_by_the_tolerance(name, solution):
    solver = OWN[name]
    results = [fi.solve_ivp(driven, (0.0, 5.0), [1.0, 0.5], name, rtol=r, atol=r) for r in (1e-6, 1e-11)]
    for result, rtol in zip(results, (1e-6, 1e-11), strict=True):
        assert np.abs(result.y[:, -1] - solution(5.0)).max() < 50.0 * rtol
    # Steps grow by the tolerance to the power of one over the order; a lower order would need many more.
    assert results[1].t.size / results[0].t.size < 1.3 * 1e5 ** (1.0 / solver.order)


@pytest.mark.parametrize("name", OWN)
def test_dense_output_times_and_events(name, solution):
    times = np.linspace(0.0, 5.0, 77)

    def crosses(t, y):
        return y[1]

    options = {"rtol": 1e-9, "atol": 1e-10}
    for fun in (driven, driven.py_func):
        result = fi.solve_ivp(fun, (0.0, 5.0), [1.0, 0.5], name, dense_output=True, events=crosses, **options)
        asked = fi.solve_ivp(fun, (0.0, 5.0), [1.0, 0.5], name, t_eval=times, **options)
        assert np.abs(result.sol(times) - solution(times)).max() < 1e-7
        assert np.abs(asked.y - solution(times)).max() < 1e-7
        assert np.abs(solution(result.t_events[0])[1]).max() < 1e-7
        assert len(result.t_events[0]) == np.count_nonzero(np.diff(np.sign(solution(np.linspace(0, 5, 999))[1])))


@pytest.mark.parametrize("name", OWN)
def test_backward_complex_and_vectorized(name):
    back = fi.solve_ivp(driven, (5.0, 0.0), [1.0, 0.5], name, rtol=1e-8, atol=1e-8)
    there = fi.solve_ivp(driven, (0.0, 5.0), back.y[:, -1], name, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(there.y[:, -1], [1.0, 0.5], atol=1e-5)
    turning = fi.solve_ivp(lambda t, y: 1j * y, (0.0, 2.0), [1.0 + 0j], name, rtol=1e-9, atol=1e-10)
    assert turning.y[0, -1] == pytest.approx(np.exp(2j), abs=1e-7)
    falling = fi.solve_ivp(lambda t, y: -y, (0.0, 2.0), [1.0], name, vectorized=True, rtol=1e-9, atol=1e-10)
    assert falling.y[0, -1] == pytest.approx(np.exp(-2.0), abs=1e-7)


@pytest.mark.parametrize("name", OWN)
def test_stiff_problem_is_named_so(name):
    @numba.njit
    def fast(t, y):
        return -1e5 * (y - np.cos(t))

    with fsci.trace() as log:
        fi.solve_ivp(fast, (0.0, 0.1), [0.0], name)
    facts = log[-1].attempts[-1].facts
    assert facts["stiff"].value
    assert facts["spectral_radius"].value == pytest.approx(1e5, rel=0.01)
