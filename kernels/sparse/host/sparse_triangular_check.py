"""Certificate of a sparse triangular solution: residual, and a proof of the error by the comparison matrix.

A triangular matrix with nonzero diagonal is an H-matrix: ``|T^-1| <= <T>^-1`` (Ostrowski, 1937), and a
substitution with <T> on the bounds of the residual has only positive terms, so that it is accurate itself.
"""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, complex128, float64, int32, int64

from fsci.core.policy import Policy
from fsci.core.registry import register_check
from fsci.core.types import Attempt, Certificate, Evidence, Problem, digits_of, relative_to_truth
from fsci.kernels.jit import jit

__all__ = ["bound_column"]


@jit(
    [
        int64(int32[::1], int32[::1], d[::1], boolean, boolean, d[::1], d[::1], float64[:, ::1])
        for d in (float64, complex128)
    ]
)
def bound_column(indptr, indices, data, lower, unit, x, b, out):  # type: ignore[no-untyped-def]
    """Rows of `out`: bounds on |error| and on ``<T>^-1 e``, |r|, |T||x| + |b|, sums of the rows of |T|."""
    u = 2.0**-53
    n = indptr.size - 1
    for step in range(n):
        i = step if lower else n - 1 - step
        total, size, row = b[i], abs(b[i]), 0.0
        pivot, own = data.dtype.type(0), 0.0
        carried, ones = 0.0, 1.0
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            modulus = abs(data[k])
            if j == i:
                pivot += data[k]
                own += modulus
                continue
            total -= data[k] * x[j]
            size += modulus * abs(x[j])
            row += modulus
            if (j > i) == lower and modulus > 0.0:
                carried = np.inf  # no triangle, and nothing is proved
            carried += modulus * out[0, j]
            ones += modulus * out[1, j]
        if unit:
            pivot, own = data.dtype.type(1), 1.0
        total -= pivot * x[i]
        size += own * abs(x[i])
        # Twice as many roundings, and each of them twice as large, for complex numbers.
        gamma = 4.0 * (indptr[i + 1] - indptr[i] + 6) * u
        # What products and quotients lose below the normal numbers, 2**-1074 each, with much room.
        lost = (indptr[i + 1] - indptr[i] + 6) * 2.0**-1060
        # Entries of the diagonal that were stored apart may cancel: then the pivot is known less well.
        least = max(abs(pivot) - gamma * own, 0.0)
        # Every step before this one was raised by its own roundings: the bound stays one.
        out[0, i] = (abs(total) + gamma * size + carried + lost) / least * (1.0 + 2.0 * gamma) + lost
        out[1, i] = ones / least * (1.0 + 2.0 * gamma)
        out[2, i] = abs(total) + gamma * size
        out[3, i] = size
        out[4, i] = row + own
    return 0


@register_check("sparse_triangular", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    a, b = problem.operands
    double = np.result_type(a.dtype, np.float64)
    rows = a.tocsr()
    arrays = rows.indptr, rows.indices, np.ascontiguousarray(rows.data, double)
    lower, unit = problem.parameters["lower"], problem.parameters["unit"]
    forward, backward, componentwise, condition = 0.0, 0.0, 0.0, 1.0
    out = np.zeros((5, a.shape[0]))
    for x, rhs in zip(attempt.value.T, b.T, strict=True):
        x, rhs = np.ascontiguousarray(x, double), np.ascontiguousarray(rhs, double)
        bound_column(*arrays, lower, unit, x, rhs, out)
        error, residual, largest, norm = (float(v) for v in (out[0].max(), out[2].max(), np.abs(x).max(), out[4].max()))
        scale = norm * largest + float(np.abs(rhs).max())
        share = error / largest if largest > 0.0 else 0.0 if not rhs.any() else math.inf
        # NaN must not pass a maximum unseen.
        forward = max(forward, relative_to_truth(share) if share < 1.0 else math.inf)
        backward = max(
            backward, residual / scale if residual < math.inf and scale > 0.0 else 0.0 if scale == 0.0 else math.inf
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            componentwise = max(componentwise, float(np.nanmax(np.where(out[3] > 0.0, out[2] / out[3], 0.0))))
        condition = norm * float(out[1].max())
    rigor = "rigorous" if math.isfinite(forward) else "estimated"
    return Certificate(
        verdict=policy.verdict(forward, rigor, problem.unit_roundoff),
        backward_error=backward,
        condition=condition,
        forward_error=forward,
        digits=int(digits_of(forward)),
        rigor=rigor,
        algorithm=attempt.kernel,
        detail={"componentwise_backward_error": componentwise},
    )
