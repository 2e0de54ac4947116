"""Residual, weights and norm of a linear system in one pass over the matrix.

``r = b - A x``, ``w = |A| |x| + |b|`` and the row sums of ``|A|``, accumulated in double precision
whatever the precision of A. Memory is read once, in the order it lies in, by chunks over threads.
Sums run in lanes, so that they vectorize without reordering by the compiler; the bound
``|computed r - r| <= (n + 1) u w`` holds for every order of summation (Higham, 2002, section 3.1).
Moduli of complex numbers are ``|re| + |im|``, as in LAPACK: at least the modulus, at most sqrt(2) of it.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from scipy.linalg import blas

from fsci.kernels.jit import jit
from fsci.kernels.threads import chunked

__all__ = ["by_memory_rows", "residual", "residual_block", "shared_view"]

Array = np.ndarray[Any, np.dtype[Any]]

_PAIRS = (("float64", "float64"), ("float32", "float64"), ("complex128", "complex128"), ("complex64", "complex128"))
_SIGNATURES = tuple(
    f"void({a}[:, ::1], {x}[::1], {x}[::1], {x}[::1], float64[::1], float64[::1], int64, int64)" for a, x in _PAIRS
)


@jit(_SIGNATURES)
def _rows(a, x, b, r, w, s, start, stop):  # type: ignore[no-untyped-def]
    """Rows of memory are rows of the operator."""
    n = a.shape[1]
    lanes = 64
    block = 4 * lanes
    whole = n - n % block
    dot = np.zeros(lanes, x.dtype)
    size = np.zeros(lanes, np.float64)
    norm = np.zeros(lanes, np.float64)
    y = np.empty(n, np.float64)
    for j in range(n):
        y[j] = abs(x[j].real) + abs(x[j].imag)
    for i in range(start, stop):
        for k in range(lanes):
            dot[k] = 0.0
            size[k] = 0.0
            norm[k] = 0.0
        row = a[i]
        # Four products to an update of the lanes: memory, not the first cache, sets the pace.
        for j in range(0, whole, block):
            v0, v1, v2, v3 = row[j:], row[j + lanes :], row[j + 2 * lanes :], row[j + 3 * lanes :]
            x0, x1, x2, x3 = x[j:], x[j + lanes :], x[j + 2 * lanes :], x[j + 3 * lanes :]
            y0, y1, y2, y3 = y[j:], y[j + lanes :], y[j + 2 * lanes :], y[j + 3 * lanes :]
            for k in range(lanes):
                m0 = abs(v0[k].real) + abs(v0[k].imag)
                m1 = abs(v1[k].real) + abs(v1[k].imag)
                m2 = abs(v2[k].real) + abs(v2[k].imag)
                m3 = abs(v3[k].real) + abs(v3[k].imag)
                dot[k] += (v0[k] * x0[k] + v1[k] * x1[k]) + (v2[k] * x2[k] + v3[k] * x3[k])
                size[k] += (m0 * y0[k] + m1 * y1[k]) + (m2 * y2[k] + m3 * y3[k])
                norm[k] += (np.float64(m0) + m1) + (np.float64(m2) + m3)
        for j in range(whole, n, lanes):
            for k in range(min(lanes, n - j)):
                v = row[j + k]
                m = np.float64(abs(v.real) + abs(v.imag))
                dot[k] += v * x[j + k]
                size[k] += m * y[j + k]
                norm[k] += m
        width = min(lanes, n)
        while width > 1:
            half = (width + 1) // 2
            for k in range(width - half):
                dot[k] += dot[half + k]
                size[k] += size[half + k]
                norm[k] += norm[half + k]
            width = half
        r[i] = b[i] - dot[0]
        w[i] = size[0] + abs(b[i].real) + abs(b[i].imag)
        s[i] = norm[0]


@jit(_SIGNATURES)
def _columns(a, x, b, r, w, s, start, stop):  # type: ignore[no-untyped-def]
    """Rows of memory are columns of the operator."""
    n = a.shape[0]
    for i in range(start, stop):
        r[i] = b[i]
        w[i] = abs(b[i].real) + abs(b[i].imag)
        s[i] = 0.0
    for tile in range(start, stop, 1024):
        width = min(1024, stop - tile)
        rt, wt, st = r[tile : tile + width], w[tile : tile + width], s[tile : tile + width]
        for j in range(0, n - n % 4, 4):
            v0, v1, v2, v3 = a[j, tile:], a[j + 1, tile:], a[j + 2, tile:], a[j + 3, tile:]
            x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
            y0, y1 = abs(x0.real) + abs(x0.imag), abs(x1.real) + abs(x1.imag)
            y2, y3 = abs(x2.real) + abs(x2.imag), abs(x3.real) + abs(x3.imag)
            for k in range(width):
                m0 = abs(v0[k].real) + abs(v0[k].imag)
                m1 = abs(v1[k].real) + abs(v1[k].imag)
                m2 = abs(v2[k].real) + abs(v2[k].imag)
                m3 = abs(v3[k].real) + abs(v3[k].imag)
                rt[k] -= (v0[k] * x0 + v1[k] * x1) + (v2[k] * x2 + v3[k] * x3)
                wt[k] += (m0 * y0 + m1 * y1) + (m2 * y2 + m3 * y3)
                st[k] += (np.float64(m0) + m1) + (np.float64(m2) + m3)
        for j in range(n - n % 4, n):
            t = x[j]
            y = abs(t.real) + abs(t.imag)
            for k in range(width):
                v = a[j, tile + k]
                m = np.float64(abs(v.real) + abs(v.imag))
                rt[k] -= v * t
                wt[k] += m * y
                st[k] += m


def shared_view(a: Array) -> Array:
    """A C-contiguous array that compiled code reads, without a copy if it can be.

    Numba compiles anew for read-only arrays; kernels that only read take this view instead.
    """
    if not a.flags.c_contiguous:
        return np.ascontiguousarray(a)
    if a.flags.writeable or a.size == 0:
        return a if a.flags.writeable else a.copy()
    memory: Any = (ctypes.c_char * a.nbytes).from_address(a.ctypes.data)
    return np.frombuffer(memory, a.dtype).reshape(a.shape)


def by_memory_rows(a: Array, transposed: bool) -> tuple[Array, bool]:
    """C-contiguous memory of `a`, and whether its rows are the rows of the operator (a, or a.T)."""
    if a.flags.f_contiguous and not a.flags.c_contiguous:
        return shared_view(a.T), transposed
    return shared_view(a), not transposed


def _double(v: Array) -> Array:
    return shared_view(np.ascontiguousarray(v, dtype=np.result_type(v.dtype, np.float64)))


def residual(a: Array, x: Array, b: Array, transposed: bool = False) -> tuple[Array, Array, float]:
    """Residual of one right-hand side, its weights, and the infinity norm of the operator.

    Parameters
    ----------
    a : (n, n) ndarray of float32, float64, complex64 or complex128
    x, b : (n,) ndarray
    transposed : bool
        The operator is ``a.T``.

    Returns
    -------
    r : (n,) ndarray of float64 or complex128
    w : (n,) ndarray of float64
    norm_inf : float
    """
    n = a.shape[0]
    memory, rows = by_memory_rows(a, transposed)
    kind = np.result_type(a.dtype, x.dtype, b.dtype, np.float64)
    if kind.kind == "c" and memory.dtype.kind != "c":
        memory = memory.astype(kind)
    xs, bs = _double(x.astype(kind, copy=False)), _double(b.astype(kind, copy=False))
    r, w, s = np.empty(n, kind), np.empty(n), np.empty(n)
    kernel = _rows if rows else _columns
    chunked(lambda start, stop: kernel(memory, xs, bs, r, w, s, start, stop), n, max(1, 1 + 65536 // max(n, 1)))
    return r, w, float(s.max(initial=0.0))


def residual_block(a: Array, x: Array, b: Array, transposed: bool = False) -> tuple[Array, Array, Array, float]:
    """As `residual`, for k right-hand sides; the weights are those of the columns scaled to size one.

    Returns
    -------
    r : (n, k) ndarray
    scale : (k,) ndarray
        Infinity norm of each column of x (1 where it is zero).
    w : (n,) ndarray
        ``|A| max_j(|x_j| / scale_j) + max_j(|b_j| / scale_j)``: it bounds the weights of each scaled column.
    norm_inf : float
    """
    scale = np.abs(x).max(axis=0, initial=0.0).astype(float)
    scale[scale == 0.0] = 1.0
    largest_x = (np.abs(x) / scale).max(axis=1, initial=0.0)
    largest_b = (np.abs(b) / scale).max(axis=1, initial=0.0)
    _, w, norm = residual(a, largest_x, largest_b, transposed)
    kind = np.result_type(a.dtype, np.float64)
    gemm = blas.get_blas_funcs("gemm", dtype=kind)
    # gemm reads Fortran order: a C-ordered matrix is the transpose of what it sees.
    flip = a.flags.c_contiguous and not a.flags.f_contiguous
    left = (a.T if flip else a).astype(kind, copy=False)
    r = gemm(-1.0, left, x.astype(kind, copy=False), 1.0, b.astype(kind), trans_a=int(flip != transposed))
    if kind.kind == "c":
        w *= np.sqrt(2.0)  # the real pass saw moduli of x, and (|re| + |im|) of A: room for both
    return r, scale, w, norm
