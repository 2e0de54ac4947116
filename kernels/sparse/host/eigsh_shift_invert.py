"""The end of the spectrum, or the part next to a shift, by Lanczos on the inverse: a factorization and few solves.

At an end the shift is Gershgorin's bound, a little beyond it, so that the shifted matrix has a Cholesky factorization;
a shift of the caller's takes LDL^T with pivots of order one and two. The values are Rayleigh quotients with the matrix
itself (Rayleigh and Ritz on the space that was found), and the residuals must be those of a stable method: else
another kernel has its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_array, eye_array

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import Compressed, one_matrix
from fsci.kernels.sparse.estimation import irregular
from fsci.kernels.sparse.factored import too_large
from fsci.kernels.sparse.host.csr_products import csr_matmat_dense, csr_matvec
from fsci.kernels.sparse.host.eigsh_arpack import CALL
from fsci.kernels.sparse.host.eigsh_lanczos import COMPLEX, SLOWER, one_end, started
from fsci.kernels.sparse.lanczos import restarted
from fsci.kernels.sparse.lanczos_spaces import InnerSpace, RealSpace, Space, operator_steps
from fsci.kernels.sparse.ldlt import IndefiniteFactors, ldlt
from fsci.kernels.sparse.multifrontal import Supernodal, cholesky, supernodal
from fsci.kernels.sparse.repeated_solve import repeated_solver
from fsci.kernels.sparse.selection import given_order

__all__ = ["purified"]

# How far beyond the bound the shift lies, in widths of the interval: the shifted matrix is definite by far more than
# the rounding of its factorization, and the wanted end is still near.
_BEYOND = 2.0**-20
_ASIDE = 2.0**-24  # and how far a shift of the caller's is moved, where a pivot vanishes at it
_SOLVES = 2.0  # times the basis: what Lanczos on the inverse takes
_RESTARTS = 30
_LOST = 2.0**-46  # a backward error of some hundred roundings
_SMALL = {"d": lapack.dsygvd, "D": lapack.zhegvd}
_SETTING_UP = 2.0e7  # shifting, analysing: about a millisecond


def _place(problem: Problem, evidence: Evidence) -> str:
    """``"low"`` or ``"high"``, the end of the spectrum that holds the wanted values; ``"shift"``; else empty."""
    p = problem.parameters
    if p["sigma"] is not None:
        return "shift" if p["which"] != "SM" else ""
    # The smallest moduli of an indefinite matrix are what is next to zero.
    return {"SA": "low", "LA": "high", "SM": "shift"}.get(one_end(problem, evidence), "")


def _size(problem: Problem) -> int:
    p = problem.parameters
    return int(p["ncv"]) if p["ncv"] is not None else min(problem.size, max(2 * p["k"] + 8, 20))


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not (evidence.get("finite") and evidence.get("symmetric")):
        return Refusal("not symmetric, or not finite")
    if problem.parameters["iterate"]:
        return Refusal("the caller limits the iterations")
    if "ordering" not in evidence:
        return Refusal("too small for a sparse factorization to pay")
    if not _place(problem, evidence):
        return Refusal("the wanted values are not at one end of an interval that is known, nor next to a shift")
    if _size(problem) < problem.parameters["k"] + 3:
        return Refusal("the basis has no room to restart")
    return too_large(problem, evidence, 1.0)


def _work(problem: Problem, evidence: Evidence) -> float:
    ordering, size = evidence.get("ordering"), _size(problem)
    each = 8.0 * ordering.entries + 4.0 * problem.size * size
    factor = ordering.flops + 8.0 * ordering.entries
    if problem.operands[0].dtype.kind == "c":
        factor, each = COMPLEX * factor, COMPLEX * each
    return SLOWER * (factor + _SOLVES * size * each) + _SOLVES * size * CALL + _SETTING_UP


def rayleigh_ritz(a: Any, v: Any) -> tuple[Any, Any, float]:
    """Ritz values and vectors of a Hermitian matrix (compressed rows) on the span of `v`, and the largest residual."""
    # Lanczos leaves them orthonormal to rounding: a QR factorization would wake the threads of BLAS for nothing.
    q = np.ascontiguousarray(v)
    image = csr_matmat_dense(a.shape[0], a.shape[1], a.indptr, a.indices, a.data, q)
    adjoint = q.conj().T
    w, turn, info = _SMALL[q.dtype.char](adjoint @ image, adjoint @ q)
    if info != 0:
        return w, q, np.inf
    return w, q @ turn, float(np.linalg.norm(image @ turn - (q @ turn) * w, axis=0).max(initial=0.0))


def purified(solve: Callable[[Any], Any], x: Any) -> Any:
    """A step of inverse iteration: next to a shift one value outweighs the others, and its rounding is theirs."""
    better = np.stack([solve(np.ascontiguousarray(column)) for column in x.T], axis=1)
    return better / np.linalg.norm(better, axis=0)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p, n = problem.parameters, problem.size
    a = problem.operands[0]
    wide = a.astype(np.result_type(a.dtype, np.float64), copy=False)
    solve, shift = _inverse(problem, evidence, wide)
    if solve is None:
        return Attempt(None, status="stalled")
    which = p["which"] if p["sigma"] is not None else "LM"  # of the inverse
    tol = max(float(p["tol"]), 2.0 * problem.unit_roundoff)
    space: Space
    if wide.dtype.kind == "c":
        space = InnerSpace(lambda v, _: solve(v), None, n, _size(problem), wide.dtype)
    else:
        space = RealSpace(operator_steps(n, solve), n, _size(problem))
    found = restarted(space, p["k"], which, _size(problem), _RESTARTS, tol, *started(problem))
    v = found.vectors
    if found.converged < p["k"] or not np.isfinite(v).all():
        return Attempt(None, status="not_converged")
    w, x, residual = rayleigh_ritz(wide, v)
    # What a backward stable method leaves, or what the caller asks for.
    allowed = max(16.0 * problem.unit_roundoff * n**0.5, float(p["tol"])) * evidence.get("norm_inf")
    if residual > allowed:
        w, x, residual = rayleigh_ritz(wide, purified(solve, x))
    order = given_order(w, p["which"], p["sigma"], p["vectors"], a.dtype.kind == "c")
    w, x = w[order].astype(np.finfo(a.dtype).dtype), x[:, order]
    value = (w, np.ascontiguousarray(x, a.dtype)) if p["vectors"] else w
    return Attempt(value, "ok" if residual <= allowed else "stalled", byproducts={"basis": x, "shift": shift})


def _inverse(problem: Problem, evidence: Evidence, a: Any) -> tuple[Any, float]:
    """``solve(b)`` with the shifted matrix, and the shift; no solve where no factorization serves."""
    low, high = evidence.get("low"), evidence.get("high")
    width = max(high - low, abs(low), abs(high), np.finfo(float).tiny)
    place, sigma = _place(problem, evidence), problem.parameters["sigma"] or 0.0
    shift = {"low": low - _BEYOND * width, "high": high + _BEYOND * width, "shift": sigma}[place]
    sign = -1.0 if shift >= high else 1.0
    if place != "shift" or not low < shift < high:
        factors = _factors(evidence, a, shift, sign, cholesky)
        if factors is not None:
            solve = repeated_solver(factors)
            return (lambda b: sign * solve(b)), shift
    if place != "shift":
        return None, shift
    # A pivot may vanish at one shift: next to it, it does not.
    for move in (0.0, _ASIDE, -_ASIDE):
        shift = sigma + move * width
        factors = _factors(evidence, a, shift, 1.0, _pivoted)
        if not (factors.missing or factors.small):
            return _refined(a, shift, factors.solve), shift
    return None, shift


def _pivoted(s: Supernodal, indptr: Any, indices: Any, data: Any, by_rows: bool) -> IndefiniteFactors:
    return ldlt(s, Compressed(indptr.size - 1, indptr, indices, data, by_rows), data.dtype.kind == "c")


def _refined(a: Any, shift: float, solve: Any) -> Any:
    """The same solve, with a step of refinement where the factors have lost digits to small pivots."""

    def residual(x: Any, b: Any) -> Any:
        return b + shift * x - csr_matvec(x.size, x.size, a.indptr, a.indices, a.data, x)

    b = irregular(a.shape[0]).astype(a.dtype)
    x = solve(b)
    r = residual(x, b)
    size = float(np.abs(a.data).max(initial=0.0)) + abs(shift)
    if float(np.abs(r).max()) <= _LOST * (size * float(np.abs(x).max()) + 1.0):
        return solve

    def twice(b: Any) -> Any:
        x = solve(b)
        return x + solve(residual(x, b))

    return twice


def _shifted(a: Any, shift: float, sign: float) -> Any:
    """``sign (A - shift)`` for a symmetric matrix in compressed rows, which are its columns."""
    n = a.shape[0]
    rows = np.repeat(np.arange(n, dtype=a.indices.dtype), np.diff(a.indptr))
    diagonal = np.flatnonzero(a.indices == rows)
    if diagonal.size == n and a.has_sorted_indices:
        data = a.data * sign
        data[diagonal] -= sign * shift
        return csr_array((data, a.indices, a.indptr), shape=a.shape)
    shifted = csr_array(sign * (a - shift * eye_array(n, format="csr")))
    shifted.sort_indices()
    return shifted


def _factors(evidence: Evidence, a: Any, shift: float, sign: float, factor: Any) -> Any:
    m, graph = one_matrix(_shifted(a, shift, sign)), evidence.get("graph")
    s = supernodal(graph.starts, graph.lists, evidence.get("ordering"))
    # The rows of a Hermitian matrix are the columns of its conjugate.
    return factor(s, m.indptr, m.indices, m.data, a.dtype.kind == "c")


register(
    Kernel(
        name="shift_invert",
        kind="sparse_symmetric_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Ericsson and Ruhe (1980); Parlett (1998)",
    )
)
