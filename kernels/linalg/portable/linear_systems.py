"""Linear systems on a device: LU, Cholesky, substitution, LU refined in double precision; and their check."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Evidence, Fact, Kernel, Problem, Refusal, digits_of, relative_to_truth
from fsci.kernels.linalg.portable.evidence import hager
from fsci.kernels.linalg.portable.namespace import Namespace, adjoint, is_zero, norm_inf

__all__ = ["check_with", "kernels", "meant"]

_DEFINITE = frozenset({"pos", "positive definite"})
_LOWER = frozenset({"lower triangular", "lower_triangular"})
_UPPER = frozenset({"upper triangular", "upper_triangular"})


def meant(space: Namespace, problem: Problem) -> Any:
    """The matrix that the caller declared: SciPy reads one triangle of a symmetric one."""
    xp, a, declared = space.xp, problem.operands[0], problem.structure
    lower = bool(problem.parameters.get("lower"))
    if declared in _DEFINITE or declared in ("her", "hermitian", "sym", "symmetric"):
        half = xp.tril(a, -1) if lower else xp.triu(a, 1)
        other = half.swapaxes(-1, -2)
        diagonal = xp.tril(a) - xp.tril(a, -1) if lower else xp.triu(a) - xp.triu(a, 1)
        a = half + diagonal + (other if declared in ("sym", "symmetric") else other.conj())
    elif declared in _LOWER:
        a = xp.tril(a)
    elif declared in _UPPER:
        a = xp.triu(a)
    elif declared == "diagonal":
        a = xp.tril(xp.triu(a))
    return a.swapaxes(-1, -2) if problem.parameters.get("transposed") else a


def _lu(space: Namespace) -> Callable[[Problem, Evidence], Attempt]:
    def run(problem: Problem, evidence: Evidence) -> Attempt:
        a, b = meant(space, problem), problem.operands[1]
        if a.ndim > 2 or space.traced(a, b):
            return _without_factor(space, a, b)
        factor = space.lu_factor(a)
        if space.truth(is_zero(space.xp, space.xp.diagonal(factor[0]))):
            return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)

        def solve(rhs: Any, transposed: bool = False) -> Any:
            return space.lu_solve(factor, rhs, trans=2 if transposed else 0)

        return _solved(space, a, solve(b), solve)

    return run


def _without_factor(space: Namespace, a: Any, b: Any) -> Attempt:
    """The library's own solve: it takes batches, and its derivatives are cheap."""
    x = space.xp.linalg.solve(a, b)
    if space.truth(~space.xp.isfinite(x).all()):
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    return Attempt(x, byproducts={"matrix": a})


def _solved(space: Namespace, a: Any, x: Any, solve: Callable[..., Any]) -> Attempt:
    if not space.truth(space.xp.isfinite(x).all()):
        return Attempt(None, status="nonfinite")
    xp = space.xp
    ones = xp.ones(a.shape[0], dtype=xp.abs(a).dtype)
    inverse_norm = hager(space, solve, ones)
    norm = float(norm_inf(xp, a))
    rcond = 1.0 / (norm * inverse_norm) if norm * inverse_norm > 0.0 else 0.0
    return Attempt(
        x, byproducts={"matrix": a, "solve": solve, "rcond": rcond}, facts={"rcond": Fact(rcond, exact=False)}
    )


def _cholesky(space: Namespace) -> Callable[[Problem, Evidence], Attempt]:
    def run(problem: Problem, evidence: Evidence) -> Attempt:
        a, b = meant(space, problem), problem.operands[1]
        if space.traced(a, b):
            return Attempt(_substituted(space, space.xp.linalg.cholesky(a), b))
        try:
            factor = space.xp.linalg.cholesky(a)
        except np.linalg.LinAlgError:  # CuPy and NumPy raise, JAX marks an indefinite matrix by NaN
            return Attempt(None, status="not_definite")
        if not space.truth(space.xp.isfinite(factor).all()):
            return Attempt(None, status="not_definite", final=problem.structure in _DEFINITE)

        def solve(rhs: Any, transposed: bool = False) -> Any:
            return _substituted(space, factor, rhs)

        return _solved(space, a, solve(b), solve)

    return run


def _substituted(space: Namespace, factor: Any, rhs: Any) -> Any:
    return space.solve_triangular(adjoint(factor), space.solve_triangular(factor, rhs, lower=True), lower=False)


def _triangular(space: Namespace) -> Callable[[Problem, Evidence], Attempt]:
    def run(problem: Problem, evidence: Evidence) -> Attempt:
        a, b = meant(space, problem), problem.operands[1]
        lower = (problem.structure in _LOWER or evidence.get("structure") in ("lower", "diagonal")) != bool(
            problem.parameters.get("transposed")
        )
        if space.truth(is_zero(space.xp, space.xp.diagonal(a))):
            return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)

        def solve(rhs: Any, transposed: bool = False) -> Any:
            return space.solve_triangular(a, rhs, lower=lower, trans=2 if transposed else 0)

        return Attempt(solve(b)) if space.traced(a, b) else _solved(space, a, solve(b), solve)

    return run


def _refined(space: Namespace) -> Callable[[Problem, Evidence], Attempt]:
    def run(problem: Problem, evidence: Evidence) -> Attempt:
        """Single-precision factor, double-precision residuals (Wilkinson, 1963; Higham, 2002, ch. 12)."""
        xp, a, b = space.xp, meant(space, problem), problem.operands[1]
        wide = space.wider(a.dtype)
        factor = space.lu_factor(a)
        if space.truth(is_zero(xp, xp.diagonal(factor[0]))):
            return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)

        def solve(rhs: Any, transposed: bool = False) -> Any:
            return space.lu_solve(factor, rhs, trans=2 if transposed else 0)

        a_wide, b_wide = a.astype(wide), b.astype(wide)
        x = solve(b).astype(wide)
        before = math.inf
        while True:
            step = solve((b_wide - a_wide @ x).astype(a.dtype)).astype(wide)
            size, scale = float(xp.abs(step).max()), float(xp.abs(x).max())
            # A step below half a unit of the single-precision answer changes nothing; one
            # that does not halve will not converge.
            if not size <= 0.5 * before:
                break
            x = x + step
            before = size
            if size <= problem.unit_roundoff * problem.unit_roundoff * scale:
                break
        attempt = _solved(space, a, x.astype(a.dtype), solve)
        return Attempt(attempt.value, attempt.status, {**attempt.byproducts, "wide": x}, attempt.facts)

    return run


def check_with(namespace: Callable[[], Namespace]) -> Callable[[Problem, Evidence, Attempt, Policy], Certificate]:
    """The check of linear systems, for a shelf."""

    def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
        space = namespace()
        xp, x, b, a = space.xp, attempt.value, problem.operands[1], attempt.byproducts.get("matrix")
        if a is None:
            return Certificate(algorithm=attempt.kernel)
        u = problem.unit_roundoff
        vector = b.ndim == 1
        xs, bs = (x[..., None], b[..., None]) if vector else (x, b)
        wide = attempt.byproducts.get("wide")
        product = a @ xs
        residual = xp.abs(bs - product)
        weights = xp.abs(a) @ xp.abs(xs) + xp.abs(bs)
        size = xp.abs(xs).max(axis=(-2, -1))
        scale = norm_inf(xp, a) * size + xp.abs(bs).max(axis=(-2, -1))
        backward = residual.max(axis=(-2, -1)) / xp.where(scale > 0, scale, 1)
        # LAPACK's expert-driver form (Arioli, Demmel and Duff, 1989).
        target = (residual + (problem.size + 1) * u * weights).max(axis=-1)
        solve = attempt.byproducts.get("solve")
        if solve is not None:
            top = float(size)
            forward: Any = (
                hager(space, solve, target) / top if top > 0.0 else (0.0 if float(target.max()) == 0 else math.inf)
            )
            if wide is not None and top > 0.0:
                forward = _wide_bound(space, problem, a, attempt, wide, solve)
            rcond = float(attempt.byproducts["rcond"])
            backward = float(backward)
        else:
            inverse = xp.abs(xp.linalg.inv(a))
            forward = (inverse @ target[..., None]).max(axis=(-2, -1)) / xp.where(size > 0, size, 1)
            forward = xp.where(xp.isfinite(forward), forward, math.inf).tolist()
            rcond = (1.0 / (norm_inf(xp, a) * norm_inf(xp, inverse))).tolist()
            backward = backward.tolist()
        return _certificate(problem, attempt, policy, backward, relative_to_truth(forward), rcond)

    return check


def _wide_bound(space: Namespace, problem: Problem, a: Any, attempt: Attempt, wide: Any, solve: Any) -> float:
    """Bound for the refined answer: its residual is known in double precision, its own rounding is u."""
    xp, u = space.xp, problem.unit_roundoff
    b = problem.operands[1].astype(wide.dtype)
    a_wide = a.astype(wide.dtype)
    top = float(xp.abs(attempt.value).max())
    weights = xp.abs(a_wide) @ xp.abs(wide) + xp.abs(b)
    target = xp.abs(b - a_wide @ wide) + (problem.size + 1) * u * u * weights
    if target.ndim == 2:
        target = target.max(axis=-1)
    scale = float(target.max())
    if scale == 0.0:
        return u
    # Scaled before narrowing: double-precision residuals underflow in single precision.
    return u + scale * hager(space, solve, (target / scale).astype(xp.abs(a).dtype)) / top


def _certificate(
    problem: Problem, attempt: Attempt, policy: Policy, backward: Any, forward: Any, rcond: Any
) -> Certificate:
    if not isinstance(forward, float):
        backward, forward, rcond = (np.asarray(v, dtype=float) for v in (backward, forward, rcond))
    with np.errstate(divide="ignore"):
        condition = 1.0 / np.asarray(rcond, dtype=float)
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward,
        condition=float(condition) if condition.ndim == 0 else condition,
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
        detail={"rcond": rcond},
    )


def kernels(shelf: str, namespace: Callable[[], Namespace]) -> list[Kernel]:
    """The portfolio of linear systems for a shelf."""

    def cube(share: float) -> Callable[[Problem, Evidence], float]:
        return lambda problem, evidence: max(1.0, share * float(problem.size) ** 3)

    def lazily(make: Callable[[Namespace], Callable[[Problem, Evidence], Attempt]]) -> Any:
        def run(problem: Problem, evidence: Evidence) -> Attempt:
            return make(namespace())(problem, evidence)  # the library is imported at the first run

        return run

    def lu_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
        return Refusal("declared positive definite") if problem.structure in _DEFINITE else None

    def cholesky_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
        if problem.operands[0].ndim > 2:
            return Refusal("for one matrix, not a batch")
        if problem.structure in _DEFINITE or (
            problem.structure is None and evidence.get("structure") == "spd_candidate"
        ):
            return None
        return Refusal("not known to be Hermitian with a positive diagonal")

    def triangular_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
        if problem.operands[0].ndim > 2:
            return Refusal("for one matrix, not a batch")
        if problem.structure in _LOWER | _UPPER | {"diagonal"}:
            return None
        if problem.structure is None and evidence.get("structure") in ("lower", "upper", "diagonal"):
            return None
        return Refusal("not known to be triangular")

    def refined_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
        if problem.operands[0].ndim > 2 or namespace().traced(*problem.operands):
            return Refusal("for one eager matrix")
        if problem.structure in _DEFINITE or namespace().wider(problem.operands[0].dtype) is None:
            return Refusal("for single precision, where double precision is enabled")
        return None

    def make(name: str, applies: Any, work: Any, run: Any, source: str) -> Kernel:
        return Kernel(name, "linear_system", shelf, applies, work, run, source=source)

    return [
        make("lu", lu_applies, cube(2 / 3), lazily(_lu), "LU with partial pivoting"),
        make("cholesky", cholesky_applies, cube(1 / 3), lazily(_cholesky), "Cholesky"),
        make("triangular", triangular_applies, lambda p, e: max(1.0, float(p.size) ** 2), lazily(_triangular), "TRSM"),
        make(
            "lu_refined", refined_applies, cube(0.7), lazily(_refined), "LU refined in double precision (Higham, 2002)"
        ),
    ]
