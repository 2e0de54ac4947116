"""asv: sparse eigenvalues, singular values, exponentials, norms and inverses, against SciPy."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads_spectral import SPECTRAL

__all__ = ["Spectral"]

_BY_NAME = {w.name: w for w in SPECTRAL}


class Spectral:
    """A workload by name, a contender by name; asv times the call."""

    param_names = ("workload", "contender")
    params: Any = (list(_BY_NAME), ["fsci", "scipy"])
    warmup_time = 0.1
    timeout = 120.0

    def setup(self, name: str, contender: str) -> None:
        self.call = _BY_NAME[name].make()[contender]
        self.call()

    def time_call(self, name: str, contender: str) -> None:
        self.call()
