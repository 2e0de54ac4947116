"""Registers the portable sparse kernels and their checks on a shelf."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of, relative_to_truth
from fsci.kernels.sparse.portable.iterations import METHODS
from fsci.kernels.sparse.portable.space import Space
from fsci.kernels.sparse.portable.substitution import diagonal_of, substituted

__all__ = ["register_portfolio"]

_STEPS = {"cg": 10.0, "bicgstab": 20.0, "gmres": 80.0, "minres": 15.0}
_SOURCES = {
    "cg": "Hestenes and Stiefel (1952)",
    "bicgstab": "van der Vorst (1992)",
    "gmres": "Saad and Schultz (1986)",
    "minres": "Paige and Saunders (1975)",
}


@lru_cache(maxsize=64)
def _iteration(space: Space, method: str, restart: int, choice: Any) -> Callable[..., Any]:
    """``run(a, b, x, rtol, atol, maxiter, m)``: iterate, its number, whether the tolerance was met.

    `choice` is ``"auto"``, ``"matrix"`` for the last argument, a function of the caller, or None.
    """
    xp = space.xp

    def run(a: Any, b: Any, x: Any, rtol: Any, atol: Any, maxiter: Any, m: Any) -> tuple[Any, Any, Any]:
        precondition: Callable[[Any], Any] = choice
        if choice is None:
            precondition = lambda v: v  # noqa: E731
        elif choice == "matrix":
            precondition = lambda v: m @ v  # noqa: E731
        elif choice == "auto":  # the diagonal, where it has no zero
            diagonal = diagonal_of(space, space.triples(a), a.shape[0])
            factors = 1 / xp.where(diagonal == 0, 1, diagonal)
            if method == "minres":  # whose preconditioner must be definite, whatever the matrix is
                factors = xp.abs(factors)
            precondition = lambda v: factors * v  # noqa: E731

        def solve(product: Any, right: Any, x: Any = x, precondition: Any = precondition) -> Any:
            size = xp.sqrt(xp.vdot(right, right).real)
            target = rtol if method == "minres" else xp.maximum(atol, rtol * size)
            x, done, met = METHODS[method](space, product, precondition, right, x, target, maxiter, restart)
            # As SciPy's: nothing to solve for has the answer zero, whatever the guess.
            return xp.where(size == 0, xp.zeros_like(x), x), (done, met | (size == 0))

        def adjoint(product: Any, right: Any) -> Any:
            # The preconditioner of a caller may have no transpose; the diagonal is its own.
            return solve(product, right, xp.zeros_like(right), precondition if choice == "auto" else lambda v: v)

        x, (done, met) = space.linear(lambda v: a @ v, b, solve, adjoint)
        return x, done, met

    return space.compiled(run)


@lru_cache(maxsize=8)
def _sweeps(space: Space, lower: bool) -> Callable[..., Any]:
    return space.compiled(lambda entries, b, pivots: substituted(space, entries, b, lower, pivots))


def _run(space: Space, problem: Problem) -> Attempt:
    a, b = problem.operands
    given = problem.parameters
    xp, m = space.xp, given["M"]
    x = xp.zeros_like(b) if given["x0"] is None else given["x0"].astype(b.dtype)
    named = m is None or isinstance(m, str) or (callable(m) and not hasattr(m, "shape"))
    run = _iteration(space, given["method"], given["restart"], m if named else "matrix")
    x, done, met = run(a, b, x, given["rtol"], given["atol"], given["maxiter"], None if named else m)
    if space.traced(a, b):
        return Attempt(x, byproducts={"info": xp.where(met, 0, xp.maximum(done, 1))})
    converged = bool(met)
    info = 0 if converged else max(int(done), 1)  # zero says that it converged, also where nothing was begun
    return Attempt(x, "ok" if converged else "not_converged", {"info": info, "iterations": int(done)}, final=converged)


def _pivots(space: Space, problem: Problem) -> Any:
    a = problem.operands[0]
    entries, n = space.triples(a), a.shape[0]
    return space.xp.ones(n, entries[0].dtype) if problem.parameters["unit"] else diagonal_of(space, entries, n)


def _triangular(space: Space, problem: Problem) -> Attempt:
    a, b = problem.operands
    pivots = _pivots(space, problem)
    if not space.traced(a) and bool((pivots == 0).any()):
        return Attempt(None, status="singular", final=True)
    entries, lower = space.triples(a), problem.parameters["lower"]
    columns = [_sweeps(space, lower)(entries, b[:, k], pivots) for k in range(b.shape[1])]
    return Attempt(space.xp.stack(columns, axis=1))


def _measured(space: Space, problem: Problem, x: Any) -> tuple[Any, Any, Any, Any]:
    """Of one column: |r| with room for its rounding, |A||x| + |b|, moduli on the diagonal, sums of those off it."""
    xp, n = space.xp, problem.operands[0].shape[0]
    (data, rows, columns), b = space.triples(problem.operands[0]), problem.operands[1].reshape(n, -1)
    inside, on = (rows < n) & (columns < n), rows == columns
    at = xp.where(inside, columns, 0)
    moduli = xp.where(inside, xp.abs(data), 0)
    residual, weights = [], []
    for k in range(b.shape[1]):
        column = x.reshape(n, -1)[:, k]
        terms = xp.where(inside, data * column[at], 0)
        residual.append(xp.abs(b[:, k] - space.add_at(n, rows, terms)))
        weights.append(space.add_at(n, rows, moduli * xp.abs(column[at])) + xp.abs(b[:, k]))
    lengths = space.add_at(n, rows, xp.where(inside, 1.0, 0.0).astype(moduli.dtype))
    # Sums in any order (Higham, 2002, section 4.2); complex numbers round twice as often, and twice as much.
    gamma = 4.0 * (float(lengths.max()) + 4.0) * problem.unit_roundoff
    r, w = xp.stack(residual, axis=1), xp.stack(weights, axis=1)
    diagonal = xp.abs(diagonal_of(space, (xp.where(inside, data, 0), rows, columns), n))
    off = space.add_at(n, rows, xp.where(on, 0, moduli))
    # Entries of the diagonal that were stored apart may cancel.
    own = space.add_at(n, rows, xp.where(on, moduli, 0))
    return r + gamma * w, w, (diagonal - gamma * own) * (1.0 - gamma), off * (1.0 + gamma)


def _certificate(problem: Problem, attempt: Attempt, policy: Policy, share: float, backward: float) -> Certificate:
    forward = relative_to_truth(share) if 0.0 <= share < 1.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward if backward >= 0.0 else math.inf,
        forward_error=forward,
        digits=int(digits_of(forward)),
        algorithm=attempt.kernel,
        detail={"iterations": attempt.byproducts.get("iterations")},
    )


def _check(space: Space, problem: Problem, attempt: Attempt, policy: Policy) -> Certificate:
    """Residual on the device; a bound on the error where rows dominate: ``|A^-1|_inf <= 1 / min (|d| - off)``.

    Ahlberg and Nilson (1963). The rounding of the sums is bounded, but that a library keeps to the
    arithmetic of its dtype is taken on trust: the bound is called an estimate.
    """
    xp, x = space.xp, attempt.value
    r, _, diagonal, off = _measured(space, problem, x)
    norm = float((diagonal + off).max())
    largest, size, right = float(r.max()), float(xp.abs(x).max()), float(xp.abs(problem.operands[1]).max())
    scale = norm * size + right
    least = float((diagonal - off).min())
    share = largest / least / size if least > 0.0 and size > 0.0 else 0.0 if largest == 0.0 else math.inf
    return _certificate(problem, attempt, policy, share, largest / scale if scale > 0.0 else 0.0)


def _check_triangular(space: Space, problem: Problem, attempt: Attempt, policy: Policy) -> Certificate:
    """The bound of the host: ``|T^-1| <= <T>^-1`` (Ostrowski, 1937), by substitution with positive terms."""
    a, b = problem.operands
    xp, n, x = space.xp, a.shape[0], attempt.value
    lower = problem.parameters["lower"]
    data, rows, columns = space.triples(a)
    inside = ((columns < rows) if lower else (columns > rows)) & (rows < n) & (columns < n)
    at, entries = xp.where(inside, columns, 0), xp.where(inside, data, 0)
    moduli, pivots = xp.abs(entries), _pivots(space, problem)
    on = (rows == columns) & (rows < n)
    stored = xp.where(on, xp.abs(data), 0)
    sizes = xp.abs(pivots) if problem.parameters["unit"] else space.add_at(n, rows, stored)
    lengths = space.add_at(n, rows, (inside | on).astype(moduli.dtype))
    gamma = 4.0 * (float(lengths.max()) + 6.0) * problem.unit_roundoff
    # Entries of the diagonal that were stored apart may cancel: then a pivot is known less well, or not at all.
    own = xp.abs(pivots) - gamma * sizes
    known = bool((own > 0.0).all())
    # Every sum of n rounded levels of positive terms: at most so much too small.
    slack = 1.0 + 4.0 * gamma * n if gamma * n < 0.1 else math.inf
    share, backward = 0.0, 0.0
    for k in range(b.shape[1]):
        column, right = x[:, k], b[:, k]
        product = space.add_at(n, rows, entries * column[at]) + pivots * column
        weights = space.add_at(n, rows, moduli * xp.abs(column[at])) + sizes * xp.abs(column) + xp.abs(right)
        target = xp.abs(right - product) + gamma * weights
        bound = float(_sweeps(space, lower)((-moduli, rows, columns), target, own).max())
        size = float(xp.abs(column).max())
        scale = float((space.add_at(n, rows, moduli) + own).max()) * size + float(xp.abs(right).max())
        share = max(share, bound * slack / size if size > 0.0 else 0.0 if bound == 0.0 else math.inf)
        share = math.inf if not (known and bound >= 0.0) else share
        backward = max(backward, float(target.max()) / scale if scale > 0.0 else 0.0)
    return _certificate(problem, attempt, policy, share, backward)


def register_portfolio(shelf: str, space: Callable[[], Space]) -> None:
    """Put every portable sparse kernel on `shelf`; `space` imports its library when first called."""

    def iteration(name: str) -> Kernel:
        def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
            method = problem.parameters["method"]
            return None if method == name else Refusal(f"the call asks for {method}")

        def work(problem: Problem, evidence: Evidence) -> float:
            return 100.0 * _STEPS[name] * max(problem.size, 1)

        def run(problem: Problem, evidence: Evidence) -> Attempt:
            return _run(space(), problem)

        return Kernel(name, "iterative_solve", shelf, applies, work, run, source=_SOURCES[name])

    for name in METHODS:
        register(iteration(name))
    register(
        Kernel(
            name="sweeps",
            kind="sparse_triangular",
            shelf=shelf,
            applies=lambda problem, evidence: None,
            work=lambda problem, evidence: float(max(problem.size, 1)) * problem.operands[1].shape[1],
            run=lambda problem, evidence: _triangular(space(), problem),
            source="substitution by levels: Anderson and Saad (1989)",
        )
    )

    @register_check("iterative_solve", shelf)
    def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
        return _check(space(), problem, attempt, policy)

    @register_check("sparse_triangular", shelf)
    def check_triangular(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
        return _check_triangular(space(), problem, attempt, policy)
