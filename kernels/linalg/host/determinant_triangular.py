"""Determinant of a triangular or diagonal matrix: the product of its diagonal, with no factorization at all."""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__ = ["scaled_product"]


def scaled_product(diagonal: np.ndarray) -> tuple[complex, int]:
    """Product as a mantissa and a power of two, which neither overflows nor underflows."""
    mantissa, exponent = 1.0 + 0j, 0
    for factor in diagonal.tolist():
        mantissa = mantissa * factor if isinstance(factor, complex) else complex(mantissa.real * factor, 0.0)
        size = max(abs(mantissa.real), abs(mantissa.imag))
        if size > 0.0:
            shift = math.frexp(size)[1]
            mantissa = complex(math.ldexp(mantissa.real, -shift), math.ldexp(mantissa.imag, -shift))
            exponent += shift
    return mantissa, exponent


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if evidence.get("structure") in ("lower", "upper", "diagonal"):
        return None
    return Refusal("for triangular matrices")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    double = np.result_type(a.dtype, np.float64)
    diagonal = a.diagonal().astype(double)
    with np.errstate(all="ignore"):
        value = double.type(np.multiply.reduce(diagonal))
    mantissa, exponent = scaled_product(diagonal)
    by = {"mantissa": mantissa if double.kind == "c" else mantissa.real, "exponent": float(exponent), "residual": 0.0}
    return Attempt(value, byproducts={**by, "products_only": True})


register(
    Kernel(
        name="triangular",
        kind="determinant",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="product of the diagonal, scaled by powers of two",
    )
)
