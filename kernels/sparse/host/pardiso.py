"""MKL's PARDISO, where the package pypardiso is installed: another's factorization, judged as the own ones are.

It replaces small pivots instead of failing (its tenth parameter), so that where it has done so the factors must
first show that refinement with them contracts.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import compressed
from fsci.kernels.sparse.estimation import contracts
from fsci.kernels.sparse.factored import Reusable, ordering_fits, refined

__all__: list[str] = []


@cache
def _is_installed() -> bool:
    return find_spec("pypardiso") is not None


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not _is_installed():
        return Refusal("pypardiso is not installed: pip install 'fsci[mkl]'")
    if "structure" not in evidence or evidence.get("malformed"):
        return Refusal("nothing is known of the matrix yet, or it is malformed")
    a = problem.operands[0]
    if a.data.dtype != np.float64:
        return Refusal("for matrices in double precision")
    if a.nnz >= 2**31 - 1:
        return Refusal("more entries than its 32-bit indices can count")
    ordering = evidence.get("ordering")
    return None if ordering is None else ordering_fits(problem, ordering, 2.0)


def work(problem: Problem, evidence: Evidence) -> float:
    ordering, nnz = evidence.get("ordering"), problem.operands[0].nnz
    return 2.0 * ordering.flops + 100.0 * nnz if ordering is not None else 400.0 * nnz


def run(problem: Problem, evidence: Evidence) -> Attempt:
    try:
        from pypardiso import PyPardisoSolver
        from pypardiso.pardiso_wrapper import PyPardisoError

        solver = PyPardisoSolver()
    except ImportError:  # the package is there, the library is not
        return Attempt(None, status="declined")
    a = problem.operands[0]
    a = csr_matrix((a.data, a.indices, a.indptr), a.shape) if a.format == "csr" else csr_matrix(a)
    if not a.has_sorted_indices:
        a = a.sorted_indices()
    try:
        solver.factorize(a)
    except ValueError:  # an empty row
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    except PyPardisoError:
        return Attempt(None, status="stalled")
    solve = _solver(solver, a)
    if solver.get_iparm(14) > 0 and not contracts(compressed(problem), solve):  # pivots were replaced, and it matters
        return Attempt(None, status="stalled")
    x, measured = refined(problem, solve)
    kept = {"factors": Fact(Reusable(solve, "PARDISO"))}
    return Attempt(x, byproducts={"solve": solve, "measured": measured}, facts=kept)


def _solver(solver: Any, a: Any) -> Callable[..., Any]:
    # The same memory as columns is the transpose, and is solved with as such by the same factors.
    turned = csc_matrix((a.data, a.indices, a.indptr), a.shape)

    def solve(rhs: Any, adjoint: bool = False) -> Any:
        if np.iscomplexobj(rhs):
            return solve(rhs.real, adjoint) + 1j * solve(rhs.imag, adjoint)
        return solver.solve(turned if adjoint else a, np.asarray(rhs, np.float64, order="F"))

    # MKL's memory is not Python's: it goes when nobody can solve any more.
    weakref.finalize(solve, solver.free_memory, True).atexit = False
    return solve


register(
    Kernel(
        name="pardiso",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Schenk and Gartner (2004); MKL through pypardiso",
    )
)
