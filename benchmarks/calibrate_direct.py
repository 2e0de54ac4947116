"""Measure the costs of the sparse direct solvers, and write them into the shipped profile.

``python -m benchmarks.calibrate_direct [NAME]``. Grids in two and three dimensions and graphs of power networks' kind;
the same with their rows shuffled, shifted, and under constraints; a kernel's seconds are tabulated against its own
measure of work, as a curve that does not fall.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import scipy.sparse as sp

import fsci.sparse.linalg.systems  # noqa: F401  (declares the kind)
from fsci.core import registry
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.dissection import dissected
from fsci.kernels.sparse.multifrontal import graph_of

KIND = "sparse_linear_system"
PROFILE = Path(__file__).resolve().parents[1] / "fsci" / "core" / "data" / "profile.json"


def grid(*sizes: int) -> Any:
    """Laplacian of a grid, five or seven points."""
    total: Any = None
    for axis, n in enumerate(sizes):
        line = sp.diags_array([-np.ones(n - 1), 2.0 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
        term: Any = sp.eye_array(1)
        for other, m in enumerate(sizes):
            term = sp.kron(term, line if other == axis else sp.eye_array(m))
        total = term if total is None else total + term
    return sp.csc_array(total)


def network(n: int) -> Any:
    """A tree with some chords: the Laplacian of a power network, grounded."""
    rng = np.random.default_rng(n)
    child = np.arange(1, n)
    ends = np.concatenate([child, rng.integers(0, n, n // 5)])
    others = np.concatenate([np.maximum(child - rng.integers(1, 20, n - 1), 0), rng.integers(0, n, n // 5)])
    a = sp.coo_array((-np.ones(ends.size), (ends, others)), shape=(n, n))
    a = sp.csr_array(a + a.T)
    return sp.csc_array(sp.diags_array(1e-3 - np.asarray(a.sum(axis=1)).ravel()) + a)


def saddle(n: int) -> Any:
    """A network's matrix under constraints, two for five of its rows: symmetric, with zeros on the diagonal."""
    rng = np.random.default_rng(n)
    m = 2 * n // 5
    constraints = sp.random_array((m, n), density=2.0 / n, rng=rng) + sp.eye_array(m, n)
    return sp.csc_array(sp.block_array([[network(n), constraints.T], [constraints, None]]))


def matrices() -> Iterator[Any]:
    """From some hundred rows to some ten thousand."""
    for n in (10, 17, 30, 60, 100, 200, 350):
        yield grid(n, n)
    for n in (5, 8, 12, 18, 25):
        yield grid(n, n, n)
    for n in (10, 17, 30, 60, 100, 200):
        yield sp.csc_array(grid(n, n) - 4.1234 * sp.eye_array(n * n))
    for n in (8, 12, 18, 25):
        yield sp.csc_array(grid(n, n, n) - 6.1234 * sp.eye_array(n**3))
    for n in (100, 300, 1000, 3000, 10000):
        yield saddle(n)
    for n in (200, 600, 2000, 6000, 20000):
        yield network(n)
    for n in (10, 30, 100, 350):
        yield sp.csc_array(sp.tril(grid(n, n)))
    for n in (100, 300, 1000, 3000, 10000, 30000):
        yield grid(n, 1 + n % 7)
    for a in (network(200), network(1000), network(6000), network(20000), grid(17, 17), grid(50, 50), grid(12, 12, 12)):
        yield sp.csc_array(a[np.random.default_rng(a.shape[0]).permutation(a.shape[0])])


def best_of(call: Callable[[], Any], limit: float = 0.6) -> float:
    """Least of the times of some calls."""
    call()  # compiled code is loaded from its cache
    least, started = np.inf, perf_counter()
    for _ in range(20):
        t = perf_counter()
        call()
        least = min(least, perf_counter() - t)
        if perf_counter() - started > limit:
            break
    return float(least)


def curve(points: list[tuple[float, float]], bins: int = 3) -> list[list[float]]:
    """Medians by parts of a decade of work, none below the one before."""
    rows: list[list[float]] = []
    points = [p for p in points if p[0] >= 1.0]
    groups: dict[int, list[tuple[float, float]]] = {}
    for work, seconds in points:
        groups.setdefault(int(np.floor(bins * np.log10(work))), []).append((work, seconds))
    for key in sorted(groups):
        work, seconds = (float(np.exp(np.median(np.log([p[i] for p in groups[key]])))) for i in (0, 1))
        rows.append([float(f"{work:.4g}"), float(f"{max(seconds, rows[-1][1] if rows else 0.0):.4g}")])
    return rows


def measured(only: str) -> dict[str, dict[str, list[list[float]]]]:
    """Curves by kernel, and of the orderings, whose name holds this text."""
    found: dict[str, list[tuple[float, float]]] = {}
    for a in matrices():
        b = a @ np.ones(a.shape[0])
        problem = Problem(KIND, (a, b), {}, "host", b.dtype, None, a.shape[0])
        evidence = registry.probe(problem)
        for name, kernel in registry.kernels(KIND, "host").items():
            known = Evidence() if name == "small_direct" else evidence
            if only in kernel.key and kernel.applies(problem, known) is None:
                seconds = best_of(lambda k=kernel, p=problem, e=known: k.run(p, e))  # type: ignore[misc]
                found.setdefault(kernel.key, []).append((kernel.work(problem, known), seconds))
        starts, lists = graph_of(a.shape[0], a.indptr, a.indices)
        if a.shape[0] >= 2000 and only in "sparse_ordering/host/dissection":
            seconds = best_of(lambda s=starts, x=lists: dissected(s, x))  # type: ignore[misc]
            found.setdefault("sparse_ordering/host/dissection", []).append((float(lists.size), seconds))
    return {key: {"float64": curve(points)} for key, points in found.items()}


def main() -> None:
    """Write the curves."""
    curves = measured(sys.argv[1] if len(sys.argv) > 1 else "")
    table = json.loads(PROFILE.read_text(encoding="utf-8"))
    table["kernels"].update(curves)
    PROFILE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for key, by_dtype in curves.items():
        print(key, by_dtype["float64"])


if __name__ == "__main__":
    main()
