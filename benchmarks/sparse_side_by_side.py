"""Sparse products and iterations beside SciPy: ``python -m benchmarks.sparse_side_by_side [--only TEXT]``.

Interleaved medians in one process, and the ratio of the least times, which says more on a machine that does
other things too. The stream figure is what this machine's memory gives to a sum of two vectors, on one thread
and on all. Every row is printed, reached or missed; nothing but the lines says so.
"""

from __future__ import annotations

import argparse
import os
import sys
from time import perf_counter

import numpy as np

from benchmarks.measure import Times, interleaved
from benchmarks.workloads import Calls
from benchmarks.workloads_sparse import SPARSE, TARGETS, Product
from benchmarks.workloads_spectral import SPECTRAL, SPECTRAL_TARGETS
from fsci.kernels.sparse.split import evenly
from fsci.kernels.threads import spread, thread_count

__all__ = ["stream", "times_of"]

_LONG = 6.0  # seconds of one call


def stream(threads: int, size: int = 8_000_000, rounds: int = 15) -> float:
    """GB/s of ``a = b + c``, three vectors of `size` doubles; the best of some rounds."""
    a, b, c = np.zeros(size), np.ones(size), np.ones(size)

    def add(start: int, stop: int) -> None:
        np.add(b[start:stop], c[start:stop], out=a[start:stop])

    best = float("inf")
    for _ in range(rounds):
        started = perf_counter()
        spread(add, evenly(size, threads))
        best = min(best, perf_counter() - started)
    return 3 * a.nbytes / best / 1e9


def times_of(calls: Calls, seconds: float) -> dict[str, Times]:
    """Interleaved times; where a call is long, one of each, fsci's being loaded already."""
    calls["fsci"]()
    once = {}
    for name, call in calls.items():
        started = perf_counter()
        call()
        once[name] = Times(np.array([perf_counter() - started]))
    return once if max(t.median for t in once.values()) > _LONG else interleaved(calls, seconds, rounds=(2, 300))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sparse_side_by_side", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of measurement for each row")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    streams = {n: stream(n) for n in sorted({1, thread_count()})}
    figure = max(streams.values())
    figures = ", ".join(f"{speed:.1f} GB/s on {n}" for n, speed in streams.items())
    sys.stdout.write(f"stream: {figures} threads; load average {load:.1f}\n")
    sys.stdout.write(
        f"{'workload':<32}{'fsci':>12}{'SciPy':>12}{'medians':>10}{'least':>8}{'GB/s':>7}{'most':>7}  target\n"
    )
    for workload in (*SPARSE, *SPECTRAL):
        if options.only not in workload.name:
            continue
        try:
            calls = workload.make()
        except FileNotFoundError as missing:
            sys.stdout.write(f"{workload.name:<32}{missing} is not here\n")
            continue
        times = times_of(calls, options.seconds)
        own, peer = times["fsci"], times["scipy"]
        ratio, least = peer.median / own.median, float(peer.samples.min() / own.samples.min())
        target = {**TARGETS, **SPECTRAL_TARGETS}[workload.name]
        verdict = "reached" if ratio >= target else "MISSED"
        cells = f"{own.median * 1e3:>10.3f}ms{peer.median * 1e3:>10.3f}ms{ratio:>9.2f}x{least:>7.2f}x"
        if isinstance(calls, Product):
            # What a product at the stream figure would reach: the bytes that nobody can do without.
            most = float(peer.samples.min()) / (calls.traffic / figure / 1e9)
            cells += f"{calls.traffic / own.samples.min() / 1e9:>7.1f}{most:>6.1f}x"
        else:
            cells += " " * 14
        sys.stdout.write(f"{workload.name:<32}{cells}  {target:g}x {verdict}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
