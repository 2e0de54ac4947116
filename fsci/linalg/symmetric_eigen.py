"""`eigh`, `eigvalsh`: eigenvalues and eigenvectors of Hermitian matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Problem
from fsci.linalg._device import on_device
from fsci.linalg._front import as_lapack, device_of, ordinary
from fsci.linalg._spectra import classify, square, warn

__all__ = ["eigh", "eigvalsh"]

_scipy_eigh = scipy_linalg.eigh
_SUBSETS = ("evr", "evx", "gvx")

declare_kind("symmetric_eigen", "linalg", classify, "w, v with a @ v = (b @) v * w, a Hermitian")


def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,  # noqa: A002  (SciPy's name)
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    """Eigenvalues and eigenvectors of a Hermitian matrix, as `scipy.linalg.eigh`.

    Parameters
    ----------
    a : (..., n, n) array_like
        Hermitian; only the triangle that `lower` names is read.
    b : (..., n, n) array_like, optional
        Hermitian positive definite: the generalized problem of `type` 1, 2 or 3.
    lower, eigvals_only, overwrite_a, overwrite_b, type, check_finite
        As SciPy has them; nothing is overwritten.
    subset_by_index, subset_by_value, driver
        As SciPy has them. Without `driver` the cheapest that passes its check is taken;
        divide and conquer usually is, and leaves more nearly orthogonal vectors than SciPy's default.

    Returns
    -------
    w : (..., n) ndarray
        Eigenvalues, ascending.
    v : (..., n, n) ndarray
        Orthonormal eigenvectors in columns (signs are free), unless `eigvals_only`.

    Raises
    ------
    LinAlgError, ValueError
        As SciPy.

    Notes
    -----
    Every answer passes a random O(n^2) check of ``a = v diag(w) v^H``. The certificate bounds
    the eigenvalues relative to the largest (`forward_error`); its detail has the loss of
    orthogonality, the smallest gap and a bound on the angle of every vector (Davis and Kahan, 1970).
    """
    vectors = not eigvals_only
    key = None
    if (
        ordinary(a)
        and b is None
        and driver is None
        and subset_by_index is None
        and subset_by_value is None
        and a.ndim == 2
        and a.shape[0] == a.shape[1] != 0
    ):
        key = ("eigh", a.shape[0], a.dtype, bool(lower), vectors)
        plan = FRAME.get().plans.get(key)
        if plan is not None:
            answer = plan(a, bool(lower), vectors, check_finite)
            if answer is not None:
                return answer
    options = {
        "lower": lower,
        "eigvals_only": eigvals_only,
        "overwrite_a": overwrite_a,
        "overwrite_b": overwrite_b,
        "type": type,
        "check_finite": check_finite,
        "subset_by_index": subset_by_index,
        "subset_by_value": subset_by_value,
        "driver": driver,
    }
    if key is None and device_of(a, b) != HOST:
        return on_device("eigh", (a,), {"b": b, **options})
    operands, reason = _hermitian_operands(a, b, check_finite, driver, subset_by_index, subset_by_value, type)
    if reason:
        return hand_over(_scipy_eigh, "linalg.eigh", reason, a, b, **options)
    parameters = {
        "lower": bool(lower),
        "vectors": vectors,
        "type": type,
        "driver": driver,
        "subset_by_index": None if not subset_by_index else tuple(int(i) for i in subset_by_index),
        "subset_by_value": None if not subset_by_value else tuple(float(x) for x in subset_by_value),
    }
    first = operands[0]
    problem = Problem("symmetric_eigen", operands, parameters, HOST, first.dtype, None, first.shape[-1])
    diagnosis = selector.run(problem, "linalg.eigh", key)
    if diagnosis.value is None:
        # SciPy words its own failures.
        return hand_over(_scipy_eigh, "linalg.eigh", "no driver gave an answer", a, b, **options)
    warn(diagnosis)
    return diagnosis.value


def _hermitian_operands(
    a: Any, b: Any, check_finite: bool, driver: Any, by_index: Any, by_value: Any, kind: int
) -> tuple[tuple[np.ndarray, ...], str]:
    """The operands of `eigh` in one dtype, or the reason why SciPy must answer."""
    arrays = [as_lapack(operand) for operand in ((a,) if b is None else (a, b))]
    reason = next(filter(None, (square(array, check_finite) for array in arrays)), "")
    if reason:
        return (), reason
    first = arrays[0]
    assert first is not None  # noqa: S101  (_square found it to be an array)
    drivers = ("ev", "evd", "evr", "evx") if b is None else ("gv", "gvd", "gvx")
    if driver is not None and driver not in drivers:
        return (), "a driver of another problem"
    if (by_index is not None or by_value is not None) and driver is not None and driver not in _SUBSETS:
        return (), "a driver that computes the whole spectrum"
    if b is not None and (first.ndim != 2 or arrays[1].shape != first.shape or kind not in (1, 2, 3)):  # type: ignore[union-attr]
        return (), "a batch of generalized problems, or shapes that differ"
    reason = _subset_fault(first, by_index, by_value)
    if reason:
        return (), reason
    dtype = np.result_type(*[array for array in arrays if array is not None])
    return tuple([array.astype(dtype, copy=False) for array in arrays if array is not None]), ""


def _subset_fault(a: np.ndarray, by_index: Any, by_value: Any) -> str:
    """Why SciPy must judge a subset: batches of them, and all that it refuses."""
    if by_index is None and by_value is None:
        return ""
    if a.ndim != 2 or (by_index is not None and by_value is not None):
        return "subsets of a batch, or two subsets"
    chosen = by_index if by_index is not None else by_value
    if not isinstance(chosen, (tuple, list)) or len(chosen) != 2:
        return "a subset that is no pair"
    low, high = chosen
    if by_index is not None:
        return "" if 0 <= int(low) <= int(high) < a.shape[0] else "indices out of range"
    return "" if -np.inf <= low < high <= np.inf else "an empty interval"


def eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,  # noqa: A002  (SciPy's name)
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    """Eigenvalues of a Hermitian matrix, as `scipy.linalg.eigvalsh`; see `eigh`.

    Returns
    -------
    w : (..., n) ndarray
        Ascending. Their sum is checked against the trace; the certificate encloses them
        by a full decomposition, which only a listener pays for.
    """
    return eigh(
        a,
        b,
        lower=lower,
        eigvals_only=True,
        overwrite_a=overwrite_a,
        overwrite_b=overwrite_b,
        type=type,
        check_finite=check_finite,
        subset_by_index=subset_by_index,
        subset_by_value=subset_by_value,
        driver=driver,
    )
