"""``exp(t A) B`` by scaled Taylor polynomials (Al-Mohy and Higham, 2011), and a proved bound on what it leaves.

Degree and scaling are theirs: the 1-norm of the shifted matrix, or of its powers where that is large, against the
tabulated theta of a backward error of one unit roundoff. Each term costs a product; shift, scale, sum and norms
are done in the same pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import complex128, float64, int32, int64, uint64, void

from fsci.kernels.condition import norm1est
from fsci.kernels.jit import jit
from fsci.kernels.sparse.host.csc_products import csc_matvec
from fsci.kernels.sparse.host.csr_products import csr_matmat_dense, csr_matvec
from fsci.kernels.sparse.split import Threads, by_entries
from fsci.kernels.threads import spread

__all__ = ["THETA", "Plan", "Shifted", "action", "planned", "shifted"]

# Al-Mohy and Higham (2011), table 3.1, and (2010), table A.3: ||t A / s|| up to theta_m makes the degree m
# leave a relative backward error of 2^-53 at most.
THETA = {
    1: 2.29e-16, 2: 2.58e-8, 3: 1.39e-5, 4: 3.40e-4, 5: 2.40e-3, 6: 9.07e-3, 7: 2.38e-2, 8: 5.00e-2, 9: 8.96e-2,
    10: 1.44e-1, 11: 2.14e-1, 12: 3.00e-1, 13: 4.00e-1, 14: 5.14e-1, 15: 6.41e-1, 16: 7.81e-1, 17: 9.31e-1, 18: 1.09,
    19: 1.26, 20: 1.44, 21: 1.62, 22: 1.82, 23: 2.01, 24: 2.22, 25: 2.43, 26: 2.64, 27: 2.86, 28: 3.08, 29: 3.31,
    30: 3.54, 35: 4.7, 40: 6.0, 45: 7.2, 50: 8.5, 55: 9.9,
}  # fmt: skip
_M_MAX, _P_MAX, _COLUMNS = 55, 8, 2
_U = 2.0**-53
_KINDS = (float64, complex128)
_THREADS = Threads("csr_vector")


@jit([void(int32[::1], int32[::1], d[::1], d, d, d[::1], d[::1], d[::1], float64[::1], int64, int64) for d in _KINDS])
def term_of_vector(indptr, indices, data, shift, scale, b, term, total, sizes, start, stop):  # type: ignore[no-untyped-def]
    """``term = scale (A - shift) b`` and ``total += term`` on the rows; sizes: the largest ``|re| + |im|`` of each."""
    largest_term, largest_total = 0.0, 0.0
    end = uint64(indptr[start])
    for i in range(uint64(start), uint64(stop)):
        row = -shift * b[i]
        begin, end = end, uint64(indptr[i + uint64(1)])
        for k in range(begin, end):
            row += data[k] * b[uint64(indices[k])]
        row *= scale
        term[i] = row
        new = total[i] + row
        total[i] = new
        # No squares: they overflow, or vanish, where the numbers do not.
        largest_term = max(largest_term, abs(row.real) + abs(row.imag))
        largest_total = max(largest_total, abs(new.real) + abs(new.imag))
    sizes[0], sizes[1] = largest_term, largest_total


@jit([void(d, d, d[:, ::1], d[:, ::1], d[:, ::1], float64[::1], int64, int64) for d in _KINDS])
def term_of_block(shift, scale, b, term, total, sizes, start, stop):  # type: ignore[no-untyped-def]
    """The same for several columns, with A b in `term`; sizes: the largest sum of a row of either."""
    largest_term, largest_total = 0.0, 0.0
    for i in range(uint64(start), uint64(stop)):
        sum_term, sum_total = 0.0, 0.0
        for c in range(uint64(b.shape[1])):
            value = scale * (term[i, c] - shift * b[i, c])
            term[i, c] = value
            new = total[i, c] + value
            total[i, c] = new
            sum_term += abs(value)
            sum_total += abs(new)
        largest_term = max(largest_term, sum_term)
        largest_total = max(largest_total, sum_total)
    sizes[0], sizes[1] = largest_term, largest_total


class Shifted(NamedTuple):
    """Compressed rows in double precision, the mean of their diagonal, and norms of ``A - mean``."""

    indptr: Any
    indices: Any
    data: Any
    mean: Any
    norm1: float
    norm_inf: float
    log_norm: float  # of A itself: ||exp(t A)||_inf <= exp(t log_norm) for t > 0
    log_norm_back: float  # and of -A

    @property
    def n(self) -> int:
        """The order."""
        return int(self.indptr.size - 1)

    def product(self, x: Any) -> Any:
        """``(A - mean) x``."""
        return csr_matvec(self.n, self.n, self.indptr, self.indices, self.data, x) - self.mean * x

    def adjoint(self, x: Any) -> Any:
        """``(A - mean)^H x``."""
        y = csc_matvec(self.n, self.n, self.indptr, self.indices, self.data, x.conj()).conj()
        return y - np.conj(self.mean) * x


@jit([void(int32[::1], int32[::1], d[::1], d[::1], float64[::1], float64[::1]) for d in _KINDS])
def survey(indptr, indices, data, diagonal, beside, above):  # type: ignore[no-untyped-def]
    """The diagonal, and the sums of moduli off it in each row and in each column."""
    for i in range(indptr.size - 1):
        own, total = data.dtype.type(0), 0.0
        for k in range(indptr[i], indptr[i + 1]):
            if indices[k] == i:
                own += data[k]
            else:
                size = abs(data[k])
                total += size
                above[indices[k]] += size
        diagonal[i] = own
        beside[i] = total


def shifted(a: Any, mean: Any = None) -> Shifted:
    """A container of compressed rows that was checked, shifted by the mean of its diagonal (or by `mean`)."""
    n = a.shape[0]
    diagonal, beside, above = np.empty(n, a.data.dtype), np.empty(n), np.zeros(n)
    survey(a.indptr, a.indices, a.data, diagonal, beside, above)
    mean = diagonal.sum() / n if mean is None else mean
    off = np.abs(diagonal - mean)
    real = diagonal.real
    return Shifted(
        a.indptr,
        a.indices,
        a.data,
        mean,
        float((off + above).max()),
        float((off + beside).max()),
        float((real + beside).max()),
        float((beside - real).max()),
    )


class Plan(NamedTuple):
    """Degree and number of stages."""

    degree: int
    stages: int


def planned(a: Shifted, t: float, columns: int) -> Plan:
    """Code fragment (3.1) of Al-Mohy and Higham, for ``exp(t A)`` on so many columns."""
    norm = abs(t) * a.norm1
    if not norm > 0.0 or not math.isfinite(norm):
        return Plan(0, 1)
    if norm <= 2 * _COLUMNS * _P_MAX * (_P_MAX + 3) * THETA[_M_MAX] / (columns * _M_MAX):
        options = [Plan(m, math.ceil(norm / theta)) for m, theta in THETA.items()]
        return min(options, key=lambda o: o.degree * o.stages)
    roots = {p: abs(t) * _root_of_power(a, p) for p in range(2, _P_MAX + 2)}
    best: Plan | None = None
    for p in range(2, _P_MAX + 1):
        alpha = max(roots[p], roots[p + 1])
        for m, theta in THETA.items():
            if m >= p * (p - 1) - 1:
                option = Plan(m, max(1, math.ceil(alpha / theta)))
                if best is None or option.degree * option.stages < best.degree * best.stages:
                    best = option
    assert best is not None  # noqa: S101  (the table is not empty)
    return best


def _root_of_power(a: Shifted, p: int) -> float:
    """Estimate of ``||A^p||_1^(1/p)``, scaled so that no power overflows."""
    scale = 1.0 / a.norm1

    def repeated(product: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def apply(x: Any) -> Any:
            x = np.ascontiguousarray(x, a.data.dtype)
            for _ in range(p):
                x = product(x) * scale
            return x

        return apply

    found = norm1est(repeated(a.product), repeated(a.adjoint), a.n, columns=_COLUMNS)
    return float(found ** (1.0 / p)) / scale


def action(a: Shifted, b: Any, t: float, plan: Plan, history: list[tuple[list[float], float]] | None = None) -> Any:
    """``exp(t A) b`` for a contiguous vector or block of A's dtype; `b` is left alone.

    `history` gets, for each stage, the infinity norms of its terms and of its result.
    """
    one = b.ndim == 1
    kind = a.data.dtype.type
    parts = _THREADS.pieces(a.data.dtype, (a.data.size + a.n) * (1 if one else b.shape[1]))
    bounds = by_entries(a.indptr, a.n, parts)
    growth = kind(np.exp(t * a.mean / plan.stages))
    shift = kind(a.mean)
    total, term = b.copy(), b
    spare = [np.empty_like(b), np.empty_like(b)] if one else []

    def pass_over(scale: Any, before: Any, after: Any) -> tuple[float, float]:
        def on(start: int, stop: int) -> tuple[float, float]:
            sizes = np.empty(2)
            if one:
                term_of_vector(a.indptr, a.indices, a.data, shift, scale, before, after, total, sizes, start, stop)
            else:
                term_of_block(shift, scale, before, after, total, sizes, start, stop)
            return float(sizes[0]), float(sizes[1])

        found = spread(on, bounds)
        return max(s for s, _ in found), max(s for _, s in found)

    for stage in range(plan.stages):
        terms = [_norm_inf(term)]
        for j in range(1, plan.degree + 1):
            after = spare[j % 2] if one else csr_matmat_dense(a.n, a.n, a.indptr, a.indices, a.data, term)
            size, whole = pass_over(kind(t / (plan.stages * j)), term, after)
            term = after
            terms.append(size)
            if terms[-2] + size <= _U * whole:
                break
        total *= growth
        if stage + 1 < plan.stages:
            term = total.copy()
        if history is not None:
            history.append((terms, _norm_inf(total)))
    return total


def _norm_inf(x: Any) -> float:
    size = np.abs(x)
    return float(size.max(initial=0.0) if x.ndim == 1 else size.sum(axis=1).max(initial=0.0))
