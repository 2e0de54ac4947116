"""The cases of sparse systems that are solved by factorization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from tests.contract.cases import Case, Rng, Variant, draw, same_values


def _sparse(rng: Rng, n: int, dtype: str, per_row: int = 3) -> Any:
    pattern = sp.random_array((n, n), density=per_row / n, rng=rng, format="coo")
    values = draw(rng, (pattern.nnz,), dtype)
    return sp.csc_array(sp.coo_array((values, pattern.coords), shape=(n, n)))


def matrices(rng: Rng, dtype: str) -> Iterator[tuple[str, Any]]:
    """Well conditioned, of every structure that the probe tells apart."""
    eye = sp.eye_array(60, dtype=dtype, format="csc") * 20
    a = _sparse(rng, 60, dtype)
    symmetric_pattern = a + a.T.conj() * 0.5 + eye
    yield "definite", sp.csc_array(a + a.conj().T + eye)
    yield "symmetric-pattern", sp.csc_array(symmetric_pattern)
    yield "by-rows", sp.csr_array(symmetric_pattern)
    yield "matrix", sp.csc_matrix(symmetric_pattern)
    signs = sp.diags_array(np.where(np.arange(60) % 2, 1.0, -1.0)).astype(dtype)
    yield "indefinite", sp.csc_array(a + a.conj().T + signs @ eye)
    yield "complex-symmetric", sp.csc_array(a + a.T + signs @ eye)
    pairs = sp.coo_array((np.full(60, 20, dtype), (np.arange(60), np.arange(59, -1, -1))), shape=(60, 60))
    yield "no-diagonal", sp.csc_array(sp.csc_array(a + a.conj().T - 2 * sp.diags_array(a.diagonal().real)) + pairs)
    constraints = sp.csc_array(a[:20] + sp.eye_array(20, 60) * 4)
    yield "saddle", sp.csc_array(sp.block_array([[eye, constraints.conj().T], [constraints, None]]))
    order = rng.permutation(60)
    yield "unsymmetric", sp.csc_array(sp.csc_array(a + eye)[order])
    yield "lower", sp.csc_array(sp.tril(a + eye))
    yield "upper", sp.csr_array(sp.triu(a + eye))
    yield "diagonal", sp.csc_array(eye)
    yield "permuted-lower", sp.csc_array(sp.csc_array(sp.tril(a + eye))[order][:, rng.permutation(60)])
    bands = [np.full(29, -1.0), np.full(30, 4.0), np.full(29, -1.0)]
    line = sp.diags_array(bands, offsets=[-1, 0, 1]).astype(dtype)
    yield "band", sp.csc_array(line)
    yield "band-by-rows", sp.csr_array(line + sp.diags_array([np.ones(28, dtype)], offsets=[2]))
    yield "grid", sp.csc_array(sp.kron(line, sp.eye_array(30)) + sp.kron(sp.eye_array(30), line))


def _systems(rng: Rng, dtype: str) -> Iterator[Variant]:
    for label, a in matrices(rng, dtype):
        n = a.shape[0]
        yield label, (a, draw(rng, (n,), dtype)), {}
        yield f"{label}-many", (a, draw(rng, (n, 11), dtype)), {}
    yield "ordering-named", (a, draw(rng, (n,), dtype)), {"permc_spec": "NATURAL"}


CASES = {"sparse_linear_system": [Case("sparse.linalg.spsolve", _systems, same_values)]}
