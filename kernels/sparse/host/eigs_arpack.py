"""A few eigenvalues of a general sparse matrix: ARPACK's Arnoldi method over fsci's products, in SciPy's loop.

The certificate holds the backward error of every pair. A bound on the eigenvalues asks for left vectors, which
ARPACK does not give: small matrices are decomposed whole for it, and the values that were found are compared with all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse.linalg import ArpackError

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check, register_probe
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of, relative_to_truth
from fsci.kernels.condition import ESTIMATOR_SAFETY
from fsci.kernels.sparse.operator import RowsOperator

__all__: list[str] = []

# Order up to which the certificate decomposes the matrix: about a second.
_DENSE_ORDER = 600


@register_probe("sparse_general_eigen", "host")
def probe(problem: Problem) -> Evidence:
    """Nothing is known beforehand that would change the route."""
    return Evidence()


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    return 200.0 * (problem.operands[0].nnz + 100.0 * problem.size)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p, a = problem.parameters, problem.operands[0]
    options = p["options"]
    # Without a source of randomness of the caller's the same call gives the same bits.
    options = {**options, "rng": np.random.default_rng(0) if options["rng"] is None else options["rng"]}
    try:
        found = p["original"](RowsOperator(a) if options["sigma"] is None else a, **options)
    except (ArpackError, RuntimeError) as error:
        return Attempt(None, status="not_converged", byproducts={"error": error}, final=True)
    return Attempt(found, final=True)


@register_check("sparse_general_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    a = problem.operands[0]
    if not isinstance(attempt.value, tuple) or attempt.value[0].size == 0:
        return Certificate(verdict="uncertified", algorithm=attempt.kernel, detail={"completeness": "not examined"})
    w, v = (np.asarray(x, complex) for x in attempt.value)
    wide = a.astype(complex)
    norm = float(np.abs(wide).sum(axis=1).max())
    residuals = np.linalg.norm(wide @ v - v * w, axis=0) / np.linalg.norm(v, axis=0)
    backward = float(residuals.max()) / norm if norm > 0.0 else 0.0
    detail: dict[str, Any] = {"residuals": residuals, "completeness": "unknown: needs all eigenvalues"}
    condition = bound = math.inf
    if problem.size <= _DENSE_ORDER and np.isfinite(wide.data).all():
        bound, condition, detail["completeness"] = _against_all(
            wide.toarray(), w, norm, problem.parameters, a.dtype.kind != "c"
        )
        if problem.unit_roundoff > 2.0**-53:
            bound += problem.unit_roundoff * float(np.abs(w).max())
    top = float(np.abs(w).max())
    forward = relative_to_truth(bound / top) if top > 0.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=digits_of(forward),
        algorithm=attempt.kernel,
        detail=detail,
    )


def _against_all(a: Any, w: Any, norm: float, p: Any, real: bool) -> tuple[float, float, str]:
    """Bound on the wanted eigenvalues, their largest condition number, and whether they are the wanted ones.

    Each of all eigenvalues is known to ``kappa u ||A||`` to first order, times a growth of rounding (Wilkinson, 1965),
    which must be far less than the distance to the next.
    """
    every, left, right, info = lapack.zgeev(a)
    if info != 0:
        return math.inf, math.inf, "unknown: the dense decomposition failed"
    inner = np.abs((left.conj() * right).sum(axis=0))
    with np.errstate(divide="ignore"):
        kappa = np.linalg.norm(left, axis=0) * np.linalg.norm(right, axis=0) / inner
    error = ESTIMATOR_SAFETY * kappa * math.sqrt(a.shape[0]) * 4.0 * 2.0**-53 * norm
    keys = _keys(every, p["options"]["which"], p["options"]["sigma"])
    if keys is None:
        return math.inf, math.inf, "unknown: no order for this selection"
    if real:
        # Of a pair of conjugates the upper one stands for both: ARPACK may give either at the cut.
        upper = every.imag >= -error
        every, error, keys, kappa = every[upper], error[upper], keys[upper], kappa[upper]
        w = w.real + 1j * np.abs(w.imag)
    nearest = np.abs(w[:, None] - every[None, :]).argmin(axis=1)
    found, times = np.unique(nearest, return_counts=True)
    largest = float(kappa[found].max())
    paired = np.where((every[found].imag > error[found]) & real, 2, 1)
    order = np.argsort(-keys, kind="stable")
    wanted = order[: found.size]
    if (times > paired).any() or set(found.tolist()) != set(wanted.tolist()):
        return math.inf, largest, "incomplete, or a tie: not the wanted eigenvalues"
    worst = float(error[wanted].max())
    distance = np.abs(every[:, None] - every[wanted][None, :])
    distance[wanted, np.arange(wanted.size)] = math.inf
    off = float(np.abs(w - every[nearest]).max())
    if not 8.0 * (worst + off) < float(distance.min(initial=math.inf)):
        return math.inf, largest, "unknown: eigenvalues too close for their condition"
    # The next one must be behind by more than both may be off.
    behind = order[found.size :]
    edge = float((keys[behind] + error[behind]).max(initial=-math.inf))
    if not float(keys[wanted].min()) - worst > edge:
        return math.inf, largest, "unknown: the last one wanted is a tie"
    return off + worst, largest, "complete: compared with all eigenvalues"


def _keys(w: Any, which: str, sigma: Any) -> Any:
    """What ARPACK's names order by, the largest first, and no faster than w; None with a shift but for the nearest."""
    if sigma is not None:
        return -np.abs(w - sigma) if which == "LM" else None
    size, real, imaginary = np.abs(w), w.real, np.abs(w.imag)
    return {"LM": size, "SM": -size, "LR": real, "SR": -real, "LI": imaginary, "SI": -imaginary}[which]


register(
    Kernel(
        name="arpack",
        kind="sparse_general_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="Sorensen (1992); Lehoucq, Sorensen and Yang (1998): ARPACK",
    )
)
