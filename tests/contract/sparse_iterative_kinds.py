"""The cases of sparse systems that are solved by iteration or by substitution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from tests.contract.cases import Case, Rng, Variant, close, draw, same_values


def _definite(n: int, dtype: str) -> Any:
    line = sp.diags_array([-1.0, 2.5, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    eye = sp.eye_array(n)
    a = (sp.kron(line, eye) + sp.kron(eye, line)).tocsr()
    return sp.csr_array((a + _turned(n * n) if dtype.startswith("complex") else a).astype(dtype))


def _turned(n: int) -> Any:
    upper = sp.diags_array([0.3j], offsets=[1], shape=(n, n))
    return upper + upper.conj().T


def _iterations(rng: Rng, dtype: str) -> Iterator[Variant]:
    rtol = 1e-5 if dtype in ("float32", "complex64") else 1e-13
    for n in (3, 15):
        a = _definite(n, dtype)
        b = draw(rng, (n * n,), dtype)
        for form in ("csr", "csc", "coo"):
            yield f"{form}-{n}", (a.asformat(form), b), {"rtol": rtol, "maxiter": 200}
        yield f"guess-{n}", (a, b), {"rtol": rtol, "x0": np.ones(n * n, dtype), "maxiter": 200}


def _unsymmetric(rng: Rng, dtype: str) -> Iterator[Variant]:
    for label, (a, b), kwargs in _iterations(rng, dtype):
        shifted = a + sp.diags_array([0.4], offsets=[1], shape=a.shape).astype(dtype)
        yield label, (shifted.asformat(a.format), b), kwargs


def _few(variants: Any) -> Any:
    """Looser, for methods that end where a bound of theirs stagnates."""

    def loosened(rng: Rng, dtype: str) -> Iterator[Variant]:
        for label, args, kwargs in variants(rng, dtype):
            yield label, args, {**kwargs, "rtol": max(kwargs["rtol"], 1e-12)}

    return loosened


def _rectangular(rng: Rng, dtype: str) -> Iterator[Variant]:
    for label, shape in (("tall", (60, 20)), ("wide", (20, 60)), ("square", (40, 40))):
        a = sp.random_array(shape, density=0.3, rng=rng).astype(dtype)
        a = a + sp.diags_array(np.full(min(shape), 4.0), shape=shape).astype(dtype)
        for form in ("csr", "csc"):
            for damp in (0.0, 0.5):
                options = {"damp": damp, "atol": 1e-7, "btol": 1e-7}
                yield f"{label}-{form}-{damp}", (a.asformat(form), draw(rng, (shape[0],), dtype)), options


def same_minimizer(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """As many fields, and x: the steps are the same, and rounding alone tells the two apart."""
    assert len(ours) == len(theirs)
    close(ours[0], theirs[0], max(rtol, 1e-6))


def same_solution(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The same code, and x to the tolerance of the residual and a condition of 9."""
    assert ours[1] == theirs[1]
    close(ours[0], theirs[0], max(rtol, 1e-10))


def _triangular(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in (5, 60):
        full = sp.random_array((n, n), density=0.3, rng=rng).astype(dtype)
        for form in ("csr", "csc"):
            for lower in (True, False):
                strict = sp.tril(full, -1) if lower else sp.triu(full, 1)
                a = (0.3 * strict + sp.diags_array(np.full(n, 2.0))).astype(dtype).asformat(form)
                yield f"{form}-{lower}-{n}", (a, draw(rng, (n,), dtype)), {"lower": lower}
                yield f"{form}-{lower}-{n}-many", (a, draw(rng, (n, 3), dtype)), {"lower": lower}
                yield f"{form}-{lower}-{n}-unit", (a, draw(rng, (n,), dtype)), {"lower": lower, "unit_diagonal": True}


CASES: dict[str, list[Case]] = {
    "iterative_solve": [
        # Hardened mode leaves the choice of a preconditioner to fsci.
        Case("sparse.linalg.cg", _iterations, same_solution, policy={"mode": "hardened"}),
        Case("sparse.linalg.bicgstab", _unsymmetric, same_solution),
        Case("sparse.linalg.gmres", _unsymmetric, same_solution),
        Case("sparse.linalg.minres", _iterations, same_solution, ("float64",)),
        Case("sparse.linalg.lgmres", _few(_unsymmetric), same_solution),
        Case("sparse.linalg.qmr", _few(_unsymmetric), same_solution),
        Case("sparse.linalg.bicgstab", _unsymmetric, same_solution, policy={"mode": "hardened"}),
        Case("sparse.linalg.gmres", _unsymmetric, same_solution, policy={"mode": "hardened"}),
        Case("sparse.linalg.minres", _iterations, same_solution, ("float64",), policy={"mode": "hardened"}),
    ],
    "sparse_least_squares": [
        Case("sparse.linalg.lsqr", _rectangular, same_minimizer, ("float32", "float64")),
        Case("sparse.linalg.lsmr", _rectangular, same_minimizer, ("float64",)),
    ],
    "sparse_triangular": [Case("sparse.linalg.spsolve_triangular", _triangular, same_values)],
}
