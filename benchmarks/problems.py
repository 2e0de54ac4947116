"""The whole problem catalogue: generated families, data that the dependencies ship, the matrix collection.

The generated half lives in the package (`fsci.selector.catalogue`), because calibration
needs it wherever fsci is installed; here come the real ones, for benchmarks and tests.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from fsci.selector.catalogue import POSES, Entry, half_of, seed_of
from fsci.selector.catalogue import catalogue as generated

__all__ = ["DATA", "catalogue", "collection", "read_matrix", "shipped"]

DATA = Path(os.environ.get("FSCI_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")

Matrix = np.ndarray[Any, Any]


def _entry(
    kind: str, family: str, tags: str, shape: tuple[int, int], dtype: str, matrix: Callable[[], Matrix]
) -> Entry:
    name = f"{kind}/{family}/{shape[1]}/{dtype}"

    def make(rng: np.random.Generator) -> tuple[Any, ...]:
        return POSES[kind].operands(matrix(), rng)

    return Entry(
        name, family, kind, POSES[kind].function, frozenset(tags.split()), shape, dtype, None, seed_of(name), make
    )


def _pyamg() -> dict[str, tuple[str, Matrix]]:
    """Discretizations from PyAMG's gallery, dense."""
    gallery = import_module("pyamg.gallery")
    stencil = gallery.diffusion_stencil_2d(epsilon=1e-3, theta=0.6, type="FD")
    unit_square = gallery.load_example("unit_square")["A"]
    found = {
        "pyamg_poisson": ("spd symmetric banded", gallery.poisson((17, 17), format="csr")),
        "pyamg_anisotropic": ("banded", gallery.stencil_grid(stencil, (15, 15), format="csr")),
        "pyamg_elasticity": ("spd symmetric", gallery.linear_elasticity((8, 8), format="csr")[0]),
        "pyamg_advection": ("banded nonnormal", gallery.advection_2d((14, 14))[0]),
        "pyamg_unit_square": ("", unit_square),
        "pyamg_gauge": ("complex", gallery.gauge_laplacian(12, beta=0.5)),
    }
    return {k: (f"real_data {tags}", np.ascontiguousarray(a.toarray())) for k, (tags, a) in found.items()}


def _sklearn() -> dict[str, tuple[str, Matrix]]:
    """Design matrices, normal equations and kernel matrices of scikit-learn's data sets."""
    datasets = import_module("sklearn.datasets")
    found: dict[str, tuple[str, Matrix]] = {}
    for name in ("diabetes", "iris", "wine", "breast_cancer", "digits"):
        x = np.ascontiguousarray(getattr(datasets, f"load_{name}")().data.astype(float))
        rank = "rank_deficient" if name == "digits" else ""  # pixels that are always 0
        found[f"{name}_design"] = (f"real_data tall badly_scaled {rank}", x)
        gram = x.T @ x
        found[f"{name}_normal_equations"] = (
            f"real_data symmetric {'singular' if rank else 'spd'} ill_conditioned",
            (gram + gram.T) / 2,
        )
        z = x[:200]
        square = np.sum((z[:, None, :] - z[None, :, :]) ** 2, axis=2)
        kernel = np.exp(-square / (2 * np.median(square))) + 1e-8 * np.eye(len(z))
        found[f"{name}_kernel"] = ("real_data symmetric spd ill_conditioned", kernel)
    return found


@lru_cache(maxsize=1)
def _shipped() -> dict[str, tuple[str, Matrix]]:
    found: dict[str, tuple[str, Matrix]] = {}
    for load in (_pyamg, _sklearn):
        try:
            found.update(load())
        except ModuleNotFoundError:  # the extra "peers" is not installed
            continue
    return found


def shipped(kinds: Iterable[str] | None = None) -> Iterator[Entry]:
    """Real problems that PyAMG and scikit-learn ship, where they are installed."""
    for kind in POSES if kinds is None else kinds:
        for name, (tags, matrix) in _shipped().items():
            tall = "tall" in tags
            if kind in _RECTANGULAR if tall else _poses_square(kind, tags):
                yield _entry(kind, name, tags, matrix.shape, matrix.dtype.name, lambda matrix=matrix: matrix.copy())


_RECTANGULAR = ("least_squares", "qr_factorization", "svd", "singular_values", "pseudoinverse")


def _poses_square(kind: str, tags: str) -> bool:
    if kind in ("least_squares", "batched_system") or (kind == "factored_system" and "singular" in tags):
        return False
    if kind in ("cholesky", "symmetric_eigen"):
        return "spd" in tags or (kind == "symmetric_eigen" and "symmetric" in tags)
    return True


def read_matrix(path: Path) -> Matrix:
    """A Matrix Market file, gzipped or not, as a dense array."""
    from scipy.io import mmread

    if path.suffix == ".gz":
        with gzip.open(path) as file:
            matrix = mmread(file)
    else:
        matrix = mmread(path)
    dense = matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
    return np.ascontiguousarray(dense.astype(np.complex128 if dense.dtype.kind == "c" else np.float64))


def collection(
    kinds: Iterable[str] = ("linear_system",), largest: int = 1500, folder: Path | None = None
) -> Iterator[Entry]:
    """The matrices of the data folder up to order `largest`; none where the folder is absent."""
    import csv

    base = (DATA if folder is None else folder) / "matrices"
    index = base / "index.csv"
    if not index.is_file():
        return
    with index.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for kind in kinds:
        for row in rows:
            shape = int(row["rows"]), int(row["cols"])
            path = base / f"{row['name']}.mtx.gz"
            if max(shape) > largest or not path.is_file() or (shape[0] != shape[1]) != (kind == "least_squares"):
                continue
            tags = "real_data symmetric" if row["symmetry"] == "symmetric" else "real_data"
            dtype = "complex128" if row["field"] == "complex" else "float64"
            yield _entry(kind, row["name"], tags, shape, dtype, lambda path=path: read_matrix(path))


def catalogue(
    kinds: Iterable[str] | None = None,
    half: str | None = None,
    tags: Iterable[str] = (),
    dtypes: Iterable[str] = ("float64",),
    sizes: tuple[int, ...] | None = None,
) -> Iterator[Entry]:
    """Generated and shipped entries of these kinds, half, tags (all of them), dtypes and orders."""
    kinds, wanted, dtypes = list(POSES if kinds is None else kinds), frozenset(tags), tuple(dtypes)
    yield from generated(kinds, half, wanted, dtypes, sizes)
    for entry in shipped(kinds):
        if (half is None or half_of(entry.family) == half) and wanted <= entry.tags and entry.dtype in dtypes:
            yield entry
