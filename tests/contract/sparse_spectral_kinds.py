"""The cases of sparse eigenvalues, singular values, exponentials and norms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from tests.contract.cases import Case, Rng, Variant, close

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


_REAL = ("float64", "float32")

CASES: dict[str, list[Case]] = {
    "sparse_symmetric_eigen": [Case("sparse.linalg.eigsh", _symmetric, same_pairs, _REAL)],
}
