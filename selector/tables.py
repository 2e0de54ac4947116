"""The two tables of a calibration: collected, thinned to a few points, stamped with machine and version."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Tally", "machine_text", "points", "stamped"]

# Points a decade of work.
_PER_DECADE = 2


@dataclass(slots=True)
class Tally:
    """What was measured so far."""

    times: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    counts: dict[str, dict[str, dict[str, list[int]]]] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)
    cold_seconds: float = 0.0

    def cold(self, key: str, dtype: str) -> bool:
        """Whether this kernel runs in this dtype for the first time."""
        first = (key, dtype) not in self.seen
        self.seen.add((key, dtype))
        return first

    def add_time(self, key: str, dtype: str, work: float, seconds: float) -> None:
        """One timing."""
        self.times.setdefault(key, {}).setdefault(dtype, []).append((work, seconds))

    def add_outcome(self, key: str, goal: str, label: str, passed: bool) -> None:
        """One outcome, in its class and in the record over all classes."""
        by_class = self.counts.setdefault(key, {}).setdefault(goal, {})
        for name in (label, "*"):
            by_class.setdefault(name, [0, 0])[0 if passed else 1] += 1


def points(samples: list[tuple[float, float]]) -> list[list[float]]:
    """Thin samples of (work, seconds) to medians by half decade of work, never falling.

    Pool adjacent violators (Ayer and others, 1955), in the logarithm: noise, or a mix of
    problems in one bin, must not make more work look cheaper.
    """
    bins: dict[int, list[tuple[float, float]]] = {}
    for work, seconds in samples:
        bins.setdefault(math.floor(_PER_DECADE * math.log10(max(work, 1.0))), []).append((max(work, 1.0), seconds))
    pools: list[list[float]] = []  # log seconds, weight, number of bins
    works: list[float] = []
    for _, rows in sorted(bins.items()):
        works.append(median(w for w, _ in rows))
        pools.append([math.log(median(s for _, s in rows)), float(len(rows)), 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            value, weight, count = pools.pop()
            before = pools[-1]
            before[0] = (before[0] * before[1] + value * weight) / (before[1] + weight)
            before[1] += weight
            before[2] += count
    levels = [math.exp(value) for value, _, count in pools for _ in range(int(count))]
    return [[float(f"{w:.4g}"), float(f"{s:.4g}")] for w, s in zip(works, levels, strict=True)]


def stamped(tally: Tally, old_profile: dict[str, Any], old_success: dict[str, Any], machine: str) -> dict[str, Any]:
    """Both tables, with what was not measured now kept from the old ones."""
    costs = dict(old_profile["kernels"])
    for key, by_dtype in tally.times.items():
        costs[key] = {**costs.get(key, {}), **{dtype: points(rows) for dtype, rows in by_dtype.items()}}
    # What no table has is taken for a typical kernel: of all kinds, whichever were measured now.
    everything = [(w, t) for by_dtype in costs.values() for rows in by_dtype.values() for w, t in rows]
    counts = {**old_success["kernels"], **tally.counts}
    default = points(everything) if everything else old_profile["default"]
    measured = f"{sum(tally.kinds.values())} problems of the calibration half"
    return {
        "profile": _with_version({"machine": machine, "measurement": measured, "default": default, "kernels": costs}),
        "success": _with_version({"machine": machine, "measurement": measured, "kernels": counts}),
    }


def _with_version(table: dict[str, Any]) -> dict[str, Any]:
    content = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:8]
    where = hashlib.sha256(table["machine"].encode()).hexdigest()[:4]
    return {"version": f"{dt.date.today():%Y%m%d}-{where}-{content}", **table}


def machine_text() -> str:
    """CPU, cores, BLAS and versions: what the seconds depend on."""
    import numpy as np
    import scipy

    blas = scipy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{_cpu()}, {cores} cores, {platform.system()}, {blas.get('name')} {blas.get('version')}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}"
    )


def _cpu() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
