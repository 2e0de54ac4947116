"""The operators of SciPy's sparse containers, ``A @ x`` and its kin, as fsci computes them under the patch.

The containers stay SciPy's, and so do their operators in code that only swaps an import. Under
`fsci.patch_scipy` the private methods that the operators end in are exchanged: those of
SciPy 1.17, whose signatures are known here; with another version they are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import scipy
from scipy.sparse import _bsr, _compressed, _coo, _dia

from fsci.sparse._dense_operands import (
    blocks_vector,
    blocks_vectors,
    coordinates_vector,
    diagonals_vector,
    matvec,
    multivector,
)
from fsci.sparse._operands import native
from fsci.sparse._sparse_operands import binary, product, sums

__all__ = ["METHODS", "matvec", "native"]

SUPPORTED = "1.17."


def _named_as(original: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
    return update_wrapper(own, original)


# What a patch exchanges: (class, name of the method) -> fsci's method.
METHODS: dict[tuple[type, str], Callable[..., Any]] = (
    {
        (_compressed._cs_matrix, "_matmul_vector"): matvec,
        (_compressed._cs_matrix, "_matmul_multivector"): multivector,
        (_compressed._cs_matrix, "_matmul_sparse"): product,
        (_compressed._cs_matrix, "_binopt"): binary,
        (_compressed._cs_matrix, "sum"): _named_as(_compressed._cs_matrix.sum, sums),
        (_bsr._bsr_base, "_matmul_vector"): blocks_vector,
        (_bsr._bsr_base, "_matmul_multivector"): blocks_vectors,
        (_dia._dia_base, "_matmul_vector"): diagonals_vector,
        (_coo._coo_base, "_matmul_vector"): coordinates_vector,
    }
    if scipy.__version__.startswith(SUPPORTED)
    else {}
)
