"""What a caller declares about a matrix (``assume_a``): the matrix that is meant, and whether the entries agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.kernels.structure import as_rows, asymmetry

__all__ = ["CLAIMS", "Claim", "contradiction", "meant"]

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Claim:
    """One declared structure.

    Attributes
    ----------
    name : str
        As kernels know it.
    keep : callable or None
        Gives the part of the matrix that is read; None if all of it is.
    mirror : str
        ``"symmetric"``, ``"hermitian"``, or empty: whether one triangle stands for both.
    transposed : str
        Name of the structure of the transpose.
    """

    name: str
    keep: Callable[[Array], Array] | None = None
    mirror: str = ""
    transposed: str = ""


_GENERAL = Claim("general")
_SYMMETRIC = Claim("symmetric", mirror="symmetric")
_HERMITIAN = Claim("hermitian", mirror="hermitian")
_POSITIVE = Claim("positive definite", mirror="hermitian")

# SciPy's names. "banded" claims nothing: the bandwidths are measured.
CLAIMS = {
    None: _GENERAL,
    "gen": _GENERAL,
    "general": _GENERAL,
    "banded": Claim("banded"),
    "diagonal": Claim("diagonal", lambda a: np.triu(np.tril(a))),
    "tridiagonal": Claim("tridiagonal", lambda a: np.triu(np.tril(a, 1), -1)),
    "upper triangular": Claim("upper triangular", np.triu, transposed="lower triangular"),
    "lower triangular": Claim("lower triangular", np.tril, transposed="upper triangular"),
    "sym": _SYMMETRIC,
    "symmetric": _SYMMETRIC,
    "her": _HERMITIAN,
    "hermitian": _HERMITIAN,
    "pos": _POSITIVE,
    "positive definite": _POSITIVE,
}


def meant(a: Array, claim: Claim, lower: bool) -> Array:
    """The matrix that SciPy would solve with: `a` itself where its entries say the same."""
    if claim.mirror:
        conjugate = claim.mirror == "hermitian" and a.dtype.kind == "c"
        if asymmetry(as_rows(a)[0], conjugate) is None and not (conjugate and a.diagonal().imag.any()):
            return a
        stored = np.tril(a) if lower else np.triu(a)
        mirrored = stored.T.conj() if conjugate else stored.T
        whole = stored + np.tril(mirrored, -1) if not lower else stored + np.triu(mirrored, 1)
        if conjugate:
            np.fill_diagonal(whole, whole.diagonal().real)
        return whole
    if claim.keep is None:
        return a
    kept = claim.keep(a)
    return a if np.array_equal(kept, a) else kept


def contradiction(a: Array, whole: Array, claim: Claim, lower: bool) -> tuple[int, int] | None:
    """Row and column of an entry of `a` that denies the claim; None where all agree.

    The triangle that SciPy does not read may be left zero: that contradicts nothing.
    """
    if whole is a:
        return None
    differs = a != whole
    if claim.mirror:
        unread = np.triu(a, 1) if lower else np.tril(a, -1)
        if not unread.any():
            differs = np.diag(np.diagonal(differs))
    places = np.argwhere(differs)
    return (int(places[0, 0]), int(places[0, 1])) if places.shape[0] else None
