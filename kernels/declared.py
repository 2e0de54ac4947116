"""The matrix that a caller means by a declared structure, of which only a part may be stored."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.types import Evidence, Problem

__all__ = ["STRUCTURES", "declared_matrix", "structure_of"]

Array = np.ndarray[Any, np.dtype[Any]]

# Every name that SciPy takes for a structure -> ours.
STRUCTURES = {
    "gen": "general",
    "general": "general",
    "sym": "symmetric",
    "symmetric": "symmetric",
    "her": "hermitian",
    "hermitian": "hermitian",
    "pos": "positive definite",
    "positive definite": "positive definite",
    "diagonal": "diagonal",
    "tridiagonal": "tridiagonal",
    "banded": "banded",
    "upper triangular": "upper triangular",
    "lower triangular": "lower triangular",
}


def structure_of(problem: Problem) -> str:
    """Declared structure under one name; ``"general"`` where nothing is declared."""
    return STRUCTURES.get(problem.structure or "general", "general")


def declared_matrix(problem: Problem, evidence: Evidence) -> tuple[Array, bool]:
    """The matrix as declared, and whether what is stored agrees with the declaration.

    The part that the declaration leaves out may be zero or the mirror image: both agree.
    """
    a: Array = problem.operands[0]
    structure = structure_of(problem)
    if structure in ("general", "banded"):
        return a, True
    known = {"symmetric": "symmetric", "hermitian": "hermitian"}.get(structure)
    if structure == "positive definite":
        known = "hermitian" if a.dtype.kind == "c" else "symmetric"
    if known is None:
        keep = {
            "diagonal": (0, 0),
            "tridiagonal": (-1, 1),
            "upper triangular": (0, None),
            "lower triangular": (None, 0),
        }
        below, above = keep[structure]
        meant = a if above is None else np.tril(a, above)
        meant = meant if below is None else np.triu(meant, below)
        return meant, bool(np.array_equal(meant, a))
    if evidence.get(known) or (a.dtype.kind != "c" and (evidence.get("symmetric") or evidence.get("hermitian"))):
        return a, True
    mirror = np.conj if known == "hermitian" else np.asarray
    stored = np.tril(a) if problem.parameters.get("lower") else np.triu(a)
    other = a - stored
    meant = stored + mirror(stored).T
    np.fill_diagonal(meant, a.diagonal().real if known == "hermitian" else a.diagonal())
    agrees = not other.any() or bool(np.array_equal(other, meant - stored))
    return meant, agrees
