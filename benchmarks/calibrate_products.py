"""Measure the costs of sparse products and iterations: ``python -m benchmarks.calibrate_products [--kernels]``.

A product is no member of a portfolio: what its table decides is how many threads it takes
(`fsci.kernels.sparse.split.Threads`). So each operation is timed on one thread and on all of them, over
the sizes where the two cross. The kernels of iterations and substitutions are timed on Laplacians, the model that
their work is counted by. The other entries of the profile stay as they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

from benchmarks.measure import interleaved
from fsci.core import registry
from fsci.core.frames import policy, trace
from fsci.kernels.sparse.host.addition import add
from fsci.kernels.sparse.host.bsr_products import bsr_matmat_dense
from fsci.kernels.sparse.host.coo_products import coo_matvec
from fsci.kernels.sparse.host.csc_products import csc_matmat_dense, csc_matvec
from fsci.kernels.sparse.host.csr_products import csr_matmat_dense, csr_matvec
from fsci.kernels.sparse.host.dia_products import dia_matvec
from fsci.kernels.sparse.host.reductions import row_sums
from fsci.kernels.sparse.host.spgemm import spgemm
from fsci.kernels.sparse.split import Threads
from fsci.kernels.threads import thread_count
from fsci.selector.tables import Tally, points, stamped

__all__: list[str] = []

PROFILE = Path(__file__).resolve().parents[1] / "fsci/core/data/profile.json"
ROWS = (30, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)
DTYPES = ("float64", "float32", "complex128", "complex64")
VECTORS = 8


def operations(rows: int, dtype: str) -> Iterator[tuple[str, float, Callable[[], Any]]]:
    """Name, work and call of each operation on a matrix of five entries a row, half of them near the diagonal."""
    rng = np.random.default_rng(rows)
    offsets = [-(max(rows // 20, 2)), -1, 0, 1, max(rows // 20, 2)]
    a = sp.diags_array(rng.standard_normal((5, rows)), offsets=offsets, shape=(rows, rows)).tocsr()
    a = (a + sp.random_array((rows, rows), density=min(1.0, 2.0 / rows), rng=rng).tocsr()).astype(dtype)
    a.sort_indices()
    x, xs = rng.standard_normal(rows).astype(dtype), rng.standard_normal((rows, VECTORS)).astype(dtype)
    arrays, work = (a.indptr, a.indices, a.data), float(a.nnz + rows)
    yield "csr_vector", work, lambda: csr_matvec(rows, rows, *arrays, x)
    yield "csc_vector", work, lambda: csc_matvec(rows, rows, *arrays, x)
    yield "csr_vectors", work * VECTORS, lambda: csr_matmat_dense(rows, rows, *arrays, xs)
    twice = np.hstack([xs, xs])  # of fewer than sixteen vectors no second thread takes any
    yield "csc_vectors", work * 2 * VECTORS, lambda: csc_matmat_dense(rows, rows, *arrays, twice)
    yield "row_sums", work, lambda: row_sums(*arrays)
    yield "addition", 2.0 * a.nnz + rows, lambda: add(rows, arrays, arrays, False)
    lengths = np.diff(a.indptr)
    yield "spgemm", float(lengths[a.indices].sum() + rows), lambda: spgemm(rows, rows, arrays, arrays)
    coo, dia = a.tocoo(), sp.diags_array(np.ones((5, rows)), offsets=range(-2, 3), shape=(rows, rows))
    dia = dia.astype(dtype)
    yield "coo_vector", work, lambda: coo_matvec(rows, coo.row, coo.col, coo.data, x)
    yield "dia_vector", float(dia.data.size + rows), lambda: dia_matvec(rows, dia.offsets, dia.data, x)
    if rows % 2 == 0:
        bsr = a.tobsr(blocksize=(2, 2))
        blocks = (bsr.indptr, bsr.indices, bsr.data)
        column = x.reshape(-1, 1)
        yield "bsr_vectors", float(bsr.data.size + rows), lambda: bsr_matmat_dense(rows, rows, *blocks, column)


def laplacian(n: int, dimensions: int) -> Any:
    """The (2 d + 1)-point Laplacian on a cube with n points an edge."""
    line, eye = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)), sp.eye_array(n)
    total = line
    for _ in range(dimensions - 1):
        total = sp.kron(total, eye) + sp.kron(sp.eye_array(total.shape[0]), line)
    return sp.csr_array(total)


def _kernel_times(tally: Tally) -> None:
    """Seconds of every iteration and substitution that applies and converges, by its own count of work."""
    linalg = import_module("fsci.sparse.linalg")
    rng = np.random.default_rng(0)
    for n, dimensions in ((4, 2), (10, 2), (30, 2), (100, 2), (200, 2), (400, 2), (8, 3), (20, 3), (40, 3)):
        a = laplacian(n, dimensions)
        b = rng.standard_normal(a.shape[0])
        lower = sp.csr_array(sp.tril(a))
        with policy(mode="hardened"), trace() as log:
            for method in ("cg", "bicgstab", "gmres", "minres"):
                getattr(linalg, method)(a, b, rtol=1e-8)
            linalg.spsolve_triangular(lower, b)
            linalg.spsolve_triangular(lower, np.stack([b] * VECTORS, axis=1))
        for diagnosis in log:
            problem = diagnosis.problem
            if problem is not None:
                evidence = registry.probe(problem)
                for kernel in registry.kernels(problem.kind, "host").values():
                    run = partial(kernel.run, problem, evidence)
                    # What gives up takes the time of its limit, and tells nothing of the work that it left.
                    if kernel.applies(problem, evidence) is None and run().status == "ok":
                        seconds = float(interleaved({"it": run}, 0.1, rounds=(2, 50))["it"].samples.min())
                        tally.add_time(kernel.key, "float64", kernel.work(problem, evidence), seconds)


def main() -> int:
    """Time all, and write the profile."""
    table, tally, count = json.loads(PROFILE.read_text(encoding="utf-8")), Tally(), thread_count()

    def least(call: Callable[[], Any], threads: int, seconds: float) -> float:
        with patch.object(Threads, "__call__", lambda self, dtype, work: threads):
            return float(interleaved({"it": call}, seconds)["it"].samples.min())

    for dtype in DTYPES if "--kernels" not in sys.argv else ():
        for rows in ROWS:
            for name, work, call in operations(rows, dtype):
                seconds = 0.05 if dtype == "float64" else 0.02
                key = f"sparse_product/host/{name}"
                tally.add_time(key, dtype, work, least(call, 1, seconds))
                tally.add_time(f"{key}_threads", dtype, work, least(call, count, seconds))
            sys.stderr.write(f"\r{dtype} {rows:<10}")
    _kernel_times(tally)
    new = stamped(tally, table, {"kernels": {}}, table["machine"])["profile"]
    # What an unknown kernel is taken for comes from solvers, not from products.
    new["default"], new["measurement"] = table["default"], table["measurement"]
    PROFILE.write_text(json.dumps(new, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stderr.write("\n")
    for key, by_dtype in tally.times.items():
        sys.stdout.write(f"{key:45} {points(by_dtype['float64'])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
