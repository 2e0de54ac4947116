"""Workloads of sparse products and iterations: operands, SciPy's call and fsci's.

The operators of the containers are exchanged by a patch; a contender here calls the method that
its operator ends in, so that both stand side by side in one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as scipy_linalg

import fsci
from benchmarks.workloads import Calls, Workload, budgets
from benchmarks.workloads_direct import GENERATED, calls, convection
from fsci.sparse.products import METHODS

__all__ = ["SPARSE", "SPSOLVE", "TARGETS", "Product", "laplacian", "random_rows"]


def laplacian(n: int, dimensions: int = 2) -> Any:
    """The (2 d + 1)-point Laplacian on a cube with n points an edge, in compressed rows."""
    line, eye = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)), sp.eye_array(n)
    total = line
    for _ in range(dimensions - 1):
        total = sp.kron(total, eye) + sp.kron(sp.eye_array(total.shape[0]), line)
    return sp.csr_array(total)


def random_rows(n: int, entries: int = 5, canonical: bool = False) -> Any:
    """Compressed rows with so many entries each, anywhere: in no order, or in canonical form."""
    rng = np.random.default_rng(0)
    indices = rng.integers(0, n, entries * n).astype(np.int32)
    indptr = np.arange(0, entries * n + 1, entries, dtype=np.int32)
    a = sp.csr_array((rng.standard_normal(entries * n), indices, indptr), shape=(n, n))
    if canonical:
        a.sum_duplicates()
    return a


def _method(a: Any, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """fsci's method and SciPy's for a container."""
    cls = next(cls for cls in type(a).__mro__ if (cls, name) in METHODS)
    own = METHODS[cls, name]
    theirs = vars(cls).get(name) or getattr(cls, name)
    return own, theirs


class Product(dict[str, Callable[[], Any]]):
    """The contenders of a product, and the bytes that it cannot do without: operands and result, each once."""

    def __init__(self, a: Any, name: str, *args: Any) -> None:
        own, theirs = _method(a, name)
        super().__init__(fsci=lambda: own(a, *args), scipy=lambda: theirs(a, *args))
        distinct = {id(operand): operand for operand in (a, *args)}
        self.traffic = sum(map(_bytes, (*distinct.values(), own(a, *args))))


def _bytes(operand: Any) -> int:
    if isinstance(operand, str):
        return 0
    if sp.issparse(operand):
        return int(operand.data.nbytes + operand.indices.nbytes + operand.indptr.nbytes)
    return int(operand.nbytes)


def _calls(a: Any, name: str, *args: Any) -> Calls:
    return Product(a, name, *args)


def _vector(a: Any) -> Calls:
    return _calls(a, "_matmul_vector", np.random.default_rng(1).standard_normal(a.shape[1]))


def _vectors(a: Any, count: int = 8) -> Calls:
    return _calls(a, "_matmul_multivector", np.random.default_rng(1).standard_normal((a.shape[1], count)))


def _power_grid(name: str) -> Any:
    from scipy.io import mmread

    root = Path(__file__).resolve().parents[1]
    path = Path(os.environ.get("FSCI_TEST_DATA") or root.parent / "shared" / "data") / "matrices" / f"{name}.mtx.gz"
    if not path.is_file():
        raise FileNotFoundError(path.name)
    return mmread(path).tocsr()


def _square(a: Any) -> Calls:
    return _calls(a, "_matmul_sparse", a)


def _sum(a: Any, b: Any) -> Calls:
    return _calls(a, "_binopt", b, "_plus_")


def _iteration(a: Any, method: str = "cg", **options: Any) -> Calls:
    b = np.random.default_rng(1).standard_normal(a.shape[0])
    own, theirs = getattr(fsci.sparse.linalg, method), getattr(scipy_linalg, method)
    return {
        "fsci": lambda: own(a, b, rtol=1e-8, **options),
        "scipy": lambda: theirs(a, b, rtol=1e-8),
    }


def _triangle(n: int) -> Calls:
    lower = sp.csr_array(sp.tril(laplacian(n)))
    b = np.random.default_rng(1).standard_normal(lower.shape[0])
    return {
        "fsci": lambda: fsci.sparse.linalg.spsolve_triangular(lower, b),
        "scipy": lambda: scipy_linalg.spsolve_triangular(lower, b),
    }


SPARSE = (
    Workload("A @ x, random, n=1e6", lambda: _vector(random_rows(10**6))),
    Workload("A @ x, Laplacian 1000^2", lambda: _vector(laplacian(1000))),
    Workload("A @ X, random, 8 vectors", lambda: _vectors(random_rows(10**6)), dear=True),
    Workload("A @ X, Laplacian, 8 vectors", lambda: _vectors(laplacian(1000)), dear=True),
    Workload("A @ x, n=9", lambda: _vector(laplacian(3))),
    Workload("A @ A, Laplacian 500^2", lambda: _square(laplacian(500))),
    Workload("A @ A, Laplacian 40^3", lambda: _square(laplacian(40, 3))),
    Workload("A @ A, case13659pegase_Ybus", lambda: _square(_power_grid("case13659pegase_Ybus"))),
    Workload("A @ A, 1138_bus", lambda: _square(_power_grid("1138_bus"))),
    Workload("A + A, Laplacian 1000^2", lambda: _sum(laplacian(1000), laplacian(1000))),
    Workload("A + B, Laplacian and random", lambda: _sum(laplacian(1000), random_rows(10**6, canonical=True))),
    Workload("A + A, n=9", lambda: _sum(laplacian(3), laplacian(3))),
    Workload("spsolve_triangular, 300^2", lambda: _triangle(300)),
    Workload("cg, Laplacian 100^2", lambda: _iteration(laplacian(100))),
    Workload("bicgstab, Laplacian 100^2", lambda: _iteration(laplacian(100), "bicgstab")),
    Workload("minres, Laplacian 100^2", lambda: _iteration(laplacian(100), "minres")),
    Workload("gmres, convection 60^2", lambda: _iteration(sp.csr_array(convection(60)), "gmres")),
    Workload("gmres M=auto, convection 100^2", lambda: _iteration(sp.csr_array(convection(100)), "gmres", M="auto")),
    Workload("bicgstab M=auto, Laplacian 30^3", lambda: _iteration(laplacian(30, 3), "bicgstab", M="auto")),
    Workload("cg M=auto, Laplacian 300^2", lambda: _iteration(laplacian(300), M="auto"), dear=True),
    Workload("cg M=auto, Laplacian 1000^2", lambda: _iteration(laplacian(1000), M="auto"), dear=True),
)

# Direct solves whose time SciPy's default can be waited for; `spsolve_side_by_side` has them all.
SPSOLVE = tuple(
    Workload(f"spsolve, {name}", lambda name=name: calls(GENERATED[name]()), dear=True)  # type: ignore[misc]
    for name in ("Laplacian 100^2", "Laplacian 300^2", "Laplacian 20^3", "convection 100^2")
)

# How many times faster than SciPy each must be, on two cores.
TARGETS = {workload.name: float(budgets()[workload.name]["p50"]) for workload in (*SPARSE, *SPSOLVE)}
