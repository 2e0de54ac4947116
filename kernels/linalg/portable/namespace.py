"""What the portable kernels need of an array library: its namespace, a few factorizations, and whether it traces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

__all__ = ["Namespace", "is_zero", "namespace_of", "norm_1", "norm_inf", "unit_roundoff"]


def _never(array: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Namespace:
    """An array library, as the portable kernels see it.

    Attributes
    ----------
    xp : module
        ``jax.numpy``, ``cupy`` or (in tests) ``numpy``.
    lu_factor, lu_solve, solve_triangular, expm : callable
        As in ``scipy.linalg``, for one matrix; `expm` is only asked under tracing.
    is_tracer : callable
        Whether an array is abstract: it has a shape and a dtype, and no values.
    """

    xp: Any
    lu_factor: Callable[..., Any]
    lu_solve: Callable[..., Any]
    solve_triangular: Callable[..., Any]
    expm: Callable[..., Any]
    is_tracer: Callable[[Any], bool] = _never

    def traced(self, *arrays: Any) -> bool:
        """Whether any of the arrays has no values to look at."""
        return any(self.is_tracer(array) for array in arrays)

    def truth(self, flag: Any) -> bool:
        """Value of a boolean scalar on the device; False where there is none to look at."""
        return False if self.is_tracer(flag) else bool(flag)

    def promoted(self, *operands: Any) -> tuple[Any, ...]:
        """Operands as arrays of one floating dtype; nothing narrower than float32, nothing widened otherwise."""
        xp = self.xp
        arrays = [xp.asarray(operand) for operand in operands]
        dtype = xp.result_type(*arrays)
        if dtype.kind in "biu":
            return tuple([array.astype(float) for array in arrays])
        if dtype.itemsize < 4:  # float16, bfloat16: no factorization has them
            dtype = xp.dtype("float32")
        return tuple([array.astype(dtype) for array in arrays])

    def wider(self, dtype: Any) -> Any:
        """The double-precision twin of a single-precision dtype, or None where the library has none switched on."""
        twin = {"float32": "float64", "complex64": "complex128"}.get(str(dtype))
        if twin is None:
            return None
        # JAX has float64 only where x64 is enabled: then Python's float means it.
        default = self.xp.zeros((), dtype=float).dtype
        return self.xp.dtype(twin) if str(default) == "float64" else None


def namespace_of(shelf: str) -> Namespace:
    """The namespace of a device's shelf; its library is imported here."""
    return import_module(f"fsci.kernels.linalg.{shelf}.namespace").namespace()


def unit_roundoff(xp: Any, dtype: Any) -> float:
    """Unit roundoff u of a dtype."""
    return 0.5 * float(xp.finfo(dtype).eps)


def adjoint(matrix: Any) -> Any:
    """Conjugate transpose of the last two axes."""
    return matrix.swapaxes(-1, -2).conj()


def norm_1(xp: Any, matrix: Any) -> Any:
    """Largest column sum of each matrix."""
    return xp.abs(matrix).sum(axis=-2).max(axis=-1)


def norm_inf(xp: Any, matrix: Any) -> Any:
    """Largest row sum of each matrix."""
    return xp.abs(matrix).sum(axis=-1).max(axis=-1)


def is_zero(xp: Any, values: Any) -> Any:
    """Whether any of the values is exactly zero or not finite."""
    return ((values == 0) | ~xp.isfinite(values)).any()
