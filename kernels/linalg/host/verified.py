"""Rigorous enclosure of a solution by an approximate inverse: no estimator, every rounding error bounded.

With R an approximate inverse and ``G = I - R A``, ``||G||_inf < 1`` proves that A is regular and
``||x* - x|| <= ||R (b - A x)|| / (1 - ||G||)`` (Oishi and Rump, 2002). Rounding is to nearest throughout; products
carry the a-priori bound gamma_n |R||A| (Higham, 2002, section 3.1), which holds for every order of summation.
Where that is too coarse the rows of G are computed in three-fold precision, and R is
corrected once to ``R + R G``, which reaches conditions near 1/u.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.backward import Measured, measure
from fsci.kernels.declared import declared_matrix
from fsci.kernels.doubled import doubled_residual
from fsci.kernels.factors import lapack_view, solver
from fsci.kernels.general import one_matrix
from fsci.kernels.refinement import refine_doubled

__all__: list[str] = []

Array = np.ndarray[Any, np.dtype[Any]]
_U = 2.0**-53
_SUBNORMAL = 2.0**-1074
# ||G|| beyond which the next, dearer enclosure is tried: at 1/2 the bound doubles at most.
_CONTRACTION = 0.5
# Order up to which rows of G are computed in three-fold precision: some 35 n^3 flops, seconds at this size.
_LARGEST = 1500


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return one_matrix(problem)


def work(problem: Problem, evidence: Evidence) -> float:
    n = float(problem.size)
    # Factorization, inverse and one product; the three-fold products only where they must be.
    return 6.0 * n**3 + 100.0 * n * problem.operands[1].size


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, agrees = declared_matrix(problem, evidence)
    b = problem.operands[1]
    transposed = bool(problem.parameters.get("transposed"))
    wide = np.result_type(a.dtype, np.float64)
    view, flipped = lapack_view(a.astype(wide, copy=False))
    getrf, getrs, getri = lapack.get_lapack_funcs(("getrf", "getrs", "getri"), (view,))
    with np.errstate(all="ignore"):
        factor, pivots, info = getrf(view)
        if info > 0:
            return Attempt(None, status="singular")
        turned = flipped != transposed
        solve = solver(lambda rhs, op: getrs(factor, pivots, rhs, trans=op)[0], view.dtype, turned)
        refined = refine_doubled(a, b, transposed, solve, solve(b.astype(wide)), _U)
        x = refined.x.astype(b.dtype)
        low = (refined.x - x) + refined.low
        if not np.isfinite(x).all():
            return Attempt(None, status="nonfinite")
        inverse = getri(factor, pivots)[0]
        # From here on F is the matrix that LAPACK saw: the operator itself, or its transpose.
        operator, inverse = (view.T, inverse.T) if turned else (view, inverse)
        contraction, low_inverse = _contraction(operator, inverse)
        seen = measure(a, x, b, transposed, low)
        forward = _enclosure(seen, inverse, low_inverse, contraction)
    if not agrees:
        forward = np.inf
    norm_inverse = float(_modulus(inverse).sum(axis=1).max()) / (1.0 - contraction) if contraction < 1.0 else np.inf
    rcond = 1.0 / (seen.norm_inf * norm_inverse) if 0.0 < seen.norm_inf * norm_inverse < np.inf else 0.0
    certified = {
        "backward_error": seen.backward_error,
        "componentwise": seen.componentwise,
        "condition": 1.0 / rcond if rcond else np.inf,
        "forward_error": float(forward),
        "rigor": "rigorous",
        "rcond": rcond,
        "contraction": contraction,
    }
    return Attempt(
        x,
        byproducts={"certified": certified, "solve": solve, "correction": low},
        facts={"rcond": Fact(rcond, exact=False)},
    )


def _modulus(v: Array) -> Array:
    """At least the modulus of each entry, in two roundings at most."""
    return np.abs(v.real) + np.abs(v.imag) if v.dtype.kind == "c" else np.abs(v)


def _up(value: Any, n: int) -> Any:
    """A sum of n nonnegative terms, raised over all of its rounding."""
    return value * (1.0 + 4.0 * (n + 16) * _U)


def _contraction(operator: Array, inverse: Array) -> tuple[float, Array | None]:
    """Upper bound of ``||I - (R + low) A||_inf``, and the correction low where it took one."""
    n = operator.shape[0]
    tiny = 64.0 * (n + 1) * _SUBNORMAL
    gemm = blas.get_blas_funcs("gemm", (operator,))
    defect = gemm(-1.0, inverse, operator)
    defect[np.diag_indices(n)] += 1.0
    weights = _modulus(inverse) @ _up(_modulus(operator).sum(axis=1), n)
    # Complex products are sums of twice as many real ones; the last rounding, and that of the diagonal, are in it.
    gamma = _up(4.0 * (n + 4) * _U / (1.0 - 4.0 * (n + 4) * _U), n)
    bound = float(np.max(_up(_modulus(defect).sum(axis=1) + gamma * (_up(weights, n) + 1.0) + n * tiny, n)))
    if bound < _CONTRACTION or n > _LARGEST:
        return bound, None
    low = np.zeros_like(inverse)
    for corrected in (False, True):
        if corrected:
            low = np.asarray(gemm(1.0, defect, inverse))
        for i in range(n):
            unit = np.zeros(n)
            unit[i] = 1.0
            defect[i] = doubled_residual(operator, inverse[i], low[i], unit, transposed=True)
        small = 8.0 * (n + 1) * _U
        sums = _up(_modulus(operator).sum(axis=1), n)
        # Three-fold accumulation for R; its correction enters one level below.
        room = small**3 * (_modulus(inverse) @ sums + 1.0) + small**2 * (_modulus(low) @ sums)
        exact = float(np.max(_up(_modulus(defect).sum(axis=1) * (1.0 + 8.0 * _U) + _up(2.0 * room, n) + n * tiny, n)))
        if exact < _CONTRACTION:
            return exact, low
    return exact, low


def _enclosure(seen: Measured, inverse: Array, low: Array | None, contraction: float) -> float:
    """Upper bound of ``||x* - x|| / ||x*||`` over the columns."""
    n = inverse.shape[0]
    if not contraction < 1.0:
        return np.inf
    # r is the computed residual of x + low, raised over its rounding; what the weights lose is within `_up`.
    rho = _up(seen.r + seen.unit * _up(seen.w, n) + seen.tiny, n)
    spread = _modulus(inverse) @ rho
    if low is not None:
        spread = spread + _modulus(low) @ rho
    share = _up(seen.lost + float(np.max(_up(spread, n))) / (1.0 - contraction), n)
    return float(_up(share / (1.0 - share), n)) if share < 1.0 else np.inf


register(
    Kernel(
        name="verified",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Oishi and Rump (2002); Rump (2010), section 10; three-fold residuals of Ogita, Rump and Oishi (2005)",
        tags=frozenset({"rigorous"}),
    )
)
