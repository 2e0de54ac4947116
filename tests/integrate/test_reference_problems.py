"""Problems with known end values: every method reaches what its tolerance promises, and more with a smaller one."""

from __future__ import annotations

import json

import mpmath
import numpy as np
import pytest

import fsci.integrate as fi

from benchmarks.ivp_problems import PROBLEMS, brusselator_1d, brusselator_2d, digits  # isort: skip

pytestmark = pytest.mark.slow

EXPLICIT = ("RK23", "RK45", "DOP853")
IMPLICIT = ("Radau", "BDF", "auto")
NONSTIFF = ("PLEI", "Lorenz", "Lotka-Volterra")
STIFF = ("HIRES", "ROBER", "OREGO", "VDPOL", "E5", "POLLU")
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10)

# Digits that may be lost between the tolerance of one step and the error at the end, by problem: Lorenz multiplies an
# early error by about exp(0.9 * 20); close encounters of the Pleiades by 1e4; VDPOL's and OREGO's jumps by 1e2.
LOST = {
    "PLEI": 4.0, "Lorenz": 7.0, "Lotka-Volterra": 3.2,
    "HIRES": 2.0, "ROBER": 2.0, "OREGO": 3.2, "VDPOL": 2.0, "E5": 1.5, "POLLU": 1.5,
}  # fmt: skip


def reached(name, method, rtol, form="fun"):
    problem = PROBLEMS[name]
    found = fi.solve_ivp(
        getattr(problem, form), problem.span, problem.y0, method, args=problem.args or None, **problem.tolerances(rtol)
    )
    assert found.status == 0, found.message
    return digits(found.y[:, -1], problem)


def least(name, rtol):
    problem = PROBLEMS[name]
    return min(-np.log10(rtol), problem.known_digits) - LOST[name]


@pytest.mark.parametrize("name", NONSTIFF)
@pytest.mark.parametrize("method", EXPLICIT)
def test_digits_of_explicit_methods(name, method):
    tolerances = TOLERANCES[:3] if method == "RK23" else TOLERANCES
    found = [reached(name, method, rtol) for rtol in tolerances]
    for rtol, got in zip(tolerances, found, strict=True):
        assert got >= least(name, rtol), (rtol, found)
    assert found[-1] > found[0] + 0.5 * (len(found) - 1), found


@pytest.mark.parametrize("name", STIFF)
@pytest.mark.parametrize("method", IMPLICIT)
def test_digits_of_implicit_methods(name, method):
    tolerances = TOLERANCES[1:] if name == "E5" else TOLERANCES  # at 1e-4 nobody sees values of 1e-23
    found = [reached(name, method, rtol) for rtol in tolerances]
    for rtol, got in zip(tolerances, found, strict=True):
        assert got >= least(name, rtol), (rtol, found)
    if name != "E5":  # three digits are all that there is
        assert found[-1] > found[0] + 2.0, found


@pytest.mark.parametrize("name", NONSTIFF)
def test_auto_on_problems_that_are_not_stiff(name):
    assert reached(name, "auto", 1e-8) >= least(name, 1e-8)


@pytest.mark.parametrize("name", [*NONSTIFF, *STIFF])
def test_both_forms_are_one_function(name):
    problem = PROBLEMS[name]
    y = problem.y0 + 0.01 * np.abs(problem.y0).max()
    out = np.empty_like(y)
    problem.into(0.3, y, out, *problem.args)
    np.testing.assert_array_equal(problem.fun(0.3, y, *problem.args), out)


@pytest.mark.parametrize("name", [name for name, problem in PROBLEMS.items() if problem.jac is not None])
def test_jacobians(name):
    problem = PROBLEMS[name]
    y = problem.y0 + 0.01 * np.abs(problem.y0).max()
    step = 1e-6 * np.abs(y).max()
    columns = [
        (problem.fun(0.0, y + step * e, *problem.args) - problem.fun(0.0, y - step * e, *problem.args)) / (2.0 * step)
        for e in np.eye(y.size)
    ]
    given = problem.jac(0.0, y, *problem.args)
    np.testing.assert_allclose(given, np.array(columns).T, rtol=1e-6, atol=1e-8 * np.abs(given).max())


@pytest.mark.parametrize("problem", [brusselator_1d(20), brusselator_2d(5)], ids=lambda p: p.name)
def test_patterns_hold_every_dependence_and_no_other(problem):
    y = problem.y0 + np.linspace(0.5, 1.0, problem.y0.size)
    base = problem.fun(0.0, y, *problem.args)
    seen = np.array([problem.fun(0.0, y + 1e-3 * e, *problem.args) != base for e in np.eye(y.size)]).T
    np.testing.assert_array_equal(problem.sparsity().toarray() != 0.0, seen)


def test_published_values(data_folder):
    file = data_folder / "ode" / "reference.json"
    if not file.is_file():
        pytest.skip("the collection has no initial value problems")
    for name, entry in json.loads(file.read_text()).items():
        problem = PROBLEMS[name]
        np.testing.assert_allclose(problem.span, entry["tspan"])
        np.testing.assert_array_equal(problem.y0, entry["y0"])
        wanted = np.array(entry["yref"])
        if name == "E5":
            wanted[[0, 3]] = np.nan
            wanted[1:3] = entry["y2_recomputed"][0]
        np.testing.assert_allclose(problem.reference, wanted, rtol=1e-8 if name == "E5" else 1e-15)


def taylor(terms, y0, end, steps, order):
    """The solution at `end` by Taylor series; ``terms(y, order)`` gives those of each component."""
    y, h = [mpmath.mpf(float(v)) for v in y0], mpmath.mpf(end) / steps
    for _ in range(steps):
        powers = [h**k for k in range(order + 1)]
        y = [mpmath.fdot(series, powers) for series in terms(y, order)]
    return np.array([float(v) for v in y])


def product(a, b, k):
    return mpmath.fsum(a[i] * b[k - i] for i in range(k + 1))


def lorenz_terms(y, order):
    sigma, rho, beta = (mpmath.mpf(v) for v in PROBLEMS["Lorenz"].args)
    x, y, z = ([v] for v in y)
    for k in range(order):
        dx, dy = sigma * (y[k] - x[k]), rho * x[k] - product(x, z, k) - y[k]
        dz = product(x, y, k) - beta * z[k]
        for series, slope in ((x, dx), (y, dy), (z, dz)):
            series.append(slope / (k + 1))
    return x, y, z


def lotka_volterra_terms(y, order):
    a, b, c, d = (mpmath.mpf(v) for v in PROBLEMS["Lotka-Volterra"].args)
    u, v = ([value] for value in y)
    for k in range(order):
        both = product(u, v, k)
        u.append((a * u[k] - b * both) / (k + 1))
        v.append((d * both - c * v[k]) / (k + 1))
    return u, v


@pytest.mark.parametrize(
    ("name", "terms", "steps", "order"),
    [("Lorenz", lorenz_terms, 900, 30), ("Lotka-Volterra", lotka_volterra_terms, 400, 30)],
)
def test_values_computed_anew(name, terms, steps, order):
    problem = PROBLEMS[name]
    with mpmath.workdps(40):
        found = taylor(terms, problem.y0, problem.span[1], steps, order)
    np.testing.assert_allclose(found, problem.reference, rtol=1e-15)
