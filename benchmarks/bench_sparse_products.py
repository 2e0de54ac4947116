"""asv: sparse products, sums, substitution, iterations and direct solves, against SciPy; and their budgets.

A tracked percentile is a multiple of SciPy's median in the same process; the budgets stand in ``budgets.toml``.
"""

from __future__ import annotations

from typing import Any

from benchmarks.measure import interleaved
from benchmarks.workloads import budgets
from benchmarks.workloads_sparse import SPARSE, SPSOLVE

__all__ = ["SparseIterations", "SparseProducts", "SparseTails"]

_BY_NAME = {w.name: w for w in (*SPARSE, *SPSOLVE)}


class _Contested:
    """A workload by name, a contender by name; asv times the call."""

    param_names = ("workload", "contender")
    params: Any = ([], [])
    warmup_time = 0.1

    def setup(self, name: str, contender: str) -> None:
        try:
            self.call = _BY_NAME[name].make()[contender]
        except FileNotFoundError as missing:
            raise NotImplementedError(f"{missing} is not here") from missing
        self.call()

    def time_call(self, name: str, contender: str) -> None:
        self.call()


class SparseProducts(_Contested):
    """Products with a vector, with eight, and with itself; sums."""

    params = ([name for name in _BY_NAME if name.startswith("A ")], ["fsci", "scipy"])


class SparseIterations(_Contested):
    """Substitution and conjugate gradients; SciPy takes a minute for the largest."""

    params = ([w.name for w in SPARSE if not w.name.startswith("A ")], ["fsci", "scipy"])
    number, repeat, timeout = 1, (1, 5, 10.0), 600.0


class SparseTails:
    """p50, p95 and p99 of fsci's calls, and what they may be."""

    param_names = ("workload",)
    params: Any = ([name for name in _BY_NAME if not name.startswith("cg M=auto")],)
    unit = "of SciPy's median"
    timeout = 300.0

    def setup(self, name: str) -> None:
        try:
            self.calls = _BY_NAME[name].make()
        except FileNotFoundError as missing:
            raise NotImplementedError(f"{missing} is not here") from missing

    def _share(self, percentile: float) -> float:
        times = interleaved(self.calls, 0.5)
        return times["fsci"].percentile(percentile) / times["scipy"].median

    def track_p50(self, name: str) -> float:
        return self._share(50.0)

    def track_p95(self, name: str) -> float:
        return self._share(95.0)

    def track_p99(self, name: str) -> float:
        return self._share(99.0)

    def track_budget_p50(self, name: str) -> float:
        return 1.0 / float(budgets()[name]["p50"])

    def track_budget_p95(self, name: str) -> float:
        return 1.0 / float(budgets()[name]["p95"])

    def track_budget_p99(self, name: str) -> float:
        return 1.0 / float(budgets()[name]["p99"])
