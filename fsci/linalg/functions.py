"""`expm`: the matrix exponential."""

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
from fsci.core.types import Evidence, Problem
from fsci.linalg._device import on_device
from fsci.linalg._front import as_lapack, device_of, ordinary
from fsci.linalg.errors import UncertifiedWarning

__all__ = ["expm"]

_scipy_expm = scipy_linalg.expm


def _classify(problem: Problem, evidence: Evidence) -> str:
    form = "batch" if problem.operands[0].ndim > 2 else "hermitian" if evidence.get("hermitian") else "general"
    return f"{form}/{'small' if problem.size <= 64 else 'large'}"


declare_kind("matrix_exponential", "linalg", _classify, "X = exp(A), A square")


def expm(A: Any) -> Any:
    """Matrix exponential, as `scipy.linalg.expm`.

    Parameters
    ----------
    A : (..., n, n) array_like

    Returns
    -------
    eA : (..., n, n) ndarray
        Of the dtype of `A`; integers become float64.

    Raises
    ------
    LinAlgError
        If the last two dimensions are not square.

    Notes
    -----
    Scaling and squaring (Al-Mohy and Higham, 2009) in one compiled call, batches over every
    core; large Hermitian matrices by their eigendecomposition. The rounding of each
    squaring is followed: `forward_error` bounds any entry's error relative to the largest entry.
    It is pessimistic where ``norm(A)`` is large, and infinite for what SciPy answers.
    """
    key = None
    if ordinary(A) and A.ndim == 2 and A.shape[0] == A.shape[1] > 1:
        key = ("expm", A.shape[0], A.dtype)
        plan = FRAME.get().plans.get(key)
        if plan is not None:
            x = plan(A)
            if x is not None:
                return x
    elif device_of(A) != HOST:
        return on_device("expm", (A,), {})
    a = _dense(A)
    if a is None or a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape[-1] < 2 or a.size == 0:
        return hand_over(_scipy_expm, "linalg.expm", "a scalar, empty, or no plain square matrix", A)
    if not np.isfinite(a).all():
        return hand_over(_scipy_expm, "linalg.expm", "infinities or NaN", A)
    problem = Problem("matrix_exponential", (a,), {"scipy": _scipy_expm}, HOST, a.dtype, None, a.shape[-1])
    diagnosis = selector.run(problem, "linalg.expm", key)
    if diagnosis.value is None:
        return hand_over(_scipy_expm, "linalg.expm", "no kernel gave an answer", A)
    policy = FRAME.get().policy
    if policy.hardened and diagnosis.certificate.worst_verdict != "certified":
        text = f"the answer does not meet accuracy {policy.accuracy!r}: {diagnosis.certificate.title()}"
        warnings.warn(UncertifiedWarning(text, diagnosis), stacklevel=2)
    return diagnosis.value


def _dense(A: Any) -> np.ndarray | None:
    """`A` in the dtype in which SciPy computes: its own, integers of every width as float64."""
    a = as_lapack(A)
    if a is not None and a is not A and np.asarray(A).dtype.kind in "biu":
        return np.asarray(A).astype(np.float64)
    if a is not None and np.asarray(A).dtype.char in "gG":
        return None  # SciPy keeps extended precision in name; let it say what that means
    return a
