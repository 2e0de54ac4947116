"""One pass over a matrix: where its nonzeros lie, its norms, whether it is symmetric.

All functions read C-ordered memory; that of a Fortran-ordered matrix is its transpose.
Rows are handed out to threads in chunks, and a general matrix is told at its first entries.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fsci.kernels.jit import jit
from fsci.kernels.lanes import largest, load, maximum, padded, select_greater, splat, store, total
from fsci.kernels.threads import chunked

__all__ = ["Scan", "as_rows", "asymmetry", "scan"]

Array = np.ndarray[Any, np.dtype[Any]]
_DTYPES = (("float64", "float64"), ("float32", "float32"), ("complex128", "float64"), ("complex64", "float32"))
_TILE = 32  # rows and columns of a tile of the symmetry test: two tiles fit the first-level cache
_CHUNK = 1 << 16  # entries below which a second thread costs more than it saves


class Scan(NamedTuple):
    """What one pass tells; row and column are those of the memory scanned."""

    first: Array  # column of the first nonzero of each row; n where there is none
    last: Array  # column of the last nonzero; -1 where there is none
    nonzeros: Array  # nonzeros
    row_sum: Array
    row_max: Array
    column_sum: Array
    column_max: Array

    @property
    def finite(self) -> bool:
        """Whether no entry is infinite or NaN."""
        return bool(np.isfinite(self.row_max).all())

    def bandwidths(self) -> tuple[int, int]:
        """Nonzero diagonals below and above the main one."""
        index = np.arange(self.first.shape[0])
        lower = index - np.minimum(self.first, index)
        upper = np.maximum(self.last, index) - index
        return int(lower.max(initial=0)), int(upper.max(initial=0))


def as_rows(a: Array) -> tuple[Array, bool]:
    """C-ordered memory of `a` without a copy where there is one, and whether it holds the transpose."""
    if a.flags.c_contiguous:
        return a, False
    if a.flags.f_contiguous:
        return a.T, True
    return np.ascontiguousarray(a), False


@jit(inline=True)
def _any(part):  # type: ignore[no-untyped-def]
    """Whether one of 64 entries is not zero; without early exit, so that it is a handful of instructions."""
    found = 0
    for j in range(64):
        found |= np.int64(part[j] != 0)  # type: ignore[assignment]
    return found != 0


@jit(
    [
        f"void({t}[:, ::1], int64, int64, int64[::1], int64[::1], int64[::1], float64[::1], float64[::1],"
        f" float64[::1], float64[::1])"
        for t, _ in _DTYPES
    ]
)
def _scan_rows(m, start, stop, first, last, count, row_sum, row_max, column_sum, column_max):  # type: ignore[no-untyped-def]
    n = m.shape[1]
    padding = (n + 7) // 8 * 8
    size = np.zeros(padding)
    for i in range(start, stop):
        left, right = 0, n - 1
        while left + 64 <= n and not _any(m[i, left : left + 64]):
            left += 64
        while left < n and m[i, left] == 0:
            left += 1
        while right - 63 >= left and not _any(m[i, right - 63 : right + 1]):
            right -= 64
        while right >= left and m[i, right] == 0:
            right -= 1
        first[i], last[i] = left, right if right >= left else -1
        total_sum, total_max, nonzero = splat(0.0), splat(0.0), splat(0.0)
        begin, end = left // 8 * 8, (right + 8) // 8 * 8
        if right >= left:
            store(size, begin, splat(0.0))
            store(size, end - 8, splat(0.0))
        # Slices from zero on: a start that might be negative costs a test for each entry.
        entries, sizes = m[i, left : right + 1], size[left : right + 1]
        for j in range(right + 1 - left):
            sizes[j] = np.float64(abs(entries[j]))
        for j in range(begin, end, 8):
            v = load(size, j)
            store(column_sum, j, load(column_sum, j) + v)
            store(column_max, j, maximum(v, load(column_max, j)))
            total_sum = total_sum + v
            total_max = maximum(v, total_max)
            nonzero = nonzero + select_greater(v, splat(0.0), splat(1.0), splat(0.0))
        row_sum[i] = total(total_sum)
        count[i] = np.int64(total(nonzero))
        peak = largest(total_max)
        # A comparison skips NaN, and a sum of finite entries may overflow: tell the two apart.
        if not row_sum[i] < np.inf:
            for j in range(left, right + 1):
                if not size[j] < np.inf:
                    peak = np.inf
        row_max[i] = peak


def scan(m: Array) -> Scan:
    """Scan C-ordered memory `m`, shape (n, n)."""
    n = m.shape[0]
    first, last, count = (np.empty(n, np.int64) for _ in range(3))
    row_sum, row_max = np.empty(n), np.empty(n)
    parts: list[tuple[Array, Array]] = []

    def task(start: int, stop: int) -> None:
        columns = np.zeros(padded(n)), np.zeros(padded(n))
        parts.append(columns)
        _scan_rows(m, start, stop, first, last, count, row_sum, row_max, *columns)

    chunked(task, n, max(1, _CHUNK // max(n, 1)))
    column_sum = sum((s for s, _ in parts), np.zeros(padded(n)))
    column_max = np.max([c for _, c in parts], axis=0) if parts else np.zeros(n)
    return Scan(first, last, count, row_sum, row_max, column_sum[:n], column_max[:n])


@jit([f"int64({t}[:, ::1], int64, int64, int64, boolean)" for t, _ in _DTYPES])
def _asymmetry_tiles(m, start, stop, reach, conjugate):  # type: ignore[no-untyped-def]
    """Index i * n + j of an entry above the diagonal, in tile rows start to stop, that differs; -1 if none."""
    n = m.shape[0]
    # Both tiles are copied row by row: a column of a large matrix is one cache line and one page an entry.
    above, below = np.empty((33, 33), m.dtype), np.empty((33, 33), m.dtype)
    for tile in range(start, stop):
        top = tile * 32
        height = min(32, n - top)
        for left in range(top, min(n, top + 32 + reach), 32):
            width = min(32, n - left)
            for i in range(height):
                source, target = m[top + i, left : left + width], above[i]
                for j in range(width):
                    target[j] = source[j]
            for i in range(width):
                source, target = m[left + i, top : top + height], below[i]
                for j in range(height):
                    target[j] = source[j].conjugate() if conjugate else source[j]
            differences = 0
            for i in range(height):
                for j in range(width):
                    differences += np.int64(above[i, j] != below[j, i])  # type: ignore[assignment]
            if differences > 0:
                for i in range(height):
                    for j in range(width):
                        if above[i, j] != below[j, i]:
                            return (top + i) * n + left + j
    return -1


def asymmetry(m: Array, conjugate: bool = False, reach: int | None = None) -> tuple[int, int] | None:
    """Row and column of an entry that differs from its (conjugate) mirror image; None if symmetric (Hermitian).

    `reach` is the number of diagonals on each side that hold anything, where that is known.
    """
    n = m.shape[0]
    reach = n if reach is None else reach
    # A general matrix shows itself in its corners, long before a tile is read.
    corner, far = m[0, n - 1], m[n - 1, 0]
    if n and corner != (np.conj(far) if conjugate else far):
        return 0, n - 1
    found: list[int] = []

    def task(start: int, stop: int) -> None:
        # Small steps, so that one thread's find ends the other's search.
        for step in range(start, stop, 4):
            if found:
                return
            at = _asymmetry_tiles(m, step, min(step + 4, stop), reach, conjugate)
            if at >= 0:
                found.append(at)

    chunked(task, (n + _TILE - 1) // _TILE, max(1, _CHUNK // max(n * _TILE, 1)))
    return divmod(min(found), n) if found else None
