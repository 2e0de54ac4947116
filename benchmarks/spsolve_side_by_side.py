"""Sparse direct solves beside SciPy and pypardiso: ``python -m benchmarks.spsolve_side_by_side [--only TEXT]``.

Interleaved in one process; least times, since a machine that does other things too only adds to them. The
geometric mean over all is the figure that counts; matrices on which SciPy finds no finite answer are shown,
and left out of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings

import numpy as np

from benchmarks.measure import interleaved
from benchmarks.workloads_direct import GENERATED, calls, collection, repeated

__all__: list[str] = []


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spsolve_side_by_side", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds of measurement for each row")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    sys.stdout.write(f"load average {load:.1f}; least times in ms\n")
    sys.stdout.write(f"{'system':<28}{'rows':>8}{'fsci':>11}{'SciPy':>11}{'pypardiso':>11}{'faster':>9}\n")
    ratios: list[float] = []
    against_pardiso: list[float] = []
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
    if against_pardiso:
        sys.stdout.write(f"geometric mean {float(np.exp(np.mean(np.log(against_pardiso)))):.2f}x pypardiso\n")
    if options.only in "factorized":
        times = interleaved(repeated(GENERATED["Laplacian 100^2"]()), options.seconds, rounds=(2, 20))
        ratio = float(times["scipy"].samples.min() / times["fsci"].samples.min())
        sys.stdout.write(f"factorized, 100 right-hand sides, Laplacian 100^2: {ratio:.2f}x SciPy\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
