"""The entries of a compressed matrix along the other axis, and the largest of them."""

from __future__ import annotations

from numba import complex128, float64, int32, int64, uint64

from fsci.kernels.jit import jit

__all__ = ["largest_entry", "transposed_entries"]

_KINDS = [(float64, int32), (complex128, int32)]


@jit([int64(int64, i[::1], i[::1], d[::1], i[::1], i[::1], d[::1]) for d, i in _KINDS])
def transposed_entries(n, indptr, indices, data, pointers, rows, values):  # type: ignore[no-untyped-def]
    """The same matrix compressed along the other axis."""
    one = uint64(1)
    for i in range(uint64(n) + one):
        pointers[i] = 0
    for k in range(uint64(indptr[uint64(n)])):
        pointers[uint64(indices[k]) + one] += 1
    for i in range(uint64(n)):
        pointers[i + one] += pointers[i]
    place = pointers[:n].copy()
    for j in range(uint64(n)):
        for k in range(uint64(indptr[j]), uint64(indptr[j + one])):
            i = uint64(indices[k])
            q = uint64(place[i])
            rows[q] = j
            values[q] = data[k]
            place[i] += 1
    return 0


@jit([float64(int64, d[::1]) for d in (float64, complex128)])
def largest_entry(count, data):  # type: ignore[no-untyped-def]
    """Modulus of the largest of the first `count` numbers; in four strands: one alone waits for each comparison."""
    a = b = c = d = 0.0
    q = uint64(0)
    while q + uint64(4) <= uint64(count):
        a, b = max(a, abs(data[q])), max(b, abs(data[q + uint64(1)]))
        c, d = max(c, abs(data[q + uint64(2)])), max(d, abs(data[q + uint64(3)]))
        q += uint64(4)
    while q < uint64(count):
        a = max(a, abs(data[q]))
        q += uint64(1)
    return max(a, b, c, d)
