"""Many small real systems at once: eight side by side, one in each lane of a SIMD register.

Elimination with partial pivoting, where each lane picks its own pivot by selection; the inverse
gives each system its rcond and error bound, as in ``fused_small``. Chunks run on all threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lanes import all_lanes, fma, fnma, load, magnitude, maximum, select_greater, splat, store
from fsci.kernels.linalg.host.fused_small import LARGEST_NORM, RECORD, SMALLEST_NORM, TINY
from fsci.kernels.threads import chunked

__all__ = ["solve_side_by_side"]

LARGEST = 16  # beyond, eight systems with their inverses leave the first-level cache
GROUP = 8
_SMALLEST_CHUNK = 64  # groups; below, a second thread costs more than it saves (measured: about 20 us)

_SIGNATURES = tuple(
    f"int64({t}[::1], {t}[::1], {t}[::1], int64, int64, int64, int64, float64[:, ::1], boolean)"
    for t in ("float64", "float32")
)


@jit(_SIGNATURES)
def solve_side_by_side(a, b, x, n, columns, start, stop, record, keep):  # type: ignore[no-untyped-def]
    """Solve the groups of eight from `start` to `stop`; gives how many groups hold a doubtful system.

    Matrices of order `n`, their `columns` right-hand sides and the solutions are laid end to end.
    `record` (slots, systems padded to eights) is filled where `keep`.
    """
    area, sides = n * n, n * columns
    count = a.shape[0] // area
    eps = np.float64(np.finfo(a.dtype).eps)
    tolerance = splat(8 * eps * np.sqrt(n))
    u = 2.0**-53
    s, m, given_b = np.empty(n * (2 * n + columns) * 8), np.empty(area * 8), np.empty(sides * 8)
    weights = np.empty(n * 8)
    zero, one, tiny = splat(0.0), splat(1.0), splat(TINY)
    # ||inv(L)||_1 at most, the multipliers being at most one (Higham, 2002, theorem 8.10 and (8.3)).
    lower = splat(2.0 ** (n - 1))
    doubtful = 0
    for group in range(start, stop):
        first = group * 8
        for lane in range(8):
            system = min(first + lane, count - 1)
            for t in range(area):
                m[t * 8 + lane] = np.float64(a[system * area + t])
            for t in range(sides):
                given_b[t * 8 + lane] = np.float64(b[system * sides + t])
        norm1, norm_inf, peak_b = zero, zero, zero
        for i in range(n):
            row, column = zero, zero
            for j in range(n):
                row = row + magnitude(load(m, (i * n + j) * 8))
                column = column + magnitude(load(m, (j * n + i) * 8))
            norm1, norm_inf = maximum(column, norm1), maximum(row, norm_inf)
            # The other way round: a maximum gives its second argument where one is NaN.
            norm1 = maximum(norm1, column)
            for j in range(columns):
                peak_b = maximum(peak_b, magnitude(load(given_b, (i * columns + j) * 8)))
        sizes = all_lanes(splat(LARGEST_NORM), norm1) and all_lanes(norm1, splat(SMALLEST_NORM))
        sizes = sizes and all_lanes(splat(LARGEST_NORM), peak_b)
        # Without the inverse first: it is only for numbers that nobody asked for, or for a condition in doubt.
        full, good = keep, False
        normwise, componentwise, forward, rcond = zero, zero, zero, zero
        while True:
            width = n + columns + (n if full else 0)
            for i in range(n):
                for j in range(n):
                    store(s, (i * width + j) * 8, load(m, (i * n + j) * 8))
                for j in range(columns):
                    store(s, (i * width + n + j) * 8, load(given_b, (i * columns + j) * 8))
                for j in range(n + columns, width):
                    store(s, (i * width + j) * 8, one if i == j - n - columns else zero)
            for k in range(n):
                top = k * width
                for i in range(k + 1, n):
                    row_at = i * width
                    mine, theirs = magnitude(load(s, (top + k) * 8)), magnitude(load(s, (row_at + k) * 8))
                    for j in range(k, width):
                        p, q = load(s, (top + j) * 8), load(s, (row_at + j) * 8)
                        store(s, (top + j) * 8, select_greater(theirs, mine, q, p))
                        store(s, (row_at + j) * 8, select_greater(theirs, mine, p, q))
                scale = one / load(s, (top + k) * 8)
                for i in range(k + 1, n):
                    row_at = i * width
                    factor = load(s, (row_at + k) * 8) * scale
                    for j in range(k + 1, width):
                        at = (row_at + j) * 8
                        store(s, at, fnma(factor, load(s, (top + j) * 8), load(s, at)))
            for k in range(n - 1, -1, -1):
                top = k * width
                pivot = load(s, (top + k) * 8)
                scale = one / pivot
                for j in range(n, width):
                    value = load(s, (top + j) * 8)
                    for i in range(k + 1, n):
                        value = fnma(load(s, (top + i) * 8), load(s, (i * width + j) * 8), value)
                    store(s, (top + j) * 8, value / pivot if j < n + columns else value * scale)
            inverse_norm1 = zero
            for j in range(n):
                column = zero
                if full:
                    for i in range(n):
                        column = column + magnitude(load(s, (i * width + n + columns + j) * 8))
                else:
                    # Row j of e^T inv(M(U)): the comparison matrix bounds inv(U) (Higham, 2002, section 8.3).
                    column = one
                    for i in range(j):
                        column = fma(magnitude(load(s, (i * width + j) * 8)), load(weights, i * 8), column)
                    column = column / magnitude(load(s, (j * width + j) * 8))
                    store(weights, j * 8, column)
                    column = column * lower
                inverse_norm1 = maximum(inverse_norm1, column)
            rcond = one / (norm1 * inverse_norm1)
            normwise, componentwise, forward, fine = zero, zero, zero, sizes
            for q in range(columns):
                for lane in range(8):
                    system = min(first + lane, count - 1)
                    for i in range(n):
                        at = (i * width + n + q) * 8 + lane
                        place = system * sides + i * columns + q
                        x[place] = s[at]
                        s[at] = np.float64(x[place])
                peak_x, peak_r, size_b = tiny, zero, zero
                for i in range(n):
                    given = load(given_b, (i * columns + q) * 8)
                    product, size = zero, zero
                    for j in range(n):
                        entry, value = load(m, (i * n + j) * 8), load(s, (j * width + n + q) * 8)
                        product = fma(entry, value, product)
                        if full:
                            size = fma(magnitude(entry), magnitude(value), size)
                    residual, weight = magnitude(given - product), magnitude(given) + size
                    peak_x = maximum(peak_x, magnitude(load(s, (i * width + n + q) * 8)))
                    peak_r, size_b = maximum(peak_r, residual), maximum(size_b, magnitude(given))
                    if full:
                        componentwise = maximum(componentwise, residual / maximum(weight, tiny))
                        # Arioli, Demmel and Duff (1989); the last term is for underflow.
                        store(weights, i * 8, residual + splat(n + 1.0) * (splat(u) * weight + tiny))
                normwise = maximum(normwise, peak_r / maximum(norm_inf * peak_x + size_b, tiny))
                fine = fine and all_lanes(splat(LARGEST_NORM), peak_x)
                if full:
                    bound = zero
                    for i in range(n):
                        size = zero
                        for j in range(n):
                            inverse = magnitude(load(s, (i * width + n + columns + j) * 8))
                            size = fma(inverse, load(weights, j * 8), size)
                        bound = maximum(bound, size)
                    forward = maximum(forward, bound / peak_x)
            good = fine and all_lanes(rcond, splat(eps)) and all_lanes(tolerance, normwise)
            if good or full:
                break
            full = True
        if not good:
            doubtful += 1
        if keep:
            # The computed inverse's own error, as in fused_small.
            loss = splat(n * n * u) / rcond
            forward = forward * (one + loss + loss)
            # Relative to the solution computed; relative to the true one it is larger by this.
            forward = select_greater(splat(0.25), maximum(loss, forward), forward / (one - forward), splat(np.inf))
            at = first
            store(record[0], at, normwise)
            store(record[1], at, componentwise)
            store(record[2], at, rcond)
            store(record[3], at, forward)
    return doubtful


def _solve(a: Any, b: Any, record: Any) -> tuple[Any, int]:
    x = np.empty_like(b)
    groups = (a.shape[0] + GROUP - 1) // GROUP
    keep = record.shape[1] > 0
    n, columns = b.shape[1:]
    flat = a.reshape(-1), b.reshape(-1), x.reshape(-1)
    doubtful: list[int] = []

    def task(start: int, stop: int) -> None:
        doubtful.append(solve_side_by_side(*flat, n, columns, start, stop, record, keep))

    chunked(task, groups, _SMALLEST_CHUNK)
    return x, sum(doubtful)


_unread = np.empty((RECORD, 0))


def fast(a: Any, b: Any) -> Any:
    """Solutions, or None where the caller must look closer."""
    if a.ndim != 3 or b.ndim != 3 or b.shape[0] != a.shape[0]:
        return None
    if not a.flags.carray:
        a = np.array(a, order="C")
    if not b.flags.carray:
        b = np.array(b, order="C")
    x, doubtful = _solve(a, b, _unread)
    return None if doubtful else x


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    a, _ = problem.operands
    if a.ndim != 3 or a.shape[1] > LARGEST:
        return Refusal(f"for stacks of systems of order {LARGEST} or less")
    return None if a.dtype.kind == "f" else Refusal("for real systems")


def work(problem: Problem, evidence: Evidence) -> float:
    a, b = problem.operands
    return float(a.shape[0]) * a.shape[1] ** 2 * (3.0 * a.shape[1] + 2.0 * b.shape[2])


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = (np.array(operand, order="C") for operand in problem.operands)
    count = a.shape[0]
    record = np.full((RECORD, (count + GROUP - 1) // GROUP * GROUP), np.inf)
    x, _ = _solve(a, b, record)
    normwise, componentwise, rcond, forward = record[:, :count]
    eps = 2.0 * problem.unit_roundoff
    good = (rcond >= eps) & (normwise <= 8 * eps * np.sqrt(a.shape[1])) & np.isfinite(x).all(axis=(1, 2))
    certified = {
        "backward_error": np.where(good, normwise, np.inf),
        "componentwise": np.where(good, componentwise, np.inf),
        "forward_error": np.where(good & (forward >= 0.0), forward, np.inf),
        "rcond": np.where(good, rcond, 0.0),
    }
    return Attempt(x, byproducts={"certified": certified, "statuses": np.where(good, 0, 1)})


register(
    Kernel(
        name="batched_small",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="interleaved Gaussian elimination with partial pivoting; bound after Arioli, Demmel and Duff (1989)",
    )
)
