"""Loops of trapezoidal and Simpson sums over samples seen as (rows, n, columns).

Along the last axis a sum runs in eight lanes, that are added at the end, along another one in as many as there are
columns. Running sums add in the order of `numpy.cumsum`.
"""

from __future__ import annotations

import numba
import numpy as np

from fsci.kernels.jit import jit

__all__ = ["running_simpsons", "running_trapezoids", "simpson_sums", "trapezoid_sums"]

_A3 = numba.float64[:, :, ::1]
_A2 = numba.float64[:, ::1]
_SUM = numba.boolean(_A3, _A3, numba.float64, numba.boolean, _A2)
_RUNNING = numba.boolean(_A3, _A3, numba.float64, numba.boolean, _A3)

# Of the abscissae, (rows, n, columns) or 1 where they are shared.


@jit([_SUM])
def trapezoid_sums(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    lanes = np.zeros(8)
    for r in range(rows):
        if columns == 1:
            lanes[:] = 0.0
            whole = (n - 1) // 8 * 8
            if even:
                for i in range(0, whole, 8):
                    for k in range(8):
                        lanes[k] += y[r, i + k, 0] + y[r, i + k + 1, 0]
                for i in range(whole, n - 1):
                    lanes[0] += y[r, i, 0] + y[r, i + 1, 0]
            else:
                q = r * by_row
                for i in range(0, whole, 8):
                    for k in range(8):
                        j = i + k
                        lanes[k] += (x[q, j + 1, 0] - x[q, j, 0]) * (y[r, j, 0] + y[r, j + 1, 0])
                for j in range(whole, n - 1):
                    lanes[0] += (x[q, j + 1, 0] - x[q, j, 0]) * (y[r, j, 0] + y[r, j + 1, 0])
            total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
            out[r, 0] = 0.5 * total * dx
        else:
            out[r, :] = 0.0
            for i in range(n - 1):
                for c in range(columns):
                    step = dx if even else x[r * by_row, i + 1, c * by_column] - x[r * by_row, i, c * by_column]
                    out[r, c] += 0.5 * step * (y[r, i, c] + y[r, i + 1, c])
    return True


@jit([_SUM])
def simpson_sums(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    last = n if n % 2 == 1 else n - 1
    panels = (last - 1) // 2
    lanes = np.zeros(4)
    good = True
    for r in range(rows):
        q = r * by_row
        if columns == 1:
            lanes[:] = 0.0
            if even:
                whole = panels // 4 * 4
                for p in range(0, whole, 4):
                    for k in range(4):
                        i = 2 * (p + k)
                        lanes[k] += y[r, i, 0] + 4.0 * y[r, i + 1, 0] + y[r, i + 2, 0]
                for p in range(whole, panels):
                    lanes[0] += y[r, 2 * p, 0] + 4.0 * y[r, 2 * p + 1, 0] + y[r, 2 * p + 2, 0]
                out[r, 0] = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) * (dx / 3.0)
            else:
                for p in range(panels):
                    i = 2 * p
                    h0, h1 = x[q, i + 1, 0] - x[q, i, 0], x[q, i + 2, 0] - x[q, i + 1, 0]
                    good &= h0 != 0.0 and h1 != 0.0
                    both = h0 + h1
                    outer = y[r, i, 0] * (2.0 - h1 / h0) + y[r, i + 2, 0] * (2.0 - h0 / h1)
                    lanes[p % 4] += both * (outer + y[r, i + 1, 0] * (both * both / (h0 * h1)))
                out[r, 0] = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) / 6.0
        else:
            out[r, :] = 0.0
            for p in range(panels):
                i = 2 * p
                for c in range(columns):
                    s = c * by_column
                    if even:
                        out[r, c] += (y[r, i, c] + 4.0 * y[r, i + 1, c] + y[r, i + 2, c]) * (dx / 3.0)
                    else:
                        h0, h1 = x[q, i + 1, s] - x[q, i, s], x[q, i + 2, s] - x[q, i + 1, s]
                        good &= h0 != 0.0 and h1 != 0.0
                        both = h0 + h1
                        outer = y[r, i, c] * (2.0 - h1 / h0) + y[r, i + 2, c] * (2.0 - h0 / h1)
                        out[r, c] += both / 6.0 * (outer + y[r, i + 1, c] * (both * both / (h0 * h1)))
        if last < n:
            for c in range(columns):
                s = c * by_column
                h0, h1 = dx, dx
                if not even:
                    h0, h1 = x[q, n - 2, s] - x[q, n - 3, s], x[q, n - 1, s] - x[q, n - 2, s]
                    good &= h0 != 0.0 and h0 + h1 != 0.0
                if h0 != 0.0:
                    out[r, c] += (
                        (2.0 * h1 * h1 + 3.0 * h0 * h1) / (6.0 * (h0 + h1)) * y[r, n - 1, c]
                        + (h1 * h1 + 3.0 * h0 * h1) / (6.0 * h0) * y[r, n - 2, c]
                        - h1 * h1 * h1 / (6.0 * h0 * (h0 + h1)) * y[r, n - 3, c]
                    )
    return good


@jit([_RUNNING])
def running_trapezoids(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    for r in range(rows):
        q = r * by_row
        for i in range(n - 1):
            for c in range(columns):
                s = c * by_column
                step = dx if even else x[q, i + 1, s] - x[q, i, s]
                part = step * (y[r, i + 1, c] + y[r, i, c]) / 2.0
                out[r, i, c] = part if i == 0 else out[r, i - 1, c] + part
    return True


@jit([_RUNNING])
def running_simpsons(y, x, dx, even, out):  # type: ignore[no-untyped-def]
    rows, n, columns = y.shape
    by_row, by_column = (1 if x.shape[0] > 1 else 0), (1 if x.shape[2] > 1 else 0)
    good = True
    for r in range(rows):
        q = r * by_row
        for i in range(n - 1):
            # The parabola through three samples, of which the first two (or the last two) bound the interval.
            first = i % 2 == 0 and i < n - 2
            a, b, e = (i, i + 1, i + 2) if first else (i + 1, i, i - 1)
            for c in range(columns):
                f1, f2, f3 = y[r, a, c], y[r, b, c], y[r, e, c]
                if even:
                    part = dx / 3 * (5 * f1 / 4 + 2 * f2 - f3 / 4)
                else:
                    s = c * by_column
                    near, far = x[q, i + 1, s] - x[q, i, s], abs(x[q, e, s] - x[q, b, s])
                    good &= near > 0.0
                    share = near / (near + far)
                    product = share * (near / far)
                    part = near / 6 * ((3 - share) * f1 + (3 + product + share) * f2 - product * f3)
                out[r, i, c] = part if i == 0 else out[r, i - 1, c] + part
    return good
