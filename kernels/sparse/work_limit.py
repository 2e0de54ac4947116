"""How long an iteration may go on: until it has cost what a factorization is expected to cost."""

from __future__ import annotations

import math
from dataclasses import replace

from fsci.core.profile import seconds
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.factored import PER_ROW
from fsci.kernels.sparse.iteration import expected_iterations

__all__ = ["allowed", "chosen_iterations", "direct_work", "limited", "per_iteration", "plain_work", "work_of"]

# Flops of a factorization by minimum degree over the cube of the mean breadth-first level: measured on meshes of
# two and three dimensions, 50 to 115. The law is that of dissection: George (1973); Lipton, Rose and Tarjan (1979).
_FLOPS = 100.0
# An iteration that has just missed is not worth a factorization yet.
_LEAST = 50.0
_ROOM = 2.0
# Whoever takes so many times the iterations of the model has met a matrix that the model does not fit: graphs without
# a mesh have a small diameter, and a factorization of theirs may cost anything.
_PATIENCE = 10.0


def direct_work(problem: Problem, evidence: Evidence) -> float:
    """Flops of an LU factorization, from the mean breadth-first level as the size of a separator, and of its rows."""
    n = float(max(problem.size, 1))
    width = n / max(float(evidence.get("diameter", 2.0 * math.sqrt(n))), 1.0)
    return 2.0 * (_FLOPS * width**3 + PER_ROW * n)


def per_iteration(problem: Problem) -> float:
    """Work of one iteration, counted as those of conjugate gradients are: entries read, and vectors moved."""
    a, method = problem.operands[0], problem.parameters["method"]
    n, restart = float(a.shape[0]), min(problem.parameters.get("restart", 20), max(problem.size, 1))
    vectors = {"gmres": 4.0 * restart, "bicgstab": 20.0, "minres": 15.0}.get(method, 10.0)
    return (2.0 if method == "bicgstab" else 1.0) * float(a.nnz) + vectors * n


def chosen_iterations(problem: Problem, evidence: Evidence, gain: float = 1.0) -> float:
    """Iterations of a preconditioned method that needs `gain` times fewer than conjugate gradients by the diagonal.

    A restart at m steps multiplies them by their number over m: the degree of the polynomial is what counts.
    """
    steps = max(expected_iterations(problem, evidence) / gain, 1.0)
    restart = problem.parameters.get("restart") if problem.parameters["method"] == "gmres" else None
    if problem.parameters["method"] == "bicgstab":
        steps /= 2.0  # two products an iteration, and a polynomial of twice the degree
    return steps if restart is None else steps * max(steps / restart, 1.0)


def allowed(problem: Problem, evidence: Evidence, dearer: float = 1.0) -> float:
    """Iterations that the call allows, that cost no more than `_ROOM` factorizations, and no more than is plausible.

    `dearer` is what an iteration costs over one of conjugate gradients without a preconditioner.
    """
    given = float(problem.parameters["maxiter"])
    if problem.parameters["method"] == "gmres":
        given *= float(problem.parameters.get("restart", 20))
    dtype = "float64" if problem.dtype is None else problem.dtype.name
    direct = seconds("sparse_linear_system/host/lu_multifrontal", dtype, direct_work(problem, evidence))
    many = 100.0  # of one the overhead of the call is most
    each = seconds("iterative_solve/host/cg", dtype, many * per_iteration(problem)) / many * dearer
    plausible = _PATIENCE * chosen_iterations(problem, evidence)
    return min(given, max(_LEAST, min(_ROOM * direct / each, plausible)))


def work_of(problem: Problem, evidence: Evidence, gain: float, dearer: float, setup: float) -> float:
    """Iterations times what one costs, and `setup` iterations for the preconditioner.

    All that are expected count, also those that no limit allows: an attempt that must fail is not a cheap one.
    """
    return per_iteration(problem) * (chosen_iterations(problem, evidence, gain) * dearer + setup)


def plain_work(problem: Problem, evidence: Evidence) -> float:
    """The same without a preconditioner.

    Scaling by the diagonal is within a factor n_z of the best scaling (van der Sluis, 1969): without it nothing is
    known to be better, and badly scaled matrices take many times as long. A diagonal with zeros scales nothing.
    """
    ratio = evidence.get("diagonal_ratio", 1.0)
    return work_of(problem, evidence, 1.0 / math.sqrt(ratio) if math.isfinite(ratio) else 1.0, 1.0, 0.0)


def limited(problem: Problem, evidence: Evidence) -> Problem:
    """The same problem; where the call leaves the choice open, with no more iterations than are worth their while."""
    if not problem.parameters["choose"]:
        return problem
    most = allowed(problem, evidence)
    if problem.parameters["method"] == "gmres":
        most /= float(problem.parameters["restart"])
    maxiter = min(problem.parameters["maxiter"], math.ceil(most))
    return replace(problem, parameters={**problem.parameters, "maxiter": maxiter})
