"""Sparse direct solves beside SciPy and pypardiso: ``python -m benchmarks.spsolve_side_by_side [--only TEXT]``.

Interleaved in one process; least times, since a machine that does other things too only adds to them. The
geometric mean over all is the figure that counts; matrices on which SciPy finds no finite answer are shown,
and left out of it.

``--portfolio`` forces each kernel that applies, too: the best of all calls is the virtual best solver, and the
gap closed is ``sum log (SciPy / fsci)`` over ``sum log (SciPy / best)``, SciPy's default being the single best.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from time import perf_counter
from typing import Any

import numpy as np

import fsci
from benchmarks.measure import interleaved
from benchmarks.workloads_direct import GENERATED, calls, collection, repeated
from fsci.core import registry

__all__: list[str] = []


def portfolio(a: Any, limit: float) -> dict[str, float]:
    """Least seconds of each kernel that applies, forced; one run for those that take longer than `limit`."""
    b = a @ np.ones(a.shape[0])
    found: dict[str, float] = {}
    for name in registry.kernels("sparse_linear_system", "host"):
        with fsci.policy(overrides={"sparse_linear_system": name}):
            for _ in range(4):
                started = perf_counter()
                with fsci.trace() as log:
                    fsci.sparse.linalg.spsolve(a, b)
                attempts = log[-1].attempts
                if len(attempts) != 1 or attempts[0].kernel != name:
                    break
                found[name] = min(found.get(name, np.inf), perf_counter() - started)
                if found[name] > limit:
                    break
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spsolve_side_by_side", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds of measurement for each row")
    parser.add_argument("--portfolio", action="store_true", help="measure every kernel, and the gap that is closed")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    sys.stdout.write(f"load average {load:.1f}; least times in ms\n")
    sys.stdout.write(f"{'system':<28}{'rows':>8}{'fsci':>11}{'SciPy':>11}{'pypardiso':>11}{'faster':>9}\n")
    ratios: list[float] = []
    against_pardiso: list[float] = []
    best: list[float] = []
    rows = [*collection(), *GENERATED.items()]
    for name, make in rows:
        if options.only not in name:
            continue
        a = make()
        contenders = calls(a)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                finite = bool(np.isfinite(contenders["scipy"]()).all())
                times = interleaved(contenders, options.seconds, rounds=(2, 100))
            except RuntimeError as error:
                sys.stdout.write(f"{name:<28}{error}\n")
                continue
        least = {k: float(t.samples.min()) for k, t in times.items()}
        ratio = least["scipy"] / least["fsci"]
        pardiso = least.get("pypardiso", float("nan"))
        note = "" if finite else "  singular"
        if options.portfolio and finite:
            forced = portfolio(a, 3.0 * least["fsci"])
            name_of_best = min(forced, key=forced.__getitem__, default="")
            quickest = min([least["fsci"], least["scipy"], *forced.values()])
            best.append(least["scipy"] / quickest)
            note = f"  {least['fsci'] / quickest:.2f} of the best" + (f", {name_of_best}" if forced else "")
        if finite:
            ratios.append(ratio)
            if pardiso == pardiso:
                against_pardiso.append(pardiso / least["fsci"])
        cells = "".join(f"{v * 1e3:>11.3f}" for v in (least["fsci"], least["scipy"], pardiso))
        sys.stdout.write(f"{name:<28}{a.shape[0]:>8}{cells}{ratio:>8.2f}x{note}\n")
        sys.stdout.flush()
    if ratios:
        mean = float(np.exp(np.mean(np.log(ratios))))
        sys.stdout.write(f"geometric mean {mean:.2f}x SciPy over {len(ratios)}; least {min(ratios):.2f}x\n")
        if best:
            closed = float(np.sum(np.log(ratios)) / np.sum(np.log(best)))
            sys.stdout.write(f"gap to the virtual best solver closed: {100.0 * closed:.0f}%\n")
    if against_pardiso:
        sys.stdout.write(f"geometric mean {float(np.exp(np.mean(np.log(against_pardiso)))):.2f}x pypardiso\n")
    if options.only in "factorized":
        times = interleaved(repeated(GENERATED["Laplacian 100^2"]()), options.seconds, rounds=(2, 20))
        ratio = float(times["scipy"].samples.min() / times["fsci"].samples.min())
        sys.stdout.write(f"factorized, 100 right-hand sides, Laplacian 100^2: {ratio:.2f}x SciPy\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
