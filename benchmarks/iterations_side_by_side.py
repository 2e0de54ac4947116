"""Iterations and triangles beside SciPy and PyAMG: ``python -m benchmarks.iterations_side_by_side [--only TEXT]``.

SciPy iterates without a preconditioner, as its default is; fsci chooses one (``M="auto"``), and PyAMG, where it is
installed, solves by smoothed aggregation and conjugate gradients to the same tolerance. Interleaved in one
process, least times; where a call is long, one of each. Every answer is looked at before it is timed: an
iteration's residual must be within the tolerance that was asked for (MINRES measures it by norms of A and x), a
triangle's within what rounding leaves; one that is not is named, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as scipy_linalg

import fsci
from benchmarks.sparse_side_by_side import times_of
from benchmarks.workloads import Calls
from benchmarks.workloads_direct import convection, elasticity
from benchmarks.workloads_sparse import laplacian, random_rows

__all__ = ["ROWS", "Row"]

_RTOL = 1e-8


class Row(NamedTuple):
    """A matrix and a method; `target` is how many times faster than SciPy it must be on two cores, if anything is."""

    name: str
    method: str
    make: Callable[[], Any]
    columns: int = 0
    target: float = 1.0


def _shifted(n: int) -> Any:
    """Symmetric and indefinite: a mesh less a multiple of the identity."""
    return sp.csr_array(laplacian(n) - 0.05 * sp.eye_array(n * n))


def _random_triangle(n: int) -> Any:
    return sp.csr_array(sp.tril(random_rows(n, canonical=True), -1) + 10.0 * sp.eye_array(n))


def _chain(n: int) -> Any:
    return sp.csr_array(sp.diags_array([-1.0, 2.0], offsets=[-1, 0], shape=(n, n)))


ROWS = (
    Row("Laplacian 300^2", "cg", lambda: laplacian(300)),
    Row("Laplacian 1000^2", "cg", lambda: laplacian(1000), target=20.0),
    Row("Laplacian 60^3", "cg", lambda: laplacian(60, 3)),
    Row("elasticity 200^2", "cg", lambda: sp.csr_array(elasticity(200))),
    Row("convection 100^2", "gmres", lambda: sp.csr_array(convection(100))),
    Row("convection 300^2", "gmres", lambda: sp.csr_array(convection(300))),
    Row("convection 300^2", "bicgstab", lambda: sp.csr_array(convection(300))),
    Row("Laplacian 300^2", "minres", lambda: laplacian(300)),
    Row("indefinite 100^2", "minres", lambda: _shifted(100)),
    Row("Laplacian 1000^2", "spsolve_triangular", lambda: sp.csr_array(sp.tril(laplacian(1000)))),
    Row("Laplacian 1000^2, columns", "spsolve_triangular", lambda: sp.csc_array(sp.tril(laplacian(1000)))),
    Row("Laplacian 100^3", "spsolve_triangular", lambda: sp.csr_array(sp.tril(laplacian(100, 3)))),
    Row("Laplacian 300^2", "spsolve_triangular", lambda: sp.csr_array(sp.tril(laplacian(300))), columns=8),
    Row("random, n=1e6", "spsolve_triangular", lambda: _random_triangle(10**6)),
    Row("random, n=1e5", "spsolve_triangular", lambda: _random_triangle(10**5), columns=8),
    Row("a chain, n=1e6", "spsolve_triangular", lambda: _chain(10**6)),
    Row("diagonal, n=1e6", "spsolve_triangular", lambda: sp.csr_array(2.0 * sp.eye_array(10**6))),
)


def _contenders(row: Row, a: Any, b: Any) -> Calls:
    own, theirs = getattr(fsci.sparse.linalg, row.method), getattr(scipy_linalg, row.method)
    if row.method == "spsolve_triangular":
        return {"fsci": lambda: own(a, b), "scipy": lambda: theirs(a, b)}
    found: Calls = {"fsci": lambda: own(a, b, rtol=_RTOL, M="auto"), "scipy": lambda: theirs(a, b, rtol=_RTOL)}
    if row.method == "cg" and find_spec("pyamg") is not None:
        import pyamg

        rows = sp.csr_matrix(a)
        found["pyamg"] = lambda: pyamg.smoothed_aggregation_solver(rows).solve(b, tol=_RTOL, accel="cg")
    return found


def _flaw(row: Row, a: Any, b: Any, answer: Any) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if row.method == "spsolve_triangular":
        residual, size = np.abs(b - a @ answer), abs(a) @ np.abs(answer) + np.abs(b)
        # Substitution row by row: Higham (2002), theorem 8.5; the residual here is rounded as often again.
        longest = float(np.bincount(a.tocoo().coords[0]).max())
        ratio = float((residual / np.where(size > 0.0, size, 1.0)).max())
        allowed = (longest + 2.0) * np.finfo(float).eps
        return "" if ratio <= allowed else f"componentwise backward error {ratio:.1e}"
    x, info = answer
    size = float(np.linalg.norm(b))
    if row.method == "minres":
        size = max(size, float(sp.linalg.norm(a)) * float(np.linalg.norm(x)))
    ratio = float(np.linalg.norm(b - a @ x)) / size
    # The true residual may drift from that of the recurrence, by a little where the tolerance is far from rounding.
    return "" if info == 0 and ratio <= 1.001 * _RTOL else f"info {info}, residual {ratio:.1e}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.iterations_side_by_side", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of measurement for each row")
    parser.add_argument("--only", default="", help="rows whose method and name hold this text")
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    sys.stdout.write(f"load average {load:.1f}; least times in ms\n")
    sys.stdout.write(f"{'call':<50}{'fsci':>11}{'SciPy':>11}{'PyAMG':>11}{'faster':>9}  route\n")
    wrong = 0
    for row in ROWS:
        name = f"{row.method}, {row.name}" + (f", {row.columns} vectors" if row.columns else "")
        if options.only not in name:
            continue
        try:
            a = row.make()
        except ImportError as missing:
            sys.stdout.write(f"{name:<50}{missing}\n")
            continue
        b = np.random.default_rng(1).standard_normal((a.shape[0], row.columns) if row.columns else a.shape[0])
        calls = _contenders(row, a, b)
        with fsci.trace() as log:
            flaw = _flaw(row, a, b, calls["fsci"]())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy's and PyAMG's, on formats that they convert
            times = times_of(calls, options.seconds)
        least = {k: float(t.samples.min()) for k, t in times.items()}
        ratio, pyamg = least["scipy"] / least["fsci"], least.get("pyamg", float("nan"))
        cells = "".join(f"{v * 1e3:>11.2f}" for v in (least["fsci"], least["scipy"], pyamg))
        verdict = f"  WRONG: {flaw}" if flaw else "" if ratio >= row.target else f"  MISSED {row.target:g}x"
        sys.stdout.write(f"{name:<50}{cells}{ratio:>8.2f}x  {log[-1].route}{verdict}\n")
        sys.stdout.flush()
        wrong += bool(flaw)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
