"""Peak memory of `spsolve` beside SuperLU's: ``python -m benchmarks.sparse_memory [--only TEXT]``.

Each solve has a process of its own, which says how far its resident memory rose above what it was when the matrix
stood there; memory that a library maps and never touches does not count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.workloads_direct import GENERATED

__all__ = ["SYSTEMS", "rise"]

SYSTEMS = ("Laplacian 100^2", "Laplacian 300^2", "Laplacian 500^2", "Laplacian 20^3", "Laplacian 30^3")

_CHILD = """
import resource, sys
import numpy as np, scipy.sparse as sp, scipy.sparse.linalg as scipy_linalg
from benchmarks.workloads_direct import GENERATED
import fsci
solve = {{"fsci": fsci.sparse.linalg.spsolve, "scipy": scipy_linalg.spsolve}}[{contender!r}]
small = sp.csc_array(sp.diags_array([-1.0, 2.5, -1.0], offsets=[-1, 0, 1], shape=(50, 50)))
solve(small, np.ones(50))
a = GENERATED[{name!r}]()
b = a @ np.ones(a.shape[0])
# What building the matrix took must not stand for what the solve takes.
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key))
before = status("VmRSS")
x = solve(a, b)
assert np.abs(x - 1.0).max() < 1e-6
sys.stdout.write(str(status("VmHWM") - before))
"""


def rise(name: str, contender: str) -> float:
    """MiB that the resident memory rises during one solve, in a fresh process (Linux)."""
    code = _CHILD.format(name=name, contender=contender)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout) / 1024.0


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sparse_memory", description=__doc__)
    parser.add_argument("--only", default="", help="systems whose name holds this text; 40^3 too, where it is named")
    options = parser.parse_args()
    sys.stdout.write(f"{'spsolve':<24}{'fsci':>12}{'SuperLU':>12}{'share':>8}\n")
    names = [n for n in GENERATED if options.only in n] if options.only else list(SYSTEMS)
    for name in names:
        own, theirs = rise(name, "fsci"), rise(name, "scipy")
        verdict = "less" if own < theirs else "MORE"
        sys.stdout.write(f"{name:<24}{own:>9.1f}MiB{theirs:>9.1f}MiB{own / theirs:>8.2f}  {verdict}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
