"""`eigh`, `eigvalsh`, `eig`, `eigvals`: eigenvalues and eigenvectors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.linalg._device import on_device
from fsci.linalg._front import as_lapack, device_of, ordinary
from fsci.linalg.errors import UncertifiedWarning

__all__ = ["eig", "eigh", "eigvals", "eigvalsh"]

_scipy_eigh, _scipy_eigvalsh = scipy_linalg.eigh, scipy_linalg.eigvalsh
_scipy_eig, _scipy_eigvals = scipy_linalg.eig, scipy_linalg.eigvals
_ndarray = np.ndarray
_SUBSETS = ("evr", "evx", "gvx")


def _classify(problem: Problem, evidence: Evidence) -> str:
    """What decides whether a driver passes: the problem's form and its size."""
    form = "generalized" if len(problem.operands) > 1 else "hermitian" if evidence.get("hermitian") else "standard"
    return f"{form}/{'small' if problem.size <= 64 else 'large'}"


declare_kind("symmetric_eigen", "linalg", _classify, "w, v with a @ v = (b @) v * w, a Hermitian")
declare_kind("general_eigen", "linalg", _classify, "w, v with a @ v = v * w")


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
        _plain(a)
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
    _warn(diagnosis)
    return diagnosis.value


def _plain(a: Any) -> bool:
    """An exact ndarray of LAPACK's dtypes; `type` is an argument's name in this module's functions."""
    return ordinary(a)


def _warn(diagnosis: Diagnosis) -> None:
    """In hardened mode, say when the accuracy asked for is not met."""
    policy = FRAME.get().policy
    if policy.hardened and diagnosis.certificate.worst_verdict != "certified":
        text = f"the answer does not meet accuracy {policy.accuracy!r}: {diagnosis.certificate.title()}"
        warnings.warn(UncertifiedWarning(text, diagnosis), stacklevel=3)


def _square(array: np.ndarray | None, check_finite: bool) -> str:
    """Why SciPy must judge this matrix; empty where it is ours."""
    if array is None:
        return "not a plain numeric array"
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        return "not a square matrix"
    if array.size == 0:
        return "an empty array"
    if not np.isfinite(array).all():
        return "infinities or NaN" if check_finite else "infinities or NaN, unchecked"
    return ""


def _hermitian_operands(
    a: Any, b: Any, check_finite: bool, driver: Any, by_index: Any, by_value: Any, kind: int
) -> tuple[tuple[np.ndarray, ...], str]:
    """The operands of `eigh` in one dtype, or the reason why SciPy must answer."""
    arrays = [as_lapack(operand) for operand in ((a,) if b is None else (a, b))]
    reason = next(filter(None, (_square(array, check_finite) for array in arrays)), "")
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


def eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """Eigenvalues and eigenvectors of a square matrix, as `scipy.linalg.eig`.

    Parameters
    ----------
    a : (..., n, n) array_like
    b : (..., n, n) array_like, optional
        The generalized problem, which is handed to SciPy.
    left, right : bool
        Which eigenvectors to return.
    overwrite_a, overwrite_b, check_finite, homogeneous_eigvals
        As SciPy has them; nothing is overwritten.

    Returns
    -------
    w : (..., n) or (..., 2, n) complex ndarray
        Eigenvalues, in no particular order; ascending for an exactly Hermitian matrix.
    vl, vr : (..., n, n) ndarray
        Left and right eigenvectors in columns, real where all eigenvalues are.

    Raises
    ------
    LinAlgError, ValueError
        As SciPy.

    Notes
    -----
    An exactly Hermitian matrix is solved as such: several times faster, with orthonormal
    vectors. Every answer passes a random O(n^2) check of ``a @ v = v * w``. The certificate
    bounds the eigenvalues by Gershgorin discs of ``inv(v) @ a @ v``, valid for clusters and
    defective matrices; its detail has a bound and a condition number for each eigenvalue.
    """
    key = None
    if ordinary(a) and b is None and a.ndim == 2 and a.shape[0] == a.shape[1] != 0:
        key = ("eig", a.shape[0], a.dtype, bool(left), bool(right))
        plan = FRAME.get().plans.get(key)
        if plan is not None:
            answer = plan(a, bool(left), bool(right), check_finite)
            if answer is not None:
                return _returned(answer, left, right, homogeneous_eigvals)
    options = {"left": left, "right": right, "check_finite": check_finite, "homogeneous_eigvals": homogeneous_eigvals}
    array = None if b is not None else as_lapack(a)
    reason = "the generalized problem" if b is not None else _square(array, check_finite)
    if reason or array is None:
        return hand_over(
            _scipy_eig, "linalg.eig", reason, a, b, overwrite_a=overwrite_a, overwrite_b=overwrite_b, **options
        )
    parameters = {"left": bool(left), "right": bool(right)}
    problem = Problem("general_eigen", (array,), parameters, HOST, array.dtype, None, array.shape[-1])
    diagnosis = selector.run(problem, "linalg.eig", key)
    if diagnosis.value is None:
        return hand_over(_scipy_eig, "linalg.eig", "no kernel gave an answer", a, b, **options)
    _warn(diagnosis)
    return _returned(diagnosis.value, left, right, homogeneous_eigvals)


def _returned(answer: tuple[Any, Any, Any], left: bool, right: bool, homogeneous: bool) -> Any:
    """Values and vectors as the caller asked for them."""
    w, vl, vr = answer
    if homogeneous:
        w = np.stack((w, np.ones_like(w)), axis=-2)
    if left:
        return (w, vl, vr) if right else (w, vl)
    return (w, vr) if right else w


def eigvals(
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """Eigenvalues of a square matrix, as `scipy.linalg.eigvals`; see `eig`.

    Returns
    -------
    w : (..., n) or (..., 2, n) complex ndarray
    """
    return eig(
        a,
        b,
        left=False,
        right=False,
        overwrite_a=overwrite_a,
        check_finite=check_finite,
        homogeneous_eigvals=homogeneous_eigvals,
    )
