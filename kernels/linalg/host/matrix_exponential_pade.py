"""Matrix exponential by Pade approximation, scaling and squaring, in one compiled call for a slice or a batch.

Degrees and scaling after Al-Mohy and Higham (2009), with powers of |A| in place of norms where
those would scale too much; triangular matrices get their diagonal exactly after every
squaring (their Code Fragment 2.1). The rounding of every step is followed, so that the answer
comes with a bound: squaring is where an exponential loses its digits.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba.extending import overload

from fsci.core.profile import seconds
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, getrf, getrs, letter, routine
from fsci.kernels.linalg.host.matrix_exponential_hermitian import hermitian_work
from fsci.kernels.linalg.host.structure_hermitian import is_hermitian
from fsci.kernels.threads import chunked

__all__ = ["slices"]

gemm = routine("gemm", "cciiixxixixxi")  # transa transb m n k alpha a lda b ldb beta c ldc

PADE, HERMITIAN = "matrix_exponential/host/pade", "matrix_exponential/host/hermitian"
_N = letter("N")
# Slots of the record of a slice: degree, squarings, bound on the relative error, norm of the scaled matrix.
DEGREE, SQUARINGS, BOUND, SCALED = range(4)  # the bound: on any entry's error, relative to the largest entry
RECORD = 4
POWERS = 7  # of |A|: the zeroth to the sixth

# Numerator coefficients of the diagonal Pade approximants, b_0 to b_m (Higham, 2005), padded to 14.
_DEGREES = (3, 5, 7, 9, 13)
_COEFFICIENTS = np.zeros((14, 14))
for _m in _DEGREES:
    for _j in range(_m + 1):
        _COEFFICIENTS[_m, _j] = (
            math.factorial(2 * _m - _j)
            // (math.factorial(_m - _j) * math.factorial(_j))
            * (1.0 / (math.factorial(2 * _m) // math.factorial(_m)))
        )

# Largest norm of the scaled matrix at which the backward error stays under u (Higham, 2005;
# Al-Mohy and Higham, 2009, for degree 13), for double and for single precision.
_THETA = np.zeros((2, 14))
_THETA[0, [3, 5, 7, 9, 13]] = 1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1, 2.097847961257068, 4.25
_THETA[1, [3, 5, 7]] = 4.258730016922831e-1, 1.880152677804762, 3.925724783138660

# |c_(2m+1)|, the leading coefficient of the backward error: 1 / (binom(2m, m) (2m+1)!).
_LEADING = np.zeros(14)
for _m in _DEGREES:
    _LEADING[_m] = 1.0 / (math.comb(2 * _m, _m) * math.factorial(2 * _m + 1))


@jit()
def multiply(a, b, c):  # type: ignore[no-untyped-def]
    """Product c = a @ b of C-ordered arrays: Fortran sees the transposes, and so multiplies b by a."""
    n = byref(np.int32(a.shape[0]))
    one, zero = byref(a.dtype.type(1)), byref(a.dtype.type(0))
    gemm(a, byref(_N), byref(_N), n, n, n, one, b.ctypes, n, a.ctypes, n, zero, c.ctypes, n)


def magnitude(z):  # type: ignore[no-untyped-def]
    """|z|, without hypot's care for overflow, which costs five times the pass; an overflow is seen, not missed."""
    return abs(z)


@overload(magnitude, inline="always")
def _magnitude(z):  # type: ignore[no-untyped-def]
    if isinstance(z, numba.types.Complex):
        return lambda z: math.sqrt(z.real * z.real + z.imag * z.imag)
    return lambda z: abs(z)  # noqa: PLW0108  (Numba wants a Python function)


# All norms are 1-norms: column sums of an array in C order vectorize, row sums would not (no fastmath).


@jit()
def norm_1(a, columns):  # type: ignore[no-untyped-def]
    n = a.shape[0]
    for j in range(n):
        columns[j] = 0.0
    for i in range(n):
        for j in range(n):
            columns[j] += magnitude(a[i, j])
    worst = 0.0
    for j in range(n):
        if not columns[j] <= worst:
            worst = columns[j]
    return worst


@jit()
def grown_powers(a, norm, logarithms, columns, turned):  # type: ignore[no-untyped-def]
    """Base-2 logarithms of the norms of |A|^0 to |A|^6, from products with a vector."""
    n = a.shape[0]
    for j in range(n):
        columns[j] = 1.0
    for k in range(1, POWERS):
        for j in range(n):
            turned[j] = 0.0
        for i in range(n):
            left = columns[i] / norm
            for j in range(n):
                turned[j] += left * magnitude(a[i, j])
        largest = 1e-300
        for j in range(n):
            columns[j] = turned[j]
            largest = max(largest, turned[j])
        logarithms[k] = math.log2(largest) + k * math.log2(norm)


@jit()
def extra_scaling(logarithms, m, scale, u):  # type: ignore[no-untyped-def]
    """Squarings beyond those of the theta test: |A| may grow where powers of A cancel.

    The norm of |A|^(2m+1) is bounded by products of those of lower powers; in logarithms nothing overflows.
    """
    k, last = 2 * m + 1, POWERS - 1
    grown = (k // last) * logarithms[last] + logarithms[k % last] - (k - 1) * scale - logarithms[1]
    return max(0, math.ceil((math.log2(_LEADING[m]) + grown - math.log2(u)) / (2.0 * m)))


@jit()
def sinch(z):  # type: ignore[no-untyped-def]
    """sinh(z) / z, with its series where the quotient cancels."""
    if abs(z) < 0.5:
        square = z * z
        return 1.0 + square / 6.0 * (
            1.0 + square / 20.0 * (1.0 + square / 42.0 * (1.0 + square / 72.0 * (1.0 + square / 110.0)))
        )
    return np.sinh(z) / z


@jit()
def triangles(a):  # type: ignore[no-untyped-def]
    """Whether the matrix is lower, and upper triangular; a row that is neither ends the look."""
    n, lower, upper = a.shape[0], True, True
    for i in range(n):
        for j in range(n):
            if a[i, j] != 0:
                if j > i:
                    lower = False
                elif j < i:
                    upper = False
        if not (lower or upper):
            break
    return lower, upper


@jit()
def exact_diagonals(x, a, scale, upper):  # type: ignore[no-untyped-def]
    """Diagonal and first off-diagonal of exp(scale * a) for triangular a, in place."""
    n = a.shape[0]
    for i in range(n):
        x[i, i] = np.exp(a[i, i] * scale)
    for i in range(n - 1):
        mean, half = 0.5 * scale * (a[i, i] + a[i + 1, i + 1]), 0.5 * scale * (a[i + 1, i + 1] - a[i, i])
        # exp(mean) * sinh(half) / half, without overflow of the factors where they are far apart.
        if abs(half) < 0.5:
            value = np.exp(mean) * sinch(half)
        else:
            value = (np.exp(mean + half) - np.exp(mean - half)) / (2.0 * half)
        if upper:
            x[i, i + 1] = value * (scale * a[i, i + 1])
        else:
            x[i + 1, i] = value * (scale * a[i + 1, i])


_T = (("float64",), ("float32",), ("complex128",), ("complex64",))


@jit(tuple(f"int64({t}[:, :, ::1], {t}[:, :, ::1], float64[:, ::1], int64, int64)" for (t,) in _T))
def slices(a, out, record, start, stop):  # type: ignore[no-untyped-def]
    """Exponentials of the slices from `start` to `stop`; gives how many of them are not finite."""
    n = a.shape[1]
    eps = np.finfo(a.dtype).eps
    u = 0.5 * eps
    single = 1 if eps > 1e-10 else 0
    growth = 4.0 * math.sqrt(n + 2.0) * u  # rounding of an inner product (Higham and Mary, 2019)
    p = np.empty((4, n, n), a.dtype)  # A^2, A^4, A^6, A^8
    even, odd = np.empty((n, n), a.dtype), np.empty((n, n), a.dtype)
    pivots = np.empty(n, np.int32)
    columns, turned, logarithms = np.empty(n), np.empty(n), np.zeros(POWERS)
    failed = 0
    for k in range(start, stop):
        x = out[k]
        norm = norm_1(a[k], columns)
        lower, upper = triangles(a[k])
        record[k, DEGREE], record[k, SQUARINGS], record[k, SCALED] = 0, 0, norm
        if lower and upper:
            for i in range(n):
                for j in range(n):
                    x[i, j] = 0
                x[i, i] = np.exp(a[k, i, i])
            record[k, BOUND] = 4.0 * u  # of each entry: no accumulation
            if not norm_1(x, columns) < np.inf:
                failed += 1
            continue
        if not norm < np.inf:
            for i in range(n):
                for j in range(n):
                    x[i, j] = np.nan
            record[k, BOUND] = np.inf
            failed += 1
            continue
        grown_powers(a[k], norm, logarithms, columns, turned)
        multiply(a[k], a[k], p[0])
        norm2 = norm_1(p[0], columns)
        degree, squarings = 0, 0
        multiply(p[0], p[0], p[1])
        norm4 = norm_1(p[1], columns)
        d4 = norm4**0.25
        # ||A^6|| <= ||A^4|| ||A^2||: the lowest degrees need not form it.
        eta = max(d4, (norm4 * norm2) ** (1.0 / 6.0))
        if eta <= _THETA[single, 3] and extra_scaling(logarithms, 3, 0, u) == 0:
            degree = 3
        elif eta <= _THETA[single, 5] and extra_scaling(logarithms, 5, 0, u) == 0:
            degree = 5
        else:
            multiply(p[0], p[1], p[2])
            norm6 = norm_1(p[2], columns)
            d6 = norm6 ** (1.0 / 6.0)
            d8 = min(norm4 * norm4, norm6 * norm2) ** 0.125
            eta = max(d6, d8)
            if max(d4, d6) <= _THETA[single, 5] and extra_scaling(logarithms, 5, 0, u) == 0:
                degree = 5
            elif eta <= _THETA[single, 7] and extra_scaling(logarithms, 7, 0, u) == 0:
                degree = 7
            elif single == 0 and eta <= _THETA[0, 9] and extra_scaling(logarithms, 9, 0, u) == 0:
                degree = 9
                multiply(p[1], p[1], p[3])
            else:
                degree = 7 if single else 13
                d10 = (norm4 * norm6) ** 0.1
                eta = min(eta, max(d8, d10))
                if eta > 0.0:
                    squarings = max(0, math.ceil(math.log2(eta / _THETA[single, degree])))
                squarings += extra_scaling(logarithms, degree, squarings, u)
        # Beyond this many squarings the exponential over- or underflows whatever the scaling.
        squarings = min(squarings, 1000)
        scale = 2.0**-squarings
        b = _COEFFICIENTS[degree]
        s2 = scale * scale
        factors = np.empty(4)
        factors[0] = s2
        for i in range(1, 4):
            factors[i] = factors[i - 1] * s2
        top = (degree - 1) // 2 if degree < 13 else 3
        if degree == 13:
            # Highest coefficients first: even = A^6 (b12 A^6 + b10 A^4 + b8 A^2) + b6 A^6 + ... + b0 I.
            for i in range(n):
                for j in range(n):
                    q1, q2, q3 = p[0, i, j] * factors[0], p[1, i, j] * factors[1], p[2, i, j] * factors[2]
                    even[i, j] = b[12] * q3 + b[10] * q2 + b[8] * q1
                    odd[i, j] = b[13] * q3 + b[11] * q2 + b[9] * q1
            multiply(p[2], even, x)
            multiply(p[2], odd, p[3])
            for i in range(n):
                for j in range(n):
                    q1, q2, q3 = p[0, i, j] * factors[0], p[1, i, j] * factors[1], p[2, i, j] * factors[2]
                    even[i, j] = factors[2] * x[i, j] + (b[6] * q3 + b[4] * q2 + b[2] * q1)
                    odd[i, j] = factors[2] * p[3, i, j] + (b[7] * q3 + b[5] * q2 + b[3] * q1)
                even[i, i] += b[0]
                odd[i, i] += b[1]
        else:
            for i in range(n):
                for j in range(n):
                    e = o = a.dtype.type(0)
                    for t in range(top - 1, -1, -1):
                        q = p[t, i, j] * factors[t]
                        e += b[2 * t + 2] * q
                        o += b[2 * t + 3] * q
                    even[i, j], odd[i, j] = e, o
                even[i, i] += b[0]
                odd[i, i] += b[1]
        multiply(a[k], odd, p[0])
        for i in range(n):
            for j in range(n):
                o = p[0, i, j] * scale
                x[i, j] = even[i, j] + o
                p[1, i, j] = even[i, j] - o
        q_norm, p_norm = norm_1(p[1], columns), norm_1(x, columns)
        # Fortran sees the transposes: (q^T)^-1 p^T column by column would mix sides, but p and q
        # commute, and so q^T y = p^T gives y = (p q^-1)^T = (q^-1 p)^T.
        order, info = byref(np.int32(n)), byref(np.int32(0))
        getrf(a, order, order, p[1].ctypes, order, pivots.ctypes, info)
        getrs(a, byref(_N), order, order, p[1].ctypes, order, pivots.ctypes, x.ctypes, order, info)
        scaled = norm * scale
        record[k, DEGREE], record[k, SQUARINGS], record[k, SCALED] = degree, squarings, scaled
        size = norm_1(x, columns)
        # Truncation: exp(B + E), ||E|| <= u ||B||. Evaluation: both polynomials have the errors of
        # their sums of magnitudes, at most exp(||B|| / 2); and ||q^-1|| is at most that of the sum
        # 1 / (2 - exp(||B|| / 2)) or, past it, exp(||B|| / 2) with room for a factor (Higham, 2005, table 2.3).
        half = math.exp(min(0.5 * scaled, 700.0))
        inverse = min(1.0 / (2.0 - half), 2.0 * half) if half < 1.9 else 2.0 * half
        evaluation = 4.0 * growth * half * (1.0 + size)
        error = inverse * (evaluation + growth * (q_norm * size + p_norm)) + u * scaled * half * half
        triangular = lower or upper
        if triangular:
            exact_diagonals(x, a[k], scale, upper)
        for t in range(squarings - 1, -1, -1):
            size = norm_1(x, columns)
            multiply(x, x, even)
            error = (2.0 * size + error) * error + growth * size * size
            for i in range(n):
                for j in range(n):
                    x[i, j] = even[i, j]
            if triangular:
                exact_diagonals(x, a[k], 2.0**-t, upper)
        if triangular:
            for i in range(n):
                for j in range(n):
                    if (upper and j < i) or (lower and j > i):
                        x[i, j] = 0
        largest = 0.0
        for i in range(n):
            for j in range(n):
                largest = max(largest, magnitude(x[i, j]))
        # No entry's error exceeds the 1-norm of the error.
        record[k, BOUND] = error / largest if largest > 0.0 else np.inf
        if not (norm_1(x, columns) < np.inf and record[k, BOUND] < np.inf):
            failed += 1
    return failed


def _applied(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Exponentials, records and the number of failures, of an array of square matrices."""
    n = a.shape[-1]
    stacked = np.ascontiguousarray(a).reshape(-1, n, n)
    out, record = np.empty_like(stacked), np.empty((stacked.shape[0], RECORD))
    if stacked.shape[0] == 1:
        failed = slices(stacked, out, record, 0, 1)
    else:
        failures: list[int] = []
        # About ten microseconds of work are worth a thread.
        chunked(
            lambda start, stop: failures.append(slices(stacked, out, record, start, stop)),
            stacked.shape[0],
            smallest=max(1, 1000 // n**2),
        )
        failed = sum(failures)
    return out.reshape(a.shape), record, failed


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def pade_work(a: np.ndarray) -> float:
    """Operations for degree 13 with four squarings: ten products, one LU and its solves."""
    return 23.0 * a.size * a.shape[-1] + 100.0


def work(problem: Problem, evidence: Evidence) -> float:
    return pade_work(problem.operands[0])


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a = problem.operands[0]
    x, record, failed = _applied(a)
    record = record.reshape(*a.shape[:-2], RECORD)
    return Attempt(x, status="nonfinite" if failed else "ok", byproducts={"record": record})


def fast(a: np.ndarray) -> np.ndarray | None:
    """The exponential, or None where it or the bound on its error is not finite, or another route is cheaper."""
    if a.shape[0] > 1 and a[0, -1] == a[-1, 0].conjugate() and is_hermitian(a):
        n, dtype = a.shape[0], a.dtype.name
        if seconds(HERMITIAN, dtype, hermitian_work(n)) < seconds(PADE, dtype, pade_work(a)):
            return None
    x, _, failed = _applied(a)
    return None if failed else x


register(
    Kernel(
        name="pade",
        kind="matrix_exponential",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="Scaling and squaring (Al-Mohy and Higham, 2009)",
    )
)
