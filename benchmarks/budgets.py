"""The budget check: ``python -m benchmarks.budgets`` prints each percentile against ``budgets.toml``.

Exit code 1 when a budget is missed, so that CI on a quiet machine can ask.
"""

from __future__ import annotations

import argparse
import sys
import warnings

from benchmarks.measure import Times
from benchmarks.sparse_side_by_side import times_of
from benchmarks.workloads import WORKLOADS, budgets
from benchmarks.workloads_sparse import SPARSE, SPSOLVE

__all__ = ["against"]


def against(name: str, times: dict[str, Times]) -> list[tuple[str, float, float]]:
    """Percentile, ratio measured (median of the peer over fsci's percentile) and ratio needed."""
    target = budgets()[name]
    peer = times[target["peer"]].median
    return [(p, peer / times["fsci"].percentile(float(p[1:])), float(target[p])) for p in ("p50", "p95", "p99")]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print pass or miss."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budgets", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default="")
    options = parser.parse_args(arguments)
    missed = 0
    for workload in (*WORKLOADS, *SPARSE, *SPSOLVE):
        if options.only not in workload.name:
            continue
        try:
            calls = workload.make()
        except FileNotFoundError as missing:
            sys.stdout.write(f"{workload.name:<32}{missing} is not here\n")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            times = times_of(calls, options.seconds)
        cells = []
        for percentile, ratio, needed in against(workload.name, times):
            missed += ratio < needed
            cells.append(f"{percentile} {ratio:6.2f}x (>= {needed:g}x) {'pass' if ratio >= needed else 'MISS'}")
        sys.stdout.write(f"{workload.name:<32}" + "   ".join(cells) + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{missed} budgets missed\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
