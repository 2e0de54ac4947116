"""asv: initial value problems, ensembles and integrals: time, peak memory, and tracked percentiles with their budgets.

A tracked percentile is a multiple of a peer's median in the same process; the budgets stand in ``budgets.toml``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.ivp_problems import PROBLEMS
from benchmarks.measure import interleaved
from benchmarks.workloads import budgets
from benchmarks.workloads_ivp import ensemble_contenders, fsci_call, scipy_call
from benchmarks.workloads_quadrature import FAMILY, INTEGRALS, family_calls, quad_calls

__all__ = ["Ensembles", "Memory", "Quadrature", "Solves", "Tails"]

Calls = dict[str, Callable[[], Any]]

# Name, problem, fsci's method, SciPy's, tolerance.
_SOLVES = {
    "solve_ivp Lorenz RK45": ("Lorenz", "RK45", "RK45", 1e-8),
    "solve_ivp Lorenz DOP853": ("Lorenz", "DOP853", "DOP853", 1e-8),
    "solve_ivp Pleiades DOP853": ("PLEI", "DOP853", "DOP853", 1e-8),
    "solve_ivp ROBER Radau": ("ROBER", "Radau", "Radau", 1e-8),
    "solve_ivp ROBER BDF": ("ROBER", "BDF", "BDF", 1e-8),
    "solve_ivp ROBER auto": ("ROBER", "auto", "LSODA", 1e-8),
    "solve_ivp HIRES auto": ("HIRES", "auto", "LSODA", 1e-6),
    "solve_ivp Brusselator n=5000 BDF": ("Brusselator 1-D n=5000", "BDF", "BDF", 1e-4),
}
_QUAD = {
    f"quad {integral.name}": integral for integral in INTEGRALS if integral.name in ("gaussian", "kahaner 3: sqrt")
}
_ENSEMBLE, _ARRAYS = "solve_ivp_ensemble 200 Lorenz", "solve_ivp_ensemble 200 Lorenz, array callback"


def _calls(name: str) -> Calls:
    """fsci's call and its peer's."""
    if name in _SOLVES:
        problem, ours, theirs, rtol = _SOLVES[name]
        posed = PROBLEMS[problem]
        # SciPy is given the structure that fsci finds; a dense Jacobian of order 5000 nobody waits for.
        given = {"jac_sparsity": posed.sparsity()} if posed.sparsity is not None else {}
        return {
            "fsci": partial(fsci_call(posed, ours), rtol),
            "scipy": partial(scipy_call(posed, theirs, **given), rtol),
        }
    if name in _QUAD:
        calls = quad_calls(_QUAD[name])
        return {"fsci": calls["fsci jitted"], "scipy": calls["scipy LowLevelCallable"]}
    if name in FAMILY:
        return family_calls(name)
    found = ensemble_contenders(200)
    mine = found["fsci array callback" if name == _ARRAYS else "fsci"]
    return {"fsci": mine, **({"diffrax": found["diffrax vmap"]} if "diffrax vmap" in found else {})}


class _Contested:
    """A workload by name, a contender by name; asv times the call."""

    param_names = ("workload", "contender")
    params: Any = ([], [])
    warmup_time, timeout = 0.1, 300.0

    def setup(self, name: str, contender: str) -> None:
        calls = _calls(name)
        if contender not in calls:
            raise NotImplementedError(f"{contender} has no {name}")
        self.call = calls[contender]
        self.call()

    def time_call(self, name: str, contender: str) -> None:
        self.call()


class Solves(_Contested):
    """Single solves, stiff and not."""

    params = (list(_SOLVES), ["fsci", "scipy"])


class Ensembles(_Contested):
    """Many trajectories."""

    params = ([_ENSEMBLE, _ARRAYS], ["fsci", "diffrax"])


class Quadrature(_Contested):
    """A smooth integrand, one with a singular slope, and a call of every other function of the family."""

    params = ([*_QUAD, *FAMILY], ["fsci", "scipy"])


class Memory:
    """Peak memory of the process after one solve."""

    param_names = ("workload", "contender")
    params = (["solve_ivp Lorenz RK45", "solve_ivp Brusselator n=5000 BDF", _ENSEMBLE], ["fsci", "scipy", "diffrax"])
    timeout = 300.0

    def setup(self, name: str, contender: str) -> None:
        if contender not in _calls(name):
            raise NotImplementedError(f"{contender} has no {name}")

    def peakmem_call(self, name: str, contender: str) -> None:
        _calls(name)[contender]()


class Tails:
    """p50, p95 and p99 of fsci's calls, and what they may be."""

    param_names = ("workload",)
    params = ([*_SOLVES, *_QUAD, *FAMILY, _ENSEMBLE, _ARRAYS],)
    unit = "of the peer's median"
    timeout = 300.0

    def setup(self, name: str) -> None:
        self.calls = _calls(name)
        if budgets()[name]["peer"] not in self.calls:
            raise NotImplementedError("the peer is not installed")

    def _share(self, name: str, percentile: str) -> float:
        target: dict[str, Any] = budgets()[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            times = interleaved(self.calls, 0.5)
        return times["fsci"].percentile(float(percentile[1:])) / times[target["peer"]].median

    def track_p50(self, name: str) -> float:
        return self._share(name, "p50")

    def track_p95(self, name: str) -> float:
        return self._share(name, "p95")

    def track_p99(self, name: str) -> float:
        return self._share(name, "p99")

    def track_budget_p50(self, name: str) -> float:
        return 1.0 / float(budgets()[name]["p50"])

    def track_budget_p95(self, name: str) -> float:
        return 1.0 / float(budgets()[name]["p95"])

    def track_budget_p99(self, name: str) -> float:
        return 1.0 / float(budgets()[name]["p99"])
