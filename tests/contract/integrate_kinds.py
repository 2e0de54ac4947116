"""Contract cases of the integrate domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import scipy.integrate

from tests.contract.cases import Case, Rng, Variant

__all__ = ["CASES"]


@numba.njit
def _lotka(t, y, a):
    return np.array([a * y[0] - y[0] * y[1], y[0] * y[1] - 3.0 * y[1]])


def _diffusion(t, y):
    padded = np.concatenate([[0.0], y, [0.0]])
    return 400.0 * (padded[:-2] - 2.0 * y + padded[2:]) - y**2


def _initial_values(rng: Rng, dtype: str) -> Iterator[Variant]:
    y0 = rng.uniform(0.5, 2.0, 2)
    for method in ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"):
        options = {"method": method, "args": (1.5,), "rtol": 1e-6}
        yield method, (_lotka, (0.0, 4.0), y0), options
        yield f"{method}-dense", (_lotka, (0.0, 4.0), y0), {**options, "dense_output": True}
        yield f"{method}-plain", (_lotka.py_func, (4.0, 0.0), y0), {**options, "t_eval": np.linspace(3.0, 1.0, 5)}
    for method in ("Radau", "BDF"):
        yield f"{method}-structured", (_diffusion, (0.0, 0.1), rng.uniform(0.5, 1.0, 120)), {"method": method}


def same_solution(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """Counts to the last one; values to what the rounding of an error estimate makes of the steps."""
    assert (ours.status, ours.nfev, ours.njev, ours.nlu) == (theirs.status, theirs.nfev, theirs.njev, theirs.nlu)
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-4, atol=1e-5)


def _members(rng: Rng, dtype: str) -> Iterator[Variant]:
    y0, a = rng.uniform(0.5, 2.0, (11, 2)), rng.uniform(1.0, 2.0, 11)
    for method in ("RK23", "RK45", "DOP853"):
        options = {"method": method, "args": (a,), "rtol": 1e-6}
        yield method, (_lotka, (0.0, 4.0), y0), options
        yield f"{method}-times", (_lotka.py_func, (4.0, 0.0), y0), {**options, "t_eval": np.linspace(3.0, 1.0, 5)}


def _one_by_one(fun: Any, t_span: Any, y0: Any, *, args: Any, **options: Any) -> list[Any]:
    return [
        scipy.integrate.solve_ivp(fun, t_span, y, args=tuple(a[i] for a in args), **options) for i, y in enumerate(y0)
    ]


class _Members(Case):
    def theirs(self) -> Any:
        """SciPy has none: its solver, member by member."""
        return _one_by_one


def same_members(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """Counts to the last one."""
    assert [int(n) for n in ours.nfev] == [found.nfev for found in theirs]
    for y, found in zip(ours.y, theirs, strict=True):
        np.testing.assert_allclose(y, found.y if y.ndim == 2 else found.y[:, -1], rtol=1e-8)


CASES: dict[str, list[Case]] = {
    "initial_value_problem": [Case("integrate.solve_ivp", _initial_values, same_solution, ("float64",))],
    "initial_value_ensemble": [_Members("integrate.solve_ivp_ensemble", _members, same_members, ("float64",))],
}
