"""Evidence about a least-squares problem: finite or not, and its size, in one pass over the operands."""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Fact, Problem
from fsci.kernels.products import square_sum
from fsci.kernels.tall import condition_of, gram, gram_factor

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
    evidence = look(*problem.operands)
    a = problem.operands[0]
    if evidence.get("comfortable") and a.shape[0] >= _SAMPLE * _SPARED * a.shape[1]:
        return evidence.merged({"condition_guess": Fact(condition_of_rows(a), exact=False)})
    return evidence


# Rows in the sample for each column, and the share of the whole Gram matrix's cost that it may take.
_SAMPLE, _SPARED = 2, 8


def condition_of_rows(a: np.ndarray) -> float:
    """Condition number of evenly spaced rows, 2 n of them: of the order of the whole matrix's.

    No bound either way (rows may hide a direction), so it only says what is likely: a
    row-sampling sketch (Drineas, Mahoney and Muthukrishnan, 2006) without its weights.
    """
    rows = np.ascontiguousarray(a[:: a.shape[0] // (_SAMPLE * a.shape[1])])
    r = gram_factor(gram(rows))
    return math.inf if r is None else condition_of(r)


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
