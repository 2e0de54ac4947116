"""LAPACK drivers by name and dtype, with the workspace that each shape asks for, asked once.

SciPy asks for the workspace at every call, and its QR copies the matrix to do so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

__all__ = ["blas_function", "gelsd_workspace", "lapack_function", "svd_driver", "workspace"]

_PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}


@cache
def lapack_function(name: str, char: str) -> Callable[..., Any]:
    """LAPACK routine `name` (real name, ``orgqr``) for the dtype character `char`."""
    if char in "FD" and name[:2] == "or":
        name = "un" + name[2:]
    return getattr(lapack, _PREFIX[char] + name)


@cache
def blas_function(name: str, char: str) -> Callable[..., Any]:
    """BLAS routine `name` for the dtype character `char`; ``syrk`` is ``herk`` and ``dot`` conjugates if complex."""
    if char in "FD":
        name = {"syrk": "herk", "dot": "dotc"}.get(name, name)
    return getattr(blas, _PREFIX[char] + name)


def _size(answer: Any, char: str) -> int:
    """Workspace size from LAPACK's floating answer: a float32 may have rounded a large one down."""
    value = float(np.real(np.ravel(answer)[0]))
    return int(np.nextafter(np.float32(value), np.float32(np.inf))) if char in "fF" and value > 2**23 else int(value)


@lru_cache(maxsize=4096)
def workspace(name: str, char: str, m: int, n: int, **options: Any) -> int:
    """Optimal ``lwork`` of `name` for an m by n matrix.

    ``geqrf``, ``gesdd`` and ``gesvd`` are asked by shape; ``orgqr`` (n reflectors of length m,
    ``columns`` columns) and ``geqp3`` have no query but the routine itself, called here with an empty matrix.
    """
    if name == "orgqr":
        empty = np.empty((m, options["columns"]), dtype=char, order="F")
        return _size(lapack_function(name, char)(empty, np.zeros(n, dtype=char), lwork=-1, overwrite_a=1)[1], char)
    if name == "geqp3":
        return _size(
            lapack_function(name, char)(np.empty((m, n), dtype=char, order="F"), lwork=-1, overwrite_a=1)[3], char
        )
    return _size(lapack_function(f"{name}_lwork", char)(m, n, **options)[0], char)


@lru_cache(maxsize=4096)
def gelsd_workspace(char: str, m: int, n: int, columns: int) -> tuple[int, ...]:
    """``lwork, iwork`` of gelsd (``lwork, rwork, iwork`` if complex)."""
    *sizes, _ = lapack_function("gelsd_lwork", char)(m, n, columns)
    return tuple(_size(size, char) for size in sizes)


@lru_cache(maxsize=4096)
def svd_driver(name: str, char: str, m: int, n: int, compute_uv: bool, full_matrices: bool) -> tuple[Any, int]:
    """Routine gesdd or gesvd, and its workspace for an m by n matrix."""
    lwork = workspace(name, char, m, n, compute_uv=compute_uv, full_matrices=full_matrices)
    return lapack_function(name, char), lwork
