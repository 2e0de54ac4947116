"""Evidence about a matrix to be inverted, or whose determinant is asked: which structure its entries have."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Problem
from fsci.kernels.jit import jit
from fsci.kernels.linalg.host.inverse_small import memory_of

__all__ = ["DIAGONAL", "GENERAL", "HERMITIAN", "LOWER", "NAMES", "SPD_CANDIDATE", "UPPER", "structure_of"]

GENERAL, DIAGONAL, LOWER, UPPER, SPD_CANDIDATE, HERMITIAN = range(6)
NAMES = ("general", "diagonal", "lower", "upper", "spd_candidate", "hermitian")

_SIGNATURES = tuple(f"int64({t}[:, ::1])" for t in ("float64", "float32", "complex128", "complex64"))


@jit(_SIGNATURES)
def structure_of(a):  # type: ignore[no-untyped-def]
    """Structure of `a` as an index of `NAMES`; a general matrix is told after a few entries."""
    n = a.shape[0]
    upper, lower = True, True
    for i in range(n):
        for j in range(i):
            if a[i, j] != 0:
                upper = False
                break
        if not upper:
            break
    for i in range(n):
        for j in range(i + 1, n):
            if a[i, j] != 0:
                lower = False
                break
        if not lower:
            break
    if upper or lower:
        return 1 if upper and lower else 2 if lower else 3
    block = 32
    for top in range(0, n, block):
        bottom = min(top + block, n)
        for left in range(0, bottom, block):
            for i in range(top, bottom):
                for j in range(left, min(left + block, i + 1)):
                    if a[i, j] != np.conj(a[j, i]):
                        return 0
    for i in range(n):
        if not a[i, i].real > 0.0:
            return 5
    return 4


@register_probe("inverse", "host")
def probe(problem: Problem) -> Evidence:
    """Structure of one matrix; nothing for a stack, whose slices may differ."""
    a = problem.operands[0]
    if a.ndim != 2:
        return Evidence()
    memory, flipped = memory_of(a)
    found = structure_of(memory)
    if flipped and found in (LOWER, UPPER):
        found = UPPER if found == LOWER else LOWER
    return Evidence.of(structure=NAMES[found])


register_probe("determinant", "host")(probe)
