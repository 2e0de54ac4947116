"""Workloads of sparse eigenvalues, singular values, exponentials, norms and inverses: SciPy's call and fsci's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as scipy_linalg

import fsci
from benchmarks.workloads import Calls, Workload
from benchmarks.workloads_sparse import laplacian, random_rows

__all__ = ["SPECTRAL", "SPECTRAL_TARGETS"]


def _both(name: str, *args: Any, **options: Any) -> Calls:
    own: Callable[..., Any] = getattr(fsci.sparse.linalg, name)
    return {"fsci": partial(own, *args, **options), "scipy": partial(getattr(scipy_linalg, name), *args, **options)}


def _rectangular(m: int, n: int) -> Any:
    return sp.csr_array(sp.random_array((m, n), density=5 / n, rng=np.random.default_rng(0)))


def _shifted(n: int) -> Any:
    a = random_rows(n) + 8.0 * sp.eye_array(n, format="csr")
    return sp.csr_array(a)


def _hermitian(n: int) -> Any:
    """A Laplacian in a magnetic field: phases on its edges."""
    up = sp.csr_array(sp.triu(laplacian(n), 1)).astype(complex)
    up.data *= np.exp(2j * np.pi * np.random.default_rng(0).random(up.nnz))
    return sp.csr_array(up + up.conj().T + sp.diags_array(laplacian(n).diagonal()))


def _mass(n: int) -> Any:
    line = sp.diags_array([1.0, 4.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)) / 6.0
    return sp.csr_array(sp.kron(line, line))


def _indefinite(n: int) -> Any:
    return sp.csr_array(laplacian(n) - 1.3 * sp.eye_array(n * n))


def _lowest(n: int) -> Calls:
    """The lowest values by LOBPCG: SciPy's call, and fsci's, which chooses a preconditioner in hardened mode."""
    a, x = laplacian(n), np.random.default_rng(0).standard_normal((n * n, 4))
    options: dict[str, Any] = {"largest": False, "tol": 1e-7, "maxiter": 400}

    def own() -> Any:
        with fsci.policy(mode="hardened"):
            return fsci.sparse.linalg.lobpcg(a, x, **options)

    return {"fsci": own, "scipy": lambda: scipy_linalg.lobpcg(a, x.copy(), **options)}


def _ones(a: Any, *columns: int) -> Any:
    return np.ones((a.shape[0], *columns))


SPECTRAL = (
    Workload("eigsh LM, n=49", lambda: _both("eigsh", laplacian(7))),
    Workload("eigsh SA, Laplacian 45^2", lambda: _both("eigsh", laplacian(45), which="SA")),
    Workload("eigsh SA, Laplacian 100^2", lambda: _both("eigsh", laplacian(100), which="SA")),
    Workload("eigsh LM, Laplacian 100^2", lambda: _both("eigsh", laplacian(100))),
    Workload("eigsh BE, Laplacian 100^2", lambda: _both("eigsh", laplacian(100), which="BE")),
    Workload("eigsh sigma, Laplacian 100^2", lambda: _both("eigsh", laplacian(100), sigma=0.01)),
    Workload("eigsh SA, Laplacian 20^3", lambda: _both("eigsh", laplacian(20, 3), which="SA"), dear=True),
    Workload("eigsh sigma, Laplacian 14^2", lambda: _both("eigsh", laplacian(14), sigma=0.3)),
    Workload("eigsh sigma, Laplacian 18^2", lambda: _both("eigsh", laplacian(18), sigma=0.3)),
    Workload("eigsh SM, indefinite 30^2", lambda: _both("eigsh", _indefinite(30), which="SM"), dear=True),
    Workload("eigsh SA, Hermitian 45^2", lambda: _both("eigsh", _hermitian(45), which="SA")),
    Workload("eigsh sigma, Hermitian 45^2", lambda: _both("eigsh", _hermitian(45), sigma=1.3)),
    Workload("eigsh M, sigma=0, membrane 45^2", lambda: _both("eigsh", laplacian(45), M=_mass(45), sigma=0.0)),
    Workload("eigsh M, SA, membrane 45^2", lambda: _both("eigsh", laplacian(45), M=_mass(45), which="SA"), dear=True),
    Workload("eigsh M, LM, membrane 45^2", lambda: _both("eigsh", laplacian(45), M=_mass(45))),
    Workload("lobpcg lowest, Laplacian 60^2", lambda: _lowest(60)),
    Workload("eigs, random, n=2000", lambda: _both("eigs", _shifted(2000), v0=np.ones(2000))),
    Workload("svds, 60 x 40", lambda: _both("svds", _rectangular(60, 40))),
    Workload("svds, 5000 x 1000", lambda: _both("svds", _rectangular(5000, 1000))),
    Workload("svds, complex 2000 x 500", lambda: _both("svds", _rectangular(2000, 500) * (1.0 + 0.5j))),
    Workload("expm_multiply, n=49", lambda: _both("expm_multiply", laplacian(7), np.ones(49))),
    Workload("expm_multiply, Laplacian 100^2", lambda: _both("expm_multiply", -laplacian(100), np.ones(10**4))),
    Workload("expm_multiply, 8 columns", lambda: _both("expm_multiply", -laplacian(100), _ones(laplacian(100), 8))),
    Workload(
        "expm_multiply, 20 times",
        lambda: _both("expm_multiply", -laplacian(45), np.ones(2025), start=0.0, stop=1.0, num=20),
    ),
    Workload("norm fro, n=49", lambda: _both("norm", laplacian(7))),
    Workload("norm fro, Laplacian 400^2", lambda: _both("norm", laplacian(400))),
    Workload("norm 1, Laplacian 400^2", lambda: _both("norm", laplacian(400), 1)),
    Workload("onenormest, Laplacian 100^2", lambda: _both("onenormest", laplacian(100))),
    Workload("inv, Laplacian 22^2", lambda: _both("inv", sp.csc_array(laplacian(22)))),
    Workload("splu, Laplacian 22^2", lambda: _both("splu", sp.csc_array(laplacian(22)))),
)

# How many times faster than SciPy each must be, on two cores.
SPECTRAL_TARGETS = {
    "eigsh LM, n=49": 2.0,
    "eigsh SA, Laplacian 45^2": 1.5,
    "eigsh SA, Laplacian 100^2": 4.0,
    "eigsh LM, Laplacian 100^2": 2.0,
    "eigsh BE, Laplacian 100^2": 1.2,
    "eigsh sigma, Laplacian 100^2": 1.0,
    "eigsh SA, Laplacian 20^3": 1.0,
    "eigsh sigma, Laplacian 14^2": 0.85,
    "eigsh sigma, Laplacian 18^2": 0.95,
    "eigsh SM, indefinite 30^2": 10.0,
    "eigsh SA, Hermitian 45^2": 2.0,
    "eigsh sigma, Hermitian 45^2": 1.0,
    "eigsh M, sigma=0, membrane 45^2": 1.2,
    "eigsh M, SA, membrane 45^2": 10.0,
    "eigsh M, LM, membrane 45^2": 1.0,
    "lobpcg lowest, Laplacian 60^2": 3.0,
    "eigs, random, n=2000": 0.95,
    "svds, 60 x 40": 2.0,
    "svds, 5000 x 1000": 1.0,
    "svds, complex 2000 x 500": 1.0,
    "expm_multiply, n=49": 3.0,
    "expm_multiply, Laplacian 100^2": 1.5,
    "expm_multiply, 8 columns": 1.5,
    "expm_multiply, 20 times": 3.0,
    "norm fro, n=49": 0.95,
    "norm fro, Laplacian 400^2": 1.0,
    "norm 1, Laplacian 400^2": 2.0,
    "onenormest, Laplacian 100^2": 5.0,
    "inv, Laplacian 22^2": 2.0,
    "splu, Laplacian 22^2": 0.95,
}
