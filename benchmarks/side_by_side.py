"""fsci, SciPy and NumPy side by side: what ``make bench`` prints.

Interleaved medians in one process, ratios against targets; start-up and peak memory in
processes of their own. Every row is printed, reached or missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from typing import Any

import numpy as np

from benchmarks.measure import Times, interleaved, peak_memory, subprocess_seconds
from benchmarks.workloads import WORKLOADS, Workload, budgets

__all__ = ["measure_workload", "rows"]

_SOLVE = "import numpy as np\nr = np.random.default_rng(0)\na, b = r.random(({n}, {n})), r.random({n})\n"
_IMPORTS = {"import numpy": "import numpy", "import fsci": "import fsci"}
# numba imports coverage where it is installed, as in a developer's environment: 30 ms that no user pays.
_AS_INSTALLED = "import sys\nsys.modules['coverage'] = None\n"
_FIRST = {
    "scipy": _AS_INSTALLED + _SOLVE.format(n=60) + "import scipy.linalg\nscipy.linalg.solve(a, b)",
    "fsci": _AS_INSTALLED + _SOLVE.format(n=60) + "import fsci\nfsci.linalg.solve(a, b)",
}
_MEMORY = {
    "scipy": _SOLVE.format(n=4096) + "import scipy.linalg\nscipy.linalg.solve(a, b)",
    "fsci": _SOLVE.format(n=4096) + "import fsci\nfsci.linalg.solve(a, b)",
}


def measure_workload(workload: Workload, seconds: float) -> dict[str, Any]:
    """Times of all contenders, ratios, targets and whether they were reached."""
    calls = workload.make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ill-conditioned on purpose
        times = interleaved(calls, seconds)
    return judged(workload.name, times)


def judged(name: str, times: dict[str, Times]) -> dict[str, Any]:
    """One row of the table."""
    target, own = budgets()[name], times["fsci"]
    needed = {target["peer"]: float(target["p50"]), **target.get("also", {})}
    ratios = {peer: t.median / own.median for peer, t in times.items() if peer != "fsci"}
    return {
        "workload": name,
        "seconds": {peer: t.median for peer, t in times.items()},
        "percentiles": {f"p{q}": own.percentile(q) for q in (50, 95, 99)},
        "ratio": ratios,
        "target": needed,
        "reached": all(ratios[peer] >= ratio for peer, ratio in needed.items()),
    }


def _start_up() -> list[dict[str, Any]]:
    found = []
    for name, codes, own in (("import", _IMPORTS, "import fsci"), ("first solve", _FIRST, "fsci")):
        times = subprocess_seconds(codes)
        base = budgets()[name]["over"]
        extra, allowed = times[own].median - times[base].median, float(budgets()[name]["seconds"])
        found.append(
            {
                "workload": name,
                "seconds": {("fsci" if k == own else k): t.median for k, t in times.items()},
                "extra_seconds": extra,
                "target": {f"over {base}": allowed},
                "reached": extra <= allowed,
            }
        )
    return found


def _memory() -> dict[str, Any]:
    name = "peak memory of solve n=4096"
    peaks = peak_memory(_MEMORY)
    ratio = peaks["fsci"] / peaks["scipy"]
    # A page more or less is no more memory: half a percent of both peaks.
    return {
        "workload": name,
        "bytes": peaks,
        "memory_ratio": ratio,
        "target": {"scipy": 1.0},
        "reached": ratio <= 1.005 * float(budgets()[name]["ratio"]),
    }


def rows(seconds: float = 1.0, only: str = "", processes: bool = True) -> Any:
    """Measured rows, one by one."""
    for workload in WORKLOADS:
        if only in workload.name:
            yield measure_workload(workload, seconds)
    if processes:
        yield from (row for row in _start_up() if only in row["workload"])
        if only in "peak memory of solve n=4096":
            yield _memory()


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _line(row: dict[str, Any]) -> str:
    verdict = "reached" if row["reached"] else "MISSED"
    if "bytes" in row:
        cells = [f"{row['bytes'].get(p, 0) / 2**20:.0f} MiB" if p in row["bytes"] else "" for p in ("fsci", "scipy")]
        shown = f"{row['memory_ratio']:.2f}x, at most 1.00x: {verdict}"
        return f"{row['workload']:<32}{cells[0]:>10}{cells[1]:>10}{'':>10}  {shown}"
    cells = [_duration(row["seconds"][p]) if p in row["seconds"] else "" for p in ("fsci", "scipy", "numpy")]
    if "extra_seconds" in row:
        (against, allowed), *_ = row["target"].items()
        base = against.removeprefix("over ")
        cells[1] = cells[1] or _duration(row["seconds"][base])
        shown = f"{row['extra_seconds'] * 1e3:+.0f} ms over {base}, at most {allowed * 1e3:.0f} ms: {verdict}"
    else:
        shown = ", ".join(f"{r:.2f}x {p}" for p, r in row["ratio"].items())
        shown += "; at least " + ", ".join(f"{t:g}x {p}" for p, t in row["target"].items()) + f": {verdict}"
    return f"{row['workload']:<32}{cells[0]:>10}{cells[1]:>10}{cells[2]:>10}  {shown}"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the exit code says nothing about targets, the lines do."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.side_by_side", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of measurement for each row")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--no-processes", action="store_true", help="leave out start-up and memory")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args(arguments)
    found = []
    if not options.json:
        sys.stdout.write(f"{'workload':<32}{'fsci':>10}{'SciPy':>10}{'NumPy':>10}  ratios and targets\n")
    for row in rows(options.seconds, options.only, not options.no_processes):
        found.append(row)
        if not options.json:
            sys.stdout.write(_line(row) + "\n")
            sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1, default=float) + "\n")
    else:
        reached = sum(row["reached"] for row in found)
        sys.stdout.write(f"{reached} of {len(found)} targets reached (NumPy {np.__version__})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
