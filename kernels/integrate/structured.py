"""SciPy's Radau and BDF with the multifrontal LU in place of SuperLU, on one symbolic analysis for all Newton matrices.

For Jacobians that no reordering brings into a narrow band. A factorization whose pivots were replaced, or whose
solution of a random system leaves a large residual, is made again by SuperLU. A structure that was found, not
given, is held against a random direction at each Jacobian.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.integrate import BDF, Radau
from scipy.sparse import csc_matrix, eye_array
from scipy.sparse.linalg import splu

from fsci.core.types import Problem
from fsci.kernels.integrate.callbacks import rhs_of
from fsci.kernels.integrate.compiled import driven, is_jitted
from fsci.kernels.integrate.sparsity import structure_of, structure_seen
from fsci.kernels.sparse import multifrontal

__all__ = ["CLASSES", "Incomplete", "Structured", "structured_result", "symbolic"]

_INDEX = np.int32

# Of the size of the right-hand side: what a stable elimination leaves is some thousand roundings.
_RESIDUAL = 1e-10

# As in `jacobian.missed`: a row may deviate by this part of its terms and so many roundings of them.
_DEVIATION, _ROUNDINGS, _EPS = 1e-3, 256.0, 2.0**-52


# Structures that are tried: each has what was found where the one before did not hold.
_TRIES = 3


class Incomplete(Exception):  # noqa: N818 (no error: the integration is to begin anew with more, or all, of a structure)
    """The Jacobian has entries where none were found."""

    def __init__(self, t: float, y: Any) -> None:
        super().__init__("incomplete")
        self.t, self.y = t, y


def symbolic(structure: Any) -> tuple[Any, float]:
    """The analysis of a Newton matrix with this structure, and the multiplications of its factorization."""
    matrix = csc_matrix(abs(structure) + eye_array(structure.shape[0]))
    starts, lists = multifrontal.graph_of(matrix.shape[0], *_arrays(matrix)[:2])
    ordering = multifrontal.minimum_degree(starts, lists)
    return multifrontal.supernodal(starts, lists, ordering), 2.0 * ordering.flops


def _arrays(matrix: Any) -> tuple[Any, Any, Any]:
    return matrix.indptr.astype(_INDEX), matrix.indices.astype(_INDEX), matrix.data


class Structured:
    """Mixed into SciPy's class.

    Parameters
    ----------
    jac_sparsity : (n, n) sparse array
    checked : bool
        The structure was found: raise `Incomplete` where it is not all.
    analysis : Supernodal
        Of `symbolic`.
    """

    def __init__(
        self, fun: Any, t0: float, y0: Any, t_bound: float, *, checked: bool, analysis: Any, **options: Any
    ) -> None:
        super().__init__(fun, t0, y0, t_bound, **options)  # type: ignore[call-arg]
        self._analysis = analysis
        self._probe = np.cos(np.arange(1.0, self.n + 1.0))  # type: ignore[attr-defined]
        self.lu, self.solve_lu = self._factored, lambda lu, b: lu.solve(b)
        if checked:
            made = self.jac  # type: ignore[has-type]
            self.jac = lambda t, y, *f: self._complete(made(t, y, *f), t, y)
            self._complete(self.J, self.t, self.y)  # type: ignore[attr-defined]

    def _factored(self, matrix: Any) -> Any:
        self.nlu = self.nlu + 1  # type: ignore[has-type]
        matrix = csc_matrix(matrix)
        matrix.sort_indices()
        factors = multifrontal.lu(self._analysis, *_arrays(matrix), False)
        if factors.replaced == 0:
            solution = factors.solve(self._probe)
            with np.errstate(all="ignore"):
                left = np.abs(matrix @ solution - self._probe)
                terms = abs(matrix) @ np.abs(solution) + 1.0
            if np.all(left <= _RESIDUAL * terms):
                return factors
        return splu(matrix)

    def _complete(self, jacobian: Any, t: float, y: Any) -> Any:
        f = self.fun_single(t, y)  # type: ignore[attr-defined]
        h = self.jac_factor * np.maximum(self.atol, np.abs(y))  # type: ignore[attr-defined]
        step = (y + self._probe * h) - y
        changed = self.fun_single(t, y + step) - f  # type: ignore[attr-defined]
        size = abs(jacobian)
        room = _DEVIATION * (size @ np.abs(step)) + _ROUNDINGS * _EPS * (size @ np.abs(y) + np.abs(f))
        if not np.all(np.abs(changed - jacobian @ step) <= room):
            raise Incomplete(t, y)
        return jacobian


class _StructuredRadau(Structured, Radau):
    """Radau."""


class _StructuredBdf(Structured, BDF):
    """BDF."""


CLASSES: dict[str, Any] = {"Radau": _StructuredRadau, "BDF": _StructuredBdf}


def _structure(problem: Problem, t: float, y: Any) -> Any:
    """Where the Jacobian has entries: as the caller says, or as found near (t, y); None if nearly everywhere."""
    function, options = problem.operands[0], problem.parameters
    given = options["options"].get("jac_sparsity")
    if given is not None:
        try:
            structure = csc_matrix(given)
        except (TypeError, ValueError):
            return None  # SciPy says what is wrong with it
        return structure if structure.shape == (y.size, y.size) else None
    if is_jitted(function):
        callback = rhs_of(function, y.size, options["args"])
        if not callback.reason:
            return structure_of(callback.function, callback.parameters, t, y)
    return structure_seen(lambda t, y: function(t, y, *options["args"]), t, y)


def structured_result(problem: Problem, method: str) -> tuple[Any, int] | None:
    """SciPy's result of `problem`, and the entries of its Jacobian; None where there is no structure, or it fails."""
    options, structure = problem.parameters["options"], None
    found = options.get("jac_sparsity") is None
    t, y = problem.operands[1][0], problem.operands[2]
    for _ in range(_TRIES):
        more = _structure(problem, t, y)
        if more is None:
            return None
        known = 0 if structure is None else structure.nnz
        structure = more if structure is None else csc_matrix(more + structure)
        if structure.nnz == known:
            return None
        analysis, flops = symbolic(structure)
        # Against 2 n**3 / 3 multiplications of a full matrix.
        if 3.0 * flops >= 2.0 * float(problem.size) ** 3:
            return None
        named = {**options, "jac_sparsity": structure}
        posed = replace(problem, parameters={**problem.parameters, "options": named})
        try:
            value = driven(posed, CLASSES[method], checked=found, analysis=analysis)
        except Incomplete as place:
            t, y = place.t, place.y
        else:
            return value, int(structure.nnz)
    return None
