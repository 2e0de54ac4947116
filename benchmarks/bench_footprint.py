"""asv: peak memory, start-up, and the selector's own overhead."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

import fsci
from benchmarks.measure import subprocess_seconds

__all__ = ["PeakMemory", "SelectorOverhead", "StartUp"]


class PeakMemory:
    """Peak resident memory of one large solve."""

    params = (["fsci", "scipy"], [1024, 4096])
    param_names = ("contender", "n")
    timeout = 120.0

    def setup(self, contender: str, n: int) -> None:
        rng = np.random.default_rng(0)
        self.a, self.b = rng.standard_normal((n, n)), rng.standard_normal(n)
        self.solve: Any = fsci.linalg.solve if contender == "fsci" else scipy.linalg.solve

    def peakmem_solve(self, contender: str, n: int) -> None:
        self.solve(self.a, self.b)


class StartUp:
    """Seconds over the peer, in fresh interpreters."""

    unit = "seconds"
    timeout = 120.0

    def track_import(self) -> float:
        times = subprocess_seconds({"numpy": "import numpy", "fsci": "import fsci"}, 5)
        return times["fsci"].median - times["numpy"].median

    def track_first_solve(self) -> float:
        code = "import numpy as np\nimport {0}\na = np.eye(60) + 1\n{1}.solve(a, a[0])"
        codes = {"scipy": code.format("scipy.linalg", "scipy.linalg"), "fsci": code.format("fsci", "fsci.linalg")}
        times = subprocess_seconds(codes, 5)
        return times["fsci"].median - times["scipy"].median


class SelectorOverhead:
    """A call that no plan answers: probe, ranking, attempt, certificate."""

    params = (["banded", "general"],)
    param_names = ("matrix",)

    def setup(self, matrix: str) -> None:
        rng = np.random.default_rng(0)
        a = rng.standard_normal((100, 100))
        self.a = np.triu(np.tril(a, 2), -1) + 5 * np.eye(100) if matrix == "banded" else a
        self.b = rng.standard_normal(100)
        for _ in range(3):  # load what is compiled
            self.time_plain(matrix)
            self.time_explained(matrix)

    def time_explained(self, matrix: str) -> None:
        fsci.explain(fsci.linalg.solve, self.a, self.b)

    def time_plain(self, matrix: str) -> None:
        fsci.linalg.solve(self.a, self.b)
