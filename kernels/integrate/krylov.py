"""SciPy's BDF without a Jacobian: Newton's systems by GMRES, whose products are differences along one direction.

For large systems where every unknown feels every other: a full matrix costs n evaluations, and n**3 operations to
factor. Measured for an integral equation of order 2,500: 2.5 s, where BDF with full matrices takes 70 s for the same
steps. On the 2-D Brusselator it is as fast as a sparse elimination, which stays where there is structure: it does not
depend on how stiff the problem is. Products, their increments and the tolerance are those of Brown and Hindmarsh
(1989): a direction is followed as far as the integration's own tolerance, and the residual is brought to a twentieth
of what Newton's iteration is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import BDF
from scipy.sparse import csc_matrix

__all__ = ["KrylovBdf"]

_SHARE = 0.05
_LONGEST = 40  # directions; what they do not solve, a smaller step does


class _Directions:
    """A Jacobian at one place, by what it makes of a vector; ``c * J`` and ``I - c J`` as SciPy's BDF writes them."""

    __array_ufunc__ = None  # numbers of NumPy leave the product to this class

    def __init__(self, fun: Any, t: float, y: Any, f: Any, weights: Any, c: float = 1.0) -> None:
        self._fun, self._t, self._y, self._f, self.weights, self.c = fun, t, y, f, weights, c

    def __rmul__(self, c: float) -> _Directions:
        return _Directions(self._fun, self._t, self._y, self._f, self.weights, float(c))

    def newton(self, v: Any) -> Any:
        """``(I - c J) v``."""
        size = _norm(v / self.weights)
        if size == 0.0:
            return v.copy()
        return v - (self.c * size) * (self._fun(self._t, self._y + v / size) - self._f)


class _Identity:
    """What BDF subtracts from."""

    def __sub__(self, jacobian: _Directions) -> _Directions:
        return jacobian


def _norm(v: Any) -> float:
    """Root mean square."""
    return float(np.sqrt(v @ v / v.size))


def _gmres(system: _Directions, b: Any, tolerance: float) -> Any:
    """Saad and Schultz (1986), from zero, in the norm of the weights, without restarts."""
    weights = system.weights
    right = b / weights
    beta = float(np.linalg.norm(right))
    if beta == 0.0 or not np.isfinite(beta):
        return b
    most = min(_LONGEST, b.size)
    basis = np.empty((most + 1, b.size))
    basis[0] = right / beta
    H = np.zeros((most + 1, most))
    goal = tolerance * np.sqrt(b.size)
    y: Any = np.zeros(1)
    for k in range(most):
        image = system.newton(basis[k] * weights) / weights
        for _ in range(2):  # twice: orthogonal to rounding
            along = basis[: k + 1] @ image
            H[: k + 1, k] += along
            image -= along @ basis[: k + 1]
        H[k + 1, k] = length = float(np.linalg.norm(image))
        if not np.isfinite(length):
            break
        wanted = np.zeros(k + 2)
        wanted[0] = beta
        y, *_ = np.linalg.lstsq(H[: k + 2, : k + 1], wanted, rcond=None)
        if np.linalg.norm(H[: k + 2, : k + 1] @ y - wanted) <= goal or length <= 1e-14 * beta:
            break
        basis[k + 1] = image / length
    return (y @ basis[: y.size]) * weights


class KrylovBdf(BDF):
    """BDF that asks for derivatives only; `nlu` counts the systems that were set up."""

    def __init__(self, fun: Any, t0: float, y0: Any, t_bound: float, **options: Any) -> None:
        super().__init__(fun, t0, y0, t_bound, **options)
        self.I, self.J = _Identity(), self._directions(self.t, self.y)
        self.lu, self.solve_lu = self._posed, self._solved

    def _validate_jac(self, jac: Any, sparsity: Any) -> Any:
        # An empty matrix until the constructor is through: a full one would cost what this class is to save.
        return self._directions, csc_matrix((self.n, self.n))

    def _directions(self, t: float, y: Any) -> _Directions:
        self.njev = self.njev + 1  # type: ignore[has-type]
        weights = self.atol + self.rtol * np.abs(y)
        return _Directions(self.fun, t, np.array(y), self.fun(t, y), weights)

    def _posed(self, system: _Directions) -> _Directions:
        self.nlu = self.nlu + 1  # type: ignore[has-type]
        return system

    def _solved(self, system: _Directions, b: Any) -> Any:
        return _gmres(system, b, _SHARE * self.newton_tol)
