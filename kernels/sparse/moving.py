"""Entries of a compressed matrix moved within their arrays, to close the gaps that threads left between their parts."""

from __future__ import annotations

from numba import complex64, complex128, float32, float64, int32, int64, uint64

from fsci.kernels.jit import jit

__all__ = ["move_entries"]

_KINDS = [(float64, int32), (float64, int64), (complex128, int32), (float32, int32), (complex64, int32)]


@jit([int64(i[::1], d[::1], int64, int64, int64) for d, i in _KINDS])
def move_entries(indices, data, source, target, count):  # type: ignore[no-untyped-def]
    """Move `count` entries; the places may overlap. Gives what was moved."""
    if source == target:
        return 0
    if source < target:
        for k in range(uint64(count)):
            back = uint64(count) - uint64(1) - k
            indices[uint64(target) + back] = indices[uint64(source) + back]
            data[uint64(target) + back] = data[uint64(source) + back]
    else:
        for k in range(uint64(count)):
            indices[uint64(target) + k] = indices[uint64(source) + k]
            data[uint64(target) + k] = data[uint64(source) + k]
    return count
