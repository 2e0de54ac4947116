"""The compiled steps of Lanczos: the new vector made orthogonal to the basis in one pass, and the basis recombined.

The rows of the basis lie `ld` numbers apart, a multiple of eight, with zeros beyond their ends.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64, uint64, void

from fsci.kernels.jit import jit
from fsci.kernels.lanes import fma, fnma, load, splat, store, total

__all__ = ["absorb", "combine_rows", "orthogonalize", "product_steps"]

_BLOCK = 2048  # numbers of the new vector that stay in the first-level cache while the basis goes by
_EPS = 2.0**-52


@jit([float64(float64[::1], int64, int64, float64[::1], float64[::1], float64[::1])])
def orthogonalize(basis, ld, count, w, weights, removed):  # type: ignore[no-untyped-def]
    """Subtract from w its parts along `count` orthonormal rows; adds them to `removed`; gives ``w . w`` after it.

    Rows lie `ld` apart, a multiple of eight, with zeros beyond their ends; `weights` is room for `count` numbers.
    """
    for i in range(count):
        weights[i] = 0.0
    for first in range(0, ld, _BLOCK):
        last = min(first + _BLOCK, ld)
        for i in range(count):
            at = i * ld
            s, t = splat(0.0), splat(0.0)
            q = first
            while q + 16 <= last:
                s = fma(load(basis, at + q), load(w, q), s)
                t = fma(load(basis, at + q + 8), load(w, q + 8), t)
                q += 16
            if q < last:
                s = fma(load(basis, at + q), load(w, q), s)
            weights[i] += total(s + t)
    squares = 0.0
    for first in range(0, ld, _BLOCK):
        last = min(first + _BLOCK, ld)
        i = 0
        while i + 4 <= count:
            a0, a1, a2, a3 = splat(weights[i]), splat(weights[i + 1]), splat(weights[i + 2]), splat(weights[i + 3])
            at = i * ld
            for q in range(first, last, 8):
                x = fnma(load(basis, at + q), a0, load(w, q))
                x = fnma(load(basis, at + ld + q), a1, x)
                x = fnma(load(basis, at + 2 * ld + q), a2, x)
                store(w, q, fnma(load(basis, at + 3 * ld + q), a3, x))
            i += 4
        while i < count:
            a0, at = splat(weights[i]), i * ld
            for q in range(first, last, 8):
                store(w, q, fnma(load(basis, at + q), a0, load(w, q)))
            i += 1
        s = splat(0.0)
        for q in range(first, last, 8):
            x = load(w, q)
            s = fma(x, x, s)
        squares += total(s)
    for i in range(count):
        removed[i] += weights[i]
    return squares


@jit([void(float64[::1], int64, int64, float64, float64, float64[::1])])
def _recurrence(basis, ld, j, alpha, beta, w):  # type: ignore[no-untyped-def]
    """``w -= alpha v_j + beta v_(j-1)``."""
    a, b = splat(alpha), splat(beta)
    at = j * ld
    before = at - ld if j > 0 else at
    for q in range(0, ld, 8):
        store(w, q, fnma(load(basis, before + q), b, fnma(load(basis, at + q), a, load(w, q))))


@jit([float64(float64[::1], int64, float64[::1], int64)])
def _inner(basis, at, w, ld):  # type: ignore[no-untyped-def]
    s = splat(0.0)
    for q in range(0, ld, 8):
        s = fma(load(basis, at + q), load(w, q), s)
    return total(s)


@jit([float64(float64[::1], int64, int64, int64, float64[::1], float64, float64[::1], float64[::1])])
def absorb(basis, ld, j, locked, w, beta, weights, removed):  # type: ignore[no-untyped-def]
    """Turn ``w = A v_j`` into the next vector: gives its norm, and puts it, scaled, behind row j.

    `removed[j]` becomes the diagonal entry; below `locked` (j = locked) the arrow. Zero where nothing is left.
    """
    for i in range(j + 1):
        removed[i] = 0.0
    alpha = _inner(basis, j * ld, w, ld)
    before = _inner(w, 0, w, ld)
    if j > locked:
        _recurrence(basis, ld, j, alpha, beta, w)
        removed[j] = alpha
        removed[j - 1] = beta
    squares = orthogonalize(basis, ld, j + 1, w, weights, removed)
    if j == locked or not squares > 1e-8 * before:
        squares = orthogonalize(basis, ld, j + 1, w, weights, removed)
    norm = np.sqrt(squares)
    if not norm > 4.0 * _EPS * np.sqrt(before):
        return 0.0
    scale = splat(1.0 / norm)
    at = (j + 1) * ld
    for q in range(0, ld, 8):
        store(basis, at + q, load(w, q) * scale)
    return norm


@jit(
    [
        int64(
            int32[::1], int32[::1], float64[::1], int64, float64[::1], int64, int64, int64,
            float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],
        )
    ]
)  # fmt: skip
def product_steps(  # type: ignore[no-untyped-def]
    indptr, indices, data, n, basis, ld, locked, stop, alphas, betas, arrow, w, weights
):  # fmt: skip
    """Steps `locked` to `stop` with a matrix of compressed rows; gives the step after which nothing was left."""
    removed = np.zeros(stop + 1)
    for j in range(locked, stop):
        at = j * ld
        for i in range(uint64(n)):
            row = 0.0
            for q in range(uint64(indptr[i]), uint64(indptr[i + uint64(1)])):
                row += data[q] * basis[at + int64(indices[q])]
            w[i] = row
        for i in range(n, ld):
            w[i] = 0.0
        betas[j] = absorb(basis, ld, j, locked, w, betas[j - 1] if j > locked else 0.0, weights, removed)
        alphas[j] = removed[j]
        if j == locked:
            for i in range(locked):
                arrow[i] = removed[i]
        if betas[j] == 0.0:
            return j + 1
    return stop


@jit([void(float64[::1], int64, int64, float64[:, ::1], float64[::1])])
def combine_rows(basis, ld, count, turn, room):  # type: ignore[no-untyped-def]
    """Rows ``turn[:, i] . basis``, in place of the first of them; `room` holds a block of all of them."""
    new = turn.shape[1]
    for first in range(0, ld, 256):
        width = min(256, ld - first)
        for i in range(new):
            to = i * 256
            for q in range(width):
                room[to + q] = 0.0
            for j in range(count):
                a, at = splat(turn[j, i]), j * ld + first
                for q in range(0, width, 8):
                    store(room, to + q, fma(load(basis, at + q), a, load(room, to + q)))
        for i in range(new):
            for q in range(width):
                basis[i * ld + first + q] = room[i * 256 + q]
