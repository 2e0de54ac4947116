"""asv: linear systems and least squares, against SciPy and NumPy."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads import WORKLOADS, workload

__all__ = ["BatchSolve", "DearSolve", "LeastSquares", "SmallSolve", "StructuredSolve"]


class _Contested:
    """A workload by name, a contender by name; asv times the call."""

    param_names = ("workload", "contender")
    params: Any = ([], [])
    warmup_time = 0.1

    def setup(self, name: str, contender: str) -> None:
        calls = workload(name).make()
        if contender not in calls:
            raise NotImplementedError(f"{contender} has no {name}")
        self.call = calls[contender]
        self.call()

    def time_call(self, name: str, contender: str) -> None:
        self.call()


class SmallSolve(_Contested):
    """Order 3 to 512, general."""

    params = ([f"solve n={n}" for n in (3, 10, 64, 128, 256, 512)], ["fsci", "scipy", "numpy"])


class DearSolve(_Contested):
    """Order 2048 and 4096: general, ill-conditioned, positive definite, banded."""

    params = ([w.name for w in WORKLOADS if w.dear and w.name.startswith("solve")], ["fsci", "scipy"])
    number, repeat, timeout = 1, (1, 5, 10.0), 600.0


class StructuredSolve(_Contested):
    """A small system whose structure must be found first."""

    params = (["solve n=100 banded (1, 2)"], ["fsci", "scipy", "numpy"])


class BatchSolve(_Contested):
    """Many small systems."""

    params = (["solve 100000 of 4x4"], ["fsci", "scipy", "numpy"])


class LeastSquares(_Contested):
    """Tall systems."""

    params = (["lstsq 500x20", "lstsq 20000x200"], ["fsci", "scipy", "numpy"])
