"""The case of each kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import scipy.linalg as sl

from tests.contract import integrate_kinds, sparse_direct_kinds, sparse_iterative_kinds, sparse_spectral_kinds
from tests.contract.cases import DTYPES, Case, Rng, Variant, draw, same_spectral, same_svd, same_values, structured

SIZES = (5, 40)


def _systems(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in (*SIZES, 200):
        for label, a in structured(rng, n, dtype):
            yield f"{label}-{n}", (a, draw(rng, (n,), dtype)), {}
        yield f"many-{n}", (a, draw(rng, (n, 3), dtype)), {}
    declared = {
        "pos": "spd",
        "her": "hermitian",
        "upper triangular": "upper",
        "tridiagonal": "tridiagonal",
        "gen": "general",
    }
    matrices = dict(structured(rng, 40, dtype))
    for name, label in declared.items():
        yield f"declared-{name}", (matrices[label], draw(rng, (40,), dtype)), {"assume_a": name}
    graded = matrices["general"] * np.logspace(-6, 6, 40)[:, None].astype(dtype)
    yield "badly-scaled", (graded.astype(dtype), draw(rng, (40,), dtype)), {}
    yield "batch", (draw(rng, (6, 4, 4), dtype) + 5 * np.eye(4, dtype=dtype), draw(rng, (6, 4, 1), dtype)), {}
    yield (
        "batch-large",
        (draw(rng, (3, 30, 30), dtype) + 15 * np.eye(30, dtype=dtype), draw(rng, (3, 30, 2), dtype)),
        {},
    )


def _square(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        for label, a in structured(rng, n, dtype):
            yield f"{label}-{n}", (a,), {}
    yield "batch-large", (draw(rng, (3, 70, 70), dtype) + 20 * np.eye(70, dtype=dtype),), {}
    yield "batch", (draw(rng, (6, 4, 4), dtype) + 5 * np.eye(4, dtype=dtype),), {}


def _hermitian(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        matrices = dict(structured(rng, n, dtype))
        for label in ("spd", "hermitian", "diagonal"):
            a = matrices[label]
            yield f"{label}-{n}", ((a + a.conj().T) / 2,), {}
    yield "batch", (np.stack([matrices["spd"], matrices["hermitian"]]),), {}


def _eigh(rng: Rng, dtype: str) -> Iterator[Variant]:
    yield from _hermitian(rng, dtype)
    matrices = dict(structured(rng, 12, dtype))
    a, b = ((m + m.conj().T) / 2 for m in (matrices["hermitian"], matrices["spd"]))
    for driver in ("ev", "evd", "evr", "evx"):
        yield driver, (a,), {"driver": driver}
    for driver in ("gv", "gvd", "gvx"):
        yield driver, (a, b), {"driver": driver}


def _definite(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        a = dict(structured(rng, n, dtype))["spd"]
        yield f"spd-{n}", (a,), {}
        yield f"lower-{n}", (a,), {"lower": True}
    yield "banded", (np.eye(40, dtype=dtype) * 4 + np.eye(40, k=1, dtype=dtype) + np.eye(40, k=-1, dtype=dtype),), {}


def _rectangular(rng: Rng, dtype: str) -> Iterator[Variant]:
    for m, n in ((6, 4), (4, 6), (7, 7), (300, 20), (60, 50), (20, 90)):
        yield f"{m}x{n}", (draw(rng, (m, n), dtype),), {}


def _economic(rng: Rng, dtype: str) -> Iterator[Variant]:
    yield from _rectangular(rng, dtype)
    for label, args, _ in _rectangular(rng, dtype):
        yield f"{label}-economic", args, {"mode": "economic"}
        yield f"{label}-pivoted", args, {"mode": "economic", "pivoting": True}


def _thin(rng: Rng, dtype: str) -> Iterator[Variant]:
    yield from _rectangular(rng, dtype)
    for label, args, _ in _rectangular(rng, dtype):
        yield f"{label}-thin", args, {"full_matrices": False}


def _least_squares(rng: Rng, dtype: str) -> Iterator[Variant]:
    for label, (a,), _ in _rectangular(rng, dtype):
        yield label, (a, draw(rng, (a.shape[0],), dtype)), {}
        yield f"{label}-many", (a, draw(rng, (a.shape[0], 3), dtype)), {}
    if dtype in ("float32", "complex64"):
        return  # the rank of a nearly deficient matrix is a matter of rounding there
    tall = draw(rng, (50, 8), dtype)
    tall[:, -1] = tall[:, 0]
    yield "deficient", (tall, draw(rng, (50,), dtype)), {}


def _triangular(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        a = dict(structured(rng, n, dtype))["general"]
        for lower in (False, True):
            for trans in (0, 1, 2):
                yield f"{n}-{lower}-{trans}", (a, draw(rng, (n,), dtype)), {"lower": lower, "trans": trans}
        yield f"{n}-many", (a, draw(rng, (n, 3), dtype)), {}


def _banded(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        for low, up in ((0, 0), (1, 1), (2, 1), (0, 2)):
            ab = draw(rng, (low + up + 1, n), dtype)
            ab[up] += 8
            yield f"{n}-{low}-{up}", ((low, up), ab, draw(rng, (n,), dtype)), {}


def _definite_banded(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        for up in (0, 1, 3):
            ab = draw(rng, (up + 1, n), dtype)
            ab[-1] = 8 + up
            yield f"{n}-{up}", (ab, draw(rng, (n,), dtype)), {}


def _toeplitz(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        c, r = draw(rng, (n,), dtype), draw(rng, (n,), dtype)
        c[0] = r[0] = 3 * n
        yield f"{n}", ((c, r), draw(rng, (n,), dtype)), {}
        yield f"{n}-many", ((c, r), draw(rng, (n, 3), dtype)), {}
    yield "hermitian", (c, draw(rng, (n,), dtype)), {}


def _lu_factored(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        factored = sl.lu_factor(dict(structured(rng, n, dtype))["general"])
        for trans in (0, 1, 2):
            yield f"{n}-{trans}", (factored, draw(rng, (n,), dtype)), {"trans": trans}
        yield f"{n}-many", (factored, draw(rng, (n, 3), dtype)), {}


def _cho_factored(rng: Rng, dtype: str) -> Iterator[Variant]:
    for n in SIZES:
        for lower in (False, True):
            factored = sl.cho_factor(dict(structured(rng, n, dtype))["spd"], lower=lower)
            yield f"{n}-{lower}", (factored, draw(rng, (n, 2), dtype)), {}


def _roots(rng: Rng, dtype: str) -> Iterator[Variant]:
    f = lambda x: math.cos(x) - x  # noqa: E731
    for method in ("brentq", "brenth", "ridder", "bisect", None):
        yield str(method), (f,), {"bracket": [0.0, 1.0], "method": method}
    yield "jitted", (numba.njit(f),), {"bracket": [0.0, 1.0]}


def same_roots(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The root to the default tolerance; counts belong to the method that was taken."""
    assert ours.keys() == theirs.keys()
    assert ours.converged == theirs.converged
    assert ours.root == __import__("pytest").approx(theirs.root, rel=1e-11)


def same_factor(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The named triangle of a Cholesky factor; what stands in the other one has no meaning."""
    assert ours[1] == theirs[1]
    triangle = np.tril if theirs[1] else np.triu
    same_values(triangle(ours[0]), triangle(theirs[0]), args, rtol)


def _integrals(rng: Rng, dtype: str) -> Iterator[Variant]:
    f = lambda x: math.exp(-x * x)  # noqa: E731
    yield "smooth", (f, 0.0, 1.0), {}
    yield "jitted", (numba.njit(f), 0.0, 1.0), {}
    yield "half-line", (f, 0.0, math.inf), {}
    yield "line", (f, -math.inf, math.inf), {}
    yield "singular", (lambda x: 1.0 / math.sqrt(x), 0.0, 1.0), {}
    yield "oscillating", (lambda x: 1.0 + math.cos(300.0 * x), 0.0, 1.0), {"limit": 500}
    yield "cosine", (f, 0.0, 1.0), {"weight": "cos", "wvar": 3.0}
    yield "wave", (f, 0.0, math.inf), {"weight": "sin", "wvar": 2.0}
    yield "algebraic", (f, 0.0, 1.0), {"weight": "alg-log", "wvar": (-0.5, -0.25)}
    yield "cauchy", (f, -1.0, 2.0), {"weight": "cauchy", "wvar": 0.5}
    yield "points", (lambda x: abs(x - 0.3), 0.0, 1.0), {"points": [0.3]}


def _samples(rng: Rng, dtype: str) -> Iterator[Variant]:
    for shape in ((8,), (9,), (4, 17), (3, 16, 5), (40_001,)):
        y = draw(rng, shape, dtype)
        yield f"even-{shape}", (y,), {}
        yield f"first-axis-{shape}", (y,), {"axis": 0, "dx": 0.25}
        yield f"uneven-{shape}", (y,), {"x": np.cumsum(rng.random(shape[-1]) + 0.1)}


def _romberg(rng: Rng, dtype: str) -> Iterator[Variant]:
    for shape in ((9,), (65,), (3, 17)):
        yield f"{shape}", (draw(rng, shape, dtype),), {"dx": 0.5}


def _iterated(rng: Rng, dtype: str) -> Iterator[Variant]:
    f = lambda y, x: math.exp(-x * y)  # noqa: E731
    yield "square", (f, 0.0, 1.0, 0.0, 1.0), {}
    yield "jitted triangle", (numba.njit(f), 0.0, 1.0, 0.0, lambda x: x), {}
    yield "singular corner", (lambda y, x: 1.0 / math.sqrt(x + y), 0.0, 1.0, 0.0, 1.0), {}


def _vectors(rng: Rng, dtype: str) -> Iterator[Variant]:
    k = np.arange(1.0, 6.0)
    yield "waves", (lambda x: np.sin(k * x), 0.0, 3.0), {}
    yield "decay", (lambda x: np.exp(-k * x), 0.0, math.inf), {"quadrature": "gk21"}
    yield "matrix", (lambda x: np.outer(k, k) * x, 0.0, 1.0), {"norm": "max"}


def _fixed(rng: Rng, dtype: str) -> Iterator[Variant]:
    yield "cosine", (np.cos, 0.0, 1.0), {"n": 7}


def same_integrals(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """The value, to what QUADPACK is asked for by default; estimates belong to the rule that was taken."""
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9)


CASES: dict[str, list[Case]] = {
    "quadrature": [Case("integrate.quad", _integrals, same_integrals, ("float64",), {"mode": "hardened"})],
    "vector_quadrature": [
        Case("integrate.quad_vec", _vectors, same_integrals, ("float64",), {"mode": "hardened"}),
    ],
    "fixed_quadrature": [Case("integrate.fixed_quad", _fixed, same_integrals, ("float64",))],
    "iterated_integral": [
        Case("integrate.dblquad", _iterated, same_integrals, ("float64",), {"mode": "hardened"}),
    ],
    "sampled_integral": [
        *(
            Case(f"integrate.{name}", _samples, same_values, DTYPES, {"mode": "hardened"})
            for name in ("trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson")
        ),
        Case("integrate.romb", _romberg, same_values),
    ],
    "linear_system": [Case("linalg.solve", _systems, same_values)],
    "root_scalar": [Case("optimize.root_scalar", _roots, same_roots, ("float64",), {"mode": "hardened"})],
    "inverse": [Case("linalg.inv", _square, same_values)],
    "determinant": [Case("linalg.det", _square, same_values)],
    "least_squares": [Case("linalg.lstsq", _least_squares, same_values)],
    "pseudoinverse": [Case("linalg.pinv", _rectangular, same_values)],
    "qr_factorization": [Case("linalg.qr", _economic, same_values)],
    "svd": [Case("linalg.svd", _thin, same_svd)],
    "singular_values": [Case("linalg.svdvals", _rectangular, same_values)],
    "symmetric_eigen": [
        Case("linalg.eigh", _eigh, same_spectral),
        Case("linalg.eigvalsh", _hermitian, same_spectral),
    ],
    "general_eigen": [
        Case("linalg.eig", _square, same_spectral),
        Case("linalg.eigvals", _square, same_spectral),
    ],
    "matrix_exponential": [Case("linalg.expm", _square, same_values)],
    "cholesky": [
        Case("linalg.cholesky", _definite, same_values),
        Case("linalg.cho_factor", _definite, same_factor),
    ],
    "lu_factorization": [Case("linalg.lu_factor", _square, same_values)],
    "factored_system": [
        Case("linalg.lu_solve", _lu_factored, same_values),
        Case("linalg.cho_solve", _cho_factored, same_values),
    ],
    "triangular_system": [Case("linalg.solve_triangular", _triangular, same_values)],
    "banded_system": [
        Case("linalg.solve_banded", _banded, same_values),
        Case("linalg.solveh_banded", _definite_banded, same_values),
    ],
    "toeplitz_system": [Case("linalg.solve_toeplitz", _toeplitz, same_values)],
    **integrate_kinds.CASES,
    **sparse_iterative_kinds.CASES,
    **sparse_direct_kinds.CASES,
    **sparse_spectral_kinds.CASES,
}
