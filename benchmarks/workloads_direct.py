"""Systems for sparse direct solvers: real matrices, grids, convection, elasticity; and the calls compared on them."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as scipy_linalg

import fsci
from benchmarks.calibrate_direct import grid
from benchmarks.workloads import Calls

__all__ = ["GENERATED", "calls", "collection", "convection", "elasticity", "repeated"]

LEAST_ROWS = 200


def collection() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Square matrices of the collection (`FSCI_TEST_DATA`), by name; empty where it is absent."""
    from scipy.io import mmread

    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("FSCI_TEST_DATA") or root.parent / "shared" / "data") / "matrices"
    if not (folder / "index.csv").is_file():
        return
    with (folder / "index.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["rows"] == row["cols"] and int(row["rows"]) >= LEAST_ROWS:
                path = folder / f"{row['name']}.mtx.gz"
                yield row["name"], lambda p=path: _floating(sp.csc_array(mmread(p)))  # type: ignore[misc]


def _floating(a: Any) -> Any:
    a.sum_duplicates()
    return a if a.dtype.kind in "fc" else a.astype(float)


def convection(n: int, wind: float = 20.0) -> Any:
    """Five-point convection-diffusion on an n-by-n grid, upwind."""
    h = 1.0 / (n + 1)
    blow = sp.diags_array([-np.ones(n - 1), np.ones(n)], offsets=[-1, 0]) * (wind * h)
    return sp.csc_array(grid(n, n) + sp.kron(blow, sp.eye_array(n)) + 0.5 * sp.kron(sp.eye_array(n), blow))


def elasticity(n: int) -> Any:
    """Linear elasticity on an n-by-n mesh (PyAMG's gallery, an extra)."""
    from fsci.core.backends import require

    a, _ = require("pyamg").gallery.linear_elasticity((n, n))
    return sp.csc_array(a)


GENERATED: dict[str, Callable[[], Any]] = {
    "Laplacian 100^2": lambda: grid(100, 100),
    "Laplacian 300^2": lambda: grid(300, 300),
    "Laplacian 500^2": lambda: grid(500, 500),
    "Laplacian 10^3": lambda: grid(10, 10, 10),
    "Laplacian 20^3": lambda: grid(20, 20, 20),
    "Laplacian 30^3": lambda: grid(30, 30, 30),
    "Laplacian 40^3": lambda: grid(40, 40, 40),
    "convection 100^2": lambda: convection(100),
    "convection 250^2": lambda: convection(250),
    "elasticity 60^2": lambda: elasticity(60),
    "elasticity 150^2": lambda: elasticity(150),
}


def calls(a: Any) -> Calls:
    """One system, its right-hand side that of a solution of ones."""
    b = a @ np.ones(a.shape[0])
    found: Calls = {
        "fsci": lambda: fsci.sparse.linalg.spsolve(a, b),
        "scipy": lambda: scipy_linalg.spsolve(a, b),
    }
    if a.dtype == np.float64:
        try:
            import pypardiso
        except ImportError:
            return found
        solver, rows = pypardiso.PyPardisoSolver(), sp.csr_matrix(a)

        def pardiso() -> Any:
            x = solver.solve(rows, b)
            solver.free_memory()
            return x

        found["pypardiso"] = pardiso
    return found


def repeated(a: Any, sides: int = 100) -> Calls:
    """One factorization, many right-hand sides, one at a time."""
    b = np.random.default_rng(0).standard_normal((sides, a.shape[0]))

    def all_of(factorized: Callable[[Any], Callable[[Any], Any]]) -> Callable[[], Any]:
        def run() -> Any:
            solve = factorized(a)
            return [solve(row) for row in b]

        return run

    return {"fsci": all_of(fsci.sparse.linalg.factorized), "scipy": all_of(scipy_linalg.factorized)}
