"""Evidence about a least-squares problem: finite or not, and its size, in one pass over the operands."""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Problem
from fsci.kernels.products import square_sum

__all__ = ["look"]


def look(*arrays: np.ndarray) -> Evidence:
    """Whether all entries are finite, and the Frobenius norm of the first array.

    ``comfortable`` is false where squares of entries overflow or underflow, so that Gram matrices and
    residual norms would mislead.
    """
    squares = [square_sum(array) for array in arrays]
    finite = all(math.isfinite(s) or bool(np.isfinite(a).all()) for s, a in zip(squares, arrays, strict=True))
    limits = np.finfo(arrays[0].dtype)
    floor, ceiling = float(limits.tiny) / float(limits.eps) ** 2, float(limits.max) * float(limits.eps)
    comfortable = finite and all(s == 0.0 or floor < s < ceiling for s in squares) and squares[0] > 0.0
    return Evidence.of(finite=finite, norm_fro=math.sqrt(squares[0]) if finite else math.inf, comfortable=comfortable)


@register_probe("least_squares", "host")
def probe(problem: Problem) -> Evidence:
    return look(*problem.operands)


@register_probe("pseudoinverse", "host")
def probe_pseudoinverse(problem: Problem) -> Evidence:
    return look(*problem.operands)


@register_probe("qr_factorization", "host")
def probe_qr(problem: Problem) -> Evidence:
    return look(*problem.operands)


@register_probe("svd", "host")
def probe_svd(problem: Problem) -> Evidence:
    return look(*problem.operands)


@register_probe("singular_values", "host")
def probe_singular_values(problem: Problem) -> Evidence:
    return look(*problem.operands)
