"""Smoothed aggregation, Vanek, Mandel and Brezina (1996): aggregates of strong neighbours, and a prolongation.

The matrix has a unit diagonal (it was scaled on both sides), so that an entry's modulus is its strength.
Results are read by one thread or many, but built by one: each is linear in the entries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int32, int64

from fsci.kernels.jit import jit

__all__ = ["aggregate", "invert_definite", "prolongation_rows", "scale_rows", "tentative", "transpose"]


@jit([int64(int32[::1], int32[::1], float64[::1], float64, int32[::1])])
def aggregate(indptr, indices, data, threshold, owner):  # type: ignore[no-untyped-def]
    """Number of aggregates; `owner` gets the aggregate of each row, in three passes as Vanek has them."""
    n = indptr.size - 1
    count = 0
    for i in range(n):
        owner[i] = -1
    # A row none of whose strong neighbours is taken, with them.
    for i in range(n):
        free = owner[i] < 0
        for k in range(indptr[i], indptr[i + 1]):
            if not free:
                break
            if abs(data[k]) >= threshold and owner[indices[k]] >= 0:
                free = False
        if free:
            for k in range(indptr[i], indptr[i + 1]):
                if abs(data[k]) >= threshold:
                    owner[indices[k]] = count
            owner[i] = count
            count += 1
    # What is left joins its strongest neighbour of the first pass (written as -2 - aggregate, not to spread).
    for i in range(n):
        if owner[i] == -1:
            best, found = 0.0, -1
            for k in range(indptr[i], indptr[i + 1]):
                j = indices[k]
                if owner[j] >= 0 and abs(data[k]) >= threshold and abs(data[k]) > best:
                    best, found = abs(data[k]), owner[j]
            if found >= 0:
                owner[i] = -2 - found
    for i in range(n):
        if owner[i] < -1:
            owner[i] = -2 - owner[i]
    # What is left still has no neighbour that is taken: aggregates of their own.
    for i in range(n):
        if owner[i] == -1:
            owner[i] = count
            for k in range(indptr[i], indptr[i + 1]):
                if abs(data[k]) >= threshold and owner[indices[k]] == -1:
                    owner[indices[k]] = count
            count += 1
    return count


@jit([int64(int32[::1], float64[::1], float64[::1], float64[::1])])
def tentative(owner, near_null, values, coarse):  # type: ignore[no-untyped-def]
    """The near null vector cut to the aggregates, each part of norm one; `coarse` gets the norms."""
    coarse[:] = 0.0
    for i in range(owner.size):
        coarse[owner[i]] += near_null[i] * near_null[i]
    for j in range(coarse.size):
        coarse[j] = np.sqrt(coarse[j])
    for i in range(owner.size):
        norm = coarse[owner[i]]
        values[i] = near_null[i] / norm if norm > 0.0 else 0.0
    return 0


@jit(
    [
        int64(
            int32[::1],
            int32[::1],
            float64[::1],
            float64,
            float64,
            int32[::1],
            float64[::1],
            int32[::1],
            int32[::1],
            int32[::1],
            float64[::1],
        )
    ]
)
def prolongation_rows(indptr, indices, data, threshold, weight, owner, values, place, p_indptr, p_indices, p_data):  # type: ignore[no-untyped-def]
    """Rows of ``(I - weight F) T``, F the matrix with its weak entries moved to the diagonal; gives their number.

    Without room in `p_indices` the entries are only counted. `place` is scratch of one entry an aggregate.
    """
    fill = p_indices.size > 0
    place[:] = -1
    used = 0
    p_indptr[0] = 0
    for i in range(indptr.size - 1):
        start = used
        diagonal = 0.0
        place[owner[i]] = used
        if fill:
            p_indices[used], p_data[used] = owner[i], 0.0
        used += 1
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            if j == i or abs(data[k]) < threshold:
                diagonal += data[k]
                continue
            at = place[owner[j]]
            if at < start:
                at = place[owner[j]] = used
                if fill:
                    p_indices[used], p_data[used] = owner[j], 0.0
                used += 1
            if fill:
                p_data[at] -= weight * data[k] * values[j]
        if fill:
            p_data[start] += (1.0 - weight * diagonal) * values[i]
        p_indptr[i + 1] = used
    return used


@jit(
    [
        int64(int32[::1], int32[::1], float64[::1], int32[::1], int32[::1], float64[::1]),
    ]
)
def transpose(indptr, indices, data, t_indptr, t_indices, t_data):  # type: ignore[no-untyped-def]
    """Compressed rows of the transpose, in order."""
    rows, columns = indptr.size - 1, t_indptr.size - 1
    t_indptr[:] = 0
    for k in range(indptr[rows]):
        t_indptr[indices[k] + 1] += 1
    for j in range(columns):
        t_indptr[j + 1] += t_indptr[j]
    for i in range(rows):
        for k in range(indptr[i], indptr[i + 1]):
            at = t_indptr[indices[k]]
            t_indices[at], t_data[at] = i, data[k]
            t_indptr[indices[k]] += 1
    for j in range(columns, 0, -1):
        t_indptr[j] = t_indptr[j - 1]
    t_indptr[0] = 0
    return 0


@jit([float64(int32[::1], int32[::1], float64[::1], float64[::1], float64[::1])])
def scale_rows(indptr, indices, data, left, right):  # type: ignore[no-untyped-def]
    """data[i, j] *= left[i] right[j], in place; gives the largest sum of moduli of a row."""
    largest = 0.0
    for i in range(indptr.size - 1):
        total = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            data[k] *= left[i] * right[indices[k]]
            total += abs(data[k])
        largest = max(largest, total)
    return largest


@jit([int64(float64[:, ::1], float64)])
def invert_definite(a, least):  # type: ignore[no-untyped-def]
    """The inverse in place by Gauss and Jordan, without exchanges; a pivot below `least` of its diagonal is left out.

    Not LAPACK: its threads take longer to meet than matrices of this order to invert.
    """
    n = a.shape[0]
    first = np.empty(n)
    kept = 0
    for j in range(n):
        first[j] = a[j, j]
    for j in range(n):
        pivot = a[j, j]
        if not pivot > least * first[j]:
            a[j, :] = 0.0
            a[:, j] = 0.0
            continue
        kept += 1
        a[j, j] = 1.0
        for k in range(n):
            a[j, k] /= pivot
        for i in range(n):
            if i != j:
                factor = a[i, j]
                a[i, j] = 0.0
                for k in range(n):
                    a[i, k] -= factor * a[j, k]
    return kept


def transposed(columns: int, indptr: Any, indices: Any, data: Any) -> tuple[Any, Any, Any]:
    """(indptr, indices, data) of the transpose of compressed rows."""
    out = np.empty(columns + 1, np.int32), np.empty(data.size, np.int32), np.empty(data.size)
    transpose(indptr, indices, data, *out)
    return out
