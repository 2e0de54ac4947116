"""asv: tracked percentiles of fsci's own calls, as multiples of a peer's median, with their budgets.

A tracked value above its budget (both in units of the peer's median, smaller is better) is a miss.
"""

from __future__ import annotations

import warnings
from typing import Any

from benchmarks.measure import interleaved
from benchmarks.workloads import WORKLOADS, budgets, workload

__all__ = ["Tails"]


class Tails:
    """p50, p95 and p99 of the workloads that take less than a second together."""

    param_names = ("workload",)
    params = ([w.name for w in WORKLOADS if not w.dear],)
    unit = "of the peer's median"
    timeout = 120.0

    def setup(self, name: str) -> None:
        self.calls = workload(name).make()

    def _share(self, name: str, percentile: str) -> float:
        target: dict[str, Any] = budgets()[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            times = interleaved({k: v for k, v in self.calls.items() if k in ("fsci", target["peer"])}, 0.5)
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
