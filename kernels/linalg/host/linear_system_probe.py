"""Evidence for a linear system: structure, norms and scaling, from one pass over the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Fact, Problem
from fsci.kernels.expected_condition import expected_rcond
from fsci.kernels.structure import Scan, as_rows, asymmetry, scan

__all__ = ["diagonal_blocks", "elimination_order"]

Array = np.ndarray[Any, np.dtype[Any]]

# Structures whose factors fill the matrix.
_WHOLE = ("general", "symmetric", "hermitian", "spd_candidate")
# Rows or columns that differ by more than single precision resolves are a matter of scaling, not of the condition.
_ONE_SIZE = 2.0**24


@register_probe("linear_system", "host")
def probe(problem: Problem) -> Evidence:
    """Facts about ``a``, and whether all of ``a`` and ``b`` is finite."""
    a, b = problem.operands
    if a.ndim > 2:
        return Evidence.of(finite=bool(np.isfinite(a).all() and np.isfinite(b).all()))
    m, by_columns = as_rows(a)
    seen = scan(m)
    if not (seen.finite and bool(np.isfinite(b).all())):
        return Evidence.of(finite=False)
    below, above = seen.bandwidths()
    facts: dict[str, Any] = {
        "finite": True,
        "norm1": float(seen.column_sum.max(initial=0.0)),
        "norm_inf": float(seen.row_sum.max(initial=0.0)),
        "max_abs": float(seen.row_max.max(initial=0.0)),
        "lower_bandwidth": below,
        "upper_bandwidth": above,
        "row_scale": _spread(seen.row_max),
        "col_scale": _spread(seen.column_max),
    }
    facts |= _symmetry(m, below, above, facts["max_abs"])
    facts |= _structure(m, seen, below, above, facts)
    if facts["structure"] in _WHOLE and max(facts["row_scale"], facts["col_scale"]) < _ONE_SIZE:
        expected = expected_rcond(m)
        if expected is not None:
            facts["rcond_expected"] = expected
    if by_columns:
        for one, other in (
            ("norm1", "norm_inf"),
            ("lower_bandwidth", "upper_bandwidth"),
            ("row_scale", "col_scale"),
        ):
            facts[one], facts[other] = facts[other], facts[one]
        facts["structure"] = {"upper": "lower", "lower": "upper"}.get(facts["structure"], facts["structure"])
        if "order" in facts:
            rows, columns = facts["order"]
            facts["order"] = columns[::-1], rows[::-1]  # lower triangular in this order, upper in its reverse
    estimated = {name: facts.pop(name) for name in ("rcond_expected",) if name in facts}
    return Evidence.of(**facts).merged({name: Fact(value, exact=False) for name, value in estimated.items()})


def _spread(sizes: Array) -> float:
    """Ratio of the largest to the smallest; infinity where a row or column is zero."""
    smallest = float(sizes.min(initial=np.inf))
    return float(sizes.max(initial=0.0)) / smallest if smallest > 0.0 else np.inf


def _symmetry(m: Array, below: int, above: int, max_abs: float) -> dict[str, bool]:
    is_complex = m.dtype.kind == "c"
    symmetric = below == above and asymmetry(m, reach=above) is None
    hermitian = (below == above and asymmetry(m, True, reach=above) is None) if is_complex else symmetric
    diagonal = m.diagonal()
    real = bool((diagonal.imag == 0).all())
    positive = real and bool((diagonal.real > 0).all()) and float(diagonal.real.max(initial=0.0)) >= max_abs
    return {"symmetric": symmetric, "hermitian": hermitian, "positive_diagonal": positive}


def _structure(m: Array, seen: Scan, below: int, above: int, facts: dict[str, Any]) -> dict[str, Any]:
    """Name of the structure, in the order of what it saves, and what its kernel needs to know."""
    n = m.shape[0]
    if below == above == 0:
        return {"structure": "diagonal"}
    if below == 0 or above == 0:
        return {"structure": "upper" if below == 0 else "lower"}
    if 2 * below + above + 1 < n:  # the factors are stored in fewer diagonals than rows
        return {"structure": "banded"}
    order = elimination_order(m, seen)
    if order is not None:
        return {"structure": "permuted_triangular", "order": order}
    blocks = diagonal_blocks(seen)
    if blocks.shape[0] > 2:
        return {"structure": "block_diagonal", "blocks": blocks}
    if min(below, above) == 1 < max(below, above):
        return {"structure": "hessenberg"}
    if facts["hermitian"] and facts["positive_diagonal"]:
        return {"structure": "spd_candidate"}
    if facts["symmetric"]:
        return {"structure": "symmetric"}
    return {"structure": "hermitian" if facts["hermitian"] else "general"}


def elimination_order(m: Array, seen: Scan) -> tuple[Array, Array] | None:
    """Rows and columns that make `m` upper triangular, or None.

    Such a matrix has a row with one nonzero; without its row and column the rest has one
    again, to the end (the first step of Markowitz's, and of MATLAB's, solvers).
    """
    n = m.shape[0]
    if int(seen.nonzeros.sum()) > n * (n + 1) // 2 or int(seen.nonzeros.min(initial=n)) != 1:
        return None
    pattern = m != 0
    left = seen.nonzeros.copy()
    rows, columns = np.empty(n, np.int64), np.empty(n, np.int64)
    open_columns = np.ones(n, bool)
    ready = list(np.flatnonzero(left == 1))
    for step in range(n - 1, -1, -1):
        if not ready:
            return None
        row = ready.pop()
        column = int(np.argmax(pattern[row] & open_columns))
        if left[row] != 1:
            return None
        rows[step], columns[step] = row, column
        open_columns[column] = False
        touched = np.flatnonzero(pattern[:, column])
        left[touched] -= 1
        ready += [int(i) for i in touched if left[i] == 1]  # type: ignore[misc]
    return rows, columns


def diagonal_blocks(seen: Scan) -> Array:
    """Boundaries of the diagonal blocks: 0, ..., n; two numbers where the matrix is one block."""
    n = seen.first.shape[0]
    index = np.arange(n)
    reach = np.maximum.accumulate(np.maximum(seen.last, index))
    back = np.minimum.accumulate(np.minimum(seen.first, index)[::-1])[::-1]
    cuts = np.flatnonzero((reach[:-1] == index[:-1]) & (back[1:] > index[:-1])) + 1
    return np.concatenate(([0], cuts, [n]))
