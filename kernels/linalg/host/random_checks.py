"""Random checks of eigendecompositions in O(n^2) (Freivalds, 1979): what every answer goes through.

For a vector z of independent signs, ||E z||_2 has the mean square ||E||_F^2; for Gaussian
z the chance that it falls below t ||E||_F is at most 0.8 t. The vectors are fixed by the
order, so that the same input has the same certificate; the algorithms checked know nothing of them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.linalg import blas

from fsci.core.policy import BACKWARD_SLACK

__all__ = [
    "backward_hermitian",
    "backward_left",
    "backward_pairs",
    "frobenius",
    "passes",
    "passes_hermitian",
    "passes_trace",
    "trace_defect",
]

_PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}
_EPS = {"f": 2.0**-23, "d": 2.0**-52, "F": 2.0**-23, "D": 2.0**-52}
_GEMV = {c: getattr(blas, f"{p}gemv") for c, p in _PREFIX.items()}
_SYMV = {"f": blas.ssymv, "d": blas.dsymv, "F": blas.chemv, "D": blas.zhemv}
_NRM2 = {"f": blas.snrm2, "d": blas.dnrm2, "F": blas.scnrm2, "D": blas.dznrm2}
_COMPLEX = {"f": "F", "d": "D", "F": "F", "D": "D"}


@lru_cache(maxsize=256)
def direction(n: int, char: str) -> np.ndarray:
    """A fixed Gaussian vector of unit length."""
    z = np.random.default_rng(n).standard_normal(n)
    z = (z / np.linalg.norm(z)).astype(char)
    z.flags.writeable = False
    return z


def _product(a: np.ndarray, lower: bool, x: np.ndarray) -> np.ndarray:
    """Hermitian matrix, of which one triangle is given, times a vector."""
    char = a.dtype.char
    if a.flags.f_contiguous:
        return _SYMV[char](1.0, a, x, lower=lower)
    if char in "FD":
        return _SYMV[char](1.0, a.T, x.conj(), lower=not lower).conj()
    return _SYMV[char](1.0, a.T, x, lower=not lower)


def backward_hermitian(a: np.ndarray, lower: bool, w: np.ndarray, v: np.ndarray) -> float:
    """Sampled backward error of ``a = v diag(w) v^H``, with the loss of orthogonality of v.

    Relatively robust representations promise residuals like those of QL, and orthogonality
    to a multiple of n u (Dhillon, Parlett and Voemel, 2006) where QL and divide and conquer
    leave sqrt(n) u: the latter counts with the weight 1 / sqrt(n). (It does no harm to
    the eigenvalues: the commutator of v^H v with diag(w) is bounded by the residual.)
    """
    char, n = a.dtype.char, a.shape[0]
    z = direction(n, char)
    gemv, norm = _GEMV[char], _NRM2[char]
    y = gemv(1.0, v, z)
    r = _product(a, lower, y) - gemv(1.0, v, w * z)
    q = gemv(1.0, v, y, trans=2) - z
    top = max(abs(float(w[0])), abs(float(w[-1])))
    residual = norm(r)
    if top == 0.0:
        return float(norm(q)) if residual == 0.0 else math.inf
    return float(max(residual / top, norm(q) / math.sqrt(n)))


def passes_hermitian(a: np.ndarray, lower: bool, w: np.ndarray, v: np.ndarray) -> bool:
    """Whether the answer may be returned as a backward stable method leaves it."""
    return passes(backward_hermitian(a, lower, w, v), a)


def passes(backward: float, a: np.ndarray) -> bool:
    """The policy's acceptance rule; a NaN does not pass."""
    return backward <= BACKWARD_SLACK * 0.5 * _EPS[a.dtype.char] * math.sqrt(a.shape[0])


def trace_defect(a: np.ndarray, w: np.ndarray, scale: float | None = None) -> float:
    """|sum of eigenvalues - trace|, relative to n times the largest eigenvalue (or `scale`): a necessary check.

    Without `scale` the eigenvalues must be in ascending order.
    """
    diagonal = a.diagonal()
    difference = abs(complex(w.sum() - diagonal.sum()))
    reach = max(-float(w[0]), float(w[-1])) if scale is None else scale
    return difference / (a.shape[0] * reach) if reach > 0.0 else (0.0 if difference == 0.0 else math.inf)


def passes_trace(a: np.ndarray, w: np.ndarray, scale: float | None = None) -> bool:
    """Whether the eigenvalues have the trace of the matrix, to the rounding of a backward stable method."""
    return passes(trace_defect(a, w, scale), a)


def backward_pairs(a: np.ndarray, w: np.ndarray, v: np.ndarray, scale: float) -> float:
    """Sampled backward error of ``a v = v diag(w)`` with unit columns in v, relative to `scale` = ||a||_F."""
    n, char = a.shape[0], a.dtype.char
    z = direction(n, "d" if char in "dD" else "f")
    gemv = _GEMV[v.dtype.char]
    y = gemv(1.0, v, z.astype(v.dtype))
    right = gemv(1.0, v, (w if v.dtype.char in "FD" else w.real) * z)
    side = (a, 0) if a.flags.f_contiguous else (a.T, 1)
    multiply = _GEMV[char]
    if char in "FD" or y.dtype.char in "fd":
        product = multiply(1.0, side[0], y, trans=side[1])
    else:
        product = multiply(1.0, side[0], y.real, trans=side[1]) + 1j * multiply(1.0, side[0], y.imag, trans=side[1])
    residual = float(np.linalg.norm(product - right))
    return residual / scale if scale > 0.0 else (0.0 if residual == 0.0 else math.inf)


def backward_real_pairs(a: np.ndarray, wr: np.ndarray, wi: np.ndarray, v: np.ndarray, scale: float) -> float:
    """As `backward_pairs`, on LAPACK's real output: neighbouring columns hold real and imaginary parts.

    Then a v = v d, where d has blocks [[re, im], [-im, re]]: all arithmetic stays real.
    """
    char = a.dtype.char
    z = direction(a.shape[0], char)
    gemv = _GEMV[char]
    dz = wr * z
    if wi.any():
        first = np.flatnonzero(wi > 0.0)
        dz[first] += wi[first] * z[first + 1]
        dz[first + 1] -= wi[first] * z[first]
    y = gemv(1.0, v, z)
    product = gemv(1.0, a, y) if a.flags.f_contiguous else gemv(1.0, a.T, y, trans=1)
    residual = float(_NRM2[char](product - gemv(1.0, v, dz)))
    return residual / scale if scale > 0.0 else (0.0 if residual == 0.0 else math.inf)


def backward_left(a: np.ndarray, w: np.ndarray, v: np.ndarray, scale: float) -> float:
    """As `backward_pairs` for left vectors: ``a^H v = v diag(conj(w))``, of which the conjugate is taken."""
    if a.dtype.char in "fd":
        return backward_pairs(a.T, w.conj(), v, scale)
    return backward_pairs(a.T, w, v.conj(), scale)


def frobenius(a: np.ndarray) -> float:
    """Frobenius norm, without overflow."""
    return float(_NRM2[a.dtype.char](a.ravel(order="K")))
