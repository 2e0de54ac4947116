"""The cases of sparse eigenvalues, singular values, exponentials and norms."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from tests.contract.cases import Case, Rng, Variant, close, same_values
from tests.contract.sparse_direct_kinds import matrices

__all__ = ["CASES"]


def _grid(n: int, dtype: str, stretched: float = 1.3) -> Any:
    """A Laplacian on a grid that is stretched: no eigenvalue is multiple."""
    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    eye = sp.eye_array(n)
    return sp.csr_array((stretched * sp.kron(line, eye) + sp.kron(eye, line)).astype(dtype))


def _symmetric(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in (5, 20):
        a = _grid(n, dtype)
        for which in ("LM", "SA", "LA", "BE"):
            yield f"{which}-{n}", (a, 4), {"which": which}
        yield f"values-{n}", (a, 4), {"return_eigenvectors": False, "which": "SA"}
        yield f"shift-{n}", (a.tocsc(), 3), {"sigma": 2.1}
    shifted = a - sp.diags_array(np.full(400, 1.7)).astype(dtype)
    yield "indefinite", (sp.coo_array(shifted), 4), {"which": "SA"}


def _hermitian(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in (5, 20):
        a = _grid(n, dtype) + 0.5j * (sp.eye_array(n * n, k=1) - sp.eye_array(n * n, k=-1))
        a = sp.csr_array(a.astype(dtype))
        yield f"LA-{n}", (a, 4), {"which": "LA"}
        yield f"SA-{n}", (a.tocsc(), 4), {"which": "SA"}
        yield f"values-{n}", (a, 4), {"return_eigenvectors": False, "which": "SA"}
        yield f"shift-{n}", (a, 3), {"sigma": 2.1, "which": "SA"}


def _pencils(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in (5, 20):
        a = _grid(n, dtype)
        line = sp.diags_array([1.0, 4.0, 1.0], offsets=[-1, 0, 1], shape=(n, n))
        m = sp.csr_array(sp.kron(line, line).astype(dtype))
        for which in ("SA", "LA", "BE"):
            yield f"{which}-{n}", (a, 4, m), {"which": which}
        yield f"zero-{n}", (a, 4, m.tocsc()), {"sigma": 0.0}
        yield f"values-{n}", (a, 4, m), {"sigma": 0.05, "return_eigenvectors": False}


def same_pencil_pairs(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The same values in the same order, and vectors that are orthonormal in M, with small residuals."""
    if not isinstance(theirs, tuple):
        close(ours, theirs, rtol)
        return
    a, m = (x.astype(ours[1].dtype) for x in (args[0], args[2]))
    close(ours[0], theirs[0], rtol)
    assert ours[1].shape == theirs[1].shape
    assert ours[1].dtype == theirs[1].dtype
    scale = float(np.abs(a).sum(axis=0).max())
    np.testing.assert_allclose(a @ ours[1], m @ ours[1] * ours[0], rtol=0, atol=10.0 * rtol * scale)
    np.testing.assert_allclose(ours[1].T @ (m @ ours[1]), np.eye(ours[0].size), rtol=0, atol=100.0 * rtol)


def same_pairs(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The same values in the same order, and vectors whose residuals are small."""
    if not isinstance(theirs, tuple):
        close(ours, theirs, rtol)
        return
    a = args[0].astype(ours[1].dtype)
    close(ours[0], theirs[0], rtol)
    assert ours[1].shape == theirs[1].shape
    assert ours[1].dtype == theirs[1].dtype
    scale = float(np.abs(a).sum(axis=0).max())
    np.testing.assert_allclose(a @ ours[1], ours[1] * ours[0], rtol=0, atol=10.0 * rtol * scale)
    np.testing.assert_allclose(np.linalg.norm(ours[1], axis=0), 1.0, rtol=10.0 * rtol)


def _apart(rng: Rng, dtype: str, shape: tuple[int, int]) -> Any:
    """A sparse matrix whose largest eigenvalues and singular values are far apart."""
    a = 0.02 * sp.random_array(shape, density=0.1, rng=rng)
    a = a + sp.diags_array(3.0 * 0.7 ** np.arange(min(shape)), shape=shape)
    if dtype.startswith("complex"):
        a = a + 0.02j * sp.random_array(shape, density=0.1, rng=rng)
    return sp.csr_array(a.astype(dtype))


def _general(rng: Rng, dtype: str) -> Iterator[Variant]:
    a = _apart(rng, dtype, (40, 40))
    start = np.ones(40, dtype)
    yield "largest", (a, 3), {"v0": start}
    yield "real", (a.tocsc(), 2), {"which": "LR", "v0": start}
    yield "shift", (a.tocsc(), 2), {"sigma": 3.1, "v0": start}


def _rectangular(rng: Rng, dtype: str) -> Iterator[Variant]:
    for shape in ((50, 30), (30, 60), (45, 45)):
        a = _apart(rng, dtype, shape)
        yield f"{shape}", (a, 3), {}
        yield f"{shape}-values", (a, 3), {"return_singular_vectors": False}
        yield f"{shape}-left", (a, 2), {"return_singular_vectors": "u"}
        yield f"{shape}-right", (a, 2), {"return_singular_vectors": "vh"}
        yield f"{shape}-propack", (a, 3), {"solver": "propack", "rng": 0}


def same_triplets(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The same values, and the same product of the three."""
    if not isinstance(theirs, tuple):
        close(ours, theirs, rtol)
        return
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine is None) == (other is None)
        assert mine is None or (mine.shape == other.shape and mine.dtype == other.dtype)
    u, s, vh = ours
    close(s, theirs[1], rtol)
    if u is not None and vh is not None:
        close((u * s) @ vh, (theirs[0] * theirs[1]) @ theirs[2], 100.0 * rtol)


class _Copying(Case):
    """SciPy's function on copies, which it may write over."""

    def theirs(self) -> Any:
        original = super().theirs()
        return lambda *args, **kwargs: original(*copy.deepcopy(args), **kwargs)


def _blocks(rng: Rng, dtype: str) -> Iterator[Variant]:
    a = _grid(10, dtype)
    for largest in (True, False):
        x = rng.standard_normal((100, 4)).astype(dtype)
        yield f"{largest}", (a, x), {"largest": largest, "tol": 1e-4, "maxiter": 200}


def _lowest(rng: Rng, dtype: str) -> Iterator[Variant]:
    a = _grid(16, dtype)
    yield "lowest", (a, rng.standard_normal((256, 4)).astype(dtype)), {"largest": False, "tol": 1e-7, "maxiter": 200}


def same_blocks(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The same eigenvalues, to the square of the tolerance of the iteration."""
    close(ours[0], theirs[0], 1e-8)
    assert ours[1].shape == theirs[1].shape


def _actions(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in (4, 12):
        a = sp.csr_array((-_grid(n, dtype) * (1.0 + 0.5j if dtype.startswith("complex") else 1.0)).astype(dtype))
        yield f"vector-{n}", (a, rng.standard_normal(n * n).astype(dtype)), {}
        yield f"block-{n}", (a.tocsc(), rng.standard_normal((n * n, 5)).astype(dtype)), {}
        yield f"times-{n}", (a, rng.standard_normal(n * n).astype(dtype)), {"start": 0.0, "stop": 2.0, "num": 7}
        yield f"later-{n}", (a, rng.standard_normal((n * n, 2)).astype(dtype)), {"start": 0.1, "stop": 1.0, "num": 3}
        yield f"trace-{n}", (a, rng.standard_normal(n * n).astype(dtype)), {"traceA": 1.0}


def _norms(rng: Rng, dtype: str) -> Iterator[Variant]:
    a = _apart(rng, dtype, (30, 40))
    for form in ("csr", "csc"):
        for order in (None, "fro", 1, -1, np.inf, -np.inf):
            yield f"{form}-{order}", (a.asformat(form), order), {}


def _one_norms(rng: Rng, dtype: str) -> Iterator[Variant]:
    yield "csr", (_apart(rng, dtype, (30, 30)),), {}
    yield "csc", (_apart(rng, dtype, (30, 30)).tocsc(),), {}


def same_norms(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """Scalars of one value."""
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=rtol)


def _invertible(rng: Rng, dtype: str) -> Iterator[Variant]:
    for label, a in matrices(rng, dtype):
        if "permuted" not in label and a.format == "csc":
            yield label, (a,), {}


def same_sparse(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The same container, dtype and values."""
    assert type(ours) is type(theirs)
    close(ours.toarray(), theirs.toarray(), rtol)


def same_factors(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """SuperLU's object, with the same factors."""
    assert type(ours) is type(theirs)
    same_sparse(ours.L, theirs.L, args, rtol)
    same_sparse(ours.U, theirs.U, args, rtol)
    np.testing.assert_array_equal(ours.perm_c, theirs.perm_c)


_REAL = ("float64", "float32")

CASES: dict[str, list[Case]] = {
    "sparse_symmetric_eigen": [
        Case("sparse.linalg.eigsh", _symmetric, same_pairs, _REAL),
        Case("sparse.linalg.eigsh", _hermitian, same_pairs, ("complex128", "complex64")),
    ],
    "sparse_pencil_eigen": [Case("sparse.linalg.eigsh", _pencils, same_pencil_pairs, _REAL)],
    "sparse_general_eigen": [Case("sparse.linalg.eigs", _general, same_pairs)],
    "sparse_block_eigen": [
        _Copying("sparse.linalg.lobpcg", _blocks, same_blocks, ("float64",)),
        _Copying("sparse.linalg.lobpcg", _lowest, same_blocks, ("float64",), policy={"mode": "hardened"}),
    ],
    "sparse_svd": [Case("sparse.linalg.svds", _rectangular, same_triplets)],
    "exponential_action": [Case("sparse.linalg.expm_multiply", _actions, same_values)],
    "sparse_inverse": [Case("sparse.linalg.inv", _invertible, same_sparse)],
    "sparse_factors": [
        Case("sparse.linalg.splu", _invertible, same_factors),
        Case("sparse.linalg.spilu", _invertible, same_factors),
    ],
    "sparse_norm": [
        Case("sparse.linalg.norm", _norms, same_norms),
        Case("sparse.linalg.onenormest", _one_norms, same_norms),
    ],
}
