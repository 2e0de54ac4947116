"""Front door shared by the public functions: what is ordinary, what is promoted, what is handed over."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.sparse import issparse

from fsci.core.backends import HOST, backend_of
from fsci.linalg.errors import LinAlgWarning

__all__ = ["as_lapack", "device_of", "ordinary", "promote", "warn_ill_conditioned"]

_ndarray = np.ndarray
# Native dtypes that LAPACK has; a byte-swapped dtype equals none of them.
NATIVE = frozenset(np.dtype(c) for c in "fdFD")
_COMMON = {c: np.dtype(c) for c in "fdFD"}

# As scipy.linalg.lapack's find_best_lapack_type scores a single array.
_LAPACK_TYPE = dict.fromkeys("?bBhHef", "f") | dict.fromkeys("iIlLqQdg", "d") | {"F": "F"} | dict.fromkeys("DG", "D")


def ordinary(*arrays: Any) -> bool:
    """Whether all are exact ndarrays (no subclass) of native float32, float64, complex64 or complex128."""
    for array in arrays:  # noqa: SIM110  (a generator costs as much as the checks)
        if type(array) is not _ndarray or array.dtype not in NATIVE:
            return False
    return True


def device_of(*operands: Any) -> str:
    """Shelf that the operands live on; lists and scalars go where the arrays are, else to the host."""
    for operand in operands:
        if type(operand) is not _ndarray:
            return backend_of(*operands)
    return HOST


def _converted(operand: Any) -> np.ndarray | None:
    """`operand` as an exact ndarray of a native numeric dtype, or None for what SciPy must judge."""
    if type(operand) is not _ndarray:
        # Subclasses keep their meaning (matrix, masked, quantities): SciPy decides about them.
        if isinstance(operand, _ndarray) or issparse(operand) or hasattr(operand, "__array_priority__"):
            return None
        try:
            operand = np.asarray(operand)
        except (TypeError, ValueError):  # ragged nesting and the like: SciPy raises its own error
            return None
    if operand.dtype.char not in _LAPACK_TYPE:
        return None
    return operand


def as_lapack(operand: Any) -> np.ndarray | None:
    """One operand as LAPACK takes it, promoted as SciPy promotes a lone array.

    Parameters
    ----------
    operand : array_like
        Integers of 32 bits and more become float64; bool, 8- and 16-bit integers
        and float16 become float32; extended precision is rounded to double.

    Returns
    -------
    ndarray or None
        The operand itself where nothing needs to change; None for what is to be handed
        to SciPy: object dtype, masked, sparse, subclasses, ragged lists. Values are not
        looked at: infinities and NaN are the caller's to find.
    """
    array = _converted(operand)
    if array is None or array.dtype in NATIVE:
        return array
    return array.astype(_LAPACK_TYPE[array.dtype.char])


def promote(*operands: Any) -> tuple[np.ndarray, ...] | None:
    """Several operands in their common LAPACK dtype, as SciPy's ``solve`` and ``lstsq`` promote them.

    Unlike a lone array, integers of any width become float64 here. None if
    one of the operands is to be handed to SciPy.
    """
    arrays = []
    for operand in operands:
        array = _converted(operand)
        if array is None:
            return None
        arrays.append(array)
    dtype = np.result_type(*arrays)
    if dtype.kind in "biu":
        return tuple([array.astype(np.float64) for array in arrays])
    target = _COMMON[_LAPACK_TYPE[dtype.char]]
    return tuple([array.astype(target, copy=False) for array in arrays])


def warn_ill_conditioned(rcond: float, stacklevel: int = 3) -> None:
    """Issue SciPy's warning, in its words; the default `stacklevel` names the caller of the public function."""
    warnings.warn(
        f"An ill-conditioned matrix detected: slice 0 has rcond = {rcond}.", LinAlgWarning, stacklevel=stacklevel
    )
