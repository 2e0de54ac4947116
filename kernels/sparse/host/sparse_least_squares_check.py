"""Certificate of a sparse least squares solution: backward errors, and a bound where the singular values have one.

The gradient ``g = A' r - damp^2 (x - x0)`` vanishes at the solution, and ``|x - x*| <= |g| / (sigma^2 + damp^2)``
in the Euclidean norm. Of sigma a lower bound is known by the damping alone, by Gershgorin's circles of ``A' A``,
or, for small matrices, from all singular values. A small gradient by itself says nothing of x.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.sparse.host.csc_products import csc_matvec
from fsci.kernels.sparse.host.csr_products import csr_matvec

__all__: list[str] = []

_U = 2.0**-53
# Far above the least number, 2**-1074, and far below all that decides.
_LOST = 2.0**-1060
# Entries of a dense copy up to which its singular values cost no more than the iteration did.
_SMALL = 100_000
# Entries of ``A' A`` for each of A, up to which it is formed.
_FILL = 50.0


@register_check("sparse_least_squares", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    a, b = problem.operands
    (m, n), indptr, indices = a.shape, a.indptr, a.indices
    with np.errstate(all="ignore"):
        # Powers of two change no digit, and keep squares from vanishing and from overflowing.
        by_a, by_b = -_exponent(a.data), -_exponent(b)
        data, b = np.ldexp(np.ascontiguousarray(a.data, float), by_a), np.ldexp(b.astype(float), by_b)
        damp = float(np.ldexp(problem.parameters["damp"], by_a))
        x, centre = (
            np.ldexp(np.ascontiguousarray(v, float), by_b - by_a) for v in (attempt.value, problem.parameters["centre"])
        )
        moduli = np.abs(data)
        r = b - csr_matvec(m, n, indptr, indices, data, x)
        gradient = csc_matvec(n, m, indptr, indices, data, r) - damp * damp * (x - centre)
        weights = csr_matvec(m, n, indptr, indices, moduli, np.abs(x)) + np.abs(b)
        longest = float(np.diff(indptr).max(initial=0) + np.bincount(indices, minlength=n).max(initial=0))
        room = csc_matvec(n, m, indptr, indices, moduli, weights) + damp * damp * (np.abs(x) + np.abs(centre))
        size = _norm(gradient) + 4.0 * (longest + 8.0) * _U * _norm(room)
        # What numbers lose that scaling, or a product, takes below the normal ones.
        largest = float(np.abs(x).max(initial=0.0))
        size += _LOST * math.sqrt(n) * (longest + 8.0) ** 2 * (2.0 + largest + float(np.abs(centre).max(initial=0.0)))
        frobenius = math.hypot(_norm(data), damp * math.sqrt(n))
        residual = math.hypot(_norm(r), damp * _norm(x - centre))
        consistent = _share(_norm(r), _norm(data) * _norm(x) + _norm(b)) if damp == 0.0 else math.inf
        # Stewart (1977): the gradient over the residual is a change of A that makes x exact.
        backward = min(consistent, _share(_norm(gradient), frobenius * residual))
        least, rigor = _least_square(a, data, damp, longest)
        share = _share(size, least * largest) if largest > 0.0 else math.inf
        if not (b.any() or problem.parameters["centre"].any() or attempt.value.any()):
            share = 0.0  # zero is the solution of least norm
    forward = float(relative_to_truth(share)) if share < 1.0 else math.inf
    return Certificate(
        verdict=policy.verdict(forward, rigor, problem.unit_roundoff),
        backward_error=backward if backward >= 0.0 else math.inf,
        condition=frobenius / math.sqrt(least) if least > 0.0 else math.inf,
        forward_error=forward,
        digits=int(digits_of(forward)),
        rigor=rigor,
        algorithm=attempt.kernel,
        detail={
            "iterations": attempt.byproducts["iterations"],
            "istop": attempt.byproducts["istop"],
            "residual": float(np.ldexp(_norm(r), -by_b)),
            "gradient": float(np.ldexp(_norm(gradient), -by_a - by_b)),
            "least_singular_value": float(np.ldexp(math.sqrt(least), -by_a)),
        },
    )


def _exponent(v: Any) -> int:
    """The power of two of the largest modulus; 0 where that is none."""
    return math.frexp(float(np.abs(v).max(initial=0.0)))[1]


def _norm(v: Any) -> float:
    power = _exponent(v)
    scaled = np.ldexp(v, -power)
    return float(np.ldexp(np.sqrt((scaled * scaled).sum()), power))


def _share(part: float, whole: float) -> float:
    """`part` over `whole`; infinity where that is no number."""
    if part == 0.0:
        return 0.0
    found = part / whole if whole > 0.0 else math.inf
    return found if found >= 0.0 else math.inf


def _least_square(a: Any, data: Any, damp: float, longest: float) -> tuple[float, str]:
    """A lower bound of ``sigma^2 + damp^2``, zero where none is known; and whether it is proved."""
    m, n = a.shape
    square = damp * damp * (1.0 - 4.0 * _U)
    if not np.isfinite(data).all() or m < n:
        return square, "rigorous" if square > 0.0 else "estimated"
    proved = 0.0
    lengths = np.diff(a.indptr).astype(float)
    if float((lengths * lengths).sum()) <= _FILL * max(a.nnz, 1):
        rows = type(a)((data, a.indices, a.indptr), shape=a.shape)
        moduli = type(a)((np.abs(data), a.indices, a.indptr), shape=a.shape)
        gram = (rows.T @ rows).tocsr()
        # Rounding of the entries, by those of the moduli.
        room = 4.0 * (longest + 4.0) * _U * np.asarray((moduli.T @ moduli).sum(axis=1)).reshape(-1)
        diagonal = gram.diagonal()
        off = np.asarray(abs(gram).sum(axis=1)).reshape(-1) - np.abs(diagonal)
        proved = max(float((diagonal - off - 2.0 * room).min(initial=math.inf)), 0.0)
    if proved > 0.0 or m * n > _SMALL:
        return square + proved, "rigorous" if square + proved > 0.0 else "estimated"
    dense = type(a)((data, a.indices, a.indptr), shape=a.shape).toarray()
    _, values, _, failed = lapack.dgesdd(dense, compute_uv=0)
    if failed:
        return square, "rigorous" if square > 0.0 else "estimated"
    # What LAPACK's singular values may be wrong by, a modest multiple of the roundoff of the largest.
    least = max(float(values[-1]) - 4.0 * max(m, n) * _U * float(values[0]), 0.0) if values.size else 0.0
    return square + least * least, "estimated"
