"""`spsolve_triangular`: SciPy's call, by substitution in the stored order, without a copy of the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from scipy.sparse import issparse
from scipy.sparse import linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST, shelf_of
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._rows import checked

__all__ = ["spsolve_triangular"]

_scipy_spsolve_triangular = scipy_linalg.spsolve_triangular


def _classify(problem: Problem, evidence: Evidence) -> str:
    return "many" if problem.operands[1].shape[1] > 1 else "one"


declare_kind(
    "sparse_triangular",
    "sparse",
    _classify,
    "Solve a sparse triangular system",
    certificate_on_request=True,
)


def spsolve_triangular(
    A: Any,
    b: Any,
    lower: bool = True,
    overwrite_A: bool = False,
    overwrite_b: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """Solve A x = b, A sparse and triangular; SciPy's call.

    Parameters
    ----------
    A : sparse array or matrix, (n, n), CSR or CSC
    b : array_like, (n,) or (n, k)
    lower : bool
        Which triangle `A` is.
    overwrite_A, overwrite_b : bool
        Allowed, and not used: nothing is copied that they could save.
    unit_diagonal : bool
        Take the diagonal for ones, whatever is stored.

    Returns
    -------
    x : ndarray, of the shape of `b`

    Raises
    ------
    LinAlgError
        For a zero on the diagonal.
    ValueError
        For shapes that do not fit, or a malformed matrix (the offending entry is named).

    Notes
    -----
    Rows (CSR) or columns (CSC) are substituted in their order; infinities and NaN reach the entries that depend on
    them, where SuperLU's dense blocks spread them further. Of several right-hand sides each thread takes some. A
    certificate (on request) proves a bound on the error: ``|T^-1| <= <T>^-1`` (Ostrowski, 1937).
    """
    if not issparse(A) and shelf_of(A) not in (None, HOST):
        from fsci.sparse.linalg._device import substituted_on_device

        return substituted_on_device(A, b, bool(lower), bool(unit_diagonal))
    problem = _posed(A, b, bool(lower), bool(unit_diagonal))
    if problem is not None:
        diagnosis = selector.run(problem, "sparse.linalg.spsolve_triangular")
        attempt = diagnosis.attempt
        if attempt is not None and attempt.status == "singular":
            raise LinAlgError("A is singular: zero entry on diagonal.")
        if diagnosis.value is not None:
            return diagnosis.value.reshape(np.shape(b))
    return hand_over(
        _scipy_spsolve_triangular,
        "sparse.linalg.spsolve_triangular",
        "no CSR or CSC of a native dtype, entries in the other triangle, or arguments that SciPy refuses",
        A,
        b,
        lower,
        overwrite_A,
        overwrite_b,
        unit_diagonal,
    )


def _posed(a: Any, b: Any, lower: bool, unit: bool) -> Problem | None:
    if not issparse(a) or a.format not in ("csr", "csc") or a.ndim != 2 or a.shape[0] != a.shape[1]:
        return None
    a, b = checked(a), np.asanyarray(b)
    n = 0 if a is None else a.shape[0]
    fits = type(b) is np.ndarray and b.ndim in (1, 2) and b.shape[0] == n and b.size > 0
    if a is None or not fits or b.dtype.char not in "fdFDilqhb?":
        return None
    dtype = np.promote_types(np.promote_types(a.dtype, np.float32), b.dtype)
    if dtype.char not in "fdFD":
        return None
    right = np.ascontiguousarray(b.reshape(n, -1), dtype)
    a = a if a.dtype == dtype else a.astype(dtype)
    return Problem("sparse_triangular", (a, right), {"lower": lower, "unit": unit}, dtype=dtype, size=n)
