"""asv: sparse products, substitution and iterations, against SciPy."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads_sparse import SPARSE

__all__ = ["SparseIterations", "SparseProducts"]

_BY_NAME = {w.name: w for w in SPARSE}


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
    """Products with a vector, with eight, and with itself."""

    params = ([name for name in _BY_NAME if name.startswith("A @")], ["fsci", "scipy"])


class SparseIterations(_Contested):
    """Substitution and conjugate gradients; SciPy takes a minute for the largest."""

    params = ([name for name in _BY_NAME if not name.startswith("A @")], ["fsci", "scipy"])
    number, repeat, timeout = 1, (1, 5, 10.0), 600.0
