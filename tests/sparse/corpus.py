"""The regression corpus of sparse systems: small matrices with one trap each, and what must come of them.

To add a case, add a function here: it gives the matrix, `case` says what is expected. Every case is
solved by `spsolve` and by every algorithm that takes it, and compared with rational arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["CORPUS", "Case"]


@dataclass(frozen=True)
class Case:
    """A matrix, its trap, and what must come of it."""

    name: str
    trap: str
    make: Callable[[], Any]
    structure: str  # as the evidence names it
    outcome: str = "certified"  # or "uncertified", "singular", or "open": no bound may be wrong, and no more
    digits: int = 0  # the least that the certificate must vouch for
    never: tuple[str, ...] = ()  # algorithms that must not take it, by what the evidence says

    def __str__(self) -> str:
        return self.name


CORPUS: list[Case] = []
_SYMMETRIC = ("cholesky_multifrontal",)


def case(trap: str, structure: str, **expected: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Add a matrix to the corpus."""

    def decorate(make: Callable[[], Any]) -> Callable[[], Any]:
        CORPUS.append(Case(make.__name__, trap, make, structure, **expected))
        return make

    return decorate


def _line(n: int) -> Any:
    return sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n), format="csc")


def _grid(n: int) -> Any:
    return sp.csc_array(sp.kron(_line(n), sp.eye_array(n)) + sp.kron(sp.eye_array(n), _line(n)))


@case("none: what every route must take", "spd_candidate", digits=13)
def laplacian() -> Any:
    return _grid(5)


@case("one number", "diagonal", digits=14)
def one_by_one() -> Any:
    return sp.csc_array([[0.1]])


@case("a diagonal over 200 orders: its condition is no matter", "diagonal", digits=14)
def wide_diagonal() -> Any:
    return sp.diags_array(np.logspace(-100, 100, 21), format="csc")


@case("a triangle under permutations of rows and columns", "permuted_triangular", digits=12, never=_SYMMETRIC)
def hidden_triangle() -> Any:
    rng = np.random.default_rng(0)
    a = np.tril(rng.integers(-3, 4, (20, 20)).astype(float), -1) * (rng.random((20, 20)) < 0.3) + np.diag(
        np.arange(2.0, 22.0)
    )
    return sp.csc_array(a[rng.permutation(20)][:, rng.permutation(20)])


@case("an arrow that points up: in natural order the factors are full", "spd_candidate", digits=12)
def arrow_up() -> Any:
    a = np.diag(np.full(30, 4.0))
    a[0, :] = a[:, 0] = 0.5
    a[0, 0] = 16.0
    return sp.csc_array(a)


@case("a saddle point: a zero block on the diagonal, and no pivot there", "hermitian", digits=11, never=_SYMMETRIC)
def saddle_point() -> Any:
    constraint = np.eye(4, 12) + np.eye(4, 12, k=3)
    return sp.csc_array(sp.bmat([[_line(12), constraint.T], [constraint, None]]))


@case(
    "positive diagonal and positive minors of order two, and yet indefinite: Cholesky must notice",
    "spd_candidate",
    digits=13,
)
def nearly_definite() -> Any:
    block = np.array([[1.0, 0.75, -0.75], [0.75, 1.0, 0.75], [-0.75, 0.75, 1.0]])
    return sp.csc_array(sp.block_diag([block, np.array([[4.0, 1.0], [1.0, 3.0]]), block]))


@case("a minor of order two that vanishes: pivots on the diagonal break down", "hermitian", digits=12, never=_SYMMETRIC)
def vanishing_minors() -> Any:
    a = np.array([[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 3.0, 0.0], [0.0, 3.0, 1.0, 1.0], [2.0, 0.0, 1.0, 1.0]])
    return sp.csc_array(sp.block_diag([a, a]) + sp.diags_array([1e-3, 1e-3], offsets=[-5, 5], shape=(8, 8)))


@case("growth of 2^(n-1) under partial pivoting (Wilkinson, 1961)", "general", never=_SYMMETRIC)
def growth() -> Any:
    a = np.tril(-np.ones((50, 50)), -1) + np.eye(50)
    a[:, -1] = 1.0
    return sp.csc_array(a)


@case("rows over 200 orders: no bound by norms means anything, a componentwise one does", "symmetric_pattern", digits=8)
def scaled_rows() -> Any:
    return sp.csc_array(sp.diags_array(np.logspace(-100, 100, 16)) @ _line(16))


@case("a null vector but for one part in 10^11", "spd_candidate", outcome="open", digits=3)
def nearly_singular() -> Any:
    neumann = _line(24).toarray()
    neumann[0, 0] = neumann[-1, -1] = 1.0
    return sp.csc_array(neumann + 2.0**-37 * np.eye(24))


@case("no digit is left: the condition is 10^17", "spd_candidate", outcome="uncertified")
def hopeless() -> Any:
    return sp.csc_array(1.0 / (np.arange(14)[:, None] + np.arange(14) + 1.0))


@case("exactly singular, in integers: constants are annihilated", "spd_candidate", outcome="singular")
def neumann() -> Any:
    a = _line(9).toarray()
    a[0, 0] = a[-1, -1] = 1.0
    return sp.csc_array(a)


@case("an empty column: singular by its pattern", "symmetric_pattern", outcome="singular", never=_SYMMETRIC)
def empty_column() -> Any:
    a = _line(8).tolil()
    a[:, 3] = 0.0
    a[3, 0] = 5.0
    return sp.csc_array(a)


@case("two rows in one column: no pivots can be matched", "general", outcome="singular", never=_SYMMETRIC)
def unmatched() -> Any:
    a = np.zeros((6, 6))
    a[0, 0] = a[1, 0] = a[2, 0] = 1.0
    a[3:, 1:4], a[0, 4], a[5, 5] = np.eye(3) * 2.0, 3.0, 1.0
    return sp.csc_array(a)


@case("a stored zero on the diagonal, made by duplicates that cancel", "hermitian", digits=11, never=_SYMMETRIC)
def cancelled_pivot() -> Any:
    row, column = [0, 0, 0, 1, 1, 2, 2, 1], [0, 0, 1, 0, 1, 2, 1, 2]
    values = [3.0, -3.0, 2.0, 2.0, 1.0, 4.0, 1.0, 1.0]
    return sp.csc_array(sp.coo_array((values, (row, column)), shape=(3, 3)))


@case("rows out of order, duplicates, indices of 64 bits, by rows", "symmetric_pattern", digits=13)
def as_users_make_them() -> Any:
    indptr = np.array([0, 4, 7, 10], np.int64)
    indices = np.array([1, 0, 2, 0, 2, 1, 0, 2, 0, 1], np.int64)
    values = np.array([1.0, 3.0, 1.0, 2.0, 1.0, 6.0, -1.0, 4.0, 1.0, 2.0])
    return sp.csr_array((values, indices, indptr), shape=(3, 3))


@case("integers", "spd_candidate", digits=13)
def integers() -> Any:
    return _grid(4).astype(np.int64)


@case("single precision, where the condition leaves two digits", "spd_candidate", digits=1)
def single() -> Any:
    return _line(60).astype(np.float32)


@case("Hermitian and complex", "spd_candidate", digits=12)
def hermitian() -> Any:
    return sp.csc_array(4.0 * sp.eye_array(16) + sp.diags_array([1j, -1j], offsets=[-1, 1], shape=(16, 16)))


@case("complex and symmetric, not Hermitian: no Cholesky", "symmetric_pattern", digits=12, never=_SYMMETRIC)
def complex_symmetric() -> Any:
    return sp.csc_array(
        (4.0 + 1j) * sp.eye_array(16) + 1j * sp.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(16, 16))
    )


@case("entries near the top of the range: squares overflow", "hermitian", digits=12)
def near_overflow() -> Any:
    return _line(10) * 1e300


@case(
    "entries near the bottom of the range: squares vanish, and so do the low words of residuals",
    "hermitian",
    outcome="open",
    digits=4,
)
def near_underflow() -> Any:
    return _line(10) * 1e-300


@case("a pattern far from symmetric, with no triangle: a cycle through all", "general", digits=12, never=_SYMMETRIC)
def cycle() -> Any:
    a = 3.0 * np.eye(20, k=1) + np.eye(20)
    a[-1, 0] = 7.0
    return sp.csc_array(a[np.random.default_rng(1).permutation(20)])


@case("an upwind flow: skew, and the diagonal far too small to lean on", "symmetric_pattern", digits=9)
def flow() -> Any:
    n = 20
    return sp.diags_array([-50.0, 1e-3, 51.0], offsets=[-1, 0, 1], shape=(n, n), format="csc")
