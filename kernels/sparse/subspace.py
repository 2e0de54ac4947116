"""Vector operations of Krylov methods, each on a range of rows: one thread or many, and no BLAS.

The threads of a BLAS meet at every call, and two libraries bring two pools of them: for vectors that an
iteration reads once, waiting takes longer than adding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import complex64, complex128, float32, float64, int64

from fsci.kernels.jit import jit
from fsci.kernels.sparse.phases import inner
from fsci.kernels.threads import spread

__all__ = ["Vectors"]

_KINDS = [(float64, float64), (complex128, complex128), (float32, float64), (complex64, complex128)]
# Rows whose parts of all the vectors stay in cache between the products and the subtraction of a block.
_BLOCK = 512


@jit([s(d[::1], d[::1], int64, int64) for d, s in _KINDS])
def _dot(a, b, start, stop):  # type: ignore[no-untyped-def]
    """``a* b`` over the rows."""
    return inner(a, b, start, stop)


@jit([int64(d[:, ::1], d[::1], s[::1], int64, int64) for d, s in _KINDS])
def _project(v, w, out, start, stop):  # type: ignore[no-untyped-def]
    """Add ``v[k]* w`` over the rows to out[k], for each k that it has."""
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        for k in range(out.size):
            out[k] += inner(v[k], w, first, last)
    return 0


@jit([int64(d[:, ::1], d[::1], d[::1], int64, int64) for d, _ in _KINDS])
def _add(v, factors, w, start, stop):  # type: ignore[no-untyped-def]
    """Set ``w += sum factors[k] v[k]`` on the rows."""
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        for k in range(factors.size):
            f, row = factors[k], v[k]
            for i in range(first, last):
                w[i] += f * row[i]
    return 0


class Vectors:
    """The operations on vectors that are cut at `bounds`; sums of the parts are added in order."""

    def __init__(self, bounds: Sequence[int]) -> None:
        self.bounds = bounds

    def _sum(self, task: Callable[[int, int], Any]) -> Any:
        return sum(spread(task, self.bounds))

    def dot(self, a: Any, b: Any) -> Any:
        """``a* b``, accumulated in double precision."""
        return self._sum(lambda i, j: _dot(a, b, i, j))

    def norm(self, a: Any) -> float:
        """Euclidean norm."""
        return float(np.sqrt(self.dot(a, a).real))

    def project(self, v: Any, count: int, w: Any) -> Any:
        """Products of w with the first `count` rows of v, conjugated."""

        def part(start: int, stop: int) -> Any:
            out = np.zeros(count, np.result_type(w, np.float64))
            _project(v, w, out, start, stop)
            return out

        return self._sum(part)

    def add(self, v: Any, factors: Any, w: Any) -> None:
        """Add ``sum factors[k] v[k]`` to w."""
        factors = np.asarray(factors).astype(w.dtype)
        spread(lambda i, j: _add(v, factors, w, i, j), self.bounds)
